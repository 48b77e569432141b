/**
 * vfio_ap in the summer of 2021: crypto adapters of the host, given to a virtual machine through a mediated device.
 *
 * VFIO tells the device its machine by a notifier, and that it has none any more, while user space may be closing the device. Who changes
 * the tie needs the machine's lock and the driver's; a guest's PQAP instruction comes in under its processor's mutex and takes the driver's.
 * Three ways were tried within half a year: one lock inside the other the wrong way round, a flag with a wait queue instead of a
 * lock, and the locks in the order that the machine wants. All three are in the variants; this is the last, made right with as little change as possible.
 */
import {
  alloc,
  type FlagLock,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isLive,
  type LockOrder,
  lock,
  type Mutex,
  type Owns,
  put,
  type ReadOnce,
  type RefCount,
  type Runs,
  type Settled,
  unlock,
  type WaitQueue,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { clearMasks, type Kvm, setMasks, type Vcpu } from './kvm.ts';
import { type Group, leaveGroup, registerNotifier, unregisterNotifier } from './vfio.ts';

// ---- Objects

/** All of vfio_ap. */
export interface MatrixDev {
  lock: Mutex;
  mdevs: Set<MatrixMdev>;
}
export declare const matrixDev: MatrixDev;

/** Adapters that a machine may be given. */
export interface MatrixMdev {
  readonly group: Group;
  /** Everyone who has it open, and its registration. */
  users: RefCount;
  kvm: Kvm | null;
  /** An adapter is assigned to it. */
  assigned: boolean;
  /** Until July 2021: the machine is being set or cleared by someone who has let go of the lock. */
  kvmBusy: FlagLock;
  /** Until July 2021: who waits for that to be over. */
  waitForKvm: WaitQueue;
}

// ---- Rules

/**
 * All devices, and everything in them, belong to one lock.
 * @source Linux 5.13, drivers/s390/crypto/vfio_ap_private.h, struct ap_matrix_dev
 * @fact R201
 */
export const matrixDevGuards: GuardedBy<MatrixDev> = { mdevs: () => matrixDev.lock };
/**
 * The machine of a device is read and changed under the driver's lock.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", "used to be protected"
 * @fact R201
 */
export const mdevGuards: GuardedBy<MatrixMdev> = {
  kvm: () => matrixDev.lock,
  assigned: () => matrixDev.lock,
  kvmBusy: () => matrixDev.lock,
};

/**
 * An attached device owns one reference to its machine.
 * @source Linux 5.15, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 */
export const mdevOwns: Owns<MatrixMdev> = { kvm: kvm => kvm.users };
export const mdevRuns: Runs<MatrixMdev> = { users: mdev => leaveGroup(mdev) };

/**
 * A guest's instruction takes the driver's lock inside its processor's mutex, which is inside the machine's lock; so nobody takes the machine's lock under the driver's.
 * @source Linux 0cc00c8d4050, "s390/vfio-ap: fix circular lockdep when setting/clearing crypto masks"
 * @fact R207
 */
export const interceptOrder: LockOrder<[Kvm, Vcpu]> = (kvm, vcpu) => [kvm.lock, vcpu.mutex, kvm.hookRwsem, matrixDev.lock];

/**
 * Notifiers take these locks, so nobody registers or unregisters one while holding them.
 * @source Linux 5.13, kernel/notifier.c, blocking_notifier_call_chain(); our own reading
 * @fact R505
 */
export const notifierOrder: LockOrder<[Group, Kvm]> = (group, kvm) => [group.notifierRwsem, kvm.lock, kvm.hookRwsem, matrixDev.lock];

/**
 * The machine of a device has not been destroyed.
 * @source Linux 5.15, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 * @fact R211
 */
export const attachedVmIsAlive: Invariant<{ mdev: MatrixMdev }> = ({ mdev }) => implies(mdev.kvm !== null, isLive(mdev.kvm));

/**
 * No two devices are attached to one machine.
 * @source Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 */
export const oneMdevPerVm: Invariant<{ one: MatrixMdev; other: MatrixMdev }> = ({ one, other }) =>
  implies(one.kvm !== null && one.kvm === other.kvm, one === other);

/**
 * The machine of a device is fetched once: what was tested is what is used.
 * @source s390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", "guaranteed to fetch"
 * @fact R209
 */
export const vmReadOnce: ReadOnce<MatrixMdev> = mdev => mdev.kvm;

/**
 * A machine calls the hook of a device exactly while the device is attached to it.
 * @source Linux 4400270ec034, "s390/vfio-ap: fix stale pqap_hook pointer on error in vfio_ap_mdev_set_kvm()"
 * @fact R214
 */
export const hookMeansAttached: Settled<{ mdev: MatrixMdev; kvm: Kvm }> = ({ mdev, kvm }) => (kvm.pqapHook === mdev) === (mdev.kvm === kvm);

// ---- Attaching and detaching

/** Tie the device to a machine, which the caller holds. */
export function setKvm(mdev: MatrixMdev, kvm: Kvm): 0 | 'EPERM' {
  if (!kvm.hasCrypto) return 0;
  lock(kvm.lock);
  writeLock(kvm.hookRwsem);
  lock(matrixDev.lock);
  const vacant = kvm.pqapHook === null && mdev.kvm === null;
  if (vacant) {
    kvm.pqapHook = mdev;
    get(kvm.users);
    mdev.kvm = kvm;
    setMasks(kvm);
  }
  unlock(matrixDev.lock);
  writeUnlock(kvm.hookRwsem);
  unlock(kvm.lock);
  return vacant ? 0 : 'EPERM';
}

/** Untie the device from its machine, if it has one. Others may be doing the same. */
export function unsetKvm(mdev: MatrixMdev): void {
  lock(matrixDev.lock);
  const kvm = mdev.kvm;
  // Whose locks are taken below must be there.
  if (kvm !== null) pin: get(kvm.users);
  unlock(matrixDev.lock);
  if (kvm === null) return;

  lock(kvm.lock);
  writeLock(kvm.hookRwsem);
  lock(matrixDev.lock);
  // Whoever came first has taken the hook off.
  const attached = kvm.pqapHook === mdev;
  if (attached) {
    kvm.pqapHook = null;
    clearMasks(kvm);
    mdev.kvm = null;
  }
  unlock(matrixDev.lock);
  writeUnlock(kvm.hookRwsem);
  unlock(kvm.lock);
  // Either may be the last, which ends the machine and the locks in it.
  if (attached) put(kvm.users);
  unpin: put(kvm.users);
}

/** A guest's instruction, inside its processor's mutex and the hook's read section. */
export function handlePqap(mdev: MatrixMdev): void {
  lock(matrixDev.lock);
  // Attached, or nothing to do.
  const attached = mdev.kvm !== null;
  unlock(matrixDev.lock);
  if (!attached) return;
}

// ---- What VFIO calls

/** The device is opened. */
export function openDevice(mdev: MatrixMdev, kvm: Kvm | null): void {
  registerNotifier(mdev, kvm);
}

/** The device's last file is closed. Once nobody calls the notifier any more, nobody but this attaches or detaches. */
export function releaseDevice(mdev: MatrixMdev): void {
  unregisterNotifier(mdev);
  unsetKvm(mdev);
}

/** The device's machine is this one from now on, or none. */
export function groupNotifier(mdev: MatrixMdev, kvm: Kvm | null): void {
  if (kvm === null) unsetKvm(mdev);
  else setKvm(mdev, kvm);
}

// ---- Calls of an administrator

/** A new device, in a group of its own. */
export function createMdev(group: Group): MatrixMdev {
  const mdev = alloc<MatrixMdev>({ group, users: 1 });
  lock(matrixDev.lock);
  matrixDev.mdevs.add(mdev);
  unlock(matrixDev.lock);
  lock(group.deviceLock);
  group.device = mdev;
  unlock(group.deviceLock);
  return mdev;
}

/** Assign an adapter (`assign_adapter`). Not while a guest uses the device. */
export function assign(mdev: MatrixMdev): 0 | 'EBUSY' {
  lock(matrixDev.lock);
  const busy = mdev.kvm !== null;
  if (!busy) mdev.assigned = true;
  unlock(matrixDev.lock);
  return busy ? 'EBUSY' : 0;
}

/** The driver's part of removing the device. Nobody has it open. */
export function removeDevice(mdev: MatrixMdev): void {
  lock(matrixDev.lock);
  matrixDev.mdevs.delete(mdev);
  unlock(matrixDev.lock);
  free(mdev);
}
