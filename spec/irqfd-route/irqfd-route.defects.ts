/** What must not be left out of a sequence number. Nobody is known to have made one of these mistakes here. */
import { always, assertHeld, type Defect, free, lock, lockIrq, readLock, readUnlock, synchronize, unlock, unlockIrq } from '../language.ts';
import * as scenarios from './irqfd-route.scenarios.ts';
import * as base from './irqfd-route.ts';

type Spec = typeof base & typeof scenarios;

/**
 * Who reads does not look again: half of what it has is old.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, irqfd_wakeup(), read_seqcount_retry()
 */
export const notReadAgain: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.routingRacesSignal }],
  instead: {
    wakeUp: irqfd => {
      readLock(irqfd.kvm.irqSrcu);
      base.send(irqfd.address, irqfd.value);
      readUnlock(irqfd.kvm.irqSrcu);
    },
  },
};

/**
 * Who reads compares, and does not mind that somebody writes.
 * @source no known occurrence: Linux 6.12, include/linux/seqlock.h, read_seqcount_begin(), which waits until it is even
 */
export const oddIsGoodEnough: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.routingRacesSignal }],
  instead: {
    wakeUp: irqfd => {
      readLock(irqfd.kvm.irqSrcu);
      for (;;) {
        const before = irqfd.sequence;
        const address = irqfd.address;
        const value = irqfd.value;
        if (irqfd.sequence === before) {
          base.send(address, value);
          break;
        }
      }
      readUnlock(irqfd.kvm.irqSrcu);
    },
  },
};

/**
 * Who writes counts once, when all is written: a reader in between sees nothing of it.
 * @source no known occurrence: Linux 6.12, include/linux/seqlock.h, write_seqcount_begin()
 */
export const countedAfterwards: Defect<Spec> = {
  breaks: [
    { rule: base.writtenWhileOdd, in: scenarios.routingRacesSignal },
    { rule: base.evenAtRest, in: scenarios.routingRacesSignal },
  ],
  instead: {
    update: irqfd => {
      assertHeld(irqfd.kvm.irqfdsLock);
      const table = irqfd.kvm.table;
      irqfd.address = table.address;
      irqfd.value = table.value;
      irqfd.sequence += 1;
    },
  },
};

/**
 * Two write at once, each with the mutex of its own caller in mind: the number is even while they do.
 * @source no known occurrence: Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing(), which changes one at a time
 */
export const writtenWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: base.irqfdGuards, in: scenarios.writersAlone },
    { rule: base.kvmGuards, in: scenarios.writersAlone },
    { rule: base.writtenWhileOdd, in: scenarios.writersAlone },
  ],
  instead: {
    update: irqfd => {
      const table = irqfd.kvm.table;
      irqfd.sequence += 1;
      irqfd.address = table.address;
      irqfd.value = table.value;
      irqfd.sequence += 1;
    },
    setRouting: (irqfd, route) => {
      const kvm = irqfd.kvm;
      const table = base.newTable(route);
      const old = kvm.table;
      kvm.table = table;
      base.update(irqfd);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

/**
 * The copy is forgotten when the table changes.
 * @source no known occurrence: Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing(), kvm_irq_routing_update()
 */
export const copyForgotten: Defect<Spec> = {
  breaks: [{ rule: base.copyIsTheTable, in: scenarios.routingRacesSignal }],
  instead: {
    setRouting: (irqfd, route) => {
      const kvm = irqfd.kvm;
      const table = base.newTable(route);
      lock(kvm.irqLock);
      const old = kvm.table;
      kvm.table = table;
      unlock(kvm.irqLock);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

/**
 * The list is locked before the routing: a mutex is waited for under a spinlock, the other way round than everybody else.
 * @source no known occurrence: Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const listLockedFirst: Defect<Spec> = {
  breaks: [
    { rule: base.routingOrder, in: scenarios.routingRacesSignal },
    { rule: always.neverSleepsInAtomic, in: scenarios.routingRacesSignal },
  ],
  instead: {
    setRouting: (irqfd, route) => {
      const kvm = irqfd.kvm;
      const table = base.newTable(route);
      lockIrq(kvm.irqfdsLock);
      lock(kvm.irqLock);
      const old = kvm.table;
      kvm.table = table;
      base.update(irqfd);
      unlock(kvm.irqLock);
      unlockIrq(kvm.irqfdsLock);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

/**
 * The old table is freed while a work item looks into it.
 * @source no known occurrence: Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing(), synchronize_srcu_expedited()
 */
export const tableFreedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.routingRacesInjection }],
  instead: {
    setRouting: (irqfd, route) => {
      const kvm = irqfd.kvm;
      const table = base.newTable(route);
      lock(kvm.irqLock);
      const old = kvm.table;
      kvm.table = table;
      lockIrq(kvm.irqfdsLock);
      base.update(irqfd);
      unlockIrq(kvm.irqfdsLock);
      unlock(kvm.irqLock);
      free(old);
    },
  },
};
