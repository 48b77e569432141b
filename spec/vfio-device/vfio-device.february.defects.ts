/** February 2023: what was proposed on the way to the lock of the borrowed pointer, and what the thread on v3 and v4 discussed. */
import {
  absent,
  always,
  assertHeld,
  bug,
  type Defect,
  get,
  getUnlessZero,
  lock,
  symbolGet,
  symbolPut,
  unlock,
  type Variant,
} from '../language.ts';
import * as deviceFiles from './device-file.ts';
import * as groups from './group.ts';
import { kvmGetKvmSafe, kvmPutKvm } from './kvm.ts';
import * as cdevs from './vfio-device.cdev.scenarios.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import type { Device } from './vfio-device.ts';
import * as devices from './vfio-device.ts';

/**
 * The core's helper gets the machine of the device's group, whichever it was asked to get. Through the group that is the same one: nothing breaks. Through
 * the device's own file, for which the diff was made, the group points to nothing, and nothing is followed.
 *
 * That the device would get one machine and put another cannot happen: a group that points to a machine is open, and then nothing can be bound.
 * Our own reading, not published; what was merged uses the parameter.
 * @source kvm mailing list, February 2023, Williamson on v3 and v4 of "vfio: fix deadlock between group lock and kvm lock", the incremental diff
 * @fact D117
 */
export const getsWhatTheGroupHas: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: cdevs.usedWhileFileTakenAway },
    { rule: groups.groupGuards, in: cdevs.usedWhileFileTakenAway },
  ],
  instead: {
    groupsVmReadOnce: absent,
    getKvmSafe: (device, kvm) => {
      assertHeld(device.set.lock);
      if (kvm === null) return;
      const putFunction = symbolGet(kvmPutKvm);
      if (putFunction === null) return;
      const getFunction = symbolGet(kvmGetKvmSafe);
      if (getFunction === null) {
        symbolPut(kvmPutKvm);
        return;
      }
      const fromGroup = device.group.kvm;
      if (fromGroup === null) bug();
      const got = getFunction(fromGroup);
      symbolPut(kvmGetKvmSafe);
      if (!got) {
        symbolPut(kvmPutKvm);
        return;
      }
      device.putKvm = putFunction;
      device.kvm = kvm;
    },
  },
};

/** The other diff of the thread: the device has the machine before the reference is got; who wrote it there takes it back if there is none. */
function getForDevice(device: Device): boolean {
  const kvm = device.kvm;
  if (kvm === null) return false;
  const putFunction = symbolGet(kvmPutKvm);
  if (putFunction === null) return false;
  const getFunction = symbolGet(kvmGetKvmSafe);
  if (getFunction === null) {
    symbolPut(kvmPutKvm);
    return false;
  }
  const got = getFunction(kvm);
  symbolPut(kvmGetKvmSafe);
  if (!got) {
    symbolPut(kvmPutKvm);
    return false;
  }
  device.putKvm = putFunction;
  return true;
}

/**
 * The pointer is stored first and backed by a reference afterwards, both under the lock of the borrowed pointer. Breaks nothing, through the group or not.
 * @source kvm mailing list, February 2023, Rosato on v3 of "vfio: fix deadlock between group lock and kvm lock", "backing that device->kvm
 * setting out on ref failure"
 */
export const storesFirst: Variant<Spec> = {
  instead: {
    groupsVmReadOnce: absent,
    groupGetKvmSafe: device => {
      const group = device.group;
      assertHeld(device.set.lock);
      lock(group.kvmRefLock);
      if (group.kvm !== null) {
        device.kvm = group.kvm;
        if (!getForDevice(device)) device.kvm = null;
      }
      unlock(group.kvmRefLock);
    },
    fileGetKvmSafe: df => {
      const device = df.device;
      lock(df.kvmRefLock);
      device.kvm = df.kvm;
      if (!getForDevice(device)) device.kvm = null;
      unlock(df.kvmRefLock);
    },
  },
};

/**
 * The pointer is read without the lock that keeps it, as the put needs none: the machine goes between the reading and the getting.
 * @source kvm mailing list, February 2023, v2 of "vfio: fix deadlock between group lock and kvm lock", "the asymmetry of the v2 version"
 * @fact D116
 */
export const getWithoutRefLock: Defect<Spec> = {
  breaks: [
    { rule: always.neverTouchedAfterFree, in: scenarios.openRacesClose },
    { rule: groups.groupGuards, in: scenarios.openRacesClose },
    { rule: devices.gotUnderRefLock, in: scenarios.openRacesClose },
    { rule: always.neverTouchedAfterFree, in: cdevs.usedWhileFileTakenAway },
    { rule: deviceFiles.deviceFileGuards, in: cdevs.usedWhileFileTakenAway },
  ],
  instead: {
    groupGetKvmSafe: device => {
      devices.getKvmSafe(device, device.group.kvm);
    },
    fileGetKvmSafe: df => {
      devices.getKvmSafe(df.device, df.kvm);
    },
  },
};

/**
 * Symmetry the other way: the put is made under the lock of the borrowed pointer too. It may be the last, and destroys the machine under a spinlock.
 * @source kvm mailing list, February 2023, Tian on v3 of "vfio: fix deadlock between group lock and kvm lock", passing the lock to both helpers
 */
export const putUnderRefLock: Defect<Spec> = {
  breaks: [
    { rule: always.neverSleepsInAtomic, in: scenarios.deviceOutlivesVm },
    { rule: groups.nothingInsideGroupRefLock, in: scenarios.deviceOutlivesVm },
    { rule: deviceFiles.nothingInsideFileRefLock, in: cdevs.usedWhileFileTakenAway },
  ],
  instead: {
    groupClose: df => {
      const device = df.device;
      const group = device.group;
      const set = device.set;
      lock(group.lock);
      lock(set.lock);
      devices.dfClose(df);
      if (device.openCount === 0) {
        lock(group.kvmRefLock);
        devices.putKvm(device);
        unlock(group.kvmRefLock);
      }
      unlock(set.lock);
      unlock(group.lock);
    },
    unbind: df => {
      const device = df.device;
      lock(device.set.lock);
      devices.dfClose(df);
      lock(df.kvmRefLock);
      devices.putKvm(device);
      unlock(df.kvmRefLock);
      unlock(device.set.lock);
      deviceFiles.unblockGroup(device);
    },
  },
};

/** A reference to the machine, and the function that puts it; the caller stores the pointer. */
function getOnly(device: Device): void {
  const group = device.group;
  lock(group.kvmRefLock);
  const kvm = group.kvm;
  if (kvm !== null) {
    const putFunction = symbolGet(kvmPutKvm);
    if (putFunction !== null) {
      if (getUnlessZero(kvm.users)) device.putKvm = putFunction;
      else symbolPut(kvmPutKvm);
    }
  }
  unlock(group.kvmRefLock);
}

/**
 * The pointer that is handed to the driver is read again, after the lock was dropped: the group may belong to another machine by then, or to none.
 * @source kvm mailing list, February 2023, v2 of "vfio: fix deadlock between group lock and kvm lock", vfio_device_open(device, iommufd, group->kvm)
 * @fact D114
 */
export const pointerReadAgain: Defect<Spec> = {
  breaks: [
    { rule: groups.groupsVmReadOnce, in: scenarios.givenToAnother },
    { rule: groups.groupGuards, in: scenarios.givenToAnother },
    { rule: always.referencesBalance, in: scenarios.givenToAnother },
    { rule: devices.putFunctionComesWithVm, in: scenarios.givenToAnother },
    { rule: deviceFiles.filesVmReadOnce, in: cdevs.usedWhileFileTakenAway },
  ],
  instead: {
    groupGetKvmSafe: device => {
      getOnly(device);
      device.kvm = device.group.kvm;
    },
    fileGetKvmSafe: df => {
      lock(df.kvmRefLock);
      devices.getKvmSafe(df.device, df.kvm);
      unlock(df.kvmRefLock);
      df.device.kvm = df.kvm;
    },
  },
};

/**
 * Putting warns where there is no machine, as for every plain device.
 * @source kvm mailing list, February 2023, v2 of "vfio: fix deadlock between group lock and kvm lock", vfio_device_put_kvm()
 * @fact D115
 */
export const putWarnsWithoutVm: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.withoutVm }],
  instead: {
    putKvm: device => {
      const kvm = device.kvm;
      const putFunction = device.putKvm;
      if (kvm === null || putFunction === null) bug();
      putFunction(kvm);
      device.putKvm = null;
      symbolPut(kvmPutKvm);
      device.kvm = null;
    },
  },
};

/**
 * A get in place of a get unless zero. Breaks nothing today, against what the merged function's name says: kvm-vfio clears the pointer, under the lock
 * that the get holds, before it puts its own reference. Where the pointer is cleared by the machine's end, as in Linux 5.19, it does.
 */
export const plainGet: Variant<Spec> = {
  instead: {
    kvmGetKvmSafe: kvm => {
      get(kvm.users);
      return true;
    },
  },
};
