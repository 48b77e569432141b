/** What must not be done when an irqfd is deassigned, its machine released, or the routing changed. */
import {
  always,
  anyOf,
  type Defect,
  fget,
  flush,
  flushQueue,
  free,
  get,
  lock,
  lockIrq,
  put,
  queue,
  synchronize,
  unlock,
  unlockIrq,
} from '../language.ts';
import type { Eventfd } from './eventfd.ts';
import * as scenarios from './irqfd.scenarios.ts';
import type { Irqfd } from './irqfd.ts';
import * as irqfds from './irqfd.ts';
import type { Spec } from './irqfd.variants.ts';
import * as kvms from './kvm.ts';
import { type Kvm, kvmModule } from './kvm.ts';

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
 * @fact D421
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
 * Of all shutdowns one is waited for, that of the irqfd at which the loop ended. Where there are none, the loop ends at something else, and that was what the
 * kernel first fell over.
 * @source Linux 36343f6ea721, "kvm: fix OOPS on flush_work", which mends 3706feacd007, "KVM: Remove deprecated create_singlethread_workqueue"
 * @fact D415
 * @sure known
 */
export const oneShutdownAwaited: Defect<Spec> = {
  breaks: [{ rule: irqfds.vmOutlivesItsIrqfds, in: scenarios.twoIrqfds }],
  instead: {
    releaseVm: file => {
      const kvm = file.kvm;
      lockIrq(kvm.irqfdsLock);
      const last = anyOf(kvm.irqfds);
      for (const irqfd of kvm.irqfds) irqfds.deactivate(irqfd);
      unlockIrq(kvm.irqfdsLock);
      if (last !== null) flush(last.shutdown);
      put(kvm.users);
      free(file);
    },
  },
};

/**
 * The release goes through the list without its lock.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd_release()
 * @fact D404
 * @sure candidate
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
