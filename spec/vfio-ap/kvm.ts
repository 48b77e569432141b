/** The virtual machine, as far as vfio_ap can tell: its life, its processors, and what its guest may see of the host's crypto adapters. */
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
import type { Adapter } from './ap-bus.ts';
import { handlePqap } from './queue.ts';
import type { MatrixMdev } from './vfio-ap.ts';

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
  /** What the guest sees (`APCB`): adapters, and the control domain. */
  adapters: Set<Adapter>;
  controlDomain: boolean;
  readonly gisa: Gisa;
  readonly page: Page;
}

/** Where interrupts for the guest are registered. Every registration holds it, and so does the machine. */
export interface Gisa {
  registrations: RefCount;
}
/** The page of the guest that adapters report interrupts in. Who uses it pins it, and so does the machine. */
export interface Page {
  pins: RefCount;
}

/** A virtual processor. Whoever runs it holds its mutex. */
export interface Vcpu {
  readonly kvm: Kvm;
  mutex: Mutex;
  /** Its guest may be interrupted by adapters (`AIV`). */
  readonly hasInterrupts: boolean;
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
 * What the guest sees is changed under the machine's lock; the hook under its semaphore, in which it is also called.
 * @source Linux 6.12, Documentation/arch/s390/vfio-ap-locking.rst; arch/s390/kvm/priv.c, handle_pqap()
 * @fact R204, R205
 */
export const kvmGuards: GuardedBy<Kvm> = {
  vcpus: kvm => kvm.lock,
  pqapHook: kvm => kvm.hookRwsem,
  adapters: kvm => kvm.lock,
  controlDomain: kvm => kvm.lock,
};

/** An open machine holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };
/** An open processor holds one reference to its machine. */
export const vcpuFileOwns: Owns<VcpuFile> = { kvm: kvm => kvm.users };
/** A machine holds the place where its interrupts are registered, and its page. */
export const kvmOwns: Owns<Kvm> = { gisa: gisa => gisa.registrations, page: page => page.pins };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const gisaRuns: Runs<Gisa> = { registrations: gisa => free(gisa) };
export const pageRuns: Runs<Page> = { pins: page => free(page) };

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
  put(kvm.gisa.registrations);
  put(kvm.page.pins);
  free(kvm);
}

/** The guest sees no adapters (`kvm_arch_crypto_clear_masks`). The caller holds the machine's lock. */
export function clearMasks(kvm: Kvm): void {
  for (const adapter of kvm.adapters) kvm.adapters.delete(adapter);
  kvm.controlDomain = false;
}

// ---- Calls of user space

/** A new machine (`KVM_CREATE_VM`). */
export function createVm(): VmFile {
  const gisa = alloc<Gisa>({ registrations: 1 });
  const page = alloc<Page>({ pins: 1 });
  return alloc<VmFile>({ kvm: alloc<Kvm>({ users: 1, hasCrypto: true, gisa, page }) });
}

/** A new processor (`KVM_CREATE_VCPU`). */
export function createVcpu(vm: VmFile): VcpuFile {
  return createVcpuWith(vm, true);
}

/** With or without the facility for interrupts from adapters. */
export function createVcpuWith(vm: VmFile, hasInterrupts: boolean): VcpuFile {
  const kvm = vm.kvm;
  const vcpu = alloc<Vcpu>({ kvm, hasInterrupts });
  lock(kvm.lock);
  get(kvm.users);
  kvm.vcpus.add(vcpu);
  unlock(kvm.lock);
  return alloc<VcpuFile>({ vcpu, kvm });
}

/**
 * Run a processor whose guest executes PQAP to have interrupts of an adapter, or no more of them (`KVM_RUN`). If no hook is there, or no
 * such queue, the guest is told so.
 */
export function runPqap(file: VcpuFile, adapter: Adapter, enable: boolean): 0 | 'EOPNOTSUPP' {
  const vcpu = file.vcpu;
  const kvm = vcpu.kvm;
  lock(vcpu.mutex);
  readLock(kvm.hookRwsem);
  const hook = kvm.pqapHook;
  const result = hook === null ? 0 : handlePqap(hook, vcpu, adapter, enable);
  readUnlock(kvm.hookRwsem);
  unlock(vcpu.mutex);
  return result;
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
