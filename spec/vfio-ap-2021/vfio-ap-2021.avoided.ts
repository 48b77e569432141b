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
import { lowerFlag, openCodedLock, raiseFlag, type Spec } from './vfio-ap-2021.variants.ts';

/**
 * The notifier is unregistered by its own callback, which runs in the chain's read section.
 * @source no known occurrence here: Linux f16bd3dda2c8 is about another chain
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

/**
 * The notifier is unregistered under the driver's lock, which notifiers take.
 * @source no known occurrence: Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_release(), unregisters before it locks
 */
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

/**
 * The machine that is found is not found again once the locks are there: two who detach at once both put it.
 * @source no known occurrence: s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", what a second detaching would find
 */
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

/**
 * The machine is not held between finding it and taking its lock.
 * @source no known occurrence: s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", on who keeps the machine while its lock is waited for
 */
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

/**
 * A device attaches to a machine that another has.
 * @source no known occurrence: Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(), without its loop
 */
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

/**
 * The device does not hold its machine.
 * @source no known occurrence: Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(), without kvm_get_kvm()
 */
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

/**
 * What the guest sees is changed without the machine's lock, and the hook without its semaphore.
 * @source no known occurrence: Linux 1e753732bda6 and 86956e70761b give each its lock
 */
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

/**
 * Whether the driver wants to be told is asked outside the chain's semaphore.
 * @source no known occurrence: Linux 5.13, kernel/notifier.c, takes its semaphore first
 */
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

/**
 * The list of devices is changed without the driver's lock.
 * @source no known occurrence: Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove(), deletes under the driver's lock
 */
export const listWithoutLock: Defect<Spec> = {
  breaks: [{ rule: ap.matrixDevGuards, in: scenarios.thereUntilClosed }],
  instead: {
    removeDevice: mdev => {
      matrixDev.mdevs.delete(mdev);
      free(mdev);
    },
  },
};

/**
 * The device goes without waiting for who has it open.
 * @source no known occurrence: s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", second point: the core waits for who has the device open
 */
export const removedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.thereUntilClosed }],
  instead: {
    removeMdev: mdev => {
      put(mdev.users);
      ap.removeDevice(mdev);
    },
  },
};

/**
 * An adapter is assigned while a guest uses the device.
 * @source no known occurrence in 2021; since 2022 it is allowed, and the guest gets the adapter at once
 */
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

/**
 * With the flag of Linux 5.12, who detaches does not wait for it: somebody has raised it already, and both believe that they are alone.
 * @source no known occurrence: Linux 0cc00c8d4050, vfio_ap_mdev_unset_kvm(), without its wait
 */
export const flagNotWaitedFor: Defect<Spec> = {
  of: openCodedLock,
  breaks: [{ rule: always.flagTakenWhenFree, in: scenarios.twoVmsOneGroup }],
  instead: {
    unsetKvm: mdev => {
      lock(matrixDev.lock);
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
  },
};
