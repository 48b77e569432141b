/** What must not be done when an irqfd is shut down, alone or in a resampler. */
import {
  always,
  anyOf,
  assertHeld,
  type Defect,
  flush,
  free,
  lock,
  lockIrq,
  put,
  removeWaitEntry,
  synchronize,
  unlock,
  unlockIrq,
} from '../language.ts';
import * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import { linux_6_1, type Spec } from './irqfd.variants.ts';
import * as resamplers from './resampler.ts';

/**
 * Shutting down does not wait for an assignment that has not finished: it frees what that is about to use.
 * @source Linux 611ff1b1ae98, "xen: privcmd: Fix possible access to a freed kirqfd instance"
 * @fact D420
 */
export const assignmentNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesDeassign }],
  instead: {
    shutDown: irqfd => {
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      resamplers.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/**
 * As before, where the irqfd is on the list before it is hooked: it is unhooked first and hooked afterwards.
 * @fact D420
 */
export const assignmentNotAwaited_6_1: Defect<Spec> = {
  of: linux_6_1,
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesDeassign }],
  instead: {
    shutDown: irqfd => {
      irqfds.unhook(irqfd);
      flush(irqfd.inject);
      resamplers.leaveResampler(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/**
 * Who takes the irqfd off the list leaves its shutdown to somebody else, and there is nobody.
 * @source no known occurrence: Linux 6.18, virt/kvm/eventfd.c, irqfd_deactivate(), queue_work()
 */
export const shutdownNotQueued: Defect<Spec> = {
  breaks: [{ rule: irqfds.inactiveIsShutDown, in: scenarios.assignAgain }],
  instead: {
    deactivate: irqfd => {
      assertHeld(irqfd.kvm.irqfdsLock);
      irqfd.kvm.irqfds.delete(irqfd);
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
      resamplers.leaveResampler(irqfd);
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
      resamplers.leaveResampler(irqfd);
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
      resamplers.leaveResampler(irqfd);
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
      resamplers.leaveResampler(irqfd);
      free(irqfd);
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
      if (other === null) resamplers.endResampler(resampler);
      unlock(kvm.resamplerLock);
      put(resamplefd.refs);
    },
  },
};

/** An irqfd leaves its resampler without the lock that keeps others from ending it. */
export const leavesWithoutLock: Defect<Spec> = {
  breaks: [{ rule: resamplers.resamplerGuards, in: scenarios.lastLeavesAsOneJoins }],
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
