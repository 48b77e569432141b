/** What goes wrong when a device goes. */
import {
  always,
  anyOf,
  assertHeld,
  bug,
  type Defect,
  fget,
  free,
  guard,
  lock,
  put,
  synchronize,
  unlock,
  waitEventTimeout,
  waitEventUnlocked,
} from '../language.ts';
import * as contexts from './context.ts';
import * as devices from './devices.ts';
import * as files from './files.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';
import * as merging from './merge.ts';

/**
 * Removal waits for the users, for ever if they do not mind. So does Linux today: it asks again, every ten seconds, and never takes anything.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_unbind_dev(), "For now just block waiting for releases to wake us"
 * @fact D315
 */
export const removalWaitsForEver: Defect<Spec> = {
  breaks: [
    { rule: always.everyWaitEnds, in: going.userKeepsDevice },
    { rule: devices.removalEnds, in: going.userKeepsDevice },
  ],
  instead: {
    takeWhenFree: device => {
      using _ = guard(vfio.lock);
      devices.askUsers(device);
      waitEventUnlocked(vfio.releaseQueue, () => devices.isRemovable(device), vfio.lock);
      const data = device.data;
      if (data === null) bug();
      device.data = null;
      devices.removeIfLeft(device);
      return data;
    },
  },
};

/**
 * Removal asks again, every ten seconds, for as long as it takes, and never takes the device: what upstream has built of the hard timeout.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()
 * @fact D315
 */
export const asksForEver: Defect<Spec> = {
  breaks: [{ rule: devices.removalEnds, in: going.userKeepsDevice }],
  instead: {
    takeWhenFree: device => {
      using _ = guard(vfio.lock);
      for (;;) {
        if (devices.isRemovable(device)) break;
        devices.askUsers(device);
        waitEventTimeout(vfio.releaseQueue, () => devices.isRemovable(device), devices.askEvery, vfio.lock);
      }
      const data = device.data;
      if (data === null) bug();
      device.data = null;
      devices.removeIfLeft(device);
      return data;
    },
  },
};

/**
 * A group that leaves its set wakes nobody, although its device is removable from then on: removal sleeps until something else is closed. The hard
 * timeout hides that; where removal waits for ever it may sleep for ever.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_unmerge()
 * @fact D319
 * @sure candidate
 */
export const unmergeWakesNobody: Defect<Spec> = {
  of: removalWaitsForEver,
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.unmergeRacesRemoval }],
  instead: {
    unmerge: (task, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) bug();
      lock(vfio.lock);
      const result = merging.unmergeGroup(task, group);
      unlock(vfio.lock);
      put(file.refs);
      return result;
    },
  },
};

/**
 * The condition of the wait takes a mutex. It is asked when the thread has said that it sleeps, and taking a mutex says otherwise.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, wait_event() on vfio_device_removeable(), which takes vfio.lock
 * @fact D308
 * @sure candidate
 */
export const conditionTakesMutex: Defect<Spec> = {
  breaks: [{ rule: always.conditionNeverSleeps, in: going.userHeeds }],
  instead: {
    takeWhenFree: device => {
      for (let asked = 0; asked <= 2; asked += 1) {
        lock(vfio.lock);
        const data = devices.tryTake(device, asked);
        unlock(vfio.lock);
        if (data !== null) return data;
        devices.askUsers(device);
        waitEventTimeout(vfio.releaseQueue, () => isRemovableNow(device), devices.askEvery);
      }
      bug();
    },
  },
};

/** As `isRemovable`, for a caller without the lock. */
function isRemovableNow(device: groups.VfioDevice): boolean {
  using _ = guard(vfio.lock);
  return devices.isRemovable(device);
}

/**
 * What the wait has seen is believed without the lock: a user who has opened the device meanwhile loses it unasked. The code under review looks again.
 * @source no known occurrence: drivers/vfio/vfio_main.c as posted in November 2011, vfio_unbind_dev(), looks again under the lock
 */
export const removalTrustsTheWait: Defect<Spec> = {
  breaks: [{ rule: rules.askedBeforeRevoked, in: going.unplugWhileOpen }],
  instead: {
    takeWhenFree: device => {
      lock(vfio.lock);
      const removable = devices.isRemovable(device);
      unlock(vfio.lock);
      if (!removable) {
        devices.askUsers(device);
        lock(vfio.lock);
        waitEventTimeout(vfio.releaseQueue, () => devices.isRemovable(device), devices.askEvery, vfio.lock);
        unlock(vfio.lock);
      }
      lock(vfio.lock);
      const data = devices.tryTake(device, 2);
      unlock(vfio.lock);
      if (data === null) bug();
      return data;
    },
  },
};

/**
 * The device is taken at once, without asking.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, against "signal the removal"
 */
export const takesUnasked: Defect<Spec> = {
  breaks: [{ rule: rules.askedBeforeRevoked, in: going.userKeepsDevice }],
  instead: {
    takeWhenFree: device => {
      using _ = guard(vfio.lock);
      const data = devices.tryTake(device, 2);
      if (data === null) bug();
      return data;
    },
  },
};

/**
 * A device that was taken from its users is free for any driver, while the rest of its group is still theirs.
 * @source no known occurrence: the review asks for a hard timeout and leaves open who may have the device afterwards; this is the answer that breaks what it asks elsewhere
 */
export const revokedDeviceIsFree: Defect<Spec> = {
  breaks: [{ rule: rules.noOtherDriverWhileInUse, in: going.userKeepsDevice }],
  instead: {
    revoke: device => {
      assertHeld(vfio.lock);
      device.revoked = true;
      device.attached = false;
    },
  },
};

/**
 * What the driver keeps of a device is freed while a user who got at it before is still using it.
 * @source no known occurrence: what a hard timeout must not do; in the code under review removal waits for the last file
 */
export const accessesNotWaitedFor: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: going.userKeepsDevice }],
  instead: {
    unbind: dev => {
      const device = devices.vfioDeviceOf(dev);
      const data = devices.takeWhenFree(device);
      free(data);
    },
  },
};

/**
 * After the lock is released, removal looks at the device once more: whether it is to be deleted. Its bus may have deleted it meanwhile.
 * @source drivers/vfio/vfio_main.c of December 2011, vfio_unbind_dev(), "device->deleteme" after mutex_unlock()
 * @fact D307
 * @sure candidate
 */
export const readsDeviceAfterUnlock: Defect<Spec> = {
  breaks: [
    { rule: groups.vfioDeviceGuards, in: going.unbindRacesUnplug },
    { rule: always.neverTouchedAfterFree, in: going.unbindRacesUnplug },
  ],
  instead: {
    tryTake: (device, asked) => {
      assertHeld(vfio.lock);
      const data = device.data;
      if (data === null) bug();
      const iommu = device.group.iommu;
      const used = iommu !== null && groups.inUse(iommu);
      if (used && asked < vfio.patience) return null;
      if (used) devices.revoke(device);
      device.data = null;
      return data;
    },
    unbind: dev => {
      const device = devices.vfioDeviceOf(dev);
      const data = devices.takeWhenFree(device);
      if (device.isGone) devices.delDevice(dev);
      synchronize(vfio.accesses);
      free(data);
    },
  },
};

/**
 * A device that is pulled out must not be open (`BUG_ON`). But its bus says so before its driver is asked to let go, so nobody has waited for the users:
 * it takes no other fault to stop the machine.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_del_dev(); drivers/base/core.c, device_del(): the notifier before bus_remove_device()
 * @fact D317
 * @sure candidate
 */
export const openDeviceIsABug: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: going.unplugWhileOpen }],
  instead: {
    delDevice: dev => {
      if (dev.groupId === 0) return;
      using _ = guard(vfio.lock);
      dev.isAnnounced = false;
      const device = dev.vfio;
      if (device === null) return;
      if (device.files > 0) bug();
      device.attached = false;
      devices.removeDevice(device);
    },
  },
};

/**
 * The last file deletes a device that is gone from its bus, although its driver has not let go of it.
 * @source no known occurrence: where a device that is gone is deleted by who is last, and the driver is forgotten among those
 */
export const lastFileDeletesBoundDevice: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: going.unplugWhileOpen }],
  instead: {
    removeIfLeft: device => {
      if (device.isGone && device.files === 0) devices.removeDevice(device);
    },
  },
};

/**
 * A group whose last device went while a file of it was open is not removed when that is closed.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_release()
 * @fact D323
 * @sure candidate
 */
export const emptyGroupStays: Defect<Spec> = {
  breaks: [{ rule: rules.emptyGroupsGo, in: going.unplugWhileOpen }],
  instead: {
    uncount: file => {
      assertHeld(vfio.lock);
      const device = file.device;
      if (device !== null) {
        device.files -= 1;
        const dissolved = contexts.tryDissolve(files.contextOf(device.group));
        devices.removeIfLeft(device);
        return dissolved;
      }
      const group = file.group;
      if (group !== null) {
        group.files -= 1;
        return contexts.tryDissolve(files.contextOf(group));
      }
      const iommu = file.iommu;
      if (iommu === null) return false;
      iommu.files -= 1;
      return contexts.tryDissolve(iommu);
    },
  },
};

/**
 * A tainted group goes with its last device, and comes back clean, although what tainted it is still there. Our own reading of the agreed design.
 * @source no known occurrence: our own reading of the agreed design, in which the taint is kept in the group
 */
export const taintIsForgotten: Defect<Spec> = {
  breaks: [{ rule: rules.unknownDeviceTaints, in: going.anotherIsReplaced }],
  instead: {
    removeIfEmpty: group => {
      assertHeld(vfio.lock);
      if (group.files > 0) return;
      const any = anyOf(group.devices);
      if (any !== null) return;
      const iommu = group.iommu;
      if (iommu !== null) {
        iommu.groups.delete(group);
        group.iommu = null;
        contexts.tryDissolve(iommu);
      }
      vfio.groups.delete(group);
      free(group);
    },
  },
};

/**
 * Anyone may say how long removal waits, so that a user can keep a device for ever.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "I don't see how we wouldn't require CAP_SYS_ADMIN"
 * @fact D504
 */
export const anyoneSaysHowLong: Defect<Spec> = {
  breaks: [{ rule: contracts.setPatienceContract, in: going.whoMaySayHowLong }],
  instead: {
    setPatience: (_task, to) => {
      using _ = guard(vfio.lock);
      vfio.patience = to;
      return 0;
    },
  },
};
