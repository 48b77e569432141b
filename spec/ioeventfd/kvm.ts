/** The virtual machine, as far as an ioeventfd can tell: its buses, its processors, and its end. */
import {
  alloc,
  assertSole,
  free,
  type GuardedBy,
  get,
  type LockOrder,
  lock,
  type Mutex,
  type Owns,
  put,
  type RefCount,
  type Runs,
  readLock,
  readUnlock,
  type SpinLock,
  type SrcuDomain,
  synchronize,
  type UpTo,
  unlock,
  type WaitQueue,
  waitEvent,
  wakeAll,
} from '../language.ts';
import { type Bus, type Device, destroyBus, emptyBus, writeToBus } from './io-bus.ts';

/** A virtual machine. */
export interface Kvm {
  users: RefCount;
  /** Taken to change the slots of memory and the buses. */
  slotsLock: Mutex;
  /** Readers of both. */
  srcu: SrcuDomain;
  slots: Slots | null;
  port: Bus | null;
  memory: Bus | null;
  fast: Bus | null;
  ioeventfds: Set<Device>;
  zones: Set<Device>;
  ringLock: SpinLock;
  ringHasEntries: boolean;
  /** Allocations may fail. */
  readonly memoryIsShort: boolean;
}

/** Where the memory of a guest is: whether all of it is there, here. Never changes; another table is put in its place. */
export interface Slots {
  readonly complete: boolean;
}

/** What user space has open of a machine. Every call on it holds a reference for as long as it takes. */
export interface VmFile {
  readonly kvm: Kvm;
  refs: RefCount;
}

/** A virtual processor, with its file. */
export interface Vcpu {
  readonly kvm: Kvm;
  /** Held for as long as the processor runs. */
  mutex: Mutex;
  /** Taken to start and to stop it. */
  stateLock: SpinLock;
  /** It waits to be started by another processor. */
  stopped: boolean;
  wait: WaitQueue;
  refs: RefCount;
}

// ---- Rules

/**
 * The buses and what is on them change under the lock of the slots; readers of the slots look at the buses too.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_get_bus() and kvm_io_bus_write()
 */
export const kvmGuards: GuardedBy<Kvm> = {
  slots: { read: kvm => [kvm.srcu, kvm.slotsLock], write: kvm => kvm.slotsLock },
  port: { read: kvm => [kvm.srcu, kvm.slotsLock], write: kvm => kvm.slotsLock },
  memory: { read: kvm => [kvm.srcu, kvm.slotsLock], write: kvm => kvm.slotsLock },
  fast: { read: kvm => [kvm.srcu, kvm.slotsLock], write: kvm => kvm.slotsLock },
  ioeventfds: kvm => kvm.slotsLock,
  zones: kvm => kvm.slotsLock,
  ringHasEntries: kvm => kvm.ringLock,
};

/**
 * A processor is started under a lock of its own; whether it is stopped it reads without, and who sleeps is woken afterwards.
 * @source Linux 6.12, arch/riscv/kvm/vcpu.c, kvm_riscv_vcpu_power_on()
 */
export const vcpuGuards: GuardedBy<Vcpu> = { stopped: { read: () => true, write: vcpu => vcpu.stateLock } };

/** An open machine holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };
/** A processor keeps its machine. */
export const vcpuOwns: Owns<Vcpu> = { kvm: kvm => kvm.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const vmFileRuns: Runs<VmFile> = { refs: file => releaseVm(file) };
export const vcpuRuns: Runs<Vcpu> = { refs: vcpu => releaseVcpu(vcpu) };

/**
 * Readers of the slots are waited for under the lock of the slots and by processors that run, so a reader waits for neither.
 *
 * An older text has readers lock the machine too, and nobody wait for readers under that lock. That was so for a while: one user of Xen's events did both,
 * and was mended; since Linux 6.3 the machine's lock is as these are.
 * @source Linux 6.12, Documentation/virt/kvm/locking.rst, "For SRCU"
 * @fact R431
 */
export const lockedOutsideReaders: LockOrder<[Vcpu]> = vcpu => [vcpu.mutex, vcpu.kvm.slotsLock, vcpu.kvm.srcu];

// ---- Inside the kernel

/** The last reference is gone: nobody can look at a bus any more. */
export function destroyVm(kvm: Kvm): void {
  assertSole(kvm);
  const port = kvm.port;
  if (port !== null) destroyBus(port);
  const memory = kvm.memory;
  if (memory !== null) destroyBus(memory);
  const fast = kvm.fast;
  if (fast !== null) destroyBus(fast);
  const slots = kvm.slots;
  if (slots !== null) free(slots);
  free(kvm);
}

/** The machine's file is closed. */
export function releaseVm(file: VmFile): void {
  put(file.kvm.users);
  free(file);
}

/** The processor's file is closed. (The kernel frees the processor with the machine.) */
export function releaseVcpu(vcpu: Vcpu): void {
  put(vcpu.kvm.users);
  free(vcpu);
}

/** A machine with empty buses. */
export function newVm(memoryIsShort: boolean): VmFile {
  const kvm = alloc<Kvm>({ users: 1, memoryIsShort });
  // Nobody has it yet: the kernel does without the lock here.
  lock(kvm.slotsLock);
  kvm.slots = newSlots();
  kvm.port = emptyBus(kvm);
  kvm.memory = emptyBus(kvm);
  kvm.fast = emptyBus(kvm);
  unlock(kvm.slotsLock);
  return alloc<VmFile>({ kvm, refs: 1 });
}

/** Another processor lets this one run. */
export function startVcpu(vcpu: Vcpu): void {
  lock(vcpu.stateLock);
  vcpu.stopped = false;
  unlock(vcpu.stateLock);
  wakeAll(vcpu.wait);
}

/** A running processor changes the slots (`KVM_REQ_APICV_UPDATE`). It is no reader meanwhile. */
export function updateSlots(vcpu: Vcpu): void {
  lock(vcpu.mutex);
  replaceSlots(vcpu.kvm);
  unlock(vcpu.mutex);
}

/** Slots that nobody sees yet. */
export function newSlots(): Slots {
  return alloc<Slots>({ complete: true });
}

/** Put another table of slots in place. */
export function replaceSlots(kvm: Kvm): void {
  lock(kvm.slotsLock);
  const old = kvm.slots;
  kvm.slots = newSlots();
  grace: synchronize(kvm.srcu);
  if (old !== null) free(old);
  unlock(kvm.slotsLock);
}

/** A running processor reads the guest's memory. */
export function readMemory(vcpu: Vcpu): boolean {
  lock(vcpu.mutex);
  readLock(vcpu.kvm.srcu);
  const slots = vcpu.kvm.slots;
  const isThere = slots === null ? false : slots.complete;
  readUnlock(vcpu.kvm.srcu);
  unlock(vcpu.mutex);
  return isThere;
}

/** A processor that waits to be started by another one (`KVM_REQ_SLEEP` of RISC-V). */
export function createStoppedVcpu(vm: VmFile): Vcpu {
  get(vm.kvm.users);
  return alloc<Vcpu>({ kvm: vm.kvm, stopped: true, refs: 1 });
}

/** Run until the guest has written to a port. Whoever is stopped sleeps first, and is no reader meanwhile. */
export function writePort(vcpu: Vcpu, port: UpTo<30>, length: UpTo<8>, data: UpTo<30>): boolean {
  lock(vcpu.mutex);
  waitEvent(vcpu.wait, () => !vcpu.stopped);
  readLock(vcpu.kvm.srcu);
  const isTaken = writeToBus(vcpu.kvm, 'port', port, length, data);
  readUnlock(vcpu.kvm.srcu);
  unlock(vcpu.mutex);
  return isTaken;
}

// ---- Calls of user space

/** A new machine (`KVM_CREATE_VM`). */
export function createVm(): VmFile {
  return newVm(false);
}

/** A new machine, on a host where any allocation may fail from now on. */
export function createVmShortOfMemory(): VmFile {
  return newVm(true);
}

/** A virtual processor that can run at once (`KVM_CREATE_VCPU`). */
export function createVcpu(vm: VmFile): Vcpu {
  get(vm.kvm.users);
  return alloc<Vcpu>({ kvm: vm.kvm, stopped: false, refs: 1 });
}

/** Close the machine's descriptor. */
export function closeVm(vm: VmFile): 0 {
  put(vm.refs);
  return 0;
}

/** Close a processor's descriptor. */
export function closeVcpu(vcpu: Vcpu): 0 {
  put(vcpu.refs);
  return 0;
}
