/** What is known of lifetimes and locks in general: true of every system, and told once. Systems add what is known of their own subject. */
import { always, type Facts } from './language.ts';

export const facts: Facts = {
  R001: {
    says: 'A counter of references never goes below zero and never comes back from there. Who cannot be sure of a reference tries, and fails at zero.',
    source: 'Linux, lib/refcount.c',
    sure: 'read',
    from: [always.neverResurrected, always.referencesBalance],
  },
  R002: {
    says: 'Every put belongs to one earlier get, of the same object and for the same owner.',
    source: 'kvm mailing list, February 2023, on the reference to the machine that VFIO holds, from version 3 to 4',
    sure: 'read',
    from: [always.referencesBalance],
  },
  R003: {
    says: 'Who gets a reference without trying has one already, or holds a lock that keeps the last from being put.',
    source: 'Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"',
    sure: 'read',
    from: [always.neverResurrected, always.neverTouchedAfterFree],
  },
  R004: {
    says: 'Nothing touches an object after it was freed, and no callback is given one.',
    source: 'Linux, CVE-2026-97478, the irqfd of ACRN',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R005: {
    says: 'A put that may be the last is not made under a lock that the release takes.',
    source: 'Linux 51cdc8bc120e, "kvm/vfio: Fix potential deadlock on vfio group_lock"',
    sure: 'read',
    from: [always.lastPutTakesNoHeldLock],
  },
  R006: {
    says: 'Locks are taken in one order: there is no circle of which is taken while which is held.',
    source: 'Linux, Documentation/locking/lockdep-design.rst',
    sure: 'read',
    from: [always.noLockCycle],
  },
  R007: {
    says: 'A second lock of a class that is held already is taken only where that nesting is declared.',
    source: 'Linux, Documentation/locking/lockdep-design.rst',
    sure: 'read',
    undecided:
      'A declaration that two locks of one class nest cannot be written down here, so its absence is no mistake. Taking the same lock again breaks always.neverTakenTwice.',
  },
  R008: {
    says: 'Nothing that may sleep is done under a spinlock, with interrupts off, in an interrupt, or in a read section that must not sleep.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup()',
    sure: 'read',
    from: [always.neverSleepsInAtomic],
  },
  R009: {
    says: 'A lock that an interrupt takes is taken elsewhere with interrupts off only.',
    source: 'Linux, Documentation/locking/lockdep-design.rst',
    sure: 'read',
    from: [always.irqLocksKeepIrqsOff],
  },
  R010: {
    says: 'What readers may find is unpublished, then the readers are waited for, and only then it is freed or its reference put.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "until the next grace period"',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R011: {
    says: 'Nobody waits for the readers of a domain while being one.',
    source: 'Linux, Documentation/RCU/ and Documentation/virt/kvm/locking.rst',
    sure: 'read',
    from: [always.everyWaitEnds, always.noLockCycle],
  },
  R012: {
    says: 'Nobody waits for the readers of a domain under a lock that a reader takes.',
    source: 'Linux, Documentation/RCU/ and Documentation/virt/kvm/locking.rst',
    sure: 'read',
    from: [always.noLockCycle, always.everyWaitEnds],
  },
  R013: {
    says: 'What is published is complete, and is published and followed by operations that keep it so on every processor.',
    source: 'Linux, Documentation/memory-barriers.txt',
    sure: 'read',
    undecided:
      'Exploring lets every step take effect at once for all threads; weaker memory is not modelled. That what is published is complete is seen where somebody follows it too early.',
  },
  R014: {
    says: 'An object with a work item inside is freed when the item is neither pending nor running, or by the item itself as the last it does.',
    source: 'Linux, CVE-2026-97478, the irqfd of ACRN',
    sure: 'read',
    from: [always.freedWhenIdle],
  },
  R015: {
    says: 'A work item is not waited for under a lock that it takes, nor by itself.',
    source:
      'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "avoid deadlocking with the flush_work and the work_item taking the lock"',
    sure: 'read',
    from: [always.noLockCycle, always.neverFlushesItself, always.everyWaitEnds],
  },
  R016: {
    says: 'Whoever may queue a work item is unhooked before the last flush of it.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.freedWhenIdle],
  },
  R017: {
    says: 'The work that takes an object down is queued once: the same critical section makes sure that nobody queues it again.',
    source: 'Linux, CVE-2026-97478, the irqfd of ACRN',
    sure: 'read',
    from: [always.freedWhenIdle],
  },
  R018: {
    says: 'Whatever may call back is unregistered before what the callback uses goes, and calls on their way are waited for.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.freedWhenIdle, always.neverTouchedAfterFree],
  },
  R019: {
    says: 'A callback does nothing that takes the lock under which it is called.',
    source: 'kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), case POLLHUP',
    sure: 'read',
    from: [always.neverTakenTwice, always.everyWaitEnds],
  },
  R020: {
    says: 'Code in a module is called, or registered to be called, only while the module is pinned.',
    source: 'Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed"',
    sure: 'read',
    from: [always.neverTouchedAfterFree, always.freedWhenIdle],
  },
  R021: {
    says: 'A failing call undoes what it has done itself, in reverse, and nothing else.',
    source: 'Linux 6.1, virt/kvm/eventfd.c, kvm_irqfd_assign(), the label fail',
    sure: 'read',
    from: [always.referencesBalance, always.locksBalance, always.quietAtTheEnd],
  },
  R022: {
    says: 'Of a pair that acquires and releases, both halves take the lock themselves or both need it held.',
    source: 'kvm mailing list, February 2023, on the reference to the machine that VFIO holds, on the asymmetry of version 2',
    sure: 'read',
    from: [always.locksBalance, always.heldWhereAsserted],
  },
  R023: {
    says: 'What is decided and what is done about it use one read of a field, unless a lock is held across both.',
    source: 's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification"',
    sure: 'read',
    undecided:
      'Two reads are no mistake as such: a rule of a field (ReadOnce) says where they are. Where they differ and it does harm, always.nullNeverFollowed or always.neverTouchedAfterFree is broken.',
  },
  R024: {
    says: 'When all is closed and nothing is pending any more, every counter is back, every list empty, no lock held and everything freed.',
    source: 'from general knowledge',
    sure: 'known',
    from: [always.quietAtTheEnd],
  },
  R025: {
    says: 'Every wait has somebody who can end it and who needs nothing that the waiter holds.',
    source: 'from general knowledge',
    sure: 'known',
    from: [always.everyWaitEnds],
  },
  R026: {
    says: 'A handle is handed out when the object is complete and the reference for the handle is taken; after that its maker needs a reference of its own.',
    source: 'Linux, CVE-2019-6974, kvm_ioctl_create_device()',
    sure: 'known',
    from: [always.neverTouchedAfterFree, always.neverResurrected],
  },
  R027: {
    says: 'A lock is released by its holder, and is not freed while it is held: no put that may be the last comes before the release of a lock inside the object.',
    source: 's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification"',
    sure: 'read',
    from: [always.releasedByHolder, always.freedWhenIdle, always.neverTouchedAfterFree],
  },
  R028: {
    says: 'A flag with a wait queue that keeps others out is a lock, and all that is said of locks is true of it.',
    source: 's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification"',
    sure: 'read',
    from: [always.flagTakenWhenFree, always.noLockCycle, always.everyWaitEnds],
  },
  R029: {
    says: 'The condition of a wait does not sleep.',
    source: 'from general knowledge',
    sure: 'known',
    from: [always.conditionNeverSleeps],
  },
  R030: {
    says: 'A counter that has overflowed stays where it is, and its object is leaked on purpose.',
    source: 'Linux, lib/refcount.c',
    sure: 'read',
    undecided: 'Counters are not saturated here: no scenario has as many owners.',
  },
  R031: {
    says: 'A call returns with the locks it came with.',
    source: 'from general knowledge',
    sure: 'known',
    from: [always.locksBalance],
  },
  R032: {
    says: 'A read section is left once, in the domain in which it was entered.',
    source: 'Linux, Documentation/RCU/, on SRCU',
    sure: 'read',
    from: [always.releasedByHolder, always.locksBalance],
  },
};
