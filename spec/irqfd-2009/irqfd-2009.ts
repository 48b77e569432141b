/**
 * irqfd as proposed in June 2009, made right with as little change as possible. The proposal itself is `asProposed` in the variants.
 *
 * An eventfd is a counter that user space, or a driver in an interrupt, adds to. An irqfd ties one to a virtual machine: whenever the
 * eventfd is signalled, the machine gets an interrupt. Either side may go first, and neither knows when the other does. The proposal lets
 * the eventfd say so (POLLHUP) and lets both sides sever the tie: who sets `Irqfd.kvm` to null takes the tie down, the other does nothing.
 *
 * What was changed: the callback that hears POLLHUP leaves the teardown to a work item, because it is called under the eventfd's lock; the
 * irqfd holds a reference to the eventfd, and a counter of its own keeps it until both sides have left it.
 */
import {
  addWaitEntry,
  alloc,
  anyOf,
  type Descriptor,
  fget,
  flush,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isLive,
  isOnQueue,
  isQueued,
  type LockOrder,
  lock,
  lockIrq,
  type Mutex,
  maybe,
  type Owns,
  put,
  queue,
  type RefCount,
  type Runs,
  readLock,
  readUnlock,
  removeWaitEntry,
  type Settled,
  type SpinLock,
  type SrcuDomain,
  synchronize,
  unlock,
  unlockIrq,
  type WaitEntry,
  type WaitQueue,
  type Work,
  wake,
} from '../language.ts';

// ---- Objects

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  irqfds: Set<Irqfd>;
  /** The interrupt was raised at least once. */
  interrupted: boolean;
}

/** What user space signals. The kernel has one lock where this has two: `lock` around the count and the wake-up, `wait`'s own inside it. */
export interface Eventfd {
  wait: WaitQueue;
  lock: SpinLock;
  signalled: boolean;
  /** Its end is reported together with data. An eventfd does not do that; a poll key is a mask of bits, and other files do. */
  readonly hangsUpWithData: boolean;
  users: RefCount;
}

/** An open file of an eventfd. Its last reference goes when the last descriptor is closed and no call uses it. */
export interface EventfdFile {
  readonly eventfd: Eventfd;
  refs: RefCount;
}

/** Turns signals of one eventfd into interrupts of one virtual machine. */
export interface Irqfd {
  /** Held for the swap of `kvm` and nothing else. */
  lock: Mutex;
  /** Readers of `kvm`. */
  srcu: SrcuDomain;
  /** One for the wait entry, one for each release that has it in hand. */
  users: RefCount;
  /** Null once either side has severed the tie. */
  kvm: Kvm | null;
  readonly eventfd: Eventfd;
  inject: Work;
  shutdown: Work;
  entry: WaitEntry<PollKey>;
}

/** What a wake-up reports: there is something to read, the end, or both at once. */
export type PollKey = 'POLLIN' | 'POLLHUP' | 'POLLIN|POLLHUP';

// ---- Rules

/**
 * The list of irqfds is read and changed under the machine's lock, also while the machine is released.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "protected by kvm->lock"
 * @fact R426
 */
export const kvmGuards: GuardedBy<Kvm> = { irqfds: kvm => kvm.lock, interrupted: kvm => kvm.lock };

/**
 * The count changes under the lock that the wake-up runs under; polling reads it after the entry is on the queue, without a lock.
 * @source Linux 2.6.30, fs/eventfd.c, eventfd_signal() and eventfd_poll()
 */
export const eventfdGuards: GuardedBy<Eventfd> = { signalled: { read: () => true, write: eventfd => eventfd.lock } };

/**
 * The pointer to the machine is swapped under the irqfd's lock and followed in a read section.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "all references to my knowledge occur within an srcu read-side CS"
 */
export const irqfdGuards: GuardedBy<Irqfd> = {
  kvm: { read: irqfd => [irqfd.lock, irqfd.srcu], write: irqfd => irqfd.lock },
};

/**
 * A connected irqfd owns one reference to its machine, and every irqfd owns one to its eventfd.
 */
export const irqfdOwns: Owns<Irqfd> = { kvm: kvm => kvm.users, eventfd: eventfd => eventfd.users };
/** A file owns a reference to its eventfd. */
export const fileOwns: Owns<EventfdFile> = { eventfd: eventfd => eventfd.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };
export const eventfdRuns: Runs<Eventfd> = { users: eventfd => freeEventfd(eventfd) };
export const fileRuns: Runs<EventfdFile> = { refs: file => releaseFile(file) };
export const irqfdRuns: Runs<Irqfd> = {
  users: irqfd => freeIrqfd(irqfd),
  inject: irqfd => injectInterrupt(irqfd),
  shutdown: irqfd => shutDown(irqfd),
  entry: (irqfd, key) => wakeUp(irqfd, key),
};

/**
 * Readers of the machine take its lock, so nobody waits for those readers under that lock.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_inject() and irqfd_disconnect()
 * @fact R423
 */
export const readersTakeVmLock: LockOrder<[Irqfd, Kvm]> = (irqfd, kvm) => [irqfd.srcu, kvm.lock];

/**
 * A machine that an irqfd still points to has not been destroyed.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "not ok to call it after or during kvm_put_kvm() has been invoked"
 */
export const publishedVmIsAlive: Invariant<{ irqfd: Irqfd }> = ({ irqfd }) => implies(irqfd.kvm !== null, isLive(irqfd.kvm));

/**
 * An eventfd that was signalled before it was assigned interrupts the machine, as one that is signalled after.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(), "as if we didn't miss it"
 * @fact R417
 */
export const pendingEventIsInjected: Settled<{ irqfd: Irqfd; kvm: Kvm }> = ({ irqfd, kvm }) =>
  implies(
    irqfd.eventfd.signalled && isOnQueue(irqfd.entry) && irqfd.kvm === kvm && kvm.irqfds.has(irqfd),
    isQueued(irqfd.inject) || kvm.interrupted,
  );

// ---- Operations

/** The last reference to the machine is gone. */
export function destroyVm(kvm: Kvm): void {
  free(kvm);
}

/** The last reference to the eventfd is gone. */
export function freeEventfd(eventfd: Eventfd): void {
  free(eventfd);
}

/** Both sides have left the irqfd. */
export function freeIrqfd(irqfd: Irqfd): void {
  free(irqfd);
}

/** Tie an eventfd to a machine (`KVM_IRQFD`). */
export function assign(kvm: Kvm, fd: Descriptor<EventfdFile>): 0 | 'EBADF' | 'EIO' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  get(eventfd.users);
  const irqfd = alloc<Irqfd>({ users: 1, kvm, eventfd });

  // Polling puts the entry on the queue, then says what there is to read. From here on the callback may run.
  addWaitEntry(eventfd.wait, irqfd.entry);
  if (maybe()) {
    abandon(irqfd);
    put(file.refs);
    return 'EIO';
  }
  if (eventfd.signalled) queue(irqfd.inject);

  get(kvm.users);
  lock(kvm.lock);
  kvm.irqfds.add(irqfd);
  unlock(kvm.lock);

  // Not before the irqfd is complete: while the file is held, the end of the eventfd cannot come.
  put(file.refs);
  return 0;
}

/** Undo an assignment that failed after the entry was put on the queue: a signal may have come meanwhile. */
export function abandon(irqfd: Irqfd): void {
  unhooked: removeWaitEntry(irqfd.eventfd.wait, irqfd.entry);
  flushed: flush(irqfd.inject);
  put(irqfd.eventfd.users);
  put(irqfd.users);
}

/** Raise and lower the interrupt line. Runs from a work item, because it sleeps. */
export function injectInterrupt(irqfd: Irqfd): void {
  readLock(irqfd.srcu);
  const kvm = irqfd.kvm;
  if (kvm !== null) {
    lock(kvm.lock);
    kvm.interrupted = true;
    unlock(kvm.lock);
  }
  readUnlock(irqfd.srcu);
}

/** Sever the tie. Either side may come first; the second finds nothing to do, and does not wait for the first. */
export function disconnect(irqfd: Irqfd): void {
  lock(irqfd.lock);
  const kvm = irqfd.kvm;
  sever: irqfd.kvm = null;
  unlock(irqfd.lock);
  if (kvm === null) return;

  lock(kvm.lock);
  kvm.irqfds.delete(irqfd);
  unlock(kvm.lock);

  // Readers that found the pointer may be using the machine until then.
  grace: synchronize(irqfd.srcu);
  put(kvm.users);
}

/** The eventfd has ended. Sleeps, so it runs from a work item. */
export function shutDown(irqfd: Irqfd): void {
  const eventfd = irqfd.eventfd;
  unhooked: removeWaitEntry(eventfd.wait, irqfd.entry);
  flushed: flush(irqfd.inject);
  disconnect(irqfd);
  put(eventfd.users);
  put(irqfd.users);
}

/** Called by whoever signals or closes the eventfd, under the queue's lock with interrupts off. The key is a mask: its bits are tested one by one. */
export function wakeUp(irqfd: Irqfd, key: PollKey): void {
  if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') queue(irqfd.inject);
  if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') queue(irqfd.shutdown);
}

/** Count one more event. Never sleeps; drivers call it from interrupts. */
export function signal(eventfd: Eventfd): void {
  lockIrq(eventfd.lock);
  eventfd.signalled = true;
  wake<PollKey>(eventfd.wait, 'POLLIN');
  unlockIrq(eventfd.lock);
}

/** Count one more event through a descriptor (`write`). */
export function write(fd: Descriptor<EventfdFile>): 0 | 'EBADF' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  signal(file.eventfd);
  put(file.refs);
  return 0;
}

/** The last reference to the file is gone. The end is reported under the lock of the queue, as every wake-up is. */
export function releaseFile(file: EventfdFile): void {
  const eventfd = file.eventfd;
  if (eventfd.hangsUpWithData) wake<PollKey>(eventfd.wait, 'POLLIN|POLLHUP');
  else wake<PollKey>(eventfd.wait, 'POLLHUP');
  put(eventfd.users);
  free(file);
}

/** The machine's file is closed. Severs every tie; what is left of the irqfds goes with their eventfds. */
export function releaseVm(kvm: Kvm): void {
  for (;;) {
    lock(kvm.lock);
    const irqfd = anyOf(kvm.irqfds);
    if (irqfd !== null) {
      pin: get(irqfd.users);
      kvm.irqfds.delete(irqfd);
    }
    unlock(kvm.lock);
    if (irqfd === null) break;
    disconnect(irqfd);
    unpin: put(irqfd.users);
  }
  put(kvm.users);
}
