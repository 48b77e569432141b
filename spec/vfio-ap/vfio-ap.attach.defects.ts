/** What can go wrong, or did, when a machine is attached to a device and detached from it. */
import { always, bug, type Defect, get, lock, put, unlock, writeLock, writeUnlock } from '../language.ts';
import * as kvms from './kvm.ts';
import { clearMasks, type Kvm } from './kvm.ts';
import * as matrices from './matrix.ts';
import { updateGuest } from './matrix.ts';
import { openDevice, unsetKvm } from './mdev.ts';
import * as queues from './queue.ts';
import { resetQueues } from './queue.ts';
import * as calls from './vfio-ap.calls.ts';
import * as scenarios from './vfio-ap.scenarios.ts';
import * as ap from './vfio-ap.ts';
import { lockForKvm, lockForMdev, type MatrixMdev, matrixDev, unlockForKvm, unlockForMdev } from './vfio-ap.ts';
import { isTaken, linux_6_12, lockWithoutHook, type Spec, unlockWithoutHook } from './vfio-ap.variants.ts';

// ---- The order of 2022

/** As from 2022 until August 2026. */
export function setKvmIn2022(mdev: MatrixMdev, kvm: Kvm): 0 | 'EPERM' {
  if (!kvm.hasCrypto) return 0;
  writeLock(kvm.hookRwsem);
  kvm.pqapHook = mdev;
  writeUnlock(kvm.hookRwsem);

  lockWithoutHook(kvm);
  if (isTaken(mdev, kvm)) {
    unlockWithoutHook(kvm);
    return 'EPERM';
  }
  get(kvm.users);
  mdev.kvm = kvm;
  updateGuest(mdev);
  unlockWithoutHook(kvm);
  return 0;
}

/**
 * A device that is refused leaves its hook in the machine of the one that was first, and keeps it there when it is removed: the guest's next instruction calls into freed memory.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(); mended by 4400270ec034
 * @fact D209
 */
export const hookAfterRefusal: Defect<Spec> = {
  breaks: [
    { rule: ap.hookMeansAttached, in: scenarios.twoMdevsOneVm },
    { rule: kvms.hookIsLive, in: scenarios.twoMdevsOneVm },
    { rule: always.neverTouchedAfterFree, in: scenarios.twoMdevsOneVm },
    { rule: calls.openContract, in: scenarios.twoMdevsOneVm },
  ],
  instead: { setKvm: (mdev, kvm) => setKvmIn2022(mdev, kvm) },
};

/**
 * The machine is put under its own lock. Since Linux 6.3 the core holds another reference until the driver is done, so that this one is never the last; before that,
 * if the machine's files are closed first, it is, and the lock is released after it is gone. That it can be the last is our own reading, not published.
 * @source Linux 6.1, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(); drivers/vfio/vfio_main.c, vfio_device_first_open()
 * @fact D217
 * @sure candidate
 */
export const putUnderLocks: Defect<Spec> = {
  of: linux_6_12,
  breaks: [
    { rule: always.freedWhenIdle, in: scenarios.vmGoesFirst },
    { rule: always.freedWhenIdle, in: scenarios.interceptWhileClosing },
  ],
  instead: {
    firstOpen: (mdev, kvm) => {
      const result = openDevice(mdev, kvm);
      if (result === 0) mdev.opened = true;
      return result;
    },
  },
};

// ---- Locks

/**
 * The machine's lock is taken under the driver's, where a guest's instruction waits for the driver's under its processor's mutex.
 * @source Linux f21916ec4826, vfio_ap_mdev_set_kvm(): in the driver of 2021, here in that of 2026
 */
export const vmLockInside: Defect<Spec> = {
  breaks: [
    { rule: ap.interceptOrder, in: scenarios.interceptWhileClosing },
    { rule: ap.updateLocks, in: scenarios.interceptWhileClosing },
    { rule: always.everyWaitEnds, in: scenarios.interceptWhileClosing },
  ],
  instead: {
    lockForKvm: kvm => {
      lock(matrixDev.guestsLock);
      lock(matrixDev.mdevsLock);
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
    },
  },
};

/**
 * The locks are released from the outside in. Nobody hangs; but who looks at what is held can no longer tell what protects what.
 * @source Linux 86956e70761b, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm()
 */
export const releasedOutsideIn: Defect<Spec> = {
  breaks: [{ rule: ap.updateLocks, in: scenarios.vmGoesFirst }],
  instead: {
    unlockForKvm: kvm => {
      unlock(kvm.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(matrixDev.mdevsLock);
      unlock(matrixDev.guestsLock);
    },
  },
};

/**
 * Who releases asks the device for its machine, which has been cleared: the machine stays locked. Avoided by helpers that are given the machine.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, release_update_locks_for_kvm()
 * @fact D218
 */
export const releaseReadsAgain: Defect<Spec> = {
  breaks: [
    { rule: always.freedWhenIdle, in: scenarios.vmGoesFirst },
    { rule: always.locksBalance, in: scenarios.vmGoesFirst },
  ],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      writeLock(kvm.hookRwsem);
      kvm.pqapHook = null;
      writeUnlock(kvm.hookRwsem);
      lockForMdev(mdev);
      clearMasks(kvm);
      resetQueues(mdev);
      mdev.kvm = null;
      unlockForMdev(mdev);
      put(kvm.users);
    },
  },
};

/**
 * Who attaches takes the locks of the device: its machine's is not among them, as it has none yet. When it has, that lock is released.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, get_update_locks_for_mdev(), where get_update_locks_for_kvm() belongs: no known occurrence
 * @fact D218
 */
export const locksOfTheDevice: Defect<Spec> = {
  breaks: [{ rule: always.releasedByHolder, in: scenarios.openedWithoutVm }],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lockForMdev(mdev);
      if (kvm.pqapHook !== null) {
        unlockForMdev(mdev);
        return 'EPERM';
      }
      writeLock(kvm.hookRwsem);
      kvm.pqapHook = mdev;
      writeUnlock(kvm.hookRwsem);
      get(kvm.users);
      mdev.kvm = kvm;
      updateGuest(mdev);
      unlockForMdev(mdev);
      return 0;
    },
  },
};

/**
 * What the guest sees is changed without the machine's lock.
 * @source no known occurrence: Linux 6.12, Documentation/arch/s390/vfio-ap-locking.rst, asks for it
 */
export const masksWithoutVmLock: Defect<Spec> = {
  breaks: [{ rule: kvms.kvmGuards, in: scenarios.vmGoesFirst }],
  instead: {
    lockForKvm: kvm => {
      lock(matrixDev.guestsLock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.mdevsLock);
    },
    unlockForKvm: kvm => {
      unlock(matrixDev.mdevsLock);
      writeUnlock(kvm.hookRwsem);
      unlock(matrixDev.guestsLock);
    },
  },
};

/**
 * The hook is read, then called, outside its semaphore; the device may be detached in between, and removed.
 * @source Linux 5.14, arch/s390/kvm/priv.c, handle_pqap(); mended by 1e753732bda6
 */
export const hookOutsideSemaphore: Defect<Spec> = {
  breaks: [
    { rule: kvms.kvmGuards, in: scenarios.removedWhileUsed },
    { rule: always.neverTouchedAfterFree, in: scenarios.removedWhileUsed },
  ],
  instead: {
    runPqap: (file, adapter, enable) => {
      const vcpu = file.vcpu;
      const kvm = vcpu.kvm;
      lock(vcpu.mutex);
      const hook = kvm.pqapHook;
      const result = hook === null ? 0 : queues.handlePqap(hook, vcpu, adapter, enable);
      unlock(vcpu.mutex);
      return result;
    },
  },
};

/**
 * The device is closed without the lock that keeps opening and closing apart, under which the machine is read.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_close(), lockdep_assert_held(&device->dev_set->lock)
 */
export const closedWithoutSetLock: Defect<Spec> = {
  breaks: [{ rule: ap.mdevGuards, in: scenarios.vmGoesFirst }],
  instead: {
    closeDevice: mdev => {
      unlock(mdev.set.lock);
      unsetKvm(mdev);
      lock(mdev.set.lock);
    },
  },
};

// ---- What belongs together

/**
 * The device detaches and leaves its hook.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), takes the hook off first
 */
export const hookStays: Defect<Spec> = {
  breaks: [
    { rule: ap.hookMeansAttached, in: scenarios.removedWhileUsed },
    { rule: kvms.hookIsLive, in: scenarios.removedWhileUsed },
  ],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      lockForKvm(kvm);
      clearMasks(kvm);
      resetQueues(mdev);
      mdev.kvm = null;
      unlockForKvm(kvm);
      put(kvm.users);
    },
  },
};

/**
 * The device detaches, and the guest goes on seeing its adapters.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), kvm_arch_crypto_clear_masks()
 */
export const masksStay: Defect<Spec> = {
  breaks: [{ rule: ap.unhookedSeesNothing, in: scenarios.interceptWhileClosing }],
  instead: { clearMasks: () => {} },
};

/**
 * The device detaches without resetting its queues: their interrupts go on.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), vfio_ap_mdev_reset_queues()
 */
export const queuesNotReset: Defect<Spec> = {
  breaks: [{ rule: queues.interruptsMeanAttached, in: scenarios.interceptWhileClosing }],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      lockForKvm(kvm);
      kvm.pqapHook = null;
      clearMasks(kvm);
      mdev.kvm = null;
      unlockForKvm(kvm);
      put(kvm.users);
    },
  },
};

/**
 * A device attaches to a machine that another has.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(), without its loop
 */
export const attachedTwice: Defect<Spec> = {
  breaks: [{ rule: ap.oneMdevPerVm, in: scenarios.twoMdevsOneVm }],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lockForKvm(kvm);
      kvm.pqapHook = mdev;
      get(kvm.users);
      mdev.kvm = kvm;
      updateGuest(mdev);
      unlockForKvm(kvm);
      return 0;
    },
  },
};

/**
 * The device puts its machine and goes on pointing to it.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), "matrix_mdev->kvm = NULL"
 */
export const pointerStays: Defect<Spec> = {
  breaks: [{ rule: ap.attachedVmIsAlive, in: scenarios.vmGoesFirst }],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      lockForKvm(kvm);
      kvm.pqapHook = null;
      clearMasks(kvm);
      resetQueues(mdev);
      unlockForKvm(kvm);
      put(kvm.users);
    },
  },
};

/**
 * The device detaches and does not put its machine.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), kvm_put_kvm()
 */
export const vmNotPut: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.vmGoesFirst }],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      lockForKvm(kvm);
      kvm.pqapHook = null;
      clearMasks(kvm);
      resetQueues(mdev);
      mdev.kvm = null;
      unlockForKvm(kvm);
    },
  },
};

/**
 * A machine is attached and its guest is not shown the adapters.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(), vfio_ap_mdev_update_guest_apcb()
 */
export const guestNotTold: Defect<Spec> = {
  breaks: [{ rule: matrices.guestSeesItsMatrix, in: scenarios.vmGoesFirst }],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lockForKvm(kvm);
      if (kvm.pqapHook !== null) {
        unlockForKvm(kvm);
        return 'EPERM';
      }
      kvm.pqapHook = mdev;
      get(kvm.users);
      mdev.kvm = kvm;
      unlockForKvm(kvm);
      return 0;
    },
  },
};

/**
 * Opening without a machine is taken for granted not to happen.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_open_device(), "if (!vdev->kvm)"
 */
export const machineNotAskedFor: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.openedWithoutVm }],
  instead: {
    openDevice: (mdev, kvm) => {
      // What the compiler would follow here is null.
      if (kvm === null) bug();
      return setKvmIn2022(mdev, kvm);
    },
  },
};
