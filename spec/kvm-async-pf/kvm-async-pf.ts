/**
 * Page faults that a guest does not wait for, as in Linux 6.12.
 *
 * A guest touches memory that is swapped out. Its processor leaves the fault to a work item, which brings the page in, and goes on with something
 * else; when the page is there the processor is told. The work item runs code of KVM, for a processor that may be destroyed meanwhile: so whoever
 * frees a fault waits for its run, and nobody destroys a processor, or a machine, without that.
 *
 * Until 2024 the work item was given a reference to the machine instead. It may be the last, and then the machine ends inside the work item; why both
 * together are worse than either is in the variants.
 */
import {
  alloc,
  anyOf,
  bug,
  cancel,
  type Ends,
  flush,
  free,
  type GuardedBy,
  type Invariant,
  implies,
  isLive,
  lock,
  maybe,
  type Owns,
  queue,
  type Runs,
  type Settled,
  type SpinLock,
  unguarded,
  unlock,
  type Work,
} from '../language.ts';
import { type closeVcpu, type Kvm, kvmModule, type VcpuFile } from './kvm.ts';
import { bringIn } from './mm.ts';

// ---- Objects

/** A virtual processor. Whoever has it open runs it; where nobody has, the end of the machine is alone with it. */
export interface Vcpu {
  readonly kvm: Kvm;
  /** Guards `done`, and who a fault is for. */
  lock: SpinLock;
  /** Faults that are not seen to yet. */
  queue: Set<Fault>;
  /** Faults whose page is there, and that the guest is to be told of. */
  done: Set<Fault>;
  /** The guest has something to do. */
  woken: boolean;
}

/** A fault that somebody else sees to (`struct kvm_async_pf`). */
export interface Fault {
  readonly vcpu: Vcpu;
  /** Its page is there. The kernel clears its pointer to the processor. */
  isDone: boolean;
  /** A reference to the machine, until 2024. */
  given: Kvm | null;
  work: Work;
}

// ---- Rules

/**
 * Faults that are done are listed under the processor's lock; those that are not belong to who runs the processor, or destroys it.
 * @source Linux 6.12, virt/kvm/async_pf.c, async_pf_execute() and kvm_check_async_pf_completion()
 */
export const vcpuGuards: GuardedBy<Vcpu> = {
  // One at a time runs a processor (`vcpu->mutex`), and who destroys it is alone.
  queue: unguarded,
  done: vcpu => vcpu.lock,
  // A request to the processor: single atomic operations.
  woken: unguarded,
};

/**
 * That a fault is done is noted, and asked, under its processor's lock.
 * @source Linux 6.12, virt/kvm/async_pf.c, async_pf_execute(), "apf->vcpu = NULL", and kvm_clear_async_pf_completion_queue()
 */
export const faultGuards: GuardedBy<Fault> = {
  isDone: fault => fault.vcpu.lock,
  // Written before the work item is queued, read by that alone.
  given: unguarded,
};

/** A fault that was given its machine owns a reference to it. */
export const faultOwns: Owns<Fault> = { given: kvm => kvm.users };

export const faultRuns: Runs<Fault> = { work: fault => execute(fault) };

/**
 * What is on the list of those that are done is done.
 * @source Linux 6.12, virt/kvm/async_pf.c, async_pf_execute()
 */
export const doneIsDone: Settled<{ vcpu: Vcpu; fault: Fault }> = ({ vcpu, fault }) => implies(vcpu.done.has(fault), fault.isDone);

/**
 * A fault has a processor that has not been freed.
 * @source Linux 3d75b8aa5c29, "KVM: Always flush async #PF workqueue when vCPU is being destroyed"
 * @fact R139
 */
export const faultsVcpuIsAlive: Invariant<{ fault: Fault }> = ({ fault }) => isLive(fault.vcpu);

/**
 * Closing a processor, the last file of its machine perhaps, ends, whatever faults are under way.
 * @source Linux 3d75b8aa5c29, "KVM: Always flush async #PF workqueue when vCPU is being destroyed", the deadlock that it reports
 * @fact R139
 */
export const closingEnds: Ends<typeof closeVcpu> = {};

// ---- The processor

/** The guest touches memory that is not there. If there is no memory for it, it waits like anybody else (`kvm_setup_async_pf`). */
export function touch(file: VcpuFile): boolean {
  const vcpu = file.vcpu;
  if (maybe()) return false;
  const fault = newFault(vcpu);
  vcpu.queue.add(fault);
  queue(fault.work);
  return true;
}

/** A fault of this processor. */
export function newFault(vcpu: Vcpu): Fault {
  return alloc<Fault>({ vcpu });
}

/** The processor goes on, and tells its guest of pages that are there now (`kvm_check_async_pf_completion`). */
export function tellGuest(file: VcpuFile): void {
  const vcpu = file.vcpu;
  lock(vcpu.lock);
  const fault = anyOf(vcpu.done);
  if (fault !== null) vcpu.done.delete(fault);
  unlock(vcpu.lock);
  if (fault === null) return;
  vcpu.queue.delete(fault);
  awaitAndFree(fault);
}

/** The fault is done, and its run may not have returned. It runs code of the module, so it is waited for (`kvm_flush_and_free_async_pf_work`). */
export function awaitAndFree(fault: Fault): void {
  flush(fault.work);
  free(fault);
}

/** The processor is destroyed (`kvm_clear_async_pf_completion_queue`). What has not begun is called off, what has is waited for. */
export function clearFaults(vcpu: Vcpu): void {
  for (const fault of vcpu.queue) {
    vcpu.queue.delete(fault);
    if (!isDone(fault)) callOff(fault);
  }
  freeDone(vcpu);
}

/** Whether its page is there, so that it is on the other list. */
export function isDone(fault: Fault): boolean {
  const vcpu = fault.vcpu;
  lock(vcpu.lock);
  const done = fault.isDone;
  unlock(vcpu.lock);
  return done;
}

/** A run that was not called off has put the fault on the list of those that are done. */
export function callOff(fault: Fault): void {
  if (cancel(fault.work)) free(fault);
}

/** One after the other, without the lock: each is waited for. */
export function freeDone(vcpu: Vcpu): void {
  for (;;) {
    lock(vcpu.lock);
    const fault = anyOf(vcpu.done);
    if (fault !== null) vcpu.done.delete(fault);
    unlock(vcpu.lock);
    if (fault === null) return;
    awaitAndFree(fault);
  }
}

// ---- The work item

/** Bring the page in, and tell the processor (`async_pf_execute`). */
export function execute(fault: Fault): void {
  const vcpu = fault.vcpu;
  bringIn(vcpu.kvm.mm);
  finish(fault);
  runsToTheEnd();
}

/** The page is there. From the unlock on the fault may be freed by who waits for the run. */
export function finish(fault: Fault): void {
  const vcpu = fault.vcpu;
  lock(vcpu.lock);
  vcpu.done.add(fault);
  fault.isDone = true;
  unlock(vcpu.lock);
  vcpu.woken = true;
}

/** What is left of a run is code of KVM's module. */
export function runsToTheEnd(): void {
  if (kvmModule.pins.count === 0) bug();
}
