/** The eventfd, as far as a virqfd can tell: a counter that wakes whoever waits on it, and says when its file is gone. */
import {
  alloc,
  bug,
  closeFd,
  type Descriptor,
  fget,
  free,
  type GuardedBy,
  lockIrq,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type SpinLock,
  type UpTo,
  unlockIrq,
  type WaitQueue,
  wake,
} from '../language.ts';

/** A counter of events. The kernel has one lock where this has two: `lock` around count and wake-up together, and `wait`'s own inside it. */
export interface Eventfd {
  wait: WaitQueue;
  lock: SpinLock;
  count: UpTo<4>;
  refs: RefCount;
}

/** An open file: of an eventfd, or of something else that cannot be assigned. */
export interface OpenFile {
  readonly eventfd: Eventfd | null;
  refs: RefCount;
}

/** What a wake-up reports: there is something to read, the file is gone, or both. A mask of bits in the kernel. */
export type PollKey = 'POLLIN' | 'POLLHUP' | 'POLLIN|POLLHUP';

// ---- Rules

/**
 * The count changes under the lock that the wake-up runs under. Polling reads it without a lock, after the entry is on the queue.
 * @source Linux 6.18, fs/eventfd.c, eventfd_poll()
 */
export const eventfdGuards: GuardedBy<Eventfd> = { count: { read: () => true, write: eventfd => eventfd.lock } };

/** A file holds a reference to its eventfd, which may outlive it. */
export const openFileOwns: Owns<OpenFile> = { eventfd: eventfd => eventfd.refs };

export const eventfdRuns: Runs<Eventfd> = { refs: eventfd => freeEventfd(eventfd) };
export const openFileRuns: Runs<OpenFile> = { refs: file => releaseFile(file) };

// ---- Inside the kernel

/** The last reference is gone: of the file and of everybody who kept the eventfd beyond it. */
export function freeEventfd(eventfd: Eventfd): void {
  free(eventfd);
}

/** The last reference to the file is gone: nobody will write to it any more. */
export function releaseFile(file: OpenFile): void {
  const eventfd = file.eventfd;
  if (eventfd !== null) {
    wake<PollKey>(eventfd.wait, 'POLLHUP');
    put(eventfd.refs);
  }
  free(file);
}

/** Count one more event (`eventfd_signal`). Never sleeps; drivers call it from interrupts. */
export function countEvent(eventfd: Eventfd): void {
  lockIrq(eventfd.lock);
  eventfd.count += 1;
  wake<PollKey>(eventfd.wait, 'POLLIN');
  unlockIrq(eventfd.lock);
}

// ---- Calls of user space

/** A new eventfd with nothing to read; reading it does not block (`eventfd(0, EFD_NONBLOCK)`). */
export function createEventfd(): Descriptor<OpenFile> {
  const eventfd = alloc<Eventfd>({ refs: 1 });
  const file = alloc<OpenFile>({ eventfd, refs: 1 });
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
}

/** A file that is no eventfd. Only assigning and closing it is looked at here. */
export function openOtherFile(): Descriptor<OpenFile> {
  const file = alloc<OpenFile>({ eventfd: null, refs: 1 });
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
}

/** Add one to the count (`write`). */
export function signal(fd: Descriptor<OpenFile>): 0 | 'EBADF' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) bug();
  countEvent(eventfd);
  put(file.refs);
  return 0;
}

/** Take the whole count (`read`). */
export function readCount(fd: Descriptor<OpenFile>): 1 | 2 | 3 | 4 | 'EAGAIN' | 'EBADF' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) bug();
  lockIrq(eventfd.lock);
  const count = eventfd.count;
  if (count > 0) eventfd.count = 0;
  unlockIrq(eventfd.lock);
  put(file.refs);
  if (count === 0) return 'EAGAIN';
  return count === 1 ? 1 : count === 2 ? 2 : count === 3 ? 3 : 4;
}

/** Close a descriptor (`close`). The file ends with its last reference: that of another call, perhaps. */
export function close(fd: Descriptor<OpenFile>): 0 | 'EBADF' {
  return closeFd(fd) ? 0 : 'EBADF';
}
