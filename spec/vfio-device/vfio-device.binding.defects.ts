/** What must not be done when a device is bound by a file of its own. */
import { always, type Defect, lock, maybe, unlock } from '../language.ts';
import * as deviceFiles from './device-file.ts';
import * as groups from './group.ts';
import * as calls from './vfio-device.calls.ts';
import * as cdevs from './vfio-device.cdev.scenarios.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as devices from './vfio-device.ts';

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
    { rule: calls.bindContract, in: cdevs.bindTwiceUntold },
    { rule: calls.bindContract, in: cdevs.bindTwiceSameVm },
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
 * Access is granted before the driver has opened the device: whoever has the descriptor too uses it half open.
 * @source no known occurrence: Linux 6.6, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), "Paired with smp_load_acquire()": the store is the last step
 */
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

/**
 * Telling a device's file its machine takes the lock of the device's set, as telling a group took the group's in Linux 6.2. KVM does it under its own lock,
 * which a driver takes inside the set's.
 * @source no known occurrence: Linux 2b48f52f2bff, whose point is that it takes nothing of the kind
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
