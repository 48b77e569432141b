/** What the VFIO specs need to know of a virtual machine. */
import {
  alloc,
  type Exports,
  free,
  type GuardedBy,
  getUnlessZero,
  type LockOrder,
  type Module,
  type Mutex,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type RwSemaphore,
  type SrcuDomain,
} from '../language.ts';
import type { MatrixMdev } from './vfio-ap.ts';
import type { KvmVfio } from './vfio-device.ts';

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  /** Readers of `devices`. */
  rcu: SrcuDomain;
  devices: Set<KvmVfio>;
  readonly hasCrypto: boolean;
  hookRwsem: RwSemaphore;
  /** Whose function is called when the guest executes PQAP. Borrowed; points into the mediated device. */
  pqapHook: MatrixMdev | null;
  masksSet: boolean;
  readonly module: Module;
}

/** An open file of a VM, of a virtual CPU, of its statistics. */
export interface VmFile {
  readonly kvm: Kvm;
}

/**
 * What each field of a machine is guarded by.
 * @source Linux 6.3, include/linux/kvm_host.h, struct kvm
 */
export const kvmGuards: GuardedBy<Kvm> = {
  devices: { read: kvm => [kvm.lock, kvm.rcu], write: kvm => kvm.lock },
  pqapHook: kvm => kvm.hookRwsem,
  masksSet: kvm => kvm.lock,
};
/** The last reference destroys the machine. */
export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
/** A machine pins the module that it lives by. */
export const kvmOwns: Owns<Kvm> = { module: module => module.pins };
/** An open file holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };

/** The module of KVM. */
export declare const kvmModule: Module;
/** What VFIO reaches by symbol_get. */
export const kvmExports: Exports = { module: kvmModule, symbols: [putVm, getVmSafe] };

/**
 * The hook's lock is taken inside the machine's.
 * @source Linux 6.3, drivers/s390/crypto/vfio_ap_ops.c
 */
export const hookInsideVmLock: LockOrder<[Kvm]> = kvm => [kvm.lock, kvm.hookRwsem];

/** A reference, unless the machine is going. */
export function getVmSafe(kvm: Kvm): boolean {
  return getUnlessZero(kvm.users);
}

/** Put a reference. */
export function putVm(kvm: Kvm): void {
  put(kvm.users);
}

/** A new machine, open. */
export function createVm(): VmFile {
  return alloc<VmFile>({ kvm: alloc<Kvm>({ users: 1, module: kvmModule, hasCrypto: true }) });
}

/** Close the machine's file. */
export function closeVm(file: VmFile): void {
  put(file.kvm.users);
  free(file);
}

/** The last reference is gone. */
export function destroyVm(kvm: Kvm): void {
  free(kvm);
}
