/** What must not be done when an eventfd is assigned. */
import {
  addWaitEntry,
  addWaitEntryExclusive,
  alloc,
  always,
  type Defect,
  type Descriptor,
  fget,
  free,
  get,
  lock,
  lockIrq,
  put,
  queue,
  readLock,
  readUnlock,
  synchronize,
  unlock,
  unlockIrq,
} from '../language.ts';
import type * as eventfds from './eventfd.ts';
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

/**
 * Where there is no memory for a resampler, the lock of resamplers is kept.
 * @source no known occurrence: Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(), mutex_unlock() before the label fail
 */
export const failureKeepsLock: Defect<Spec> = {
  breaks: [{ rule: always.locksBalance, in: scenarios.shortOfMemory }],
  instead: {
    assignResample: (vm, fd, gsi, resampleFd) => {
      const kvm = vm.kvm;
      const eventfd = heldEventfd(fd);
      const resamplefd = heldEventfd(resampleFd);
      if (eventfd === null || resamplefd === null) return 'EBADF';
      lock(kvm.resamplerLock);
      const resampler = resamplers.resamplerOf(kvm, gsi);
      if (resampler === null) {
        put(resamplefd.refs);
        put(eventfd.refs);
        return 'ENOMEM';
      }
      const irqfd = alloc<irqfds.Irqfd>({ kvm, eventfd, gsi, route: 'none', resampler, resamplefd });
      resampler.irqfds.add(irqfd);
      synchronize(kvm.irqSrcu);
      unlock(kvm.resamplerLock);
      const result = irqfds.activate(irqfd);
      if (result !== 0) irqfds.abandon(irqfd);
      return result;
    },
  },
};

/** The eventfd of a descriptor, with a reference; here nobody closes it meanwhile. */
function heldEventfd(fd: Descriptor<eventfds.OpenFile>): eventfds.Eventfd | null {
  const file = fget(fd);
  if (file === null) return null;
  const eventfd = file.eventfd;
  if (eventfd !== null) get(eventfd.refs);
  put(file.refs);
  return eventfd;
}
