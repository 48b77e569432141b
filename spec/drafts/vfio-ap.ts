/** A mediated AP matrix and the guest that uses it, as since August 2026. The open-coded lock of 2021 is in vfio-ap.variants.ts. */
import {
  alloc,
  type Contract,
  type FlagLock,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  type LockOrder,
  lock,
  type Mutex,
  type NestedOrder,
  type Owns,
  put,
  type ReadOnce,
  readLock,
  readUnlock,
  type Scenario,
  type Settled,
  unlock,
  type WaitQueue,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { closeVm, createVm, type Kvm } from './kvm.ts';
import type { DeviceSet } from './vfio-device.ts';

/** All of vfio-ap. In 2021 mdevsLock was its only lock. */
export interface MatrixDev {
  guestsLock: Mutex;
  mdevsLock: Mutex;
  mdevs: Set<MatrixMdev>;
}
/** The one matrix device. */
export declare const matrixDev: MatrixDev;

/** Adapters and domains that a guest may be given. */
export interface MatrixMdev {
  /** Held by the VFIO core from before open to after release. */
  readonly set: DeviceSet;
  kvm: Kvm | null;
  /** 2021: its VM is being changed. */
  kvmBusy: FlagLock;
  waitForKvm: WaitQueue;
}

/** A virtual processor; runs its guest with the mutex held. */
export interface Vcpu {
  readonly kvm: Kvm;
  mutex: Mutex;
}

// ---- Rules

/**
 * Either lock to look at the list, both to change it.
 * @source Linux 6.0, drivers/s390/crypto/vfio_ap_private.h
 */
export const matrixDevGuards: GuardedBy<MatrixDev> = {
  mdevs: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
};
/**
 * Any of the three locks to look at the VM, all to change it.
 * @source Linux 6.0, drivers/s390/crypto/vfio_ap_private.h
 */
export const mdevGuards: GuardedBy<MatrixMdev> = {
  kvm: {
    read: mdev => [mdev.set.lock, matrixDev.guestsLock, matrixDev.mdevsLock],
    write: mdev => [mdev.set.lock, matrixDev.guestsLock, matrixDev.mdevsLock],
  },
  kvmBusy: () => matrixDev.mdevsLock,
};
/** An attached mdev owns one reference to its VM. */
export const mdevOwns: Owns<MatrixMdev> = { kvm: kvm => kvm.users };

/** Outside in; each is released before those outside it. */
export const updateLocks: NestedOrder<[Kvm]> = kvm => [matrixDev.guestsLock, kvm.lock, kvm.hookRwsem, matrixDev.mdevsLock];
/**
 * An intercept takes the locks inside the processor's mutex.
 * @source Linux 6.0, drivers/s390/crypto/vfio_ap_ops.c
 */
export const interceptOrder: LockOrder<[Kvm, Vcpu]> = (kvm, vcpu) => [kvm.lock, vcpu.mutex, kvm.hookRwsem, matrixDev.mdevsLock];

/** The VM of an mdev is read once in a call: what was tested is what is used. */
export const vmReadOnce: ReadOnce<MatrixMdev> = mdev => mdev.kvm;

/** A VM calls the hook of an mdev exactly while the mdev is attached to it. */
export const hookMeansAttached: Settled<{ mdev: MatrixMdev; kvm: Kvm }> = ({ mdev, kvm }) => (kvm.pqapHook === mdev) === (mdev.kvm === kvm);

/** Two mdevs are never attached to one VM. */
export const oneMdevPerVm: Invariant<{ one: MatrixMdev; other: MatrixMdev }> = ({ one, other }) =>
  implies(one.kvm !== null && one.kvm === other.kvm, one === other);

// ---- Operations

/** Everything that changing an attachment needs, outside in. */
export function lockForUpdate(kvm: Kvm): void {
  lock(matrixDev.guestsLock);
  lock(kvm.lock);
  writeLock(kvm.hookRwsem);
  lock(matrixDev.mdevsLock);
}

/** The same, inside out. */
export function unlockAfterUpdate(kvm: Kvm): void {
  unlock(matrixDev.mdevsLock);
  writeUnlock(kvm.hookRwsem);
  unlock(kvm.lock);
  unlock(matrixDev.guestsLock);
}

/** Attach an mdev to a VM. */
export function setKvm(mdev: MatrixMdev, kvm: Kvm): 0 | 'EPERM' {
  if (!kvm.hasCrypto) return 0;
  lockForUpdate(kvm);
  if (kvm.pqapHook !== null) {
    unlockAfterUpdate(kvm);
    return 'EPERM';
  }
  kvm.pqapHook = mdev;
  get(kvm.users);
  mdev.kvm = kvm;
  kvm.masksSet = true;
  unlockAfterUpdate(kvm);
  return 0;
}

/** Detach an mdev from its VM, if it has one. */
export function unsetKvm(mdev: MatrixMdev): void {
  const kvm = mdev.kvm;
  if (kvm === null || !kvm.hasCrypto) return;
  lockForUpdate(kvm);
  kvm.pqapHook = null;
  kvm.masksSet = false;
  resetQueues(mdev);
  mdev.kvm = null;
  unlockAfterUpdate(kvm);
  put(kvm.users);
}

/** Touches nothing that the rules speak of. */
export function resetQueues(_mdev: MatrixMdev): void {}

/** The driver's part of opening. */
export function openDevice(mdev: MatrixMdev, kvm: Kvm | null): 0 | 'EINVAL' | 'EPERM' {
  return kvm === null ? 'EINVAL' : setKvm(mdev, kvm);
}

/** The last file of the mdev is closed. */
export function release(mdev: MatrixMdev): void {
  unsetKvm(mdev);
}

/** The core around it. */
export function closeMdev(mdev: MatrixMdev): void {
  lock(mdev.set.lock);
  release(mdev);
  unlock(mdev.set.lock);
}

/** Open, in the VFIO core. */
export function openMdev(mdev: MatrixMdev, kvm: Kvm | null): 0 | 'EINVAL' | 'EPERM' {
  lock(mdev.set.lock);
  const result = openDevice(mdev, kvm);
  unlock(mdev.set.lock);
  return result;
}

/** The guest executes PQAP. */
export function intercept(vcpu: Vcpu): 0 | 'EOPNOTSUPP' {
  const kvm = vcpu.kvm;
  lock(vcpu.mutex);
  readLock(kvm.hookRwsem);
  const hook = kvm.pqapHook;
  if (hook !== null) handlePqap(hook);
  readUnlock(kvm.hookRwsem);
  unlock(vcpu.mutex);
  return hook === null ? 'EOPNOTSUPP' : 0;
}

/** What every mdev's hook does. */
export function handlePqap(_mdev: MatrixMdev): void {
  lock(matrixDev.mdevsLock);
  unlock(matrixDev.mdevsLock);
}

/** Something in KVM stops all virtual processors of a VM. */
export function stopVcpus(kvm: Kvm, vcpu: Vcpu): void {
  lock(kvm.lock);
  lock(vcpu.mutex);
  unlock(vcpu.mutex);
  unlock(kvm.lock);
}

/**
 * Opening wants a VM that no other mdev is attached to.
 * @source Linux 6.3, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 */
export const openDeviceContract: Contract<typeof openDevice> = {
  fails: {
    EINVAL: (_mdev, kvm) => kvm === null,
    EPERM: (_mdev, kvm) => kvm !== null && kvm.pqapHook !== null,
  },
  ensures: (mdev, kvm) => mdev.kvm === kvm,
};

// ---- Scenarios

/** A guest uses its adapters while the VM is taken away and the file is closed. */
export const guestLosesVm: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const mdev = alloc<MatrixMdev>({ set: alloc<DeviceSet>({}) });
  const vcpu = alloc<Vcpu>({ kvm: vm.kvm });
  stays(mdev, vcpu);
  matrixDev.mdevs.add(mdev);
  openMdev(mdev, vm.kvm);
  thread(() => intercept(vcpu));
  thread(() => closeMdev(mdev));
  thread(() => stopVcpus(vm.kvm, vcpu));
};

/** Two mdevs want one VM, whose own file closes. */
export const twoMdevsOneVm: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const one = alloc<MatrixMdev>({ set: alloc<DeviceSet>({}) });
  const other = alloc<MatrixMdev>({ set: alloc<DeviceSet>({}) });
  stays(one, other);
  openMdev(one, vm.kvm);
  thread(() => {
    if (openMdev(other, vm.kvm) === 0) closeMdev(other);
  });
  thread(() => closeMdev(one));
  thread(() => closeVm(vm));
};
