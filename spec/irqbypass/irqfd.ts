/** The irqfd of a machine, as far as a bypass can tell: it is the consumer. How it is hooked on its eventfd is the system irqfd. */
import {
  type AtEvery,
  alloc,
  assertHeld,
  flushQueue,
  free,
  type GuardedBy,
  get,
  isQueued,
  lockIrq,
  type Owns,
  put,
  queue,
  type Runs,
  readLock,
  readUnlock,
  synchronize,
  unlockIrq,
  type Work,
} from '../language.ts';
import type { Producer } from './device.ts';
import { bypass, registerConsumer, unregisterConsumer } from './irqbypass.ts';
import { type Eventfd, type Kvm, kvmModule, type Route, type VmFile } from './kvm.ts';
import { post } from './line.ts';

/** Ties an eventfd to an interrupt of a machine. */
export interface Irqfd {
  readonly kvm: Kvm;
  readonly eventfd: Eventfd;
  route: Route;
  /** The machine's own note of whose line it has. */
  producer: Producer | null;
  /** The bypass's note of who it is connected to. */
  connected: Producer | null;
  shutdown: Work;
}

// ---- Rules

/**
 * The machine's note of the producer is written under the lock of its list, as the route is: a change of the routing reads both.
 * @source Linux f1fb088d9cec, "KVM: x86: Take irqfds.lock when adding/deleting IRQ bypass producer"
 * @fact R438, R402
 */
export const irqfdGuards: GuardedBy<Irqfd> = {
  route: { read: irqfd => [irqfd.kvm.irqSrcu, irqfd.kvm.irqfdsLock], write: irqfd => irqfd.kvm.irqfdsLock },
  producer: irqfd => irqfd.kvm.irqfdsLock,
  connected: _irqfd => bypass.lock,
};

/** An irqfd holds its eventfd: while it is registered, no other can be mistaken for it. */
export const irqfdOwns: Owns<Irqfd> = { eventfd: eventfd => eventfd.refs };

export const irqfdRuns: Runs<Irqfd> = { shutdown: irqfd => shutDown(irqfd) };

/**
 * An irqfd is deactivated once.
 * @source Linux 6.17, virt/kvm/eventfd.c, irqfd_deactivate()
 */
export const deactivatedOnce: AtEvery<{ irqfd: Irqfd }> = {
  event: ({ irqfd }) => queue(irqfd.shutdown),
  then: ({ irqfd }, past) => !isQueued(irqfd.shutdown) && past.holds(irqfd.kvm.irqfdsLock),
};

// ---- Assigning and deassigning

/** Tie an eventfd to an interrupt (`KVM_IRQFD`). */
export function assign(vm: VmFile, eventfd: Eventfd): void {
  const kvm = vm.kvm;
  get(eventfd.refs);
  const irqfd = newIrqfd(kvm, eventfd);
  readLock(kvm.irqSrcu);
  lockIrq(kvm.irqfdsLock);
  irqfd.route = kvm.routing.route;
  kvm.irqfds.add(irqfd);
  unlockIrq(kvm.irqfdsLock);
  // If it fails the host's handler signals the eventfd, as without a bypass.
  registerConsumer(irqfd);
  readUnlock(kvm.irqSrcu);
}

/** An irqfd that nobody sees yet. */
export function newIrqfd(kvm: Kvm, eventfd: Eventfd): Irqfd {
  return alloc<Irqfd>({ kvm, eventfd, route: 'pin' });
}

/** Untie it (`KVM_IRQFD_FLAG_DEASSIGN`). */
export function deassign(vm: VmFile, eventfd: Eventfd): void {
  const kvm = vm.kvm;
  lockIrq(kvm.irqfdsLock);
  for (const irqfd of kvm.irqfds) {
    if (irqfd.eventfd === eventfd) deactivate(irqfd);
  }
  unlockIrq(kvm.irqfdsLock);
  flushed: flushQueue(kvmModule.cleanupQueue);
}

/** Take the irqfd off the list, and have it shut down where sleeping is allowed. Its route stays as it is. */
export function deactivate(irqfd: Irqfd): void {
  assertHeld(irqfd.kvm.irqfdsLock);
  irqfd.kvm.irqfds.delete(irqfd);
  queue(irqfd.shutdown, kvmModule.cleanupQueue);
}

/** Take apart what assigning put together. */
export function shutDown(irqfd: Irqfd): void {
  // The assignment may still be registering it.
  assigned: synchronize(irqfd.kvm.irqSrcu);
  unregisterConsumer(irqfd);
  put(irqfd.eventfd.refs);
  free(irqfd);
}

// ---- The bypass

/** Have the producer's line posted, if the route is a message. */
export function addProducer(irqfd: Irqfd, producer: Producer): 0 | 'EIO' {
  const kvm = irqfd.kvm;
  lockIrq(kvm.irqfdsLock);
  irqfd.producer = producer;
  const result = irqfd.route === 'msi' ? post(producer.line, kvm) : 0;
  if (result !== 0) irqfd.producer = null;
  unlockIrq(kvm.irqfdsLock);
  return result;
}

/** Give the producer's line back, if the route is a message. */
export function deleteProducer(irqfd: Irqfd, producer: Producer): void {
  const kvm = irqfd.kvm;
  lockIrq(kvm.irqfdsLock);
  if (irqfd.route === 'msi') post(producer.line, null);
  irqfd.producer = null;
  unlockIrq(kvm.irqfdsLock);
}

/** Copy what the routing table says, and have the line posted accordingly. */
export function updateRoute(irqfd: Irqfd): void {
  const kvm = irqfd.kvm;
  assertHeld(kvm.irqfdsLock);
  const old = irqfd.route;
  irqfd.route = kvm.routing.route;
  const producer = irqfd.producer;
  if (producer !== null && irqfd.route !== old) post(producer.line, irqfd.route === 'msi' ? kvm : null);
}
