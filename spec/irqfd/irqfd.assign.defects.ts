/** What must not be done when an eventfd is assigned. */
import {
  addWaitEntry,
  addWaitEntryExclusive,
  always,
  type Defect,
  free,
  lockIrq,
  queue,
  readLock,
  readUnlock,
  unlockIrq,
} from '../language.ts';
import * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import type { Spec } from './irqfd.variants.ts';
import * as kvms from './kvm.ts';
import * as resamplers from './resampler.ts';

/**
 * The route is looked up before the lock is taken: a table put in place meanwhile is missed for good.
 * @fact D431
 */
export const routeReadTooEarly: Defect<Spec> = {
  breaks: [{ rule: kvms.routesAgree, in: scenarios.routingRacesAssign }],
  instead: {
    activate: irqfd => {
      const kvm = irqfd.kvm;
      const eventfd = irqfd.eventfd;
      readLock(kvm.irqSrcu);
      const route = kvm.routing.route;
      lockIrq(kvm.irqfdsLock);
      irqfd.route = route;
      const hooked = addWaitEntryExclusive(eventfd.wait, irqfd.entry);
      if (hooked) kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      if (hooked && eventfd.count > 0) queue(irqfd.inject);
      readUnlock(kvm.irqSrcu);
      return hooked ? 0 : 'EBUSY';
    },
  },
};

/**
 * Nobody looks whether events were counted before.
 * @fact D407
 */
export const pendingEventLost: Defect<Spec> = {
  breaks: [
    { rule: irqfds.pendingEventIsInjected, in: scenarios.assignPending },
    { rule: always.bugNeverReached, in: scenarios.assignPending },
  ],
  instead: {
    activate: irqfd => {
      const kvm = irqfd.kvm;
      readLock(kvm.irqSrcu);
      lockIrq(kvm.irqfdsLock);
      irqfds.updateRoute(irqfd);
      const hooked = addWaitEntryExclusive(irqfd.eventfd.wait, irqfd.entry);
      if (hooked) kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      readUnlock(kvm.irqSrcu);
      return hooked ? 0 : 'EBUSY';
    },
  },
};

/** The count is looked at before the entry is on the queue: an event in between is lost. */
export const countReadBeforeHooking: Defect<Spec> = {
  breaks: [{ rule: irqfds.pendingEventIsInjected, in: scenarios.assignRacesDeassign }],
  instead: {
    activate: irqfd => {
      const kvm = irqfd.kvm;
      const eventfd = irqfd.eventfd;
      readLock(kvm.irqSrcu);
      const pending = eventfd.count > 0;
      lockIrq(kvm.irqfdsLock);
      irqfds.updateRoute(irqfd);
      const hooked = addWaitEntryExclusive(eventfd.wait, irqfd.entry);
      if (hooked) kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      if (hooked && pending) queue(irqfd.inject);
      readUnlock(kvm.irqSrcu);
      return hooked ? 0 : 'EBUSY';
    },
  },
};

/** An eventfd that is taken is accepted. */
export const duplicateAccepted: Defect<Spec> = {
  breaks: [
    { rule: irqfds.oneIrqfdPerEventfd, in: scenarios.assignTwice },
    { rule: irqfds.oneActivePerEventfd, in: scenarios.deassignOther },
  ],
  instead: {
    activate: irqfd => {
      const kvm = irqfd.kvm;
      const eventfd = irqfd.eventfd;
      readLock(kvm.irqSrcu);
      lockIrq(kvm.irqfdsLock);
      irqfds.updateRoute(irqfd);
      addWaitEntry(eventfd.wait, irqfd.entry);
      kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      if (eventfd.count > 0) queue(irqfd.inject);
      readUnlock(kvm.irqSrcu);
      return 0;
    },
  },
};

/** The irqfd is on the list before it is hooked, and nothing says so. What is right in `linux_6_1` breaks what 6.17 promises. */
export const listedBeforeHooked: Defect<Spec> = {
  breaks: [{ rule: irqfds.activeIsHooked, in: scenarios.assignRacesDeassign }],
  instead: {
    activate: irqfd => {
      const kvm = irqfd.kvm;
      const eventfd = irqfd.eventfd;
      readLock(kvm.irqSrcu);
      lockIrq(kvm.irqfdsLock);
      irqfds.updateRoute(irqfd);
      kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      const hooked = addWaitEntryExclusive(eventfd.wait, irqfd.entry);
      if (hooked && eventfd.count > 0) queue(irqfd.inject);
      readUnlock(kvm.irqSrcu);
      return hooked ? 0 : 'EBUSY';
    },
  },
};

/** A failed assignment keeps its reference to the eventfd. */
export const failureKeepsEventfd: Defect<Spec> = {
  breaks: [{ rule: always.referencesBalance, in: scenarios.assignTwice }],
  instead: {
    abandon: irqfd => {
      resamplers.leaveResampler(irqfd);
      free(irqfd);
    },
  },
};
