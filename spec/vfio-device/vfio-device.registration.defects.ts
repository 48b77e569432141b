/** What must not be done when a device is probed and removed. */
import { always, type Defect, lock, maybe, put, unlock } from '../language.ts';
import * as groups from './group.ts';
import * as registrations from './registration.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';
import { vfio } from './vfio-device.ts';

/**
 * The last opener to go tells nobody: who unregisters the device asks for it for ever.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_put_registration(), without complete()
 */
export const nobodyIsTold: Defect<Spec> = {
  breaks: [{ rule: registrations.unregisteringEnds, in: scenarios.openRacesRemove }],
  instead: { allOpenersGone: () => undefined },
};

/**
 * A probe that fails after the device was registered frees it without unregistering it.
 * @source Linux stable changelog, i915/gvt, a probe that fails without vfio_unregister_group_dev()
 * @fact D138
 */
export const probeForgetsToUnregister: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.openRacesProbe }],
  instead: {
    probeDevice: device => {
      registrations.registerDevice(device);
      if (!maybe()) return 0;
      registrations.releaseDevice(device);
      return 'ENOMEM';
    },
  },
};

/**
 * Removing a device does not wait for its openers.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev(), without its loop
 */
export const removeDoesNotWait: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.openRacesRemove }],
  instead: {
    unregisterDevice: device => {
      const group = device.group;
      lock(group.deviceLock);
      group.devices.delete(device);
      unlock(group.deviceLock);
      put(device.registration);
      registrations.leaveGroup(group);
    },
  },
};

/**
 * Devices are counted without the locks that the counts are under.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_device_set_group(), and vfio_main.c, vfio_assign_device_set()
 */
export const countedWithoutLocks: Defect<Spec> = {
  breaks: [
    { rule: devices.vfioGuards, in: scenarios.openRacesProbe },
    { rule: devices.deviceSetGuards, in: scenarios.openRacesProbe },
    { rule: groups.groupGuards, in: scenarios.openRacesProbe },
  ],
  instead: {
    registerDevice: device => {
      const group = device.group;
      vfio.groups.add(group);
      group.drivers += 1;
      device.set.deviceCount += 1;
      group.devices.add(device);
    },
  },
};
