/** The virtual machine and the eventfd, as far as a bypass can tell. */
import {
  alloc,
  flushQueue,
  free,
  type GuardedBy,
  implies,
  isLive,
  type LockOrder,
  lock,
  lockIrq,
  type Mutex,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type Settled,
  type SpinLock,
  type SrcuDomain,
  synchronize,
  unguarded,
  unlock,
  unlockIrq,
  type WorkQueue,
} from '../language.ts';
import type { Producer } from './device.ts';
import { deactivate, type Irqfd, updateRoute } from './irqfd.ts';

/** What the two sides have in common. That it is signalled and closed is looked at in the system irqfd. */
export interface Eventfd {
  refs: RefCount;
}

/** What all machines share. */
export interface KvmModule {
  cleanupQueue: WorkQueue;
}
export declare const kvmModule: KvmModule;

/** A virtual machine. */
export interface Kvm {
  users: RefCount;
  irqfdsLock: SpinLock;
  irqfds: Set<Irqfd>;
  irqLock: Mutex;
  irqSrcu: SrcuDomain;
  routing: RoutingTable;
  /** Interrupts were posted to it. */
  interrupted: boolean;
}

/** What user space has open of a machine. */
export interface VmFile {
  readonly kvm: Kvm;
  refs: RefCount;
}

/** Where the machine's interrupts go. Never changes; another table is put in its place. */
export interface RoutingTable {
  readonly route: Route;
}

/** To a pin of the interrupt controller, by the host; or to a processor by message, which can be posted. */
export type Route = 'pin' | 'msi';

// ---- Rules

/**
 * The list of irqfds has a spinlock; the routing has a mutex and readers.
 * @source Linux 6.17, include/linux/kvm_host.h, struct kvm
 */
export const kvmGuards: GuardedBy<Kvm> = {
  irqfds: kvm => kvm.irqfdsLock,
  routing: { read: kvm => [kvm.irqSrcu, kvm.irqLock, !isLive(kvm)], write: kvm => kvm.irqLock },
  // The hardware's.
  interrupted: unguarded,
};

/** An open machine holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const vmFileRuns: Runs<VmFile> = { refs: file => releaseVm(file) };
export const eventfdRuns: Runs<Eventfd> = { refs: eventfd => freeEventfd(eventfd) };

/**
 * Changing the routing is outside the list of irqfds.
 * @source Linux 6.17, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const routingOrder: LockOrder<[Kvm]> = kvm => [kvm.irqLock, kvm.irqfdsLock];

/**
 * An active irqfd has the route that the machine's table says.
 * @source Linux 6.17, virt/kvm/eventfd.c, irqfd_update() and kvm_irq_routing_update()
 * @fact R402
 */
export const routesAgree: Settled<{ irqfd: Irqfd }> = ({ irqfd }) =>
  implies(irqfd.kvm.irqfds.has(irqfd), irqfd.route === irqfd.kvm.routing.route);

/**
 * An interrupt that is a message is posted to the machine, and another is not.
 * @source Linux 6.17, arch/x86/kvm/irq.c, kvm_arch_update_irqfd_routing()
 * @fact R414
 */
export const messagesArePosted: Settled<{ irqfd: Irqfd; producer: Producer }> = ({ irqfd, producer }) =>
  implies(
    irqfd.producer === producer && irqfd.kvm.irqfds.has(irqfd) && !producer.line.cannotPost,
    irqfd.route === 'msi' ? producer.line.postedTo === irqfd.kvm : producer.line.postedTo === null,
  );

// ---- Inside the kernel

/** The last reference to the machine is gone. */
export function destroyVm(kvm: Kvm): void {
  free(kvm.routing);
  free(kvm);
}

/** The machine's file is closed: all of its irqfds go first. */
export function releaseVm(file: VmFile): void {
  const kvm = file.kvm;
  lockIrq(kvm.irqfdsLock);
  for (const irqfd of kvm.irqfds) deactivate(irqfd);
  unlockIrq(kvm.irqfdsLock);
  flushed: flushQueue(kvmModule.cleanupQueue);
  put(kvm.users);
  free(file);
}

/** The last reference to the eventfd is gone. */
export function freeEventfd(eventfd: Eventfd): void {
  free(eventfd);
}

// ---- Calls

/** A new machine. */
export function createVm(route: Route): VmFile {
  const kvm = alloc<Kvm>({ users: 1, routing: newTable(route) });
  return alloc<VmFile>({ kvm, refs: 1 });
}

/** A table that nobody sees yet. */
export function newTable(route: Route): RoutingTable {
  return alloc<RoutingTable>({ route });
}

/** Put another routing table in place: every active irqfd is told, and what is posted for it with it. */
export function setRouting(kvm: Kvm, route: Route): void {
  const table = newTable(route);
  lock(kvm.irqLock);
  const old = kvm.routing;
  kvm.routing = table;
  lockIrq(kvm.irqfdsLock);
  for (const irqfd of kvm.irqfds) updateRoute(irqfd);
  unlockIrq(kvm.irqfdsLock);
  unlock(kvm.irqLock);
  grace: synchronize(kvm.irqSrcu);
  free(old);
}

/** Close the machine's descriptor. */
export function closeVm(vm: VmFile): void {
  put(vm.refs);
}

/** A new eventfd. The scenario has the reference. */
export function createEventfd(): Eventfd {
  return alloc<Eventfd>({ refs: 1 });
}
