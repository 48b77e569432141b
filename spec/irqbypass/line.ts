/** The line by which a device interrupts the host, or a machine that it is posted to. */
import { alloc, type GuardedBy, type Invariant, implies, isLive, lockIrq, type SpinLock, unlockIrq } from '../language.ts';
import type { Kvm } from './kvm.ts';

/** An interrupt of the host, with the entry that says where it goes. */
export interface Line {
  lock: SpinLock;
  /** The host has a handler for it. */
  requested: boolean;
  /** The machine that has it instead of the handler. */
  postedTo: Kvm | null;
  /** The hardware refuses to post it. */
  readonly cannotPost: boolean;
}

// ---- Rules

/**
 * Where a line goes is written under its own lock.
 * @source Linux 6.17, kernel/irq/manage.c, irq_set_vcpu_affinity()
 */
export const lineGuards: GuardedBy<Line> = { requested: line => line.lock, postedTo: line => line.lock };

/**
 * A machine that a line is posted to has not been destroyed.
 * @source Linux 6.17, arch/x86/kvm/irq.c, kvm_arch_irq_bypass_del_producer()
 * @fact R414
 */
export const postedMachineIsAlive: Invariant<{ line: Line }> = ({ line }) => implies(line.postedTo !== null, isLive(line.postedTo));

/**
 * A line that the device's driver has given back is posted to nobody.
 * @source Linux d567fb881916, "vfio/pci: call irq_bypass_unregister_producer() before freeing irq"
 * @fact R432
 */
export const freedLineIsNotPosted: Invariant<{ line: Line }> = ({ line }) => implies(!line.requested, line.postedTo === null);

// ---- What is done with it

/** The line of a device. */
export function newLine(cannotPost: boolean): Line {
  return alloc<Line>({ cannotPost });
}

/** Have a handler (`request_irq`). */
export function requestLine(line: Line): void {
  lockIrq(line.lock);
  line.requested = true;
  unlockIrq(line.lock);
}

/** Have none any more (`free_irq`). */
export function freeLine(line: Line): void {
  lockIrq(line.lock);
  line.requested = false;
  unlockIrq(line.lock);
}

/** Post it to a machine, or give it back to the host with null (`irq_set_vcpu_affinity`). Giving back never fails. */
export function post(line: Line, kvm: Kvm | null): 0 | 'EIO' {
  if (line.cannotPost && kvm !== null) return 'EIO';
  lockIrq(line.lock);
  line.postedTo = kvm;
  unlockIrq(line.lock);
  return 0;
}

/** The device interrupts. The machine is told by the hardware, which knows nothing of its end. */
export function fire(line: Line): void {
  lockIrq(line.lock);
  const kvm = line.postedTo;
  if (kvm !== null) kvm.interrupted = true;
  unlockIrq(line.lock);
}

/** Whether it is posted to a machine. */
export function isPosted(line: Line): boolean {
  lockIrq(line.lock);
  const kvm = line.postedTo;
  unlockIrq(line.lock);
  return kvm !== null;
}
