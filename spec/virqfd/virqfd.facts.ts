/** What is known of virqfds, and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';

export const facts: Facts = {
  R404: {
    says: 'The callback sleeps nowhere: it takes no mutex, waits for nothing, does not take its entry off the queue and frees nothing.',
    source: 'Linux 6.12, drivers/vfio/virqfd.c, virqfd_wakeup()',
    sure: 'read',
    from: [always.neverSleepsInAtomic, always.neverTakenTwice],
  },
  R417: {
    says: 'An event that was counted before the eventfd was tied is handled, as one that comes after.',
    source: 'Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_enable(), "as if we didn\'t miss it"',
    sure: 'read',
    from: [always.bugNeverReached],
  },
  R428: {
    says: 'An eventfd that is signalled from the callback of another does not come back to itself: here no callback signals, a work item does.',
    source: 'Linux 5.4.19, "eventfd: track eventfd_signal() recursion depth"; Linux 6.12, drivers/vfio/virqfd.c, virqfd_wakeup()',
    sure: 'read',
    from: [always.neverTakenTwice, always.everyWaitEnds],
  },
};
