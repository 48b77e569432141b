/** Mistakes that the proposal or its review avoids: what would happen otherwise. */
import {
  addWaitEntry,
  alloc,
  always,
  anyOf,
  type Defect,
  fget,
  flush,
  get,
  lock,
  put,
  queue,
  readLock,
  readUnlock,
  removeWaitEntry,
  synchronize,
  unlock,
  type Variant,
} from '../language.ts';
import * as scenarios from './irqfd-2009.scenarios.ts';
import type { Irqfd } from './irqfd-2009.ts';
import * as base from './irqfd-2009.ts';
import type { Spec } from './irqfd-2009.variants.ts';

/**
 * The irqfd keeps the file of its eventfd, as it did before the proposal: closing the descriptor then ends nothing.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "requires two system calls to complete"
 * @fact D412
 */
export const holdsTheFile: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.bothSidesClose }],
  instead: {
    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      get(eventfd.users);
      const irqfd = alloc<Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      if (eventfd.signalled) queue(irqfd.inject);
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      return 0;
    },
  },
};

/**
 * The file is given back before the irqfd is complete, so that its end may come in between.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "do not drop the file until the irqfd is fully initialized"
 */
export const fileDroppedEarly: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesHangUp }],
  instead: {
    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      get(eventfd.users);
      const irqfd = alloc<Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      if (eventfd.signalled) queue(irqfd.inject);
      put(file.refs);
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      return 0;
    },
  },
};

/**
 * Nobody waits for the readers that found the pointer before it was cleared.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "not drop the kvm reference until the next grace period"
 */
export const noGrace: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.bothSidesClose }],
  instead: {
    disconnect: irqfd => {
      lock(irqfd.lock);
      const kvm = irqfd.kvm;
      irqfd.kvm = null;
      unlock(irqfd.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      kvm.irqfds.delete(irqfd);
      unlock(kvm.lock);
      put(kvm.users);
    },
  },
};

/**
 * The reference is put before the grace period instead of after it. Against all advice this breaks nothing here: the machine's release
 * has a reference of its own until it has waited, and the eventfd's side has flushed the only reader before. It would with a second reader.
 * Our own reading, not published.
 */
export const putBeforeGrace: Variant<Spec> = {
  instead: {
    disconnect: irqfd => {
      lock(irqfd.lock);
      const kvm = irqfd.kvm;
      irqfd.kvm = null;
      unlock(irqfd.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      kvm.irqfds.delete(irqfd);
      unlock(kvm.lock);
      put(kvm.users);
      synchronize(irqfd.srcu);
    },
  },
};

/**
 * The readers are waited for under the machine's lock, which they take.
 * @fact D410
 */
export const graceUnderVmLock: Defect<Spec> = {
  breaks: [
    { rule: base.readersTakeVmLock, in: scenarios.bothSidesClose },
    { rule: always.everyWaitEnds, in: scenarios.bothSidesClose },
  ],
  instead: {
    disconnect: irqfd => {
      lock(irqfd.lock);
      const kvm = irqfd.kvm;
      irqfd.kvm = null;
      unlock(irqfd.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      kvm.irqfds.delete(irqfd);
      synchronize(irqfd.srcu);
      unlock(kvm.lock);
      put(kvm.users);
    },
  },
};

/**
 * The work is flushed under the machine's lock, which the work takes.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "avoid deadlocking with the flush_work and the work_item taking the lock"
 * @fact D413
 */
export const flushUnderVmLock: Defect<Spec> = {
  breaks: [
    { rule: always.noLockCycle, in: scenarios.bothSidesClose },
    { rule: always.everyWaitEnds, in: scenarios.bothSidesClose },
  ],
  instead: {
    releaseVm: kvm => {
      for (;;) {
        lock(kvm.lock);
        const irqfd = anyOf(kvm.irqfds);
        if (irqfd !== null) {
          get(irqfd.users);
          kvm.irqfds.delete(irqfd);
          flush(irqfd.inject);
        }
        unlock(kvm.lock);
        if (irqfd === null) break;
        base.disconnect(irqfd);
        put(irqfd.users);
      }
      put(kvm.users);
    },
  },
};

/** The work is not flushed before the irqfd is freed. */
export const noFlush: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.bothSidesClose }],
  instead: {
    shutDown: irqfd => {
      const eventfd = irqfd.eventfd;
      removeWaitEntry(eventfd.wait, irqfd.entry);
      base.disconnect(irqfd);
      put(eventfd.users);
      put(irqfd.users);
    },
  },
};

/** The work is flushed first and the entry removed afterwards: a signal in between queues the work again. */
export const flushBeforeUnhook: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.signalFromInterrupt }],
  instead: {
    shutDown: irqfd => {
      const eventfd = irqfd.eventfd;
      flush(irqfd.inject);
      removeWaitEntry(eventfd.wait, irqfd.entry);
      base.disconnect(irqfd);
      put(eventfd.users);
      put(irqfd.users);
    },
  },
};

/**
 * The pointer is tested in one read and followed in another; in between it becomes null.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "the pointer could be assigned to NULL just after we dereference it"
 */
export const doubleFetch: Defect<Spec> = {
  breaks: [{ rule: always.nullNeverFollowed, in: scenarios.bothSidesClose }],
  instead: {
    injectInterrupt: irqfd => {
      readLock(irqfd.srcu);
      if (irqfd.kvm !== null) {
        lock(irqfd.kvm.lock);
        irqfd.kvm.interrupted = true;
        unlock(irqfd.kvm.lock);
      }
      readUnlock(irqfd.srcu);
    },
  },
};

/** The pointer is followed outside a read section, so nothing keeps the machine. */
export const noReadSection: Defect<Spec> = {
  breaks: [
    { rule: base.irqfdGuards, in: scenarios.bothSidesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.bothSidesClose },
  ],
  instead: {
    injectInterrupt: irqfd => {
      const kvm = irqfd.kvm;
      if (kvm === null) return;
      lock(kvm.lock);
      kvm.interrupted = true;
      unlock(kvm.lock);
    },
  },
};

/** The pointer is read and not cleared, so that both sides believe they came first. */
export const bothSidesWin: Defect<Spec> = {
  breaks: [
    { rule: base.publishedVmIsAlive, in: scenarios.bothSidesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.bothSidesClose },
  ],
  instead: {
    disconnect: irqfd => {
      lock(irqfd.lock);
      const kvm = irqfd.kvm;
      unlock(irqfd.lock);
      if (kvm === null) return;
      lock(kvm.lock);
      kvm.irqfds.delete(irqfd);
      unlock(kvm.lock);
      synchronize(irqfd.srcu);
      put(kvm.users);
    },
  },
};
