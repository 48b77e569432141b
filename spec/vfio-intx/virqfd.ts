/** The eventfd by which user space unmasks the interrupt without a call (`struct virqfd`). That the eventfd may end first is left out. */
import {
  addWaitEntry,
  alloc,
  assertHeld,
  type Descriptor,
  flush,
  free,
  maybe,
  type Owns,
  put,
  queue,
  type Runs,
  removeWaitEntry,
  type WaitEntry,
  type Work,
} from '../language.ts';
import { type Eventfd, type EventfdFile, holdEventfd } from './eventfd.ts';
import { sendTrigger, unmaskContext } from './handler.ts';
import type { IntxContext } from './vfio-intx.ts';

/** It sits on the eventfd's queue. */
export interface Virqfd {
  readonly context: IntxContext;
  readonly eventfd: Eventfd;
  entry: WaitEntry<'POLLIN'>;
  /** Signals that the interrupt is pending still. */
  inject: Work;
}

/** It holds its eventfd. */
export const virqfdOwns: Owns<Virqfd> = { eventfd: eventfd => eventfd.refs };
export const virqfdRuns: Runs<Virqfd> = {
  entry: virqfd => unmaskedByEventfd(virqfd),
  inject: virqfd => sendTrigger(virqfd.context),
};

/** The eventfd was signalled; its queue's lock is held (`virqfd_wakeup`). */
export function unmaskedByEventfd(virqfd: Virqfd): void {
  if (unmaskContext(virqfd.context)) queue(virqfd.inject);
}

/** Let an eventfd unmask the interrupt (`vfio_virqfd_enable`). One at a time. */
export function enableVirqfd(context: IntxContext, fd: Descriptor<EventfdFile>): 0 | 'EBADF' | 'EBUSY' | 'ENOMEM' {
  assertHeld(context.device.igate);
  if (maybe()) return 'ENOMEM';
  const eventfd = holdEventfd(fd);
  if (eventfd === null) return 'EBADF';
  if (context.unmask !== null) {
    put(eventfd.refs);
    return 'EBUSY';
  }
  const virqfd = alloc<Virqfd>({ context, eventfd });
  context.unmask = virqfd;
  addWaitEntry(eventfd.wait, virqfd.entry);
  return 0;
}

/** No more (`vfio_virqfd_disable`). What the kernel leaves to a work item, and waits for, is done here. */
export function disableVirqfd(context: IntxContext): void {
  assertHeld(context.device.igate);
  const virqfd = context.unmask;
  if (virqfd === null) return;
  context.unmask = null;
  const eventfd = virqfd.eventfd;
  removeWaitEntry(eventfd.wait, virqfd.entry);
  flush(virqfd.inject);
  free(virqfd);
  put(eventfd.refs);
}

/** Wait for what was left to be signalled (`vfio_virqfd_flush_thread`). */
export function flushVirqfd(context: IntxContext): void {
  const virqfd = context.unmask;
  if (virqfd !== null) flush(virqfd.inject);
}
