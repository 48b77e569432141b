/** Mistakes that nobody made: what would happen otherwise. */
import { always, type Defect, free, get, lock, put, readLock, readUnlock, unlock, writeLock, writeUnlock } from '../language.ts';
import * as kvms from './kvm.ts';
import { clearMasks, setMasks } from './kvm.ts';
import * as vfios from './vfio.ts';
import { unregisterNotifier } from './vfio.ts';
import * as contracts from './vfio-ap-2021.contracts.ts';
import * as scenarios from './vfio-ap-2021.scenarios.ts';
import * as ap from './vfio-ap-2021.ts';
import { matrixDev } from './vfio-ap-2021.ts';
import type { Spec } from './vfio-ap-2021.variants.ts';

/**
 * The notifier is unregistered by its own callback, which runs in the chain's read section.
 * @fact D503
 */
export const unregistersItself: Defect<Spec> = {
  breaks: [{ rule: always.neverTakenTwice, in: scenarios.withdrawnWhileClosing }],
  instead: {
    groupNotifier: (mdev, kvm) => {
      if (kvm === null) {
        unregisterNotifier(mdev);
        ap.unsetKvm(mdev);
      } else {
        ap.setKvm(mdev, kvm);
      }
    },
  },
};

/** The notifier is unregistered under the driver's lock, which notifiers take. */
export const unregisteredUnderLock: Defect<Spec> = {
  breaks: [
    { rule: ap.notifierOrder, in: scenarios.withdrawnWhileClosing },
    { rule: always.everyWaitEnds, in: scenarios.withdrawnWhileClosing },
  ],
  instead: {
    releaseDevice: mdev => {
      lock(matrixDev.lock);
      unregisterNotifier(mdev);
      unlock(matrixDev.lock);
      ap.unsetKvm(mdev);
    },
  },
};

/** The machine that is found is not found again once the locks are there: two who detach at once both put it. */
export const notLookedAtAgain: Defect<Spec> = {
  breaks: [{ rule: always.referencesBalance, in: scenarios.twoVmsOneGroup }],
  instead: {
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      const kvm = mdev.kvm;
      if (kvm !== null) get(kvm.users);
      unlock(matrixDev.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.lock);
      kvm.pqapHook = null;
      clearMasks(kvm);
      mdev.kvm = null;
      unlock(matrixDev.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(kvm.lock);
      put(kvm.users);
      put(kvm.users);
    },
  },
};

/** The machine is not held between finding it and taking its lock. */
export const notPinned: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.twoVmsOneGroup }],
  instead: {
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      const kvm = mdev.kvm;
      unlock(matrixDev.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.lock);
      const attached = kvm.pqapHook === mdev;
      if (attached) {
        kvm.pqapHook = null;
        clearMasks(kvm);
        mdev.kvm = null;
      }
      unlock(matrixDev.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(kvm.lock);
      if (attached) put(kvm.users);
    },
  },
};

/** A device attaches to a machine that another has. */
export const attachedTwice: Defect<Spec> = {
  breaks: [
    { rule: ap.oneMdevPerVm, in: scenarios.twoMdevsOneVm },
    { rule: contracts.setKvmContract, in: scenarios.refused },
  ],
  instead: {
    setKvm: (mdev, kvm) => {
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.lock);
      kvm.pqapHook = mdev;
      get(kvm.users);
      mdev.kvm = kvm;
      setMasks(kvm);
      unlock(matrixDev.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(kvm.lock);
      return 0;
    },
  },
};

/** The device does not hold its machine. */
export const vmNotHeld: Defect<Spec> = {
  breaks: [{ rule: ap.attachedVmIsAlive, in: scenarios.vmGoesFirst }],
  instead: {
    mdevOwns: {},
    setKvm: (mdev, kvm) => {
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.lock);
      kvm.pqapHook = mdev;
      mdev.kvm = kvm;
      setMasks(kvm);
      unlock(matrixDev.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(kvm.lock);
      return 0;
    },
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      const kvm = mdev.kvm;
      unlock(matrixDev.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      writeLock(kvm.hookRwsem);
      lock(matrixDev.lock);
      kvm.pqapHook = null;
      clearMasks(kvm);
      mdev.kvm = null;
      unlock(matrixDev.lock);
      writeUnlock(kvm.hookRwsem);
      unlock(kvm.lock);
    },
  },
};

/** What the guest sees is changed without the machine's lock, and the hook without its semaphore. */
export const vmWithoutLocks: Defect<Spec> = {
  breaks: [{ rule: kvms.kvmGuards, in: scenarios.usedWhileClosing }],
  instead: {
    unsetKvm: mdev => {
      lock(matrixDev.lock);
      const kvm = mdev.kvm;
      if (kvm !== null) {
        kvm.pqapHook = null;
        clearMasks(kvm);
        mdev.kvm = null;
      }
      unlock(matrixDev.lock);
      if (kvm !== null) put(kvm.users);
    },
  },
};

/** Whether the driver wants to be told is asked outside the chain's semaphore. */
export const chainWithoutLock: Defect<Spec> = {
  breaks: [{ rule: vfios.groupGuards, in: scenarios.withdrawnWhileClosing }],
  instead: {
    notifyGroup: (group, kvm) => {
      const notified = group.notified;
      readLock(group.notifierRwsem);
      const mdev = group.device;
      if (notified && mdev !== null) ap.groupNotifier(mdev, kvm);
      readUnlock(group.notifierRwsem);
    },
  },
};

/** The list of devices is changed without the driver's lock. */
export const listWithoutLock: Defect<Spec> = {
  breaks: [{ rule: ap.matrixDevGuards, in: scenarios.thereUntilClosed }],
  instead: {
    removeDevice: mdev => {
      matrixDev.mdevs.delete(mdev);
      free(mdev);
    },
  },
};

/** The device goes without waiting for who has it open. */
export const removedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.thereUntilClosed }],
  instead: {
    removeMdev: mdev => {
      put(mdev.users);
      ap.removeDevice(mdev);
    },
  },
};

/** An adapter is assigned while a guest uses the device. */
export const assignedWhileUsed: Defect<Spec> = {
  breaks: [{ rule: contracts.assignContract, in: scenarios.assignWhileUsed }],
  instead: {
    assign: mdev => {
      lock(matrixDev.lock);
      mdev.assigned = true;
      unlock(matrixDev.lock);
      return 0;
    },
  },
};
