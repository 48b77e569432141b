/** What the callback must not do: it is called under the lock of the eventfd's queue, by whoever signals or closes. */
import { always, type Defect, lock, lockIrq, queue, unlock, unlockIrq } from '../language.ts';
import * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import type { Spec } from './irqfd.variants.ts';
import * as kvms from './kvm.ts';

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
 * @fact D419
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
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), case POLLHUP
 * @fact D401
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
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), the switch
 * @fact D406
 * @sure candidate
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
