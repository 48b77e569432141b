/** What must not be done when a device is opened, closed, probed or removed. */
import { always, assertHeld, type Defect, lock, maybe, put, some, symbolPut, unlock, writeLock, writeUnlock } from '../language.ts';
import * as deviceFiles from './device-file.ts';
import * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import * as groups from './group.ts';
import { kvmModule, kvmPutKvm } from './kvm.ts';
import * as registrations from './registration.ts';
import * as cdevs from './vfio-device.cdev.scenarios.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';
import { vfio } from './vfio-device.ts';

/**
 * Binding gets the machine first, then asks whether the device is open already, and puts the machine if it is: that of the other opener. What the other
 * opener's driver relies on is gone, or one reference too many is left, or too few.
 *
 * So it is in the newest text that we have. Our own reading and exploring; no report was found, and no kernel was seen to do it.
 * @source Linux 6.6 to 6.18, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), the label out_put_kvm
 * @fact D121
 * @sure candidate
 */
export const bindPutsForeignVm: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: cdevs.bindTwiceUntold },
    { rule: always.quietAtTheEnd, in: cdevs.bindTwiceSameVm },
    { rule: always.quietAtTheEnd, in: cdevs.bindTwice },
  ],
  instead: {
    bindLocked: df => {
      const device = df.device;
      deviceFiles.fileGetKvmSafe(df);
      const result = devices.dfOpen(df);
      if (result !== 0) {
        devices.putKvm(device);
        return result;
      }
      if (maybe()) {
        devices.dfClose(df);
        devices.putKvm(device);
        return 'EFAULT';
      }
      df.accessGranted = true;
      return 0;
    },
  },
};

/**
 * Attaching for a process that fails detaches the device instead. Our own reading; no report was found, and no kernel was seen to do it.
 * @source Linux 6.15 and later, drivers/vfio/device_cdev.c, vfio_df_ioctl_attach_pt(), the label out_detach
 * @fact D122
 * @sure candidate
 */
export const undoesTheOther: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: cdevs.attachedForAProcess }],
  instead: {
    attachPasidLocked: df => {
      const device = df.device;
      lock(device.set.lock);
      device.pasidAttached = true;
      const failed = maybe();
      if (failed) device.attached = false;
      unlock(device.set.lock);
      return failed ? 'EFAULT' : 0;
    },
  },
};

/**
 * The core puts the machine as soon as the first opener has it, so that a group can be taken from a machine that then goes. Whoever comes later, and
 * every driver that looks at the machine between open and close, finds none.
 * @source kvm mailing list, February 2025, Ryabinin on the reference that VFIO holds to a machine
 * @fact D124
 */
export const putAfterFirstOpen: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.usedWhileGroupTakenAway }],
  instead: {
    groupOpen: df => {
      const device = df.device;
      const group = device.group;
      const set = device.set;
      lock(group.lock);
      if (group.containerUsers === 0) {
        unlock(group.lock);
        return 'EINVAL';
      }
      lock(set.lock);
      if (device.openCount === 0) groups.groupGetKvmSafe(device);
      const result = devices.dfOpen(df);
      if (result === 0) df.accessGranted = true;
      devices.putKvm(device);
      unlock(set.lock);
      unlock(group.lock);
      return result;
    },
  },
};

/**
 * The count of openers goes down under the group's lock alone, and who resets the set looks at it under the set's.
 * @source Linux, "vfio: Move vfio_device->open_count-- out of group_rwsem", the code before it
 * @fact D144
 */
export const countedUnderGroupLock: Defect<Spec> = {
  breaks: [{ rule: devices.deviceGuards, in: scenarios.twoOpeners }],
  instead: {
    groupClose: df => {
      const device = df.device;
      const group = device.group;
      const set = device.set;
      lock(group.lock);
      lock(set.lock);
      if (device.openCount === 1) {
        devices.lastClose(df);
        devices.putKvm(device);
      }
      unlock(set.lock);
      device.openCount -= 1;
      unlock(group.lock);
    },
  },
};

/** The driver is opened by every opener, not by the first. */
export const everyOpenerOpens: Defect<Spec> = {
  breaks: [{ rule: devices.openedOnce, in: scenarios.twoOpeners }],
  instead: {
    dfOpen: df => {
      const device = df.device;
      assertHeld(device.set.lock);
      if (df.group === null && device.openCount > 0) return 'EINVAL';
      device.openCount += 1;
      const result = devices.firstOpen(df);
      if (result !== 0) device.openCount -= 1;
      return result;
    },
  },
};

/** Access is granted before the driver has opened the device: whoever has the descriptor too uses it half open. */
export const grantedTooEarly: Defect<Spec> = {
  breaks: [{ rule: devices.accessedWhileOpen, in: cdevs.usedWhileBound }],
  instead: {
    bindLocked: df => {
      const device = df.device;
      if (device.openCount > 0) return 'EINVAL';
      df.accessGranted = true;
      deviceFiles.fileGetKvmSafe(df);
      const result = devices.dfOpen(df);
      if (result !== 0) {
        df.accessGranted = false;
        devices.putKvm(device);
      }
      return result;
    },
  },
};

/** The last opener to go tells nobody: who unregisters the device asks for it for ever. */
export const nobodyIsTold: Defect<Spec> = {
  breaks: [{ rule: registrations.unregisteringEnds, in: scenarios.openRacesRemove }],
  instead: { allOpenersGone: () => undefined },
};

/** The driver is closed by every closer, not by the last. */
export const everyCloserCloses: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: scenarios.twoOpeners },
    { rule: devices.closedOnce, in: scenarios.twoOpeners },
  ],
  instead: {
    dfClose: df => {
      const device = df.device;
      assertHeld(device.set.lock);
      device.driver.close(device);
      device.openCount -= 1;
      if (device.openCount === 0) {
        groups.unuseContainer(device);
        devices.unpinDriver(device);
      }
    },
  },
};

/** The open device does not keep the group's file: closing that takes the container away under it. */
export const groupFileNotKept: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.deviceOutlivesVm }],
  instead: {
    deviceOwns: {
      kvm: kvm => kvm.users,
      putKvm: () => kvmModule.pins,
      driverKvm: kvm => kvm.users,
      pinned: module => module.pins,
    },
    useContainer: device => {
      const group = device.group;
      assertHeld(group.lock);
      if (group.containerUsers === 0) return 'EINVAL';
      group.containerUsers += 1;
      return 0;
    },
    unuseContainer: device => {
      const group = device.group;
      assertHeld(group.lock);
      group.containerUsers -= 1;
    },
  },
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

/** Removing a device does not wait for its openers. */
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

/** The device's pointer is not cleared when its machine is put. */
export const pointerNotCleared: Defect<Spec> = {
  breaks: [
    { rule: devices.devicesVmIsAlive, in: scenarios.deviceOutlivesVm },
    { rule: devices.vmOnlyWhileOpen, in: scenarios.deviceOutlivesVm },
    { rule: devices.putFunctionComesWithVm, in: scenarios.deviceOutlivesVm },
  ],
  instead: {
    putKvm: device => {
      assertHeld(device.set.lock);
      const kvm = device.kvm;
      const putFunction = device.putKvm;
      if (kvm === null || putFunction === null) return;
      putFunction(kvm);
      device.putKvm = null;
      symbolPut(kvmPutKvm);
    },
  },
};

/**
 * Telling a device's file its machine takes the lock of the device's set, as telling a group took the group's in Linux 6.2. KVM does it under its own lock,
 * which a driver takes inside the set's.
 */
export const setKvmTakesSetLock: Defect<Spec> = {
  breaks: [
    { rule: devices.setKvmTakesNoDeviceLock, in: cdevs.usedWhileFileTakenAway },
    { rule: groups.openingOrder, in: cdevs.usedWhileFileTakenAway },
  ],
  instead: {
    deviceFileSetKvm: (df, kvm) => {
      lock(df.device.set.lock);
      lock(df.kvmRefLock);
      df.kvm = kvm;
      unlock(df.kvmRefLock);
      unlock(df.device.set.lock);
    },
  },
};

/** Devices are counted without the locks that the counts are under. */
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

/** The graphics driver looks for its other devices without its lock, and finds none although one is about to be there. */
export const lookedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: drivers.gvtGuards, in: scenarios.secondForOneVm }],
  instead: {
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      if (some(gvt.attached, other => other.kvm === kvm)) return 'EEXIST';
      gvt.attached.add(device);
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
  },
};
