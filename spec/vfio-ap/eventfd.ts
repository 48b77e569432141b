/** What user space is signalled with, as far as a mediated device can tell. */
import {
  alloc,
  closeFd,
  type Descriptor,
  fget,
  free,
  type GuardedBy,
  get,
  lockIrq,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type SpinLock,
  unlockIrq,
} from '../language.ts';

/** A counter that user space reads. */
export interface Eventfd {
  refs: RefCount;
  lock: SpinLock;
  signalled: boolean;
}
/** An open file of it. */
export interface EventfdFile {
  readonly eventfd: Eventfd;
  refs: RefCount;
}

/**
 * The eventfd has a lock of its own.
 * @source Linux 6.12, fs/eventfd.c, eventfd_signal_mask()
 */
export const eventfdGuards: GuardedBy<Eventfd> = { signalled: eventfd => eventfd.lock };
/** A file holds its eventfd. */
export const eventfdFileOwns: Owns<EventfdFile> = { eventfd: eventfd => eventfd.refs };
export const eventfdRuns: Runs<Eventfd> = { refs: eventfd => free(eventfd) };
export const eventfdFileRuns: Runs<EventfdFile> = { refs: file => releaseEventfd(file) };

/** A new eventfd, open. */
export function createEventfd(): Descriptor<EventfdFile> {
  const file = alloc<EventfdFile>({ eventfd: alloc<Eventfd>({ refs: 1 }), refs: 1 });
  return alloc<Descriptor<EventfdFile>>({ kind: 'descriptor', file });
}

/** Close a descriptor (`close`). */
export function close(fd: Descriptor<EventfdFile>): 0 | 'EBADF' {
  return closeFd(fd) ? 0 : 'EBADF';
}

/** Whether it was signalled (`poll`). Nothing if the descriptor is closed. */
export function isSignalled(fd: Descriptor<EventfdFile>): boolean {
  const eventfd = holdEventfd(fd);
  if (eventfd === null) return false;
  lockIrq(eventfd.lock);
  const signalled = eventfd.signalled;
  unlockIrq(eventfd.lock);
  put(eventfd.refs);
  return signalled;
}

/** The last reference to the file is gone. */
export function releaseEventfd(file: EventfdFile): void {
  put(file.eventfd.refs);
  free(file);
}

/** Signal it. */
export function signal(eventfd: Eventfd): void {
  lockIrq(eventfd.lock);
  eventfd.signalled = true;
  unlockIrq(eventfd.lock);
}

/** The eventfd of a descriptor, held; null if nothing is open there (`eventfd_ctx_fdget`). */
export function holdEventfd(fd: Descriptor<EventfdFile>): Eventfd | null {
  const file = fget(fd);
  if (file === null) return null;
  const eventfd = file.eventfd;
  get(eventfd.refs);
  put(file.refs);
  return eventfd;
}
