/** What must not be done when a device is opened and closed. */
import { alloc, always, assertHeld, type Defect, free, lock, put, symbolPut, unlock } from '../language.ts';
import type { DeviceFile } from './device-file.ts';
import * as groups from './group.ts';
import { kvmModule, kvmPutKvm } from './kvm.ts';
import type { OpenFile } from './open-file.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';

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

/**
 * The driver is opened by every opener, not by the first.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open(), without its test of the count
 */
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

/**
 * The driver is closed by every closer, not by the last.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_close(), without its test of the count
 */
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

/**
 * The open device does not keep the group's file: closing that takes the container away under it.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_group_use_container(), without get_file()
 */
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
 * The device's pointer is not cleared when its machine is put.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_put_kvm(), "device->kvm = NULL"
 */
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
 * The machine is got before the set's lock is taken, under which it is kept: two openers both get it, and one reference is left.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe(), lockdep_assert_held(&device->dev_set->lock)
 */
export const gotBeforeSetLock: Defect<Spec> = {
  breaks: [
    { rule: always.heldWhereAsserted, in: scenarios.twoOpeners },
    { rule: devices.deviceGuards, in: scenarios.twoOpeners },
  ],
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
      if (device.openCount === 0) groups.groupGetKvmSafe(device);
      lock(set.lock);
      const result = devices.dfOpen(df);
      if (result === 0) df.accessGranted = true;
      if (device.openCount === 0) devices.putKvm(device);
      unlock(set.lock);
      unlock(group.lock);
      return result;
    },
  },
};

/**
 * An open that has failed is closed as if it had not: the count of openers goes below zero, and the next opener is not the first.
 * @source Linux 982ddd59ed97, "vfio: Prevent open_count decrement to negative"; that it is this path is our own reading
 */
export const closesWhatDidNotOpen: Defect<Spec> = {
  breaks: [{ rule: always.valuesInBounds, in: scenarios.secondCryptoUser }],
  instead: {
    openThroughGroup: (group, device, fd) => {
      if (!groups.findDevice(group, device)) return 'ENODEV';
      const df = alloc<DeviceFile>({ device, group });
      const result = groups.groupOpen(df);
      if (result !== 0) {
        groups.groupClose(df);
        free(df);
        put(device.registration);
        return result;
      }
      const file = alloc<OpenFile>({ df, refs: 1 });
      fd.file = file;
      return 0;
    },
  },
};
