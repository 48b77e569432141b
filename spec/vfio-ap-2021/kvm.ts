/** The virtual machine, as far as vfio_ap can tell: its life, its processors, and what its guest may see of the crypto adapters. */
import {
  alloc,
  assertSole,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isLive,
  lock,
  type Mutex,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type RwSemaphore,
  readLock,
  readUnlock,
  unlock,
} from '../language.ts';
import { handlePqap, type MatrixMdev } from './vfio-ap-2021.ts';

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  vcpus: Set<Vcpu>;
  /** The machine has a crypto control block (`crycbd`), so it can be given adapters. */
  readonly hasCrypto: boolean;
  /** Held for reading while the hook runs. */
  hookRwsem: RwSemaphore;
  /** Whose function answers the PQAP instruction. Borrowed: it points into the mediated device. */
  pqapHook: MatrixMdev | null;
  /** The guest sees adapters. */
  masksSet: boolean;
}

/** A virtual processor. Whoever runs it holds its mutex. */
export interface Vcpu {
  readonly kvm: Kvm;
  mutex: Mutex;
}

/** What user space has open of a machine. */
export interface VmFile {
  readonly kvm: Kvm;
}
/** What user space has open of a processor. */
export interface VcpuFile {
  readonly vcpu: Vcpu;
  readonly kvm: Kvm;
}

// ---- Rules

/**
 * The hook is changed under its semaphore and called in the same read section in which it was read; the masks belong to the machine's lock.
 * @source Linux 5.15, arch/s390/kvm/priv.c, handle_pqap(), and arch/s390/kvm/kvm-s390.c, kvm_arch_crypto_clear_masks(), "must be locked by the caller"
 * @fact R204, R205
 */
export const kvmGuards: GuardedBy<Kvm> = {
  vcpus: kvm => kvm.lock,
  pqapHook: kvm => kvm.hookRwsem,
  masksSet: kvm => kvm.lock,
};

/** An open machine holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };
/** An open processor holds one reference to its machine. */
export const vcpuFileOwns: Owns<VcpuFile> = { kvm: kvm => kvm.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };

/**
 * A machine's hook points to a mediated device that exists.
 * @source Linux 1e753732bda6, "s390/vfio-ap: r/w lock for PQAP interception handler function pointer"
 */
export const hookIsLive: Invariant<{ kvm: Kvm }> = ({ kvm }) => implies(kvm.pqapHook !== null, isLive(kvm.pqapHook));

// ---- Inside the kernel

/** The last reference to the machine is gone. */
export function destroyVm(kvm: Kvm): void {
  // Nobody has it open.
  assertSole(kvm);
  for (const vcpu of kvm.vcpus) {
    kvm.vcpus.delete(vcpu);
    free(vcpu);
  }
  free(kvm);
}

/** The guest sees the adapters. The caller holds the machine's lock. */
export function setMasks(kvm: Kvm): void {
  kvm.masksSet = true;
}

/** The guest sees no adapters. The caller holds the machine's lock. */
export function clearMasks(kvm: Kvm): void {
  kvm.masksSet = false;
}

// ---- Calls of user space

/** A new machine (`KVM_CREATE_VM`). */
export function createVm(): VmFile {
  return alloc<VmFile>({ kvm: alloc<Kvm>({ users: 1, hasCrypto: true }) });
}

/** A new processor (`KVM_CREATE_VCPU`). */
export function createVcpu(vm: VmFile): VcpuFile {
  const kvm = vm.kvm;
  const vcpu = alloc<Vcpu>({ kvm });
  lock(kvm.lock);
  get(kvm.users);
  kvm.vcpus.add(vcpu);
  unlock(kvm.lock);
  return alloc<VcpuFile>({ vcpu, kvm });
}

/** Run a processor whose guest executes PQAP (`KVM_RUN`). True if a hook answered; if none did, the guest is told that there is no such queue. */
export function runPqap(file: VcpuFile): boolean {
  const vcpu = file.vcpu;
  const kvm = vcpu.kvm;
  lock(vcpu.mutex);
  readLock(kvm.hookRwsem);
  const hook = kvm.pqapHook;
  if (hook !== null) handlePqap(hook);
  readUnlock(kvm.hookRwsem);
  unlock(vcpu.mutex);
  return hook !== null;
}

/** Make the guest a protected one (`KVM_PV_ENABLE`): every processor is taken, under the machine's lock. */
export function protectVm(vm: VmFile): void {
  const kvm = vm.kvm;
  lock(kvm.lock);
  for (const vcpu of kvm.vcpus) {
    lock(vcpu.mutex);
    unlock(vcpu.mutex);
  }
  unlock(kvm.lock);
}

/** Close the machine's descriptor. */
export function closeVm(vm: VmFile): void {
  const kvm = vm.kvm;
  free(vm);
  put(kvm.users);
}

/** Close a processor's descriptor. */
export function closeVcpu(file: VcpuFile): void {
  const kvm = file.kvm;
  free(file);
  put(kvm.users);
}
