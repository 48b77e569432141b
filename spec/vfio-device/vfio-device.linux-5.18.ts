/** The first era: a notifier tells open drivers when their group gets another machine, or none. Linux 4.10 to 5.18; here as it is in 5.18. */
import {
  absent,
  always,
  bug,
  type Defect,
  get,
  getUnlessZero,
  lock,
  put,
  readLock,
  readUnlock,
  some,
  unguarded,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { gvt } from './drivers.ts';
import * as groups from './group.ts';
import { linux_5_19 } from './vfio-device.linux-5.19.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import type { Device } from './vfio-device.ts';
import * as devices from './vfio-device.ts';

/** Register for what becomes of the group's machine; what it is already is told at once. */
function listen(device: Device): void {
  const group = device.group;
  writeLock(group.notifierRwsem);
  group.notified.add(device);
  writeUnlock(group.notifierRwsem);
  readLock(group.rwsem);
  if (group.kvm !== null) {
    readLock(group.notifierRwsem);
    for (const one of group.notified) one.driverKvm = group.kvm;
    readUnlock(group.notifierRwsem);
  }
  readUnlock(group.rwsem);
}

/** Nothing is told any more after this. */
function unlisten(device: Device): void {
  const group = device.group;
  writeLock(group.notifierRwsem);
  group.notified.delete(device);
  writeUnlock(group.notifierRwsem);
}

/**
 * The graphics driver takes its machine from the notifier, which may say that there is none any more while the device is open. The next access
 * follows a null pointer. The driver also lets its device go then, from a work item, which is left out here: it comes too late.
 * @source kvm mailing list, January 2023, "[PATCH v3 1/1] vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "a user-triggerable oops in GVT"
 * @source Linux 5.18, drivers/gpu/drm/i915/gvt/kvmgt.c, intel_vgpu_group_notifier()
 * @fact D101
 */
export const linux_5_18: Defect<Spec> = {
  of: linux_5_19,
  breaks: [{ rule: always.bugNeverReached, in: scenarios.usedWhileGroupTakenAway }],
  instead: {
    deviceOwns: { groupFile: file => file.refs, pinned: module => module.pins },
    deviceGuards: {
      asked: unguarded,
      openCount: device => device.set.lock,
      attached: device => device.set.lock,
      pasidAttached: device => device.set.lock,
      kvm: unguarded,
      putKvm: device => device.set.lock,
      groupFile: device => device.group.rwsem,
      // Written by the notifier, whoever calls it.
      driverKvm: unguarded,
      deferredPut: device => device.set.lock,
      pinned: device => device.set.lock,
    },
    openRacesClose: absent,
    secondCryptoUser: absent,
    twoOpeners: absent,

    groupSetKvm: (group, kvm) => {
      writeLock(group.rwsem);
      group.kvm = kvm;
      readLock(group.notifierRwsem);
      for (const device of group.notified) device.driverKvm = kvm;
      readUnlock(group.notifierRwsem);
      writeUnlock(group.rwsem);
    },
    firstOpen: df => {
      const device = df.device;
      const module = device.module;
      if (!getUnlessZero(module.pins)) return 'ENODEV';
      device.pinned = module;
      const used = groups.useContainer(device);
      if (used !== 0) {
        devices.unpinDriver(device);
        return used;
      }
      const result = device.driver.open(device);
      if (result !== 0) {
        groups.unuseContainer(device);
        devices.unpinDriver(device);
      }
      return result;
    },
    lastClose: df => {
      const device = df.device;
      device.driver.close(device);
      groups.unuseContainer(device);
      devices.unpinDriver(device);
    },
    gvtOpen: device => {
      listen(device);
      const kvm = device.driverKvm;
      if (kvm === null) {
        unlisten(device);
        return 'ESRCH';
      }
      lock(gvt.lock);
      const taken = some(gvt.attached, other => other.driverKvm === kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) {
        unlisten(device);
        return 'EEXIST';
      }
      get(kvm.users);
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
    gvtAccess: device => {
      const kvm = device.driverKvm;
      if (kvm === null) bug();
      readLock(kvm.mmuLock);
      if (!kvm.trackers.has(device)) bug();
      readUnlock(kvm.mmuLock);
    },
    gvtClose: device => {
      unlisten(device);
      const kvm = device.driverKvm;
      if (kvm === null) bug();
      writeLock(kvm.mmuLock);
      kvm.trackers.delete(device);
      writeUnlock(kvm.mmuLock);
      device.driverKvm = null;
      put(kvm.users);
      lock(gvt.lock);
      gvt.attached.delete(device);
      unlock(gvt.lock);
    },
  },
};
