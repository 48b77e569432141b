/** The patch of July and August 2021 that replaces the flag: as proposed, as argued for, as merged, and its mistakes one by one. */
import { absent, always, bug, type Defect, get, lock, put, unlock, type Variant, writeLock, writeUnlock } from '../language.ts';
import * as kvms from './kvm.ts';
import { clearMasks, type Kvm, setMasks } from './kvm.ts';
import { unregisterNotifier } from './vfio.ts';
import * as scenarios from './vfio-ap-2021.scenarios.ts';
import * as ap from './vfio-ap-2021.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap-2021.ts';
import { isTaken, type Spec } from './vfio-ap-2021.variants.ts';

/** What every version of the patch does with a machine that is there: the hook first, by itself; then both locks, the put inside them. */
export function detach(mdev: MatrixMdev, kvm: Kvm): void {
  if (!kvm.hasCrypto) return;
  writeLock(kvm.hookRwsem);
  kvm.pqapHook = null;
  writeUnlock(kvm.hookRwsem);

  lock(kvm.lock);
  lock(matrixDev.lock);
  clearMasks(kvm);
  put(kvm.users);
  mdev.kvm = null;
  unlock(kvm.lock);
  unlock(matrixDev.lock);
}

/** The patch as proposed: its caller fetches the machine, and nobody tests it. Following null is where it ends. */
export function detachUntested(mdev: MatrixMdev, kvm: Kvm | null): void {
  if (kvm === null) bug();
  detach(mdev, kvm);
}

/** As merged: tested. */
export function detachTested(mdev: MatrixMdev, kvm: Kvm | null): void {
  if (kvm !== null) detach(mdev, kvm);
}

/**
 * The patch as it was merged. What was argued for it is about one machine that stays. They say nothing of a device that is refused and leaves its hook behind,
 * of a machine whose last reference is the device's own, whose lock is released after it is gone, or of a group that two machines have been given: the chain
 * of notifiers is only locked for reading, so both detach at once, and both put. All but the first are our own reading, not published.
 * @source Linux 86956e70761b, "s390/vfio-ap: replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification"
 * @fact D205, D207
 * @sure candidate
 */
export const asMerged: Defect<Spec> = {
  breaks: [
    { rule: ap.mdevGuards, in: scenarios.clearedOnce },
    { rule: ap.hookMeansAttached, in: scenarios.twoMdevsOneVm },
    { rule: kvms.hookIsLive, in: scenarios.twoMdevsOneVm },
    { rule: always.freedWhenIdle, in: scenarios.vmGoesFirst },
    { rule: always.referencesBalance, in: scenarios.twoVmsOneGroup },
  ],
  instead: {
    setKvm: (mdev, kvm) => {
      if (!kvm.hasCrypto) return 0;
      writeLock(kvm.hookRwsem);
      kvm.pqapHook = mdev;
      writeUnlock(kvm.hookRwsem);

      lock(kvm.lock);
      lock(matrixDev.lock);
      if (isTaken(mdev, kvm)) {
        unlock(kvm.lock);
        unlock(matrixDev.lock);
        return 'EPERM';
      }
      get(kvm.users);
      mdev.kvm = kvm;
      setMasks(kvm);
      unlock(kvm.lock);
      unlock(matrixDev.lock);
      return 0;
    },
    unsetKvm: mdev => {
      detachTested(mdev, mdev.kvm);
    },
  },
};

/**
 * The same patch by its own rules: who reads the machine of a device needs no lock, who changes it does. Three arguments are given why
 * that is enough, and each holds in the scenario that is named for it: `clearedOnce`, `thereUntilClosed`, `changedUnderLock`.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification"
 */
export const asArgued: Variant<Spec> = {
  of: asMerged,
  instead: {
    mdevGuards: { ...ap.mdevGuards, kvm: { read: () => true, write: () => matrixDev.lock } },
    hookMeansAttached: absent,
  },
};

/**
 * The patch as proposed. The notifier may have cleared the machine before the device is released, and what is passed on is not tested.
 * The answer on the list grants that; what it says of the order in which notifiers are unregistered is right, and does not help here.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", "now we just try to dereference it"
 * @fact D203
 */
export const asProposed: Defect<Spec> = {
  of: asMerged,
  breaks: [{ rule: always.bugNeverReached, in: scenarios.clearedOnce }],
  instead: {
    unsetKvm: mdev => {
      detachUntested(mdev, mdev.kvm);
    },
  },
};

/**
 * The machine is passed on as it was when the caller read it, without the lock. With two machines in play it may be gone by then.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", "not any more"
 * @fact D204
 * @sure candidate
 */
export const readByCaller: Defect<Spec> = {
  of: asMerged,
  breaks: [
    { rule: ap.mdevGuards, in: scenarios.twoVmsOneGroup },
    { rule: always.neverTouchedAfterFree, in: scenarios.twoVmsOneGroup },
  ],
  instead: {},
};

/**
 * Nothing makes the compiler fetch the pointer once; fetched for the test and again for the use, it may be null the second time.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", "guaranteed to fetch"
 * @fact D204
 */
export const fetchedTwice: Defect<Spec> = {
  of: asMerged,
  breaks: [
    { rule: ap.vmReadOnce, in: scenarios.clearedOnce },
    { rule: always.nullNeverFollowed, in: scenarios.twoVmsOneGroup },
  ],
  instead: {
    unsetKvm: mdev => {
      if (mdev.kvm !== null) detach(mdev, mdev.kvm);
    },
  },
};

/**
 * The device is detached before the notifier is: the notifier and the release both find a machine, and both put it. Linux 5.12 has this order under a lock, the patch
 * that gives up the lock turns it round.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", first point
 * @fact D206
 */
export const unregisteredLast: Defect<Spec> = {
  of: asMerged,
  breaks: [
    { rule: always.referencesBalance, in: scenarios.clearedOnce },
    { rule: always.quietAtTheEnd, in: scenarios.attachedWhileClosing },
  ],
  instead: {
    releaseDevice: mdev => {
      ap.unsetKvm(mdev);
      unregisterNotifier(mdev);
    },
  },
};
