/** What is known of lifetimes in general and of irqfds, and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { activeIsHooked, deactivatedOnce } from './irqfd.ts';
import { kvmGuards, routesAgree, routingOrder } from './kvm.ts';
import { resamplerGuards } from './resampler.ts';

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
    undecided:
      'No rule of `always` states it. Of a trace it is judged all the same, as irqLocksKeepIrqsOff; exploring knows an interrupt as a thread like any other, that may not sleep.',
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
    from: [deactivatedOnce, always.freedWhenIdle],
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
    undecided: 'Modules and their unloading are not modelled here yet; vfio-device has them for symbols.',
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
      'Two reads are no mistake as such here. Where they differ and it does harm, always.nullNeverFollowed or always.neverTouchedAfterFree is broken.',
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
    says: 'A shutdown unhooks the entry, waits for injections, leaves the resampler, puts the eventfd and frees the irqfd, in this order. Before it puts, it ends the bypass, which is not modelled here yet.',
    source: 'Linux 6.18, virt/kvm/eventfd.c, irqfd_shutdown()',
    sure: 'read',
    from: [always.freedWhenIdle, always.neverTouchedAfterFree, resamplerGuards],
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
  R414: {
    says: 'An irqfd that is not active neither looks at the routing nor is told of a change; its bypass is taken down with the route it was set up with.',
    source: 'Linux, CVE-2026-23198',
    sure: 'read',
    undecided: 'The bypass of interrupts from a device to a machine is not modelled here yet.',
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
  R428: {
    says: 'An eventfd that is signalled from the callback of another does not come back to itself.',
    source: 'Linux 5.4.19, "eventfd: track eventfd_signal() recursion depth"',
    sure: 'read',
    undecided: 'Not modelled here yet: no callback signals another eventfd.',
  },
  R429: {
    says: 'A device joins or leaves a bus by a new table; the old table and the device go when its readers have left, also where there is no memory for a new one.',
    source: 'Linux 5.10.37, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev()',
    sure: 'read',
    undecided: 'Buses of devices and ioeventfds are not modelled here yet.',
  },
  R430: {
    says: 'A device that was looked up on a bus is used only under the lock or in the read section in which it was found.',
    source: 'Linux, virt/kvm/kvm_main.c, kvm_io_bus_get_dev()',
    sure: 'read',
    undecided: 'Buses of devices and ioeventfds are not modelled here yet.',
  },
  R431: {
    says: 'Readers of the memory slots do not take their lock, and nobody waits for those readers under the lock of the machine.',
    source: 'Linux, Documentation/virt/kvm/locking.rst',
    sure: 'read',
    undecided: 'Memory slots and their readers are not modelled here yet.',
  },
  R432: {
    says: 'A producer is unregistered before its interrupt is freed, a consumer before its irqfd is; a connection that fails is undone entirely.',
    source: 'Linux, virt/lib/irqbypass.c',
    sure: 'read',
    undecided: 'The bypass of interrupts from a device to a machine is not modelled here yet.',
  },
  R433: {
    says: 'A place for a virqfd takes one; it is cleared in the section in which the shutdown is queued.',
    source: 'Linux, drivers/vfio/virqfd.c, vfio_virqfd_enable()',
    sure: 'read',
    undecided: 'The eventfds of VFIO, virqfd, are not modelled here yet.',
  },
  R434: {
    says: 'A work queue is destroyed when nothing that is still hooked can queue on it.',
    source: 'Linux 666c7f9e0792, CVE-2026-97478, the irqfd of ACRN',
    sure: 'read',
    undecided: 'Not modelled here yet: the queue of shutdowns is there for as long as anybody needs it.',
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
  R438: {
    says: 'The two ends of a bypass change under the lock of the list.',
    source: 'Linux 6.1.149, "Take irqfds.lock when adding/deleting IRQ bypass producer"',
    sure: 'read',
    undecided: 'The bypass of interrupts from a device to a machine is not modelled here yet.',
  },
  D415: {
    says: 'A release with no irqfds waits for a work item that was never set up.',
    source: 'Linux 36343f6ea721, "fix OOPS on flush_work"',
    sure: 'known',
    undecided: 'Not modelled here yet: a variable for the work item to wait for. Each irqfd has its own, set up when it is made.',
  },
  D418: {
    says: 'Readers are waited for under the lock of resamplers, and their end needs a thread of the kernel that others, waiting for that lock, have used up.',
    source: 'kvm mailing list, March and April 2026, on a hang in irqfd_resampler_shutdown(); the cause was not settled',
    sure: 'read',
    undecided: 'As R420: the threads of the kernel cannot run out here.',
  },
  D422: {
    says: 'A producer of a bypass is added without the lock of the list, while a change of the routing reads it.',
    source: 'Linux 6.1.149, "Take irqfds.lock when adding/deleting IRQ bypass producer"',
    sure: 'read',
    undecided: 'The bypass of interrupts from a device to a machine is not modelled here yet.',
  },
  D423: {
    says: 'A producer is unregistered after its interrupt was freed.',
    source: 'Linux 5.4.6, a fix to when producers of irqbypass are unregistered',
    sure: 'read',
    undecided: 'The bypass of interrupts from a device to a machine is not modelled here yet.',
  },
  D425: {
    says: 'The callback of an eventfd signals another one, whose callback signals the first.',
    source: 'Linux 5.4.19, "eventfd: track eventfd_signal() recursion depth"',
    sure: 'read',
    undecided: 'Not modelled here yet: no callback signals another eventfd.',
  },
  D426: {
    says: 'Where there is no memory for a smaller bus, its devices are leaked, or destroyed while readers use them, and the caller goes on as if nothing had gone.',
    source: 'Linux 5.10.37 and 6.1.16, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev(); CVE-2020-36312',
    sure: 'read',
    undecided: 'Buses of devices and ioeventfds are not modelled here yet.',
  },
  D429: {
    says: 'A virtual processor waits for the readers of the memory slots while being one.',
    source: 'Linux, arch/riscv/kvm, "Fix SRCU deadlock"',
    sure: 'read',
    undecided: 'Virtual processors and memory slots are not modelled here yet.',
  },
};
