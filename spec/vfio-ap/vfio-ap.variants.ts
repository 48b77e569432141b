/** Older kernels. */
import { absent, get, lock, type Profile, put, unlock, writeLock, writeUnlock } from '../language.ts';
import type * as buses from './ap-bus.ts';
import type * as eventfds from './eventfd.ts';
import type * as hosts from './host-config.ts';
import type * as kvms from './kvm.ts';
import { clearMasks, type Kvm } from './kvm.ts';
import type * as matrices from './matrix.ts';
import { updateGuest } from './matrix.ts';
import type * as mdevs from './mdev.ts';
import type * as queues from './queue.ts';
import { resetQueues } from './queue.ts';
import type * as vfios from './vfio.ts';
import type * as calls from './vfio-ap.calls.ts';
import type * as hotplug from './vfio-ap.hotplug.scenarios.ts';
import type * as large from './vfio-ap.large.scenarios.ts';
import type * as scenarios from './vfio-ap.scenarios.ts';
import type * as ap from './vfio-ap.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap.ts';
import type * as vectors from './vfio-ap.vectors.ts';

export type Spec = typeof ap &
  typeof buses &
  typeof calls &
  typeof eventfds &
  typeof hosts &
  typeof hotplug &
  typeof kvms &
  typeof large &
  typeof matrices &
  typeof mdevs &
  typeof queues &
  typeof scenarios &
  typeof vectors &
  typeof vfios;

/** Whether another device has the machine. */
export function isTaken(mdev: MatrixMdev, kvm: Kvm): boolean {
  for (const other of matrixDev.mdevs) {
    if (other !== mdev && other.kvm === kvm) return true;
  }
  return false;
}

/** The locks of an update without the hook's. */
export function lockWithoutHook(kvm: Kvm): void {
  lock(matrixDev.guestsLock);
  lock(kvm.lock);
  lock(matrixDev.mdevsLock);
}

/** The same, inside out. */
export function unlockWithoutHook(kvm: Kvm): void {
  unlock(matrixDev.mdevsLock);
  unlock(kvm.lock);
  unlock(matrixDev.guestsLock);
}

/**
 * From 2022 until August 2026 the hook is changed first, by itself, and the rest under the other three locks; the machine is put under them. So a device that
 * is refused leaves its hook: what becomes of that is in `orderOf2022`, and left out here, with the scenario in which it shows.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm() and vfio_ap_mdev_unset_kvm()
 */
export const linux_6_12: Profile<Spec> = {
  profile: 'linux-6.12',
  instead: {
    hookMeansAttached: absent,
    openContract: {
      fails: {
        ENODEV: group => group.device === null || group.device.users.count === 0,
        EINVAL: (group, vm) => group.device !== null && !group.device.opened && vm === null,
        EPERM: (group, vm) => group.device !== null && !group.device.opened && vm !== null && vm.kvm.pqapHook !== null,
      },
      ensures: (group, vm) => group.device !== null && (group.device.opened || (vm !== null && group.device.kvm === vm.kvm)),
      // A call that is refused has changed the hook.
      mayLeave: (_group, vm) => [vm?.kvm.pqapHook],
    },
    unhookedSeesNothing: absent,
    hookIsLive: absent,
    twoMdevsOneVm: absent,
    twoOfEach: absent,
    // Large, and nothing in them differs.
    everyoneAtOnce: absent,
    queuesComeAndGo: absent,
    setKvm: (mdev, kvm) => {
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
    },
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      writeLock(kvm.hookRwsem);
      kvm.pqapHook = null;
      writeUnlock(kvm.hookRwsem);

      lockWithoutHook(kvm);
      clearMasks(kvm);
      resetQueues(mdev);
      mdev.kvm = null;
      put(kvm.users);
      unlockWithoutHook(kvm);
    },
  },
};

/**
 * In Linux 6.1 a device cannot be asked to tell its user that it is wanted back; that came in 2023. That the core did not hold the machine until 6.2 cannot be seen from outside; it
 * is in `putUnderLocks`.
 * @source Linux 6.1, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_ioctl()
 */
export const linux_6_1: Profile<Spec> = {
  of: linux_6_12,
  profile: 'linux-6.1',
  instead: {
    setRequestContract: { fails: { EBADF: () => false, EOPNOTSUPP: () => true } },
    setRequest: () => {
      lock(matrixDev.mdevsLock);
      unlock(matrixDev.mdevsLock);
      return 'EOPNOTSUPP';
    },
  },
};
