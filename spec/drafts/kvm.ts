/** What the VFIO specs need to know of a virtual machine. */
import { alloc, free, getUnlessZero, put,
  type Exports, type GuardedBy, type LockOrder, type Module, type Mutex, type Owns, type RefCount, type RwSemaphore, type Runs,
  type SrcuDomain } from '../language.ts';
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
export interface VmFile { readonly kvm: Kvm }

export const kvmGuards: GuardedBy<Kvm> = {
  devices: { read: kvm => [kvm.lock, kvm.rcu], write: kvm => kvm.lock },
  pqapHook: kvm => kvm.hookRwsem,
  masksSet: kvm => kvm.lock,
};
export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const kvmOwns: Owns<Kvm> = { module: module => module.pins };
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };

export declare const kvmModule: Module;
export const kvmExports: Exports = { module: kvmModule, symbols: [putVm, getVmSafe] };

export const hookInsideVmLock: LockOrder<[Kvm]> = kvm => [kvm.lock, kvm.hookRwsem];

export function getVmSafe(kvm: Kvm): boolean {
  return getUnlessZero(kvm.users);
}

export function putVm(kvm: Kvm): void {
  put(kvm.users);
}

export function createVm(): VmFile {
  return alloc<VmFile>({ kvm: alloc<Kvm>({ users: 1, module: kvmModule, hasCrypto: true }) });
}

export function closeVm(file: VmFile): void {
  put(file.kvm.users);
  free(file);
}

export function destroyVm(kvm: Kvm): void {
  free(kvm);
}
