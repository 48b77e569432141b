/** What is known of the proposal of 2009 and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { irqfdGuards, irqfdOwns, publishedVmIsAlive } from './irqfd-2009.ts';

export const facts: Facts = {
  R409: {
    says: 'A connected irqfd holds one reference to its machine, and every irqfd one to its eventfd.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "not ok to call it after or during kvm_put_kvm() has been invoked"',
    sure: 'read',
    from: [irqfdOwns, always.referencesBalance],
  },
  R418: {
    says: 'Who assigns keeps the file of the eventfd until the irqfd is complete, so that its end cannot come in between.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "do not drop the file until the irqfd is fully initialized"',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R421: {
    says: 'One of both sides takes the pointer to the machine and clears it; only that one takes the irqfd off the list, waits for readers and puts the machine.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_disconnect()',
    sure: 'read',
    from: [irqfdGuards, irqfdOwns, publishedVmIsAlive, always.referencesBalance],
  },
  R422: {
    says: 'Who frees an irqfd has waited for the side that took the pointer: that the pointer is null is not enough.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_disconnect(): our own reading',
    sure: 'candidate',
    from: [always.neverTouchedAfterFree],
  },
  R424: {
    says: 'The machine is put after its readers were waited for, and not by one of them.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "not drop the kvm reference until the next grace period"',
    sure: 'read',
    undecided:
      'Nothing here depends on it, as the variant putBeforeGrace shows: a release has a reference of its own, and the only reader was flushed before. Without any wait for readers, always.neverTouchedAfterFree is broken.',
  },
  R425: {
    says: 'The domain of an irqfd goes when nobody reads, nobody waits for readers and no work is left; then the irqfd is freed.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), case POLLHUP',
    sure: 'read',
    from: [always.freedWhenIdle],
  },
  R427: {
    says: 'The code of the callback stays loaded while its entry is on a queue.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd_release(): our own reading',
    sure: 'candidate',
    from: [always.bugNeverReached],
  },
  R436: {
    says: 'An assignment that fails after its entry was hooked takes it off again, and ends the domain of readers if it was set up.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd(), the label fail: our own reading',
    sure: 'candidate',
    from: [always.freedWhenIdle],
  },
  D408: {
    says: 'A lookup that returns null is tested for an error pointer, and null is given back as a file.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, the deassignment that the patch removes: our own reading',
    sure: 'candidate',
    undecided:
      'One thread and no state: a test for null that is missing, which the types of a spec do not let be missing. Following the null pointer would break always.nullNeverFollowed.',
  },
  D409: {
    says: 'The machine is put by a reader or before the readers were waited for, and another reader uses it.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "not drop the kvm reference until the next grace period"',
    sure: 'read',
    undecided:
      'Nothing here depends on it, as the variant putBeforeGrace shows: a release has a reference of its own, and the only reader was flushed before. Without any wait for readers, always.neverTouchedAfterFree is broken.',
  },
};
