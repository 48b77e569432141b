/** What is known of bypasses and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';

export const facts: Facts = {
  R408: {
    says: 'A shutdown ends the bypass before it puts the eventfd and frees the irqfd. What comes before that is in the system irqfd.',
    source: 'Linux 6.17, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.freedWhenIdle, always.neverTouchedAfterFree],
  },
};
