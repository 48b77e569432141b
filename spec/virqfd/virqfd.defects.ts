/** What must not be done with what unmasks: when it is enabled, signalled, disabled, or its module goes. */
import { always, type Defect, free, lock, lockIrq, put, queue, unlock, unlockIrq } from '../language.ts';
import * as interrupts from './interrupt.ts';
import * as calls from './virqfd.calls.ts';
import * as scenarios from './virqfd.scenarios.ts';
import type { Spec } from './virqfd.spec.ts';
import * as virqfds from './virqfd.ts';
import * as vectors from './virqfd.vectors.ts';

// ---- Leaving the place

/**
 * Who disables waits only for what it has queued: the eventfd's end may just have been here.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_disable(), "Even if we don't queue the job"
 */
export const waitsForItsOwn: Defect<Spec> = {
  breaks: [{ rule: virqfds.interruptOutlivesVirqfd, in: scenarios.closeRacesTakeDown }],
  instead: {
    disable: interrupt => {
      lockIrq(virqfds.virqfds.lock);
      const virqfd = interrupt.unmask;
      if (virqfd !== null) {
        virqfds.deactivate(virqfd);
        interrupt.unmask = null;
      }
      unlockIrq(virqfds.virqfds.lock);
      if (virqfd !== null) virqfds.flushAll();
    },
  },
};

/**
 * The shutdown is queued in one critical section, and the place cleared in another.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_disable(), one section of virqfd_lock
 */
export const placeClearedLater: Defect<Spec> = {
  breaks: [
    { rule: virqfds.leavingHasNoPlace, in: scenarios.closeRacesDisable },
    { rule: virqfds.deactivatedOnce, in: scenarios.closeRacesDisable },
  ],
  instead: {
    disable: interrupt => {
      lockIrq(virqfds.virqfds.lock);
      const virqfd = interrupt.unmask;
      if (virqfd !== null) virqfds.deactivate(virqfd);
      unlockIrq(virqfds.virqfds.lock);
      lockIrq(virqfds.virqfds.lock);
      interrupt.unmask = null;
      unlockIrq(virqfds.virqfds.lock);
      virqfds.flushAll();
    },
  },
};

/**
 * The eventfd's end queues the shutdown without a look at whether somebody else did.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, virqfd_wakeup(), "testing whether the virqfd pointer to it is still valid"
 */
export const deactivatesBlindly: Defect<Spec> = {
  breaks: [{ rule: virqfds.deactivatedOnce, in: scenarios.closeRacesDisable }],
  instead: {
    wakeUp: (virqfd, key) => {
      if (key === 'POLLIN') {
        virqfd.eventfd.count = 0;
        virqfds.handle(virqfd);
      } else {
        lockIrq(virqfds.virqfds.lock);
        virqfd.interrupt.unmask = null;
        virqfds.deactivate(virqfd);
        unlockIrq(virqfds.virqfds.lock);
      }
    },
  },
};

/**
 * The shutdowns are waited for under the lock in which they are queued.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_disable(), flush_workqueue() behind the lock
 */
export const waitsUnderLock: Defect<Spec> = {
  breaks: [{ rule: always.neverSleepsInAtomic, in: scenarios.closeRacesDisable }],
  instead: {
    disable: interrupt => {
      lockIrq(virqfds.virqfds.lock);
      const virqfd = interrupt.unmask;
      if (virqfd !== null) {
        virqfds.deactivate(virqfd);
        interrupt.unmask = null;
      }
      virqfds.flushAll();
      unlockIrq(virqfds.virqfds.lock);
    },
  },
};

/**
 * Who deactivates unhooks at once: the eventfd's lock inside that of the places.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, virqfd_shutdown(), which unhooks from a work item
 */
export const unhookedUnderLock: Defect<Spec> = {
  breaks: [{ rule: virqfds.hangUpOrder, in: scenarios.closeRacesDisable }],
  instead: {
    disable: interrupt => {
      lockIrq(virqfds.virqfds.lock);
      const virqfd = interrupt.unmask;
      if (virqfd !== null) {
        virqfds.unhook(virqfd);
        virqfds.deactivate(virqfd);
        interrupt.unmask = null;
      }
      unlockIrq(virqfds.virqfds.lock);
      virqfds.flushAll();
    },
  },
};

// ---- Taking the place

/**
 * The place is taken without the mutex that keeps others from clearing it: it is unhooked first and hooked afterwards.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_core.c, vfio_pci_ioctl_set_irqs(), igate
 */
export const enabledWithoutMutex: Defect<Spec> = {
  breaks: [
    { rule: interrupts.deviceGuards, in: scenarios.setRacesClear },
    { rule: always.neverTouchedAfterFree, in: scenarios.setRacesClear },
  ],
  instead: {
    setUnmask: (device, fd) => {
      const interrupt = device.interrupt;
      if (interrupt === null) return 'EINVAL';
      return virqfds.enable(interrupt, fd);
    },
  },
};

/**
 * A place that is taken is taken again, and whoever had it is forgotten.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_enable(), -EBUSY
 */
export const placeOverwritten: Defect<Spec> = {
  breaks: [
    { rule: calls.setUnmaskContract, in: vectors.onePlace },
    { rule: virqfds.interruptOutlivesVirqfd, in: vectors.onePlace },
  ],
  instead: {
    takePlace: virqfd => {
      lockIrq(virqfds.virqfds.lock);
      virqfd.interrupt.unmask = virqfd;
      unlockIrq(virqfds.virqfds.lock);
      return true;
    },
  },
};

// ---- Being signalled

/**
 * The callback signals the trigger itself. User space may have given one eventfd for both, or two devices that trigger each other.
 *
 * That whoever waits for the trigger is woken too is left out: it would lead here again without end, and the lock comes first.
 * @source Linux 5.4.19, "eventfd: track eventfd_signal() recursion depth", there with asynchronous input and output
 * @fact D425
 */
export const signalsInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverTakenTwice, in: scenarios.oneForBoth }],
  instead: {
    handle: virqfd => {
      if (!interrupts.tryUnmask(virqfd.interrupt)) return;
      const trigger = virqfd.interrupt.trigger;
      if (trigger === null) return;
      lockIrq(trigger.lock);
      trigger.count += 1;
      unlockIrq(trigger.lock);
    },
  },
};

/**
 * The callback takes the device's mutex, as everybody else does who unmasks.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_intx_unmask_handler()
 */
export const mutexInCallback: Defect<Spec> = {
  breaks: [
    { rule: interrupts.igateOrder, in: scenarios.unmaskRacesTakeDown },
    { rule: always.neverSleepsInAtomic, in: scenarios.unmaskRacesTakeDown },
  ],
  instead: {
    handle: virqfd => {
      const device = virqfd.interrupt.device;
      lock(device.igate);
      if (interrupts.tryUnmask(virqfd.interrupt)) queue(virqfd.inject);
      unlock(device.igate);
    },
  },
};

/**
 * The work item takes the mutex under which it is waited for.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_send_intx_eventfd()
 */
export const mutexInWork: Defect<Spec> = {
  breaks: [
    { rule: always.noLockCycle, in: scenarios.unmaskRacesTakeDown },
    { rule: always.everyWaitEnds, in: scenarios.unmaskRacesTakeDown },
  ],
  instead: {
    inject: virqfd => {
      const device = virqfd.interrupt.device;
      lock(device.igate);
      interrupts.sendTrigger(virqfd.interrupt);
      unlock(device.igate);
    },
  },
};

// ---- The module

/**
 * The module is let go before the device's virqfds are gone: their queue ends, and the code of their callback, while an eventfd still calls it.
 * @source Linux 666c7f9e0792, CVE-2026-97478, the irqfd of ACRN, whose queue ends first; our own reading of what it would mean here
 * @fact D421, D411
 * @sure candidate
 */
export const moduleLetGoTooEarly: Defect<Spec> = {
  breaks: [
    { rule: virqfds.queueOutlivesVirqfds, in: scenarios.unloadAtAnyTime },
    { rule: virqfds.virqfdsGuards, in: scenarios.unloadAtAnyTime },
    { rule: always.bugNeverReached, in: scenarios.unloadAtAnyTime },
  ],
  instead: {
    closeDevice: device => {
      put(virqfds.vfioModule.pins);
      lock(device.igate);
      const interrupt = device.interrupt;
      if (interrupt !== null) interrupts.takeDown(interrupt);
      unlock(device.igate);
      free(device);
      return 0;
    },
  },
};
