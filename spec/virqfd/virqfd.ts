/**
 * virqfd of VFIO as in Linux 6.12: signals of an eventfd call a device's driver. Here they unmask the interrupt of a PCI device, whose trigger is another eventfd.
 *
 * A virqfd sits in a place of what it belongs to, and is active as long as it is there. Whoever takes it out, under one lock for all, queues its shutdown: the
 * eventfd's end, or who disables it. Disabling waits for the shutdowns also where it found nothing, because the eventfd's end may just have been here; so
 * the place may go afterwards.
 */
import {
  type AtEvery,
  addWaitEntry,
  alloc,
  assertHeld,
  assertSole,
  bug,
  type Descriptor,
  fget,
  flush,
  flushQueue,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isLive,
  isQueued,
  type LockOrder,
  lockIrq,
  type Module,
  type OrderedWorkQueue,
  type Owns,
  put,
  queue,
  type Runs,
  removeWaitEntry,
  type Settled,
  type SpinLock,
  unlockIrq,
  type WaitEntry,
  type Work,
} from '../language.ts';
import type { Eventfd, OpenFile, PollKey } from './eventfd.ts';
import { type Interrupt, sendTrigger, tryUnmask } from './interrupt.ts';

/** What all virqfds share. */
export interface Virqfds {
  lock: SpinLock;
  /** Null once the module is gone. */
  cleanup: Cleanup | null;
}
export declare const virqfds: Virqfds;

/** The module with the code and the queue. An open device pins it. */
export declare const vfioModule: Module;

/** The queue of the shutdowns, which ends with the module. One item at a time: who waits for injections through it is done before a shutdown that comes later. */
export interface Cleanup {
  queue: OrderedWorkQueue;
}

/** Ties one eventfd to one interrupt, in that interrupt's place for it. */
export interface Virqfd {
  readonly interrupt: Interrupt;
  readonly eventfd: Eventfd;
  entry: WaitEntry<PollKey>;
  inject: Work;
  flushInject: Work;
  shutdown: Work;
}

// ---- Rules

/**
 * The queue is there before the first device is opened, and is looked at only while the module is pinned.
 * @source Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_init() and vfio_virqfd_exit()
 * @fact R434
 */
export const virqfdsGuards: GuardedBy<Virqfds> = {
  // Only who loads and who unloads the module changes it.
  cleanup: { read: _all => vfioModule.pins.count > 0, write: all => all.lock },
};

/** A virqfd holds its eventfd. */
export const virqfdOwns: Owns<Virqfd> = { eventfd: eventfd => eventfd.refs };

export const virqfdRuns: Runs<Virqfd> = {
  entry: (virqfd, key) => wakeUp(virqfd, key),
  inject: virqfd => inject(virqfd),
  flushInject: virqfd => flushInjection(virqfd),
  shutdown: virqfd => shutDown(virqfd),
};

/**
 * The end of an eventfd is reported under its queue's lock, and the places of virqfds are locked inside that.
 * @source Linux 6.12, drivers/vfio/virqfd.c, virqfd_wakeup()
 */
export const hangUpOrder: LockOrder<[Eventfd, Virqfds]> = (eventfd, all) => [eventfd.lock, eventfd.wait, all.lock];

/**
 * A virqfd is deactivated once, in the section in which it is taken out of its place.
 * @source Linux 6.12, drivers/vfio/virqfd.c, virqfd_deactivate() and vfio_virqfd_disable()
 * @fact R433
 */
export const deactivatedOnce: AtEvery<{ virqfd: Virqfd }> = {
  event: ({ virqfd }) => queue(virqfd.shutdown),
  then: ({ virqfd }, past) => !isQueued(virqfd.shutdown) && past.holds(virqfds.lock),
};

/**
 * A virqfd that is being shut down is in no place any more.
 * @source Linux 6.12, drivers/vfio/virqfd.c, virqfd_wakeup(), "if the virqfd has not yet been queued for release"
 * @fact R433
 */
export const leavingHasNoPlace: Settled<{ virqfd: Virqfd }> = ({ virqfd }) =>
  implies(isQueued(virqfd.shutdown), virqfd.interrupt.unmask !== virqfd);

/**
 * An interrupt outlives what unmasks it.
 * @source Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_disable(), "Even if we don't queue the job, flush the wq to be sure it's been released"
 */
export const interruptOutlivesVirqfd: Invariant<{ virqfd: Virqfd }> = ({ virqfd }) => isLive(virqfd.interrupt);

/**
 * A virqfd may be hooked only as long as the queue of its shutdown is there.
 * @source Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_exit(); Linux 666c7f9e0792, CVE-2026-97478, the irqfd of ACRN
 * @fact R434, R427
 */
export const queueOutlivesVirqfds: Invariant<{ virqfd: Virqfd }> = ({ virqfd }) => implies(isLive(virqfd), virqfds.cleanup !== null);

// ---- Enabling

/** Tie an eventfd to an interrupt. Whoever calls holds what keeps others from enabling and disabling this one meanwhile. */
export function enable(interrupt: Interrupt, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  const virqfd = alloc<Virqfd>({ interrupt, eventfd });
  const placed = takePlace(virqfd);
  if (!placed) {
    put(eventfd.refs);
    put(file.refs);
    free(virqfd);
    return 'EBUSY';
  }
  addWaitEntry(eventfd.wait, virqfd.entry);
  // Read after hooking: an event that came before is seen here, one that comes later by the callback.
  if (eventfd.count > 0) handle(virqfd);
  // Not before the virqfd is complete: while the file is held, the end of the eventfd cannot come.
  put(file.refs);
  return 0;
}

/** False if there is one already. */
export function takePlace(virqfd: Virqfd): boolean {
  const interrupt = virqfd.interrupt;
  lockIrq(virqfds.lock);
  const other = interrupt.unmask;
  if (other === null) interrupt.unmask = virqfd;
  unlockIrq(virqfds.lock);
  return other === null;
}

// ---- While it is active

/** Called by whoever signals or closes the eventfd, under the queue's lock with interrupts off. */
export function wakeUp(virqfd: Virqfd, key: PollKey): void {
  // It is called by whoever has the eventfd, who knows of no module.
  if (vfioModule.pins.count === 0) bug();
  if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
    virqfd.eventfd.count = 0;
    handle(virqfd);
  }
  if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
    lockIrq(virqfds.lock);
    // Who disabled it may have been here first. It cannot have been freed yet: unhooking waits for this callback.
    if (virqfd.interrupt.unmask === virqfd) {
      virqfd.interrupt.unmask = null;
      deactivate(virqfd);
    }
    unlockIrq(virqfds.lock);
  }
}

/** Unmask at once; what that asks for is left to a work item, where another eventfd may be signalled. */
export function handle(virqfd: Virqfd): void {
  if (tryUnmask(virqfd.interrupt)) queue(virqfd.inject);
}

/** The interrupt is still there: trigger it again. */
export function inject(virqfd: Virqfd): void {
  sendTrigger(virqfd.interrupt);
}

// ---- Taking apart

/** Untie what is there, if anything. Afterwards nothing of it is left, whoever untied it. May sleep. */
export function disable(interrupt: Interrupt): void {
  lockIrq(virqfds.lock);
  const virqfd = interrupt.unmask;
  if (virqfd !== null) {
    deactivate(virqfd);
    interrupt.unmask = null;
  }
  unlockIrq(virqfds.lock);
  flushAll();
}

/** Have it shut down where sleeping is allowed. */
export function deactivate(virqfd: Virqfd): void {
  assertHeld(virqfds.lock);
  const cleanup = virqfds.cleanup;
  if (cleanup !== null) queue(virqfd.shutdown, cleanup.queue);
}

/** Wait for every shutdown that is queued now. */
export function flushAll(): void {
  const cleanup = virqfds.cleanup;
  if (cleanup !== null) flushQueue(cleanup.queue);
}

/** Wait until nobody injects who began before. What there is to wait for is shut down perhaps, so the queue of the shutdowns does it (`vfio_virqfd_flush_thread`). */
export function flushThread(interrupt: Interrupt): void {
  lockIrq(virqfds.lock);
  const virqfd = interrupt.unmask;
  const cleanup = virqfds.cleanup;
  if (virqfd !== null && cleanup !== null) queue(virqfd.flushInject, cleanup.queue);
  unlockIrq(virqfds.lock);
  flushAll();
}

/** Wait for injections on their way. */
export function flushInjection(virqfd: Virqfd): void {
  flush(virqfd.inject);
}

/** Take apart what enabling put together, in this order. */
export function shutDown(virqfd: Virqfd): void {
  unhook(virqfd);
  // Nobody queues it any more.
  flush(virqfd.inject);
  put(virqfd.eventfd.refs);
  free(virqfd);
}

/** Take the entry off the queue, and the count with it (`eventfd_ctx_remove_wait_queue`). */
export function unhook(virqfd: Virqfd): void {
  const eventfd = virqfd.eventfd;
  lockIrq(eventfd.lock);
  removeWaitEntry(eventfd.wait, virqfd.entry);
  eventfd.count = 0;
  unlockIrq(eventfd.lock);
}

// ---- The module

/** The module is loaded. */
export function load(): void {
  // Nobody knows of it yet: the kernel does without the lock here.
  lockIrq(virqfds.lock);
  virqfds.cleanup = alloc<Cleanup>({});
  unlockIrq(virqfds.lock);
}

/** Take the module out (`rmmod`), unless a device is open. Its queue goes with it. */
export function unload(): 0 | 'EAGAIN' {
  if (vfioModule.pins.count > 1) return 'EAGAIN';
  put(vfioModule.pins);
  // Nothing of the module runs any more but this.
  assertSole(virqfds);
  const cleanup = virqfds.cleanup;
  if (cleanup === null) return 0;
  flushQueue(cleanup.queue);
  virqfds.cleanup = null;
  free(cleanup);
  return 0;
}
