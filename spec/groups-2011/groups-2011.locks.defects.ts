/** Locks that are left out, or taken in the wrong order. */
import { alloc, always, bug, type Defect, fget, guard, lock, maybe, put, readLock, readUnlock, unlock } from '../language.ts';
import * as contexts from './context.ts';
import * as devices from './devices.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

/**
 * The group is looked for before the lock is taken, among groups of which one may be going.
 * @source no known occurrence: vfio_group_open() as posted in November 2011 finds it under the lock, by its minor number
 */
export const groupFoundBeforeLock: Defect<Spec> = {
  breaks: [
    { rule: groups.vfioGuards, in: going.sameNumberOnTwoBuses },
    { rule: always.neverTouchedAfterFree, in: going.sameNumberOnTwoBuses },
  ],
  instead: {
    openGroup: (bus, id, to) => {
      const group = devices.findGroup(bus, id);
      if (group === null) return 'ENODEV';
      lock(vfio.lock);
      if (group.iommu === null) {
        if (maybe()) {
          unlock(vfio.lock);
          return 'ENOMEM';
        }
        contexts.newIommu(group);
      }
      group.files += 1;
      unlock(vfio.lock);
      to.file = alloc<groups.OpenFile>({ group, iommu: null, device: null, grantedTo: null, refs: 1 });
      return 0;
    },
  },
};

/**
 * Whether the group is known is asked in one critical section, and it is made in another: two devices that come at once make two groups of one number.
 * @source no known occurrence: drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_add_dev(), holds the lock over both
 */
export const groupMadeTwice: Defect<Spec> = {
  breaks: [{ rule: rules.groupsAreDistinct, in: going.anotherIsReplaced }],
  instead: {
    addDevice: dev => {
      if (dev.groupId === 0) return 'ENODEV';
      using _ = guard(dev.lock);
      lock(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      // Memory is allocated where it may be waited for.
      unlock(vfio.lock);
      lock(vfio.lock);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (maybe()) {
        group.tainted = true;
        unlock(vfio.lock);
        return 'ENOMEM';
      }
      const device = alloc<groups.VfioDevice>({ dev, group });
      group.devices.add(device);
      dev.vfio = device;
      unlock(vfio.lock);
      return 0;
    },
  },
};

/**
 * The driver lets go of a device without the device's own lock: two who take it away both find it bound.
 * @source no known occurrence: drivers/base/dd.c, device_release_driver(), takes it for every driver
 */
export const unboundWithoutDeviceLock: Defect<Spec> = {
  breaks: [
    { rule: groups.deviceGuards, in: going.unbindRacesUnplug },
    { rule: always.bugNeverReached, in: going.unbindRacesUnplug },
  ],
  instead: {
    unbindDriver: dev => {
      if (dev.driver === 'vfio') devices.unbind(dev);
      dev.driver = 'none';
    },
  },
};

/**
 * The driver counts its openers without its lock. All who open do so under VFIO's lock; who closes does not, and one count is lost.
 * @source no known occurrence: the driver's release ran under VFIO's lock in the first version and was moved out (`driverReleasedLast`)
 */
export const openersCountedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: groups.vfioPciGuards, in: scenarios.oneGroup }],
  instead: {
    driverGet: data => {
      if (maybe()) return false;
      data.opens += 1;
      return true;
    },
    driverPut: data => {
      data.opens -= 1;
    },
  },
};

/**
 * The driver asks, under its own lock, whether VFIO has taken the device away. VFIO opens the driver under the lock that this needs.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd(), which calls the driver under vfio.lock: no known occurrence
 */
export const driverAsksVfio: Defect<Spec> = {
  breaks: [
    { rule: rules.driverInside, in: going.unplugWhileOpen },
    { rule: always.noLockCycle, in: going.unplugWhileOpen },
  ],
  instead: {
    accessDevice: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const device = file.device;
      if (device === null) bug();
      readLock(vfio.accesses);
      const data = device.data;
      const there = data !== null && isThere(device, data);
      readUnlock(vfio.accesses);
      put(file.refs);
      return there ? 0 : 'EIO';
    },
  },
};

/** What the driver sees of its device, under its own lock. */
function isThere(device: groups.VfioDevice, data: groups.VfioPci): boolean {
  lock(data.lock);
  lock(vfio.lock);
  const revoked = device.revoked;
  unlock(vfio.lock);
  unlock(data.lock);
  return !revoked;
}
