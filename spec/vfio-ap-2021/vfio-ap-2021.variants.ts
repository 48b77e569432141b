/** What was tried between December 2020 and July 2021: each a kernel, or a patch, as it was. */
import {
  always,
  type Defect,
  get,
  lock,
  put,
  readLock,
  readUnlock,
  unlock,
  waitEventUnlocked,
  wakeAll,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as kvms from './kvm.ts';
import { clearMasks, type Kvm, setMasks } from './kvm.ts';
import type * as vfios from './vfio.ts';
import { unregisterNotifier } from './vfio.ts';
import type * as contracts from './vfio-ap-2021.contracts.ts';
import * as scenarios from './vfio-ap-2021.scenarios.ts';
import * as ap from './vfio-ap-2021.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap-2021.ts';

export type Spec = typeof ap & typeof contracts & typeof kvms & typeof scenarios & typeof vfios;

/** Whether another device has the machine. */
export function isTaken(mdev: MatrixMdev, kvm: Kvm): boolean {
  for (const other of matrixDev.mdevs) {
    if (other !== mdev && other.kvm === kvm) return true;
  }
  return false;
}

// ---- Linux 5.11: the machine's lock inside the driver's

/**
 * The machine's lock is taken under the driver's, to clear the masks. A guest's instruction takes the driver's lock under its processor's
 * mutex, and making the guest a protected one takes that mutex under the machine's lock.
 * @source Linux f21916ec4826, and the lockdep report in 0cc00c8d4050
 * @fact D201
 */
export const vmLockInside: Defect<Spec> = {
  breaks: [
    { rule: ap.interceptOrder, in: scenarios.interceptWhileClosing },
    { rule: always.noLockCycle, in: scenarios.interceptWhileClosing },
    { rule: always.everyWaitEnds, in: scenarios.interceptWhileClosing },
  ],
  instead: {
    // The hook has no lock of its own yet; it is changed under the driver's.
    kvmGuards: { ...kvms.kvmGuards, pqapHook: { read: () => true, write: () => matrixDev.lock } },
    setKvm: (mdev, kvm) => {
      lock(matrixDev.lock);
      if (isTaken(mdev, kvm) || mdev.kvm !== null) {
        unlock(matrixDev.lock);
        return 'EPERM';
      }
      mdev.kvm = kvm;
      get(kvm.users);
      kvm.pqapHook = mdev;
      lock(kvm.lock);
      setMasks(kvm);
      unlock(kvm.lock);
      unlock(matrixDev.lock);
      return 0;
    },
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      const kvm = mdev.kvm;
      if (kvm !== null) {
        lock(kvm.lock);
        clearMasks(kvm);
        unlock(kvm.lock);
        kvm.pqapHook = null;
        mdev.kvm = null;
        put(kvm.users);
      }
      unlock(matrixDev.lock);
    },
  },
};

// ---- Linux 5.12: a flag and a wait queue

/** The machine is being set or cleared. The caller holds the driver's lock, and will let go of it. */
export function raiseFlag(mdev: MatrixMdev): void {
  mdev.kvmBusy = 'taken';
}

/** The machine is set or cleared. The caller holds the driver's lock again. */
export function lowerFlag(mdev: MatrixMdev): void {
  mdev.kvmBusy = 'free';
  wakeAll(mdev.waitForKvm);
}

/** Wait until nobody is setting or clearing the machine. The driver's lock is let go of meanwhile. */
export function waitWhileBusy(mdev: MatrixMdev): void {
  waitEventUnlocked(mdev.waitForKvm, () => mdev.kvmBusy === 'free', matrixDev.lock);
}

/**
 * Whoever changes the machine of a device raises a flag under the driver's lock, lets go of that, and takes the machine's; everyone who
 * needs to know waits for the flag. So the flag is a lock, taken in both orders, and lockdep does not see it. Whether it can hang was
 * disputed on the list and left open. It does here: a processor in an intercept waits for the flag, its owner waits for the machine's lock, and
 * who makes the guest a protected one has that and waits for the processor. Protected guests had no adapters then.
 *
 * The hook is read twice, and under no lock. And the device is detached before the notifier is, so that a machine that comes in between stays for ever;
 * that is our own reading, not published.
 * @source Linux 0cc00c8d4050; s390 mailing list, July 2021, Gunthorpe, Krowiak and Pasic on "do not open code locks for VFIO_GROUP_NOTIFY_SET_KVM notification"
 * @fact D202
 */
export const openCodedLock: Defect<Spec> = {
  breaks: [
    { rule: always.noLockCycle, in: scenarios.interceptWhileClosing },
    { rule: always.everyWaitEnds, in: scenarios.interceptWhileClosing },
    { rule: always.nullNeverFollowed, in: scenarios.interceptWhileClosing },
    { rule: always.quietAtTheEnd, in: scenarios.attachedWhileClosing },
  ],
  instead: {
    kvmGuards: { ...kvms.kvmGuards, pqapHook: { read: () => true, write: () => matrixDev.lock } },
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lock(matrixDev.lock);
      if (isTaken(mdev, kvm)) {
        unlock(matrixDev.lock);
        return 'EPERM';
      }
      get(kvm.users);
      raiseFlag(mdev);
      unlock(matrixDev.lock);
      lock(kvm.lock);
      setMasks(kvm);
      unlock(kvm.lock);
      lock(matrixDev.lock);
      kvm.pqapHook = mdev;
      mdev.kvm = kvm;
      lowerFlag(mdev);
      unlock(matrixDev.lock);
      return 0;
    },
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      waitWhileBusy(mdev);
      const kvm = mdev.kvm;
      if (kvm !== null) {
        raiseFlag(mdev);
        unlock(matrixDev.lock);
        lock(kvm.lock);
        clearMasks(kvm);
        unlock(kvm.lock);
        lock(matrixDev.lock);
        kvm.pqapHook = null;
        mdev.kvm = null;
        put(kvm.users);
        lowerFlag(mdev);
      }
      unlock(matrixDev.lock);
    },
    runPqap: file => {
      const vcpu = file.vcpu;
      const kvm = vcpu.kvm;
      lock(vcpu.mutex);
      const hooked = kvm.pqapHook !== null;
      if (kvm.pqapHook !== null) ap.handlePqap(kvm.pqapHook);
      unlock(vcpu.mutex);
      return hooked;
    },
    handlePqap: mdev => {
      lock(matrixDev.lock);
      waitWhileBusy(mdev);
      const attached = mdev.kvm !== null;
      unlock(matrixDev.lock);
      if (!attached) return;
    },
    assign: mdev => {
      lock(matrixDev.lock);
      const busy = mdev.kvmBusy === 'taken' || mdev.kvm !== null;
      if (!busy) mdev.assigned = true;
      unlock(matrixDev.lock);
      return busy ? 'EBUSY' : 0;
    },
    releaseDevice: mdev => {
      ap.unsetKvm(mdev);
      unregisterNotifier(mdev);
    },
  },
};

/**
 * A device that is refused because another has the machine leaves the flag up: its next user waits for ever. Found in review, and
 * mended before it was merged.
 * @source s390 mailing list, March 2021, Pasic on "fix circular lockdep when setting/clearing crypto masks", "kvm_busy will remain true if we take this exit"
 */
export const busyAfterRefusal: Defect<Spec> = {
  of: openCodedLock,
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.twoMdevsOneVm }],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lock(matrixDev.lock);
      raiseFlag(mdev);
      if (isTaken(mdev, kvm)) {
        wakeAll(mdev.waitForKvm);
        unlock(matrixDev.lock);
        return 'EPERM';
      }
      get(kvm.users);
      unlock(matrixDev.lock);
      lock(kvm.lock);
      setMasks(kvm);
      unlock(kvm.lock);
      lock(matrixDev.lock);
      kvm.pqapHook = mdev;
      mdev.kvm = kvm;
      lowerFlag(mdev);
      unlock(matrixDev.lock);
      return 0;
    },
  },
};

/**
 * The first of the two patches of August 2021 without the second: the hook gets a semaphore, which a processor holds while it waits for the flag. Two threads
 * are enough now: the flag's owner waits for the semaphore. Our own reading, not published; the two were merged together.
 * @source Linux 1e753732bda6, "s390/vfio-ap: r/w lock for PQAP interception handler function pointer"
 */
export const semaphoreAroundFlag: Defect<Spec> = {
  of: openCodedLock,
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.usedWhileClosing }],
  instead: {
    kvmGuards: { vcpus: kvm => kvm.lock, pqapHook: kvm => kvm.hookRwsem, masksSet: kvm => kvm.lock },
    runPqap: file => {
      const vcpu = file.vcpu;
      const kvm = vcpu.kvm;
      lock(vcpu.mutex);
      readLock(kvm.hookRwsem);
      const hook = kvm.pqapHook;
      if (hook !== null) ap.handlePqap(hook);
      readUnlock(kvm.hookRwsem);
      unlock(vcpu.mutex);
      return hook !== null;
    },
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      lock(matrixDev.lock);
      if (isTaken(mdev, kvm)) {
        unlock(matrixDev.lock);
        return 'EPERM';
      }
      get(kvm.users);
      mdev.kvm = kvm;
      raiseFlag(mdev);
      unlock(matrixDev.lock);
      writeLock(kvm.hookRwsem);
      kvm.pqapHook = mdev;
      writeUnlock(kvm.hookRwsem);
      lock(kvm.lock);
      setMasks(kvm);
      unlock(kvm.lock);
      lock(matrixDev.lock);
      lowerFlag(mdev);
      unlock(matrixDev.lock);
      return 0;
    },
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      waitWhileBusy(mdev);
      const kvm = mdev.kvm;
      if (kvm !== null) {
        raiseFlag(mdev);
        unlock(matrixDev.lock);
        if (kvm.hasCrypto) {
          writeLock(kvm.hookRwsem);
          kvm.pqapHook = null;
          writeUnlock(kvm.hookRwsem);
          lock(kvm.lock);
          clearMasks(kvm);
          unlock(kvm.lock);
        }
        lock(matrixDev.lock);
        mdev.kvm = null;
        put(kvm.users);
        lowerFlag(mdev);
      }
      unlock(matrixDev.lock);
    },
  },
};
