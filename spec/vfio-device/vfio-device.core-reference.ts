/**
 * January 2023, the second way out of the deadlock of Linux 5.19, where the machine's end needs the lock under which a driver puts the machine:
 * the core holds the reference, and puts it after it has dropped its locks. What was merged has the reference in the core, and puts it under the locks.
 */
import {
  absent,
  always,
  assertHeld,
  bug,
  type Defect,
  getUnlessZero,
  lock,
  maybe,
  readLock,
  readUnlock,
  some,
  symbolGet,
  symbolPut,
  unlock,
  type Variant,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import * as groups from './group.ts';
import { type Kvm, kvmGetKvmSafe, kvmModule, kvmPutKvm } from './kvm.ts';
import { linux_5_19 } from './vfio-device.linux-5.19.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import type { Device } from './vfio-device.ts';
import * as devices from './vfio-device.ts';

/** The machine that a device does not need any more; the caller puts it when it has dropped its locks. */
function takeVm(device: Device): Kvm | null {
  assertHeld(device.set.lock);
  if (device.openCount > 0) return null;
  const kvm = device.kvm;
  device.kvm = null;
  device.putKvm = null;
  return kvm;
}

/** Put what `takeVm` took. The pin that `getKvmSafe` left goes last. */
function putTaken(kvm: Kvm | null): void {
  if (kvm === null) return;
  kvmPutKvm(kvm);
  symbolPut(kvmPutKvm);
}

/**
 * The core gets the machine before it opens the driver, and puts it after it has dropped its locks; the drivers hold nothing. This holds up, in a
 * kernel where a group may still point to a machine that is ending: the machine's end waits for the group's lock, and the get fails. The
 * price: VFIO's core has to find KVM's functions by name, and gets a reference
 * for drivers that do not care. What was merged pays the same, and puts under its locks, because the machine's end takes none of them any more.
 * @source kvm mailing list, January 2023, Rosato on "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "do the kvm_get_kvm and kvm_put_kvm directly
 * in vfio_main after dropping the"
 */
export const coreAfterUnlock: Variant<Spec> = {
  of: linux_5_19,
  instead: {
    deviceOwns: {
      kvm: kvm => kvm.users,
      putKvm: () => kvmModule.pins,
      groupFile: file => file.refs,
      pinned: module => module.pins,
    },
    groupsVmIsAlive: absent,

    groupOpen: df => {
      const device = df.device;
      const set = device.set;
      lock(set.lock);
      const result = devices.dfOpen(df);
      if (result === 0) df.accessGranted = true;
      const kvm = takeVm(device);
      unlock(set.lock);
      putTaken(kvm);
      return result;
    },
    groupClose: df => {
      const device = df.device;
      const set = device.set;
      lock(set.lock);
      devices.dfClose(df);
      const kvm = takeVm(device);
      unlock(set.lock);
      putTaken(kvm);
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
      devices.getKvmSafe(device, group.kvm);
      const result = device.driver.open(device);
      readUnlock(group.rwsem);
      if (result !== 0) {
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
      groups.unuseContainer(device);
      devices.unpinDriver(device);
    },

    apOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'EINVAL';
      lock(kvm.lock);
      if (kvm.cryptoUser !== null) {
        unlock(kvm.lock);
        return 'EPERM';
      }
      kvm.cryptoUser = device;
      unlock(kvm.lock);
      if (maybe()) {
        drivers.apClose(device);
        return 'ENOMEM';
      }
      return 0;
    },
    apClose: device => {
      const kvm = device.kvm;
      if (kvm === null) bug();
      lock(kvm.lock);
      kvm.cryptoUser = null;
      unlock(kvm.lock);
    },
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      lock(gvt.lock);
      const taken = some(gvt.attached, other => other.kvm === kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) return 'EEXIST';
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
    gvtClose: device => {
      const kvm = device.kvm;
      if (kvm === null) bug();
      writeLock(kvm.mmuLock);
      kvm.trackers.delete(device);
      writeUnlock(kvm.mmuLock);
      lock(gvt.lock);
      gvt.attached.delete(device);
      unlock(gvt.lock);
    },
  },
};

/**
 * Whether it was the last is asked after the lock is dropped: another may have opened the device since, and loses its machine.
 * @source kvm mailing list, January 2023, v3 of "vfio: fix potential deadlock on vfio group lock"
 * @fact D111
 */
export const askedAfterUnlock: Defect<Spec> = {
  of: coreAfterUnlock,
  breaks: [
    { rule: devices.deviceGuards, in: scenarios.twoOpeners },
    { rule: always.bugNeverReached, in: scenarios.twoOpeners },
  ],
  instead: {
    groupClose: df => {
      const device = df.device;
      const set = device.set;
      lock(set.lock);
      devices.dfClose(df);
      unlock(set.lock);
      if (device.openCount > 0) return;
      const kvm = device.kvm;
      device.kvm = null;
      device.putKvm = null;
      putTaken(kvm);
    },
  },
};

/**
 * Closing puts after it has dropped its locks, a failing open does not.
 * @source kvm mailing list, January 2023, v4 of "vfio: fix potential deadlock on vfio group lock", the error branch of vfio_device_open()
 * @fact D112
 */
export const errorBranchPutsUnderLock: Defect<Spec> = {
  of: coreAfterUnlock,
  breaks: [
    { rule: always.lastPutTakesNoHeldLock, in: scenarios.openRacesClose },
    { rule: always.neverTakenTwice, in: scenarios.openRacesClose },
  ],
  instead: {
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
      devices.getKvmSafe(device, group.kvm);
      const result = device.driver.open(device);
      if (result !== 0) {
        const kvm = device.kvm;
        device.kvm = null;
        device.putKvm = null;
        putTaken(kvm);
      }
      readUnlock(group.rwsem);
      if (result !== 0) {
        groups.unuseContainer(device);
        devices.unpinDriver(device);
      }
      return result;
    },
  },
};

/**
 * A failed get leaves the pin of the function that puts. Today a get cannot fail: nothing points to a machine that is ending. Here it can.
 * @source no known occurrence: kvm mailing list, February 2023, the error branch of vfio_device_get_kvm_safe(), left out
 * @fact D119
 */
export const failedGetKeepsPin: Defect<Spec> = {
  of: coreAfterUnlock,
  breaks: [{ rule: always.referencesBalance, in: scenarios.openRacesClose }],
  instead: {
    getKvmSafe: (device, kvm) => {
      if (kvm === null) return;
      const putFunction = symbolGet(kvmPutKvm);
      if (putFunction === null) return;
      const getFunction = symbolGet(kvmGetKvmSafe);
      if (getFunction === null) return;
      const got = getFunction(kvm);
      symbolPut(kvmGetKvmSafe);
      if (!got) return;
      device.putKvm = putFunction;
      device.kvm = kvm;
    },
  },
};
