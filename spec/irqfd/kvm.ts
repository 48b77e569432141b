/** The virtual machine, as far as an irqfd can tell: interrupt routing, interrupt lines, and its end. */
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
  maybe,
  type Owns,
  put,
  type RefCount,
  type Runs,
  readLock,
  readUnlock,
  type Settled,
  type SpinLock,
  type SrcuDomain,
  synchronize,
  type UpTo,
  unguarded,
  unlock,
  unlockIrq,
  type WorkQueue,
} from '../language.ts';
import { deactivate, type Irqfd, updateRoute } from './irqfd.ts';
import type { Resampler } from './resampler.ts';

/** What all machines share. */
export interface KvmModule {
  cleanupQueue: WorkQueue;
}
export declare const kvmModule: KvmModule;

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  hasInterruptController: boolean;

  irqfdsLock: SpinLock;
  irqfds: Set<Irqfd>;

  resamplerLock: Mutex;
  resamplers: Set<Resampler>;

  irqLock: Mutex;
  /** Readers of `routing` and `ackNotifiers`, and assignments that have not finished. */
  irqSrcu: SrcuDomain;
  routing: RoutingTable;
  /** Called when the guest has handled an interrupt. */
  ackNotifiers: Set<Resampler>;

  /** Lines 5 and 6 of the interrupt controller latch an edge: raised and lowered again, they stay pending until a guest takes them. */
  pending5: boolean;
  pending6: boolean;
  /** Allocations for it may fail. */
  readonly memoryIsShort: boolean;
}

/** What user space has open of a machine. Every call on it holds a reference for as long as it takes. */
export interface VmFile {
  readonly kvm: Kvm;
  refs: RefCount;
}

/** Where the interrupts of a machine go. Never changes; another table is put in its place. */
export interface RoutingTable {
  readonly route: Route;
}

/** Nowhere; to a pin of the interrupt controller, which takes a mutex; or to a processor by message, which never sleeps. */
export type Route = 'none' | 'pin' | 'msi';

// ---- Rules

/**
 * The list of irqfds has a spinlock, because the end of an eventfd changes it; everything slower has a mutex and readers.
 * @source Linux 6.18, include/linux/kvm_host.h, struct kvm, and virt/kvm/eventfd.c
 * @fact R401
 */
export const kvmGuards: GuardedBy<Kvm> = {
  // Set once, before user space is told that the machine has one.
  hasInterruptController: unguarded,
  irqfds: kvm => kvm.irqfdsLock,
  resamplers: kvm => kvm.resamplerLock,
  // When the last reference is gone, nobody is left to change it.
  routing: { read: kvm => [kvm.irqSrcu, kvm.irqLock, !isLive(kvm)], write: kvm => kvm.irqLock },
  ackNotifiers: { read: kvm => [kvm.irqSrcu, kvm.irqLock], write: kvm => kvm.irqLock },
  // The interrupt controller has a lock of its own, in which nothing else is taken.
  pending5: unguarded,
  pending6: unguarded,
};

/** An open machine holds one reference; processors and devices have their own. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const vmFileRuns: Runs<VmFile> = { refs: file => releaseVm(file) };

/**
 * Changing the routing is outermost; the list of irqfds is locked inside it.
 * @source Linux 6.18, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const routingOrder: LockOrder<[Kvm]> = kvm => [kvm.lock, kvm.irqLock, kvm.irqfdsLock];

/**
 * Who joins or leaves a resampler holds its lock while it changes the acknowledgement notifiers and while it waits for their readers.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_resampler_shutdown()
 */
export const resamplerOrder: LockOrder<[Kvm]> = kvm => [kvm.resamplerLock, kvm.irqLock];
/**
 * Readers of the routing and of the acknowledgement notifiers do not take a resampler's lock: they are waited for under it.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_resampler_shutdown()
 */
export const resamplerWaitsForReaders: LockOrder<[Kvm]> = kvm => [kvm.resamplerLock, kvm.irqSrcu];

/**
 * An active irqfd has the route that the machine's table says.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_update() and kvm_irq_routing_update()
 */
export const routesAgree: Settled<{ irqfd: Irqfd }> = ({ irqfd }) =>
  implies(irqfd.kvm.irqfds.has(irqfd), irqfd.route === irqfd.kvm.routing.route);

// ---- Inside the kernel

/** The last reference to the machine is gone. */
export function destroyVm(kvm: Kvm): void {
  free(kvm.routing);
  free(kvm);
}

/** The machine's file is closed. Irqfds hold no reference to the machine, so it waits until all of them are gone. */
export function releaseVm(file: VmFile): void {
  const kvm = file.kvm;
  lockIrq(kvm.irqfdsLock);
  for (const irqfd of kvm.irqfds) deactivate(irqfd);
  unlockIrq(kvm.irqfdsLock);
  flushed: flushQueue(kvmModule.cleanupQueue);
  put(kvm.users);
  free(file);
}

/** Whether an allocation fails. */
export function isOutOfMemory(kvm: Kvm): boolean {
  return kvm.memoryIsShort && maybe();
}

/** Raise a line and lower it again. */
export function pulse(kvm: Kvm, gsi: UpTo<30>): void {
  if (gsi === 5) kvm.pending5 = true;
  if (gsi === 6) kvm.pending6 = true;
}

/** Send an interrupt where the table says (`kvm_set_irq`). May sleep. */
export function setIrq(kvm: Kvm, gsi: UpTo<30>): void {
  readLock(kvm.irqSrcu);
  const route = kvm.routing.route;
  readUnlock(kvm.irqSrcu);
  if (route !== 'none') pulse(kvm, gsi);
}

/** A routing table that nobody sees yet. */
export function newTable(route: Route): RoutingTable {
  return alloc<RoutingTable>({ route });
}

/** Put another table in place. Readers may be looking at the old one until they have left. */
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

// ---- Calls of user space

/** A new machine without an interrupt controller (`KVM_CREATE_VM`). */
export function createVm(): VmFile {
  const kvm = alloc<Kvm>({ users: 1, routing: newTable('none'), memoryIsShort: false });
  return alloc<VmFile>({ kvm, refs: 1 });
}

/** A new machine, on a host where allocations for irqfds may fail from now on. */
export function createVmShortOfMemory(): VmFile {
  const kvm = alloc<Kvm>({ users: 1, routing: newTable('none'), memoryIsShort: true });
  return alloc<VmFile>({ kvm, refs: 1 });
}

/** Give the machine an interrupt controller with every line routed to a pin (`KVM_CREATE_IRQCHIP`). */
export function createInterruptController(vm: VmFile): 0 | 'EEXIST' {
  const kvm = vm.kvm;
  lock(kvm.lock);
  if (kvm.hasInterruptController) {
    unlock(kvm.lock);
    return 'EEXIST';
  }
  setRouting(kvm, 'pin');
  kvm.hasInterruptController = true;
  unlock(kvm.lock);
  return 0;
}

/** Replace the routing by an equal one (`KVM_SET_GSI_ROUTING`). */
export function updateRouting(vm: VmFile): 0 | 'EINVAL' {
  if (!vm.kvm.hasInterruptController) return 'EINVAL';
  setRouting(vm.kvm, 'pin');
  return 0;
}

/** Whether a line waits for the guest (`KVM_GET_IRQCHIP`). Beyond lines 5 and 6 nothing is wired. */
export function pendingInterrupt(vm: VmFile, gsi: UpTo<30>): boolean {
  return gsi === 5 ? vm.kvm.pending5 : gsi === 6 ? vm.kvm.pending6 : false;
}

/** Close the machine's descriptor. */
export function closeVm(vm: VmFile): 0 {
  put(vm.refs);
  return 0;
}
