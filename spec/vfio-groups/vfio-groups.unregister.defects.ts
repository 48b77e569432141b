/** What goes wrong when a device is taken from user space. */
import { always, type Defect, get, lock, put, unlock, waitEvent } from '../language.ts';
import * as unregistering from './unregister.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';

/**
 * The user is asked once. If it misses that, or does not mind the first time, nobody asks again.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev(), which asks every ten seconds
 */
export const asksOnce: Defect<Spec> = {
  breaks: [
    { rule: always.everyWaitEnds, in: scenarios.userHeedsSecondRequest },
    { rule: unregistering.unregisteringEnds, in: scenarios.userHeedsSecondRequest },
  ],
  instead: {
    unregister: group => {
      const device = group.device;
      lock(group.deviceLock);
      group.devices.delete(device);
      unlock(group.deviceLock);
      put(device.registration);
      unregistering.askUser(device);
      waitEvent(device.released, () => device.registration.count === 0);
      unregistering.removeGroup(group);
    },
  },
};

/**
 * Every ten seconds it is looked whether the device is closed, and nobody is asked to.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev(), of a driver without the callback that asks
 */
export const asksNobody: Defect<Spec> = {
  breaks: [{ rule: unregistering.unregisteringEnds, in: scenarios.userHeedsSecondRequest }],
  instead: { askUser: () => undefined },
};

/**
 * The group is forgotten while its device is open.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev(), without its loop
 */
export const doesNotWaitForUsers: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.unregisterRacesOpen }],
  instead: {
    unregister: group => {
      const device = group.device;
      lock(group.deviceLock);
      group.devices.delete(device);
      unlock(group.deviceLock);
      put(device.registration);
      unregistering.removeGroup(group);
    },
  },
};

/**
 * The device is given out although its unregistering has begun: its count has been zero.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_device_get_from_name(), uses vfio_device_try_get_registration()
 */
export const lookUpDoesNotTry: Defect<Spec> = {
  breaks: [{ rule: always.neverResurrected, in: scenarios.unregisterRacesOpen }],
  instead: {
    lookUp: group => {
      const device = group.device;
      get(device.registration);
      return device;
    },
  },
};

/**
 * A group that VFIO has given up stays attached, and its DMA stays user space's.
 * @source Linux 6.1, drivers/vfio/vfio_main.c, vfio_device_remove_group(), where an open group keeps its container; revoked since Linux 6.2
 */
export const unregisteredStaysAttached: Defect<Spec> = {
  breaks: [{ rule: rules.unregisteredIsDetached, in: scenarios.unregisterRacesOpen }],
  instead: {
    removeGroup: group => {
      lock(group.lock);
      group.isRegistered = false;
      unlock(group.lock);
    },
  },
};
