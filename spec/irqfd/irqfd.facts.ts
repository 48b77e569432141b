/** What is known of irqfds, and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { activeIsHooked, irqfdOwns, vmOutlivesItsIrqfds } from './irqfd.ts';
import { kvmGuards, routesAgree, routingOrder } from './kvm.ts';
import { resamplerGuards } from './resampler.ts';

export const facts: Facts = {
  R404: {
    says: 'The callback sleeps nowhere: it takes no mutex, waits for nothing, does not take its entry off the queue and frees nothing.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup()',
    sure: 'read',
    from: [always.neverSleepsInAtomic, always.neverTakenTwice],
  },
  R405: {
    says: 'An event is handled without the lock of the list: only the end of an eventfd takes it.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup()',
    sure: 'read',
    from: [always.everyWaitEnds],
  },
  R407: {
    says: 'A shutdown waits for readers before it unhooks, so that an assignment that is still inside has finished.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R408: {
    says: 'A shutdown unhooks the entry, waits for injections, leaves the resampler, puts the eventfd and frees the irqfd, in this order. Before it puts, it ends the bypass: that is in the system irqbypass.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.freedWhenIdle, always.neverTouchedAfterFree, resamplerGuards],
  },
  R409: {
    says: 'An irqfd holds one reference to its eventfd, one to the eventfd of its resampler, and none to its machine.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign() and irqfd_shutdown()',
    sure: 'read',
    from: [irqfdOwns, always.referencesBalance],
  },
  R411: {
    says: 'When a deassignment has returned, that eventfd raises that interrupt no more.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_deassign(), "Block until we know all outstanding shutdown jobs have completed"',
    sure: 'read',
    from: [always.bugNeverReached],
  },
  R412: {
    says: 'Shutdowns are waited for under no lock that they take, nor under a spinlock.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_deassign() and kvm_irqfd_release()',
    sure: 'read',
    from: [always.noLockCycle, always.neverSleepsInAtomic],
  },
  R413: {
    says: 'A routing table is put in place, then every active irqfd is told, then readers of the old one are waited for, then it is freed; one change at a time.',
    source: 'Linux 6.18, virt/kvm/irqchip.c, kvm_set_irq_routing()',
    sure: 'read',
    from: [kvmGuards, routingOrder, routesAgree, always.neverTouchedAfterFree],
  },
  R419: {
    says: 'Who joins or leaves a resampler holds its lock; who acknowledges only reads, and is waited for before anything is freed.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_resampler_shutdown()',
    sure: 'read',
    from: [kvmGuards, resamplerGuards, always.neverTouchedAfterFree],
  },
  R420: {
    says: 'Readers may be waited for under the lock of resamplers only if their end never depends on somebody who waits for that lock.',
    source: 'kvm mailing list, March and April 2026, on a hang in irqfd_resampler_shutdown(); the cause was not settled',
    sure: 'read',
    undecided:
      'A grace period depends on its readers only here. The threads of the kernel that run work items and grace periods are without number, and cannot run out.',
  },
  R427: {
    says: 'The code of the callback stays loaded while its entry is on a queue: the machine pins the module, and its release waits for its irqfds.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_release()',
    sure: 'read',
    from: [vmOutlivesItsIrqfds, always.freedWhenIdle],
  },
  R435: {
    says: 'The bits of a key are tested one by one: data and end together are both handled.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup()',
    sure: 'read',
    from: [always.bugNeverReached],
  },
  R437: {
    says: 'An irqfd is found by others when it can be taken apart, or who takes it apart waits for its assignment.',
    source: 'Linux 611ff1b1ae98, "xen: privcmd: Fix possible access to a freed kirqfd instance"',
    sure: 'read',
    from: [activeIsHooked, always.neverTouchedAfterFree],
  },
  D418: {
    says: 'Readers are waited for under the lock of resamplers, and their end needs a thread of the kernel that others, waiting for that lock, have used up.',
    source: 'kvm mailing list, March and April 2026, on a hang in irqfd_resampler_shutdown(); the cause was not settled',
    sure: 'read',
    undecided: 'As R420: the threads of the kernel cannot run out here.',
  },
};
