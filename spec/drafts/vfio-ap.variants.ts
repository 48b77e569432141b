/** The summer of 2021: the open-coded lock, and the patch that replaces it. */
import {
  alloc,
  always,
  bug,
  type Defect,
  get,
  type LockOrder,
  lock,
  put,
  type Scenario,
  unlock,
  type Variant,
  waitEventUnlocked,
  wakeAll,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { closeVm, createVm, type Kvm } from './kvm.ts';
import * as ap from './vfio-ap.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap.ts';
import type { DeviceSet } from './vfio-device.ts';

/** Until 2022 VFIO told the mdev its VM, null when it had none any more; while the file might be closing. */
export function notify(mdev: MatrixMdev, kvm: Kvm | null): void {
  if (kvm === null) ap.unsetKvm(mdev);
  else ap.setKvm(mdev, kvm);
}

/** Taking the VM away and closing the file overlap; the VM's own file closes too. */
export const twoWaysOut: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const mdev = alloc<MatrixMdev>({ set: alloc<DeviceSet>({}) });
  stays(mdev);
  ap.openMdev(mdev, vm.kvm);
  thread(() => notify(mdev, null));
  thread(() => ap.closeMdev(mdev));
  thread(() => closeVm(vm));
};

/** One lock for everything; the VM's lock outside it. */
export const oneLock: Variant<typeof ap> = {
  instead: {
    updateLocks: kvm => [kvm.lock, matrixDev.mdevsLock],
    mdevGuards: { ...ap.mdevGuards, kvm: () => matrixDev.mdevsLock },
  },
};

/** A flag that is used as a lock has its place in the order like any other. */
export const busyOrder: LockOrder<[MatrixMdev, Kvm]> = (mdev, kvm) => [kvm.lock, mdev.kvmBusy];

/**
 * A flag with a wait queue stands for a lock that lockdep cannot see. It is waited for under kvm.lock, and held while kvm.lock is taken.
 * @source kvm and s390 mailing lists, July 2021, replacing the open-coded lock of vfio-ap, the removed lines
 */
export const openCodedLock: Defect<typeof ap> = {
  of: oneLock,
  breaks: [{ rule: always.noLockCycle, in: ap.guestLosesVm }],
  also: [busyOrder],
  instead: {
    handlePqap: mdev => {
      lock(matrixDev.mdevsLock);
      waitEventUnlocked(mdev.waitForKvm, () => mdev.kvmBusy === 'free', matrixDev.mdevsLock);
      unlock(matrixDev.mdevsLock);
    },

    unsetKvm: mdev => {
      lock(matrixDev.mdevsLock);
      waitEventUnlocked(mdev.waitForKvm, () => mdev.kvmBusy === 'free', matrixDev.mdevsLock);
      const kvm = mdev.kvm;
      if (kvm !== null) {
        mdev.kvmBusy = 'taken';
        unlock(matrixDev.mdevsLock);

        writeLock(kvm.hookRwsem);
        kvm.pqapHook = null;
        writeUnlock(kvm.hookRwsem);
        lock(kvm.lock);
        kvm.masksSet = false;
        unlock(kvm.lock);

        lock(matrixDev.mdevsLock);
        ap.resetQueues(mdev);
        put(kvm.users);
        mdev.kvm = null;
        mdev.kvmBusy = 'free';
        wakeAll(mdev.waitForKvm);
      }
      unlock(matrixDev.mdevsLock);
    },
  },
};

/**
 * The VM is read by the caller, without a lock, and used without a test.
 * @source kvm and s390 mailing lists, July 2021, replacing the open-coded lock of vfio-ap, "I don't think the code is guaranteed to fetch ->kvm just once"
 */
export const vmAsArgument: Defect<typeof ap> = {
  of: oneLock,
  breaks: [
    { rule: ap.mdevGuards, in: twoWaysOut },
    { rule: ap.vmReadOnce, in: twoWaysOut },
    { rule: ap.updateLocks, in: twoWaysOut },
    { rule: always.bugNeverReached, in: twoWaysOut },
    { rule: always.neverTouchedAfterFree, in: twoWaysOut },
  ],
  instead: {
    unsetKvm: mdev => unsetKvmGiven(mdev, mdev.kvm),
  },
};

/** The code does not ask whether there is a VM; following null is where it ends. */
function unsetKvmGiven(mdev: MatrixMdev, kvm: Kvm | null): void {
  if (kvm === null) bug();
  if (kvm.hasCrypto) {
    writeLock(kvm.hookRwsem);
    kvm.pqapHook = null;
    writeUnlock(kvm.hookRwsem);

    lock(kvm.lock);
    lock(matrixDev.mdevsLock);
    kvm.masksSet = false;
    ap.resetQueues(mdev);
    put(kvm.users);
    mdev.kvm = null;
    unlock(kvm.lock);
    unlock(matrixDev.mdevsLock);
  }
}

/** A refused mdev leaves its hook in the VM. */
export const hookSurvivesRefusal: Defect<typeof ap> = {
  breaks: [
    { rule: ap.hookMeansAttached, in: ap.twoMdevsOneVm },
    { rule: ap.openDeviceContract, in: ap.twoMdevsOneVm },
  ],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      writeLock(kvm.hookRwsem);
      const taken = kvm.pqapHook !== null;
      kvm.pqapHook = mdev;
      writeUnlock(kvm.hookRwsem);
      if (taken) return 'EPERM';
      lock(kvm.lock);
      lock(matrixDev.mdevsLock);
      get(kvm.users);
      mdev.kvm = kvm;
      unlock(matrixDev.mdevsLock);
      unlock(kvm.lock);
      return 0;
    },
  },
};
