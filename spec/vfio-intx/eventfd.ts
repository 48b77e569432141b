/** Eventfds, by which the device signals user space and user space the device. Their end, which the waiting callbacks are told of, is left out here. */
import {
  alloc,
  closeFd,
  type Descriptor,
  fget,
  free,
  get,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type WaitQueue,
  wake,
} from '../language.ts';

/** A counter that user space reads and writes. What it counts is left out. */
export interface Eventfd {
  refs: RefCount;
  wait: WaitQueue;
}
/** An open file of it. */
export interface EventfdFile {
  readonly eventfd: Eventfd;
  refs: RefCount;
}

/** A file holds its eventfd. */
export const eventfdFileOwns: Owns<EventfdFile> = { eventfd: eventfd => eventfd.refs };
export const eventfdRuns: Runs<Eventfd> = { refs: eventfd => free(eventfd) };
export const eventfdFileRuns: Runs<EventfdFile> = { refs: file => releaseEventfd(file) };

/** A new eventfd, open. */
export function createEventfd(): Descriptor<EventfdFile> {
  const file = alloc<EventfdFile>({ eventfd: alloc<Eventfd>({ refs: 1 }), refs: 1 });
  return alloc<Descriptor<EventfdFile>>({ kind: 'descriptor', file });
}

/** A descriptor that nothing is open under. */
export function closedDescriptor(): Descriptor<EventfdFile> {
  return alloc<Descriptor<EventfdFile>>({ kind: 'descriptor', file: null });
}

/** Close a descriptor. */
export function close(fd: Descriptor<EventfdFile>): void {
  closeFd(fd);
}

/** The last reference to the file is gone. */
export function releaseEventfd(file: EventfdFile): void {
  put(file.eventfd.refs);
  free(file);
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

/** Count up, and tell who waits. Also in interrupts. */
export function signal(eventfd: Eventfd): void {
  wake(eventfd.wait, 'POLLIN');
}

/** User space writes to it. */
export function write(fd: Descriptor<EventfdFile>): 0 | 'EBADF' {
  const eventfd = holdEventfd(fd);
  if (eventfd === null) return 'EBADF';
  signal(eventfd);
  put(eventfd.refs);
  return 0;
}
