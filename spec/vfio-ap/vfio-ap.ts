/**
 * vfio_ap as since August 2026: crypto adapters of the host, given to virtual machines through mediated devices, and changed while guests run.
 *
 * A mediated device has a matrix of adapters that an administrator assigns, and, while it is open, a machine. The guest sees those adapters whose
 * queue is bound to the driver and which the host has; the rest is filtered out. All of that changes while the guest runs, from four sides: the administrator, the bus that
 * finds and loses adapters, the user who opens and closes, and the guest itself, whose PQAP instruction comes in under its processor's mutex.
 * Four locks, always in one order, keep them apart. How it came to that order is in vfio-ap-2021 and in the variants.
 */
import {
  type Completion,
  type GuardedBy,
  type Invariant,
  implies,
  isLive,
  type LockOrder,
  lock,
  type Mutex,
  type NestedOrder,
  type Owns,
  type RefCount,
  type Runs,
  type Settled,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { type Adapter, apBus } from './ap-bus.ts';
import type { Eventfd } from './eventfd.ts';
import type { Kvm, Vcpu } from './kvm.ts';
import type { Queue } from './queue.ts';
import { type DeviceSet, type Group, lastUserLeft } from './vfio.ts';

// ---- Objects

/** All of vfio_ap. */
export interface MatrixDev {
  /** To use the machine of a device, or to change which devices there are. */
  guestsLock: Mutex;
  /** Everything in the devices. In 2021 it was the only lock. */
  mdevsLock: Mutex;
  mdevs: Set<MatrixMdev>;
  /** What the host has (`info`): adapters, and the control domain. */
  adapters: Set<Adapter>;
  controlDomain: boolean;
}
export declare const matrixDev: MatrixDev;

/** Adapters that a machine may be given. */
export interface MatrixMdev {
  readonly group: Group;
  readonly set: DeviceSet;
  /** Everyone who has it open, and its registration. */
  users: RefCount;
  /** Done when nobody has it open, and nobody will. */
  unused: Completion;
  opened: boolean;
  /** What the core holds while the device is open. */
  coreKvm: Kvm | null;

  kvm: Kvm | null;
  /** What is assigned: adapters, and the control domain. */
  adapters: Set<Adapter>;
  controlDomain: boolean;
  /** What of that the guest sees, or would see (`shadow_apcb`). */
  guestAdapters: Set<Adapter>;
  guestControlDomain: boolean;
  /** What of that the host has got since the last scan of the bus. */
  addedAdapters: Set<Adapter>;
  addedControlDomain: boolean;
  /** Bound queues of assigned adapters. */
  queues: Set<Queue>;
  /** Signalled when the user shall let go of the device. */
  requestTrigger: Eventfd | null;
}

// ---- Rules

/**
 * The list of devices and what the host has: either lock to look, both to change.
 * @source Linux 7fa61c29850d, "s390/vfio-ap: Fix missing lock required to access list of ap_matrix_mdev objects"; Linux 5883528250be
 * @fact R203, R223
 */
export const matrixDevGuards: GuardedBy<MatrixDev> = {
  mdevs: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  adapters: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  controlDomain: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
};
/**
 * A device belongs to the driver's lock. Its machine and its matrix may also be looked at under the guests' lock, which who changes them takes as well;
 * and the machine by who opens or closes the device. That who changes the machine also has its lock follows from what the guest sees.
 * @source Linux 6.12, Documentation/arch/s390/vfio-ap-locking.rst; drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm() and get_update_locks_by_apqn()
 * @fact R201, R202, R223
 */
export const mdevGuards: GuardedBy<MatrixMdev> = {
  opened: mdev => mdev.set.lock,
  coreKvm: mdev => mdev.set.lock,
  kvm: {
    read: mdev => [mdev.set.lock, matrixDev.guestsLock, matrixDev.mdevsLock],
    write: mdev => [mdev.set.lock, matrixDev.guestsLock, matrixDev.mdevsLock],
  },
  adapters: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  controlDomain: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  guestAdapters: () => matrixDev.mdevsLock,
  guestControlDomain: () => matrixDev.mdevsLock,
  addedAdapters: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  addedControlDomain: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  queues: () => matrixDev.mdevsLock,
  requestTrigger: () => matrixDev.mdevsLock,
};

/**
 * An attached device owns one reference to its machine, the core one more while the device is open; and the device owns the eventfd of requests.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm() and vfio_ap_set_request_irq(); drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe()
 */
export const mdevOwns: Owns<MatrixMdev> = { kvm: kvm => kvm.users, coreKvm: kvm => kvm.users, requestTrigger: eventfd => eventfd.refs };
export const mdevRuns: Runs<MatrixMdev> = { users: mdev => lastUserLeft(mdev) };

/**
 * The locks of an update, outside in; each is released before those outside it.
 * @source Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, get_update_locks_for_kvm() and release_update_locks_for_kvm()
 * @fact R206
 */
export const updateLocks: NestedOrder<[Kvm]> = kvm => [
  apBus.permsMutex,
  matrixDev.guestsLock,
  kvm.lock,
  kvm.hookRwsem,
  matrixDev.mdevsLock,
];
/**
 * A guest's instruction takes the driver's lock inside its processor's mutex, which is inside the machine's lock; so nobody takes the machine's lock under the driver's.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, handle_pqap(); arch/s390/kvm/pv.c
 * @fact R207
 */
export const interceptOrder: LockOrder<[Kvm, Vcpu]> = (kvm, vcpu) => [kvm.lock, vcpu.mutex, kvm.hookRwsem, matrixDev.mdevsLock];
/**
 * A machine calls the hook of a device exactly while the device is attached to it.
 * @source Linux 4400270ec034, "s390/vfio-ap: fix stale pqap_hook pointer on error in vfio_ap_mdev_set_kvm()"
 * @fact R210, R214
 */
export const hookMeansAttached: Settled<{ mdev: MatrixMdev; kvm: Kvm }> = ({ mdev, kvm }) => (kvm.pqapHook === mdev) === (mdev.kvm === kvm);

/**
 * A machine that no device is attached to sees no adapters, and controls no domain.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm(), kvm_arch_crypto_clear_masks()
 */
export const unhookedSeesNothing: Settled<{ kvm: Kvm; adapter: Adapter }> = ({ kvm, adapter }) =>
  implies(kvm.pqapHook === null, !kvm.adapters.has(adapter) && !kvm.controlDomain);

/**
 * The machine of a device has not been destroyed.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 * @fact R211
 */
export const attachedVmIsAlive: Invariant<{ mdev: MatrixMdev }> = ({ mdev }) => implies(mdev.kvm !== null, isLive(mdev.kvm));

/**
 * No two devices are attached to one machine.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 * @fact R218
 */
export const oneMdevPerVm: Invariant<{ one: MatrixMdev; other: MatrixMdev }> = ({ one, other }) =>
  implies(one.kvm !== null && one.kvm === other.kvm, one === other);

// ---- The locks of an update

/** To attach or detach a machine. */
export function lockForKvm(kvm: Kvm): void {
  lock(matrixDev.guestsLock);
  lock(kvm.lock);
  writeLock(kvm.hookRwsem);
  lock(matrixDev.mdevsLock);
}

/** The same, inside out. */
export function unlockForKvm(kvm: Kvm): void {
  unlock(matrixDev.mdevsLock);
  writeUnlock(kvm.hookRwsem);
  unlock(kvm.lock);
  unlock(matrixDev.guestsLock);
}

/** To change what a device gives to its guest, if it has one. */
export function lockForMdev(mdev: MatrixMdev | null): void {
  lock(matrixDev.guestsLock);
  const kvm = mdev === null ? null : mdev.kvm;
  if (kvm !== null) lock(kvm.lock);
  lock(matrixDev.mdevsLock);
}

/** The same, inside out. The device has the machine that it had: who changes that takes the guests' lock. */
export function unlockForMdev(mdev: MatrixMdev | null): void {
  unlock(matrixDev.mdevsLock);
  const kvm = mdev === null ? null : mdev.kvm;
  if (kvm !== null) unlock(kvm.lock);
  unlock(matrixDev.guestsLock);
}

/** As for a device, which is yet to be found: the one that has the adapter, if any. */
export function lockByAdapter(adapter: Adapter): MatrixMdev | null {
  lock(matrixDev.guestsLock);
  for (const mdev of matrixDev.mdevs) {
    if (mdev.adapters.has(adapter)) {
      const kvm = mdev.kvm;
      if (kvm !== null) lock(kvm.lock);
      lock(matrixDev.mdevsLock);
      return mdev;
    }
  }
  lock(matrixDev.mdevsLock);
  return null;
}
