/** What must not be done, each with the rule that it breaks: mistakes of relatives of this code, and what its comments warn of. */
import {
  addWaitEntry, addWaitEntryExclusive, always, anyOf, assertHeld, fget, flush, flushQueue, free, get, lock, lockIrq, put, queue, readLock,
  readUnlock, removeWaitEntry, synchronize, unlock, unlockIrq,
  type Defect,
} from '../language.ts';
import * as irqfds from './irqfd.ts';
import * as kvms from './kvm.ts';
import * as scenarios from './irqfd.scenarios.ts';
import { kvmModule, type Kvm } from './kvm.ts';
import type { Eventfd } from './eventfd.ts';
import type { Irqfd } from './irqfd.ts';
import { linux_6_1, type Spec } from './irqfd.variants.ts';

// ---- The callback

/**
 * The callback does not ask whether somebody else has deactivated the irqfd.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup(), "check if someone deactivated the irqfd"
 */
export const deactivatesBlindly: Defect<Spec> = {
  breaks: [
    { rule: irqfds.deactivatedOnce, in: scenarios.closeRacesDeassign },
    { rule: irqfds.deactivatedOnce, in: scenarios.bothSidesClose },
  ],
  instead: {
    wakeUp: (irqfd, key) => {
      const kvm = irqfd.kvm;
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
        irqfd.eventfd.count = 0;
        queue(irqfd.inject);
      }
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
        lockIrq(kvm.irqfdsLock);
        irqfds.deactivate(irqfd);
        unlockIrq(kvm.irqfdsLock);
      }
    },
  },
};

/**
 * The callback takes a mutex under the queue's spinlock.
 * @source Linux 1c682593096a, "xen: privcmd: Switch from mutex to spinlock for irqfds"
 */
export const mutexInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverSleepsInAtomic, in: scenarios.bothSidesClose }],
  instead: {
    wakeUp: (irqfd, key) => {
      const kvm = irqfd.kvm;
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
        irqfd.eventfd.count = 0;
        queue(irqfd.inject);
      }
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
        lock(kvm.lock);
        lockIrq(kvm.irqfdsLock);
        if (kvm.irqfds.has(irqfd)) irqfds.deactivate(irqfd);
        unlockIrq(kvm.irqfdsLock);
        unlock(kvm.lock);
      }
    },
  },
};

/**
 * The callback tears down where it stands, under the lock that unhooking takes.
 * @source 004_5f14c8d5b463eef6.txt, irqfd_wakeup(), case POLLHUP
 */
export const teardownInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverTakenTwice, in: scenarios.bothSidesClose }],
  instead: {
    wakeUp: (irqfd, key) => {
      const kvm = irqfd.kvm;
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
        irqfd.eventfd.count = 0;
        queue(irqfd.inject);
      }
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
        lockIrq(kvm.irqfdsLock);
        const active = kvm.irqfds.has(irqfd);
        if (active) kvm.irqfds.delete(irqfd);
        unlockIrq(kvm.irqfdsLock);
        if (active) irqfds.shutDown(irqfd);
      }
    },
  },
};

/**
 * The key is compared as a whole: what is reported together is not understood.
 * @source 004_5f14c8d5b463eef6.txt, irqfd_wakeup(), the switch
 */
export const keyComparedWhole: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.endsWithData }],
  instead: {
    wakeUp: (irqfd, key) => {
      const kvm = irqfd.kvm;
      if (key === 'POLLIN') {
        irqfd.eventfd.count = 0;
        queue(irqfd.inject);
      } else if (key === 'POLLHUP') {
        lockIrq(kvm.irqfdsLock);
        if (kvm.irqfds.has(irqfd)) irqfds.deactivate(irqfd);
        unlockIrq(kvm.irqfdsLock);
      }
    },
  },
};

/** The callback reads the route outside a read section. */
export const routeReadOutside: Defect<Spec> = {
  breaks: [{ rule: irqfds.irqfdGuards, in: scenarios.routingRacesSignal }],
  instead: {
    wakeUp: (irqfd, key) => {
      const kvm = irqfd.kvm;
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') {
        irqfd.eventfd.count = 0;
        if (irqfd.route === 'msi') kvms.pulse(kvm, irqfd.gsi);
        else queue(irqfd.inject);
      }
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
        lockIrq(kvm.irqfdsLock);
        if (kvm.irqfds.has(irqfd)) irqfds.deactivate(irqfd);
        unlockIrq(kvm.irqfdsLock);
      }
    },
  },
};

// ---- Shutting down

/**
 * Shutting down does not wait for an assignment that has not finished: it frees what that is about to use.
 * @source Linux 611ff1b1ae98, "xen: privcmd: Fix possible access to a freed kirqfd instance"
 */
export const assignmentNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesDeassign }],
  instead: {
    shutDown: irqfd => {
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      irqfds.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/** As before, where the irqfd is on the list before it is hooked: it is unhooked first and hooked afterwards. */
export const assignmentNotAwaited_6_1: Defect<Spec> = {
  of: linux_6_1,
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesDeassign }],
  instead: {
    shutDown: irqfd => {
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      irqfds.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/** Interrupts on their way are not waited for. */
export const injectionNotFlushed: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.bothSidesClose }],
  instead: {
    shutDown: irqfd => {
      synchronize(irqfd.kvm.irqSrcu);
      irqfds.unhook(irqfd);
      irqfds.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/** Interrupts on their way are waited for while more may come. */
export const flushedBeforeUnhooked: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.signalFromInterrupt }],
  instead: {
    shutDown: irqfd => {
      synchronize(irqfd.kvm.irqSrcu);
      flush(irqfd.inject);
      irqfds.unhook(irqfd);
      irqfds.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/** The eventfd is put while the entry is on its queue; the file may have been closed already. */
export const eventfdPutBeforeUnhooked: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.bothSidesClose }],
  instead: {
    shutDown: irqfd => {
      synchronize(irqfd.kvm.irqSrcu);
      put(irqfd.eventfd.refs);
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      irqfds.leaveResampler(irqfd);
      free(irqfd);
    },
  },
};

/** The eventfd's reference is forgotten. */
export const eventfdNotPut: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.bothSidesClose }],
  instead: {
    shutDown: irqfd => {
      synchronize(irqfd.kvm.irqSrcu);
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      irqfds.leaveResampler(irqfd);
      free(irqfd);
    },
  },
};

// ---- Deassigning

/** Taken off the list like any other, but for the shutdown. */
function takeMatch(kvm: Kvm, eventfd: Eventfd, gsi: number): Irqfd | null {
  for (const irqfd of kvm.irqfds) {
    if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) {
      kvm.irqfds.delete(irqfd);
      return irqfd;
    }
  }
  return null;
}

/**
 * The end of the eventfd queues the shutdown, and deassigning shuts down by itself: each frees under the other.
 * @source Linux 666c7f9e0792, CVE-2026-97478, the irqfd of ACRN
 */
export const deassignShutsDownItself: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.closeRacesDeassign }],
  instead: {
    deactivatedOnce: { event: ({ irqfd }) => queue(irqfd.shutdown), then: () => true },
    wakeUp: (irqfd, key) => {
      if (key === 'POLLIN') {
        irqfd.eventfd.count = 0;
        queue(irqfd.inject);
      } else {
        queue(irqfd.shutdown, kvmModule.cleanupQueue);
      }
    },
    deassign: (vm, fd, gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      put(file.refs);
      lockIrq(kvm.irqfdsLock);
      const irqfd = takeMatch(kvm, eventfd, gsi);
      unlockIrq(kvm.irqfdsLock);
      if (irqfd !== null) irqfds.shutDown(irqfd);
      put(eventfd.refs);
      return 0;
    },
  },
};

/** Deassigning returns before the irqfd is gone: interrupts may still come, and the eventfd is still taken. */
export const deassignDoesNotWait: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: scenarios.assignAgain },
    { rule: always.bugNeverReached, in: scenarios.assignPending },
  ],
  instead: {
    deassign: (vm, fd, gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      put(file.refs);
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) irqfds.deactivate(irqfd);
      }
      unlockIrq(kvm.irqfdsLock);
      put(eventfd.refs);
      return 0;
    },
  },
};

/** Deassigning looks at the eventfd only. */
export const gsiIgnored: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.deassignOther }],
  instead: {
    deassign: (vm, fd, _gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      put(file.refs);
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd) irqfds.deactivate(irqfd);
      }
      unlockIrq(kvm.irqfdsLock);
      put(eventfd.refs);
      flushQueue(kvmModule.cleanupQueue);
      return 0;
    },
  },
};

/** The shutdowns are waited for under the lock of the list. */
export const flushUnderListLock: Defect<Spec> = {
  breaks: [{ rule: always.neverSleepsInAtomic, in: scenarios.bothSidesClose }],
  instead: {
    releaseVm: file => {
      const kvm = file.kvm;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) irqfds.deactivate(irqfd);
      flushQueue(kvmModule.cleanupQueue);
      unlockIrq(kvm.irqfdsLock);
      put(kvm.users);
      free(file);
    },
  },
};

/** The shutdowns are waited for under a mutex that a shutdown takes. */
export const flushUnderResamplerLock: Defect<Spec> = {
  breaks: [
    { rule: always.noLockCycle, in: scenarios.acknowledgeRacesDeassign },
    { rule: always.everyWaitEnds, in: scenarios.acknowledgeRacesDeassign },
  ],
  instead: {
    deassign: (vm, fd, gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      put(file.refs);
      lock(kvm.resamplerLock);
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) irqfds.deactivate(irqfd);
      }
      unlockIrq(kvm.irqfdsLock);
      put(eventfd.refs);
      flushQueue(kvmModule.cleanupQueue);
      unlock(kvm.resamplerLock);
      return 0;
    },
  },
};

// ---- The machine

/** The machine's reference is put before its irqfds are gone. */
export const vmPutBeforeFlush: Defect<Spec> = {
  breaks: [{ rule: irqfds.vmOutlivesItsIrqfds, in: scenarios.bothSidesClose }],
  instead: {
    releaseVm: file => {
      const kvm = file.kvm;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) irqfds.deactivate(irqfd);
      unlockIrq(kvm.irqfdsLock);
      put(kvm.users);
      flushQueue(kvmModule.cleanupQueue);
      free(file);
    },
  },
};

/**
 * The release goes through the list without its lock.
 * @source 004_5f14c8d5b463eef6.txt, kvm_irqfd_release()
 */
export const releaseWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: kvms.kvmGuards, in: scenarios.bothSidesClose },
    { rule: irqfds.deactivatedOnce, in: scenarios.bothSidesClose },
  ],
  instead: {
    releaseVm: file => {
      const kvm = file.kvm;
      for (const irqfd of kvm.irqfds) irqfds.deactivate(irqfd);
      flushQueue(kvmModule.cleanupQueue);
      put(kvm.users);
      free(file);
    },
  },
};

/** The old routing table is freed while it is being read. */
export const routingFreedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.routingRacesSignal }],
  instead: {
    setRouting: (kvm, route) => {
      const table = kvms.newTable(route);
      lock(kvm.irqLock);
      const old = kvm.routing;
      kvm.routing = table;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) irqfds.updateRoute(irqfd);
      unlockIrq(kvm.irqfdsLock);
      unlock(kvm.irqLock);
      free(old);
    },
  },
};

/** Irqfds keep the route they had. */
export const routesNotUpdated: Defect<Spec> = {
  breaks: [{ rule: kvms.routesAgree, in: scenarios.routingRacesSignal }],
  instead: {
    setRouting: (kvm, route) => {
      const table = kvms.newTable(route);
      lock(kvm.irqLock);
      const old = kvm.routing;
      kvm.routing = table;
      unlock(kvm.irqLock);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

// ---- Assigning

/** The route is looked up before the lock is taken: a table put in place meanwhile is missed for good. */
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

/** Nobody looks whether events were counted before. */
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
      irqfds.leaveResampler(irqfd);
      free(irqfd);
    },
  },
};

// ---- Resamplers

/** The resampler is freed while acknowledgements are looking at it. */
export const resamplerFreedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.acknowledgeRacesLast }],
  instead: {
    endResampler: resampler => {
      const kvm = resampler.kvm;
      assertHeld(kvm.resamplerLock);
      kvm.resamplers.delete(resampler);
      lock(kvm.irqLock);
      kvm.ackNotifiers.delete(resampler);
      unlock(kvm.irqLock);
      free(resampler);
    },
  },
};

/** An irqfd leaves its resampler, and is freed while acknowledgements are looking at it. */
export const leaverNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.acknowledgeRacesDeassign }],
  instead: {
    leaveResampler: irqfd => {
      const resampler = irqfd.resampler;
      const resamplefd = irqfd.resamplefd;
      if (resampler === null || resamplefd === null) return;
      const kvm = irqfd.kvm;
      lock(kvm.resamplerLock);
      resampler.irqfds.delete(irqfd);
      const other = anyOf(resampler.irqfds);
      if (other === null) irqfds.endResampler(resampler);
      unlock(kvm.resamplerLock);
      put(resamplefd.refs);
    },
  },
};

/** An irqfd leaves its resampler without the lock that keeps others from ending it. */
export const leavesWithoutLock: Defect<Spec> = {
  breaks: [{ rule: irqfds.resamplerGuards, in: scenarios.lastLeavesAsOneJoins }],
  instead: {
    leaveResampler: irqfd => {
      const resampler = irqfd.resampler;
      const resamplefd = irqfd.resamplefd;
      if (resampler === null || resamplefd === null) return;
      resampler.irqfds.delete(irqfd);
      synchronize(irqfd.kvm.irqSrcu);
      put(resamplefd.refs);
    },
  },
};

/** The entry is taken off the queue, and the count is left to whoever comes next. */
export const countLeftBehind: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.countGoesWithEntry }],
  instead: {
    unhook: irqfd => {
      const eventfd = irqfd.eventfd;
      lockIrq(eventfd.lock);
      removeWaitEntry(eventfd.wait, irqfd.entry);
      unlockIrq(eventfd.lock);
    },
  },
};
