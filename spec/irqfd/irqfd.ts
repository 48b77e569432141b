/**
 * irqfd as in Linux 6.17 and later: signals of an eventfd become interrupts of a virtual machine.
 *
 * An irqfd is active while it is on its machine's list. Whoever takes it off, under the list's lock, queues its shutdown, and nobody
 * else does. The eventfd's end, a deassignment and the machine's release may all try; the work then takes apart what the assignment put
 * together. The irqfd holds the eventfd by a reference and the machine by nothing: the machine waits for its irqfds.
 */
import {
  type AtEvery,
  addWaitEntryExclusive,
  alloc,
  assertHeld,
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
  isOnQueue,
  isQueued,
  lock,
  lockIrq,
  type OrderException,
  type Owns,
  put,
  queue,
  type Runs,
  readLock,
  readUnlock,
  removeWaitEntry,
  type Settled,
  synchronize,
  type UpTo,
  unlock,
  unlockIrq,
  type WaitEntry,
  type Work,
} from '../language.ts';
import type { Eventfd, OpenFile, PollKey } from './eventfd.ts';
import { isOutOfMemory, type Kvm, kvmModule, pulse, type Route, setIrq, type VmFile } from './kvm.ts';
import { leaveResampler, type Resampler, resamplerOf } from './resampler.ts';

/** Ties one eventfd to one interrupt of one machine. */
export interface Irqfd {
  readonly kvm: Kvm;
  readonly eventfd: Eventfd;
  readonly gsi: UpTo<30>;
  /** A copy of what the table says, so that the callback need not look it up. */
  route: Route;
  /** With these the interrupt is level-triggered: raised until the guest has handled it, which is then signalled on `resamplefd`. */
  readonly resampler: Resampler | null;
  readonly resamplefd: Eventfd | null;
  entry: WaitEntry<PollKey>;
  inject: Work;
  shutdown: Work;
}

// ---- Rules

/**
 * The route is written under the lock of the list. It is read in a read section; a sequence counter makes the copy whole.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_update() and irqfd_wakeup()
 * @fact R402
 */
export const irqfdGuards: GuardedBy<Irqfd> = {
  route: { read: irqfd => irqfd.kvm.irqSrcu, write: irqfd => irqfd.kvm.irqfdsLock },
};

/**
 * An irqfd holds both of its eventfds, and does not hold its machine.
 */
export const irqfdOwns: Owns<Irqfd> = { eventfd: eventfd => eventfd.refs, resamplefd: eventfd => eventfd.refs };

export const irqfdRuns: Runs<Irqfd> = {
  entry: (irqfd, key) => wakeUp(irqfd, key),
  inject: irqfd => inject(irqfd),
  shutdown: irqfd => shutDown(irqfd),
};

/**
 * Assigning puts the entry on the queue under the lock of the list, although the end of an eventfd takes that lock under the queue's. The
 * two never meet: who assigns holds the eventfd's file, so its end cannot come. Lockdep is told to look away.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_register()
 * @fact R406
 */
export const hookedUnderListLock: OrderException<[Kvm, Eventfd]> = (kvm, eventfd) => [kvm.irqfdsLock, eventfd.wait];

/**
 * A machine outlives its irqfds.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_release(), "since we do not take a kvm* reference"
 * @fact R410
 */
export const vmOutlivesItsIrqfds: Invariant<{ irqfd: Irqfd }> = ({ irqfd }) => isLive(irqfd.kvm);

/**
 * An irqfd is deactivated once, by whoever takes it off the list.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_deactivate()
 * @fact R403
 */
export const deactivatedOnce: AtEvery<{ irqfd: Irqfd }> = {
  event: ({ irqfd }) => queue(irqfd.shutdown),
  then: ({ irqfd }, past) => !isQueued(irqfd.shutdown) && past.holds(irqfd.kvm.irqfdsLock),
};

/**
 * An irqfd that is hooked and not active is on its way out.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_deactivate() and kvm_irqfd_register()
 * @fact R403
 */
export const inactiveIsShutDown: Settled<{ irqfd: Irqfd }> = ({ irqfd }) =>
  implies(isOnQueue(irqfd.entry) && !irqfd.kvm.irqfds.has(irqfd), isQueued(irqfd.shutdown));

/**
 * An active irqfd is hooked: who finds it on the list can take it apart.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_register()
 */
export const activeIsHooked: Invariant<{ irqfd: Irqfd }> = ({ irqfd }) => implies(irqfd.kvm.irqfds.has(irqfd), isOnQueue(irqfd.entry));

/**
 * Within a machine, an eventfd has at most one active irqfd.
 * @source Linux 6.1, virt/kvm/eventfd.c, kvm_irqfd_assign(), "This fd is used for another irq already"
 */
export const oneActivePerEventfd: Invariant<{ one: Irqfd; other: Irqfd }> = ({ one, other }) =>
  implies(one.kvm === other.kvm && one.eventfd === other.eventfd && one.kvm.irqfds.has(one) && one.kvm.irqfds.has(other), one === other);

/**
 * An eventfd has at most one irqfd, in whatever machine.
 * @source Linux 2cdd64cbf990, "KVM: Disallow binding multiple irqfds to an eventfd with a priority waiter"
 */
export const oneIrqfdPerEventfd: Invariant<{ one: Irqfd; other: Irqfd }> = ({ one, other }) =>
  implies(isOnQueue(one.entry) && isOnQueue(other.entry) && one.eventfd === other.eventfd, one === other);

/**
 * Events that were counted before the eventfd was assigned are injected, as those that come after.
 * Looked at when the entry leaves the queue: a later event would have reset the count.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(), "as if we didn't miss it"
 * @fact R417
 */
export const pendingEventIsInjected: AtEvery<{ eventfd: Eventfd; irqfd: Irqfd }> = {
  event: ({ eventfd, irqfd }) => removeWaitEntry(eventfd.wait, irqfd.entry),
  then: ({ eventfd, irqfd }) =>
    implies(
      irqfd.eventfd === eventfd && isOnQueue(irqfd.entry) && eventfd.count > 0 && irqfd.gsi === 5,
      isQueued(irqfd.inject) || irqfd.kvm.pending5,
    ),
};

// ---- Assigning

/** Tie an eventfd to an interrupt (`KVM_IRQFD`). Whether such an interrupt exists is not asked. */
export function assign(vm: VmFile, fd: Descriptor<OpenFile>, gsi: UpTo<30>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  const kvm = vm.kvm;
  if (!kvm.hasInterruptController) return 'EINVAL';
  if (isOutOfMemory(kvm)) return 'ENOMEM';
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  const irqfd = newIrqfd(kvm, eventfd, gsi);
  const result = activate(irqfd);
  if (result !== 0) abandon(irqfd);

  // Not before the irqfd is complete: while the file is held, the end of the eventfd cannot come.
  put(file.refs);
  return result;
}

/** As `assign`, level-triggered: what the guest has handled is signalled on another eventfd (`KVM_IRQFD_FLAG_RESAMPLE`). */
export function assignResample(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  gsi: UpTo<30>,
  resampleFd: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  const kvm = vm.kvm;
  if (!kvm.hasInterruptController) return 'EINVAL';
  if (isOutOfMemory(kvm)) return 'ENOMEM';
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  const resampleFile = fget(resampleFd);
  if (resampleFile === null) {
    put(eventfd.refs);
    put(file.refs);
    return 'EBADF';
  }
  const resamplefd = resampleFile.eventfd;
  if (resamplefd === null) {
    put(resampleFile.refs);
    put(eventfd.refs);
    put(file.refs);
    return 'EINVAL';
  }
  get(resamplefd.refs);
  put(resampleFile.refs);

  lock(kvm.resamplerLock);
  const resampler = resamplerOf(kvm, gsi);
  if (resampler === null) {
    unlock(kvm.resamplerLock);
    put(resamplefd.refs);
    put(eventfd.refs);
    put(file.refs);
    return 'ENOMEM';
  }
  const irqfd = alloc<Irqfd>({ kvm, eventfd, gsi, route: 'none', resampler, resamplefd });
  resampler.irqfds.add(irqfd);
  synchronize(kvm.irqSrcu);
  unlock(kvm.resamplerLock);

  const result = activate(irqfd);
  if (result !== 0) abandon(irqfd);
  put(file.refs);
  return result;
}

/** As `assign`, with flags as they are: 0 is none, above 3 is none that the kernel knows. Others are not for this call. */
export function assignWithFlags(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  gsi: UpTo<30>,
  flags: UpTo<15>,
): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  return flags > 3 ? 'EINVAL' : assign(vm, fd, gsi);
}

/** An irqfd that nobody sees yet. */
export function newIrqfd(kvm: Kvm, eventfd: Eventfd, gsi: UpTo<30>): Irqfd {
  return alloc<Irqfd>({ kvm, eventfd, gsi, route: 'none' });
}

/** Hook the entry and put the irqfd on the list. The eventfd's file is held by whoever calls. */
export function activate(irqfd: Irqfd): 0 | 'EBUSY' {
  const kvm = irqfd.kvm;
  const eventfd = irqfd.eventfd;
  readLock(kvm.irqSrcu);
  lockIrq(kvm.irqfdsLock);
  updateRoute(irqfd);
  const hooked = addWaitEntryExclusive(eventfd.wait, irqfd.entry);
  if (hooked) kvm.irqfds.add(irqfd);
  unlockIrq(kvm.irqfdsLock);

  // Read after hooking: an event that came before is seen here, one that comes later by the callback.
  if (hooked && eventfd.count > 0) queue(irqfd.inject);
  readUnlock(kvm.irqSrcu);
  return hooked ? 0 : 'EBUSY';
}

/** Undo an assignment that could not be activated. */
export function abandon(irqfd: Irqfd): void {
  leaveResampler(irqfd);
  put(irqfd.eventfd.refs);
  free(irqfd);
}

/** Copy what the routing table says. */
export function updateRoute(irqfd: Irqfd): void {
  assertHeld(irqfd.kvm.irqfdsLock);
  irqfd.route = irqfd.kvm.routing.route;
}

// ---- While it is active

/** Called by whoever signals or closes the eventfd, under the queue's lock with interrupts off. Bits of the key are tested one by one. */
export function wakeUp(irqfd: Irqfd, key: PollKey): void {
  const kvm = irqfd.kvm;
  if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
    irqfd.eventfd.count = 0;
    readLock(kvm.irqSrcu);
    if (irqfd.route === 'msi') pulse(kvm, irqfd.gsi);
    else queue(irqfd.inject);
    readUnlock(kvm.irqSrcu);
  }
  if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
    lockIrq(kvm.irqfdsLock);
    // Deassignment or release may have been here first. It cannot have freed the irqfd yet: unhooking waits for this callback.
    if (kvm.irqfds.has(irqfd)) deactivate(irqfd);
    unlockIrq(kvm.irqfdsLock);
  }
}

/** Inject from a work item, where the interrupt's route may sleep. */
export function inject(irqfd: Irqfd): void {
  setIrq(irqfd.kvm, irqfd.gsi);
}

// ---- Taking apart

/** Untie an eventfd from an interrupt (`KVM_IRQFD_FLAG_DEASSIGN`). When it returns, no more interrupts come. No match is no error. */
export function deassign(vm: VmFile, fd: Descriptor<OpenFile>, gsi: UpTo<30>): 0 | 'EBADF' | 'EINVAL' {
  const kvm = vm.kvm;
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  put(file.refs);
  lockIrq(kvm.irqfdsLock);
  for (const irqfd of kvm.irqfds) {
    if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) deactivate(irqfd);
  }
  unlockIrq(kvm.irqfdsLock);
  put(eventfd.refs);
  flushed: flushQueue(kvmModule.cleanupQueue);
  return 0;
}

/** Take the irqfd off the list, and have it shut down where sleeping is allowed. */
export function deactivate(irqfd: Irqfd): void {
  assertHeld(irqfd.kvm.irqfdsLock);
  irqfd.kvm.irqfds.delete(irqfd);
  queue(irqfd.shutdown, kvmModule.cleanupQueue);
}

/** Take apart what assigning put together, in this order. */
export function shutDown(irqfd: Irqfd): void {
  // The assignment may still be at it: it was on the list before it was complete.
  assigned: synchronize(irqfd.kvm.irqSrcu);
  unhook(irqfd);
  // Nobody queues it any more.
  flushed: flush(irqfd.inject);
  leaveResampler(irqfd);
  put(irqfd.eventfd.refs);
  free(irqfd);
}

/** Take the entry off the queue, and the count with it: nobody is left to take it (`eventfd_ctx_remove_wait_queue`). */
export function unhook(irqfd: Irqfd): void {
  const eventfd = irqfd.eventfd;
  lockIrq(eventfd.lock);
  removeWaitEntry(eventfd.wait, irqfd.entry);
  eventfd.count = 0;
  unlockIrq(eventfd.lock);
}
