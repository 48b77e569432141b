/** The second era: KVM clears the borrowed pointers when the machine is destroyed. Linux 5.19 to 6.1.8. */
import {
  absent,
  alloc,
  always,
  bug,
  type Defect,
  fget,
  free,
  get,
  getUnlessZero,
  lock,
  maybe,
  put,
  putLater,
  readLock,
  readUnlock,
  some,
  unguarded,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import * as groups from './group.ts';
import { kvmGlobals } from './kvm.ts';
import * as kvmVfios from './kvm-vfio.ts';
import type { OpenFile } from './open-file.ts';
import { linux_6_2, type Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';
import { vfio } from './vfio-device.ts';

/**
 * Drivers get and put the machine under the group's lock, and kvm-vfio lives until the machine is destroyed. So where a driver puts the last reference,
 * the machine's end tells the group that it has no machine any more, which takes the group's lock again. Until then the group points to a machine
 * that may be ending: a driver that opens meanwhile gets it back from zero.
 *
 * That second one, the plain get, is our own reading. So is that vfio-ap frees the machine whose lock it holds.
 * @source kvm mailing list, January 2023, "[PATCH v3 1/1] vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "traded an oops for a deadlock"
 * @source Linux 421cfe6596f6, "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM"
 * @fact D102, D118
 */
export const linux_5_19: Defect<Spec> = {
  of: linux_6_2,
  breaks: [
    { rule: always.neverTakenTwice, in: scenarios.deviceOutlivesVm },
    { rule: always.lastPutTakesNoHeldLock, in: scenarios.deviceOutlivesVm },
    { rule: always.neverResurrected, in: scenarios.openRacesClose },
    { rule: devices.groupsVmIsAlive, in: scenarios.deviceOutlivesVm },
  ],
  instead: {
    groupGuards: {
      containerUsers: group => group.rwsem,
      openedFile: group => group.rwsem,
      cdevOpenCount: group => group.rwsem,
      notified: group => group.notifierRwsem,
      devices: group => group.deviceLock,
      drivers: { read: () => true, write: () => vfio.groupLock },
      kvm: group => group.rwsem,
    },
    kvmGuards: {
      // Changed without the lock at the machine's end, "because nobody else has a reference".
      devices: unguarded,
      trackers: kvm => kvm.mmuLock,
      cryptoUser: kvm => kvm.lock,
    },
    deviceGuards: {
      asked: unguarded,
      openCount: device => device.set.lock,
      attached: device => device.set.lock,
      pasidAttached: device => device.set.lock,
      kvm: { read: device => [device.set.lock, device.openCount > 0], write: device => device.set.lock },
      putKvm: device => device.set.lock,
      groupFile: device => device.group.rwsem,
      driverKvm: device => device.set.lock,
      deferredPut: device => device.set.lock,
      pinned: device => device.set.lock,
    },
    openingOrder: (all, group, set, kvm) => [all.groupLock, set.lock, group.rwsem, kvm.lock],
    setKvmTakesNoGroupLock: absent,

    // ---- KVM

    releaseKvmDevice: () => undefined,
    destroyVm: kvm => {
      const module = kvm.module;
      for (const kv of kvm.devices) {
        kvm.devices.delete(kv);
        kvmVfios.releaseKvmVfio(kv);
      }
      lock(kvmGlobals.lock);
      kvmGlobals.vms -= 1;
      unlock(kvmGlobals.lock);
      free(kvm);
      put(module.pins);
    },

    // ---- The group

    openGroup: (group, fd) => {
      writeLock(group.rwsem);
      if (group.drivers === 0) {
        writeUnlock(group.rwsem);
        return 'ENODEV';
      }
      if (group.openedFile !== null) {
        writeUnlock(group.rwsem);
        return 'EBUSY';
      }
      const file = alloc<OpenFile>({ group, refs: 1 });
      group.openedFile = file;
      writeUnlock(group.rwsem);
      fd.file = file;
      return 0;
    },
    setContainer: groupFd => {
      const file = fget(groupFd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) bug();
      writeLock(group.rwsem);
      const attached = group.containerUsers > 0;
      if (!attached) group.containerUsers = 1;
      writeUnlock(group.rwsem);
      putLater(file.refs);
      return attached ? 'EINVAL' : 0;
    },
    unsetContainer: groupFd => {
      const file = fget(groupFd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) bug();
      writeLock(group.rwsem);
      const users = group.containerUsers;
      if (users === 1) group.containerUsers = 0;
      writeUnlock(group.rwsem);
      putLater(file.refs);
      return users === 0 ? 'EINVAL' : users > 1 ? 'EBUSY' : 0;
    },
    releaseGroup: group => {
      writeLock(group.rwsem);
      if (group.containerUsers > 0) groups.detachContainer(group);
      group.openedFile = null;
      writeUnlock(group.rwsem);
    },
    leaveGroup: group => {
      lock(vfio.groupLock);
      group.drivers -= 1;
      if (group.drivers === 0) {
        vfio.groups.delete(group);
        writeLock(group.rwsem);
        if (group.containerUsers > 0) groups.detachContainer(group);
        writeUnlock(group.rwsem);
      }
      unlock(vfio.groupLock);
    },
    groupSetKvm: (group, kvm) => {
      writeLock(group.rwsem);
      group.kvm = kvm;
      writeUnlock(group.rwsem);
    },

    // ---- Opening and closing

    useContainer: device => {
      const group = device.group;
      writeLock(group.rwsem);
      const file = group.openedFile;
      if (file === null || group.containerUsers === 0) {
        writeUnlock(group.rwsem);
        return 'EINVAL';
      }
      get(file.refs);
      group.containerUsers += 1;
      device.groupFile = file;
      writeUnlock(group.rwsem);
      return 0;
    },
    unuseContainer: device => {
      const group = device.group;
      writeLock(group.rwsem);
      group.containerUsers -= 1;
      const file = device.groupFile;
      if (file === null) bug();
      device.groupFile = null;
      writeUnlock(group.rwsem);
      putLater(file.refs);
    },
    groupOpen: df => {
      const set = df.device.set;
      lock(set.lock);
      const result = devices.dfOpen(df);
      if (result === 0) df.accessGranted = true;
      unlock(set.lock);
      return result;
    },
    groupClose: df => {
      const set = df.device.set;
      lock(set.lock);
      devices.dfClose(df);
      unlock(set.lock);
    },
    firstOpen: df => {
      const device = df.device;
      const group = device.group;
      const module = device.module;
      if (!getUnlessZero(module.pins)) return 'ENODEV';
      device.pinned = module;
      const used = groups.useContainer(device);
      if (used !== 0) {
        devices.unpinDriver(device);
        return used;
      }
      readLock(group.rwsem);
      device.kvm = group.kvm;
      const result = device.driver.open(device);
      readUnlock(group.rwsem);
      if (result !== 0) {
        device.kvm = null;
        groups.unuseContainer(device);
        devices.unpinDriver(device);
      }
      return result;
    },
    lastClose: df => {
      const device = df.device;
      const group = device.group;
      readLock(group.rwsem);
      device.driver.close(device);
      readUnlock(group.rwsem);
      device.kvm = null;
      groups.unuseContainer(device);
      devices.unpinDriver(device);
    },

    // Asks for dirty tracking of its memory last, which may fail.
    apOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'EINVAL';
      lock(kvm.lock);
      if (kvm.cryptoUser !== null) {
        unlock(kvm.lock);
        return 'EPERM';
      }
      kvm.cryptoUser = device;
      get(kvm.users);
      device.driverKvm = kvm;
      unlock(kvm.lock);
      if (maybe()) {
        drivers.apClose(device);
        return 'ENOMEM';
      }
      return 0;
    },
  },
};

/**
 * The graphics driver gets the machine before it looks whether it has a device there already, and does not put it when it refuses. Our own reading.
 * @source Linux 421cfe6596f6, drivers/gpu/drm/i915/gvt/kvmgt.c, intel_vgpu_open_device()
 * @fact D120
 * @sure candidate
 */
export const refusalKeepsVm: Defect<Spec> = {
  of: linux_5_19,
  breaks: [{ rule: always.referencesBalance, in: scenarios.secondForOneVm }],
  instead: {
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      get(kvm.users);
      lock(gvt.lock);
      const taken = some(gvt.attached, other => other.kvm === kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) return 'EEXIST';
      device.driverKvm = kvm;
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
  },
};
