/** Locks taken the other way round. None of these was in a released kernel, as far as we know; each is a line away from what was. */
import {
  anyOf,
  assertHeld,
  type Defect,
  free,
  lock,
  lockIrq,
  queue,
  readLock,
  readUnlock,
  synchronize,
  unlock,
  unlockIrq,
} from '../language.ts';
import * as eventfds from './eventfd.ts';
import * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import type { Spec } from './irqfd.variants.ts';
import * as vectors from './irqfd.vectors.ts';
import * as kvms from './kvm.ts';
import { kvmModule } from './kvm.ts';

/**
 * Whoever takes an irqfd off the list unhooks it at once, to have it quiet soon: the eventfd's lock inside that of the list.
 * @source our own reading
 */
export const unhookedUnderListLock: Defect<Spec> = {
  breaks: [{ rule: eventfds.hangUpOrder, in: scenarios.assignAgain }],
  instead: {
    deactivate: irqfd => {
      assertHeld(irqfd.kvm.irqfdsLock);
      irqfd.kvm.irqfds.delete(irqfd);
      irqfds.unhook(irqfd);
      queue(irqfd.shutdown, kvmModule.cleanupQueue);
    },
  },
};

/**
 * User space's new routing table is put in place with the list of irqfds locked from the beginning, so that no irqfd ever sees the old one.
 * @source our own reading
 */
export const listLockedBeforeRouting: Defect<Spec> = {
  breaks: [{ rule: kvms.routingOrder, in: vectors.routingDuringSignal }],
  instead: {
    updateRouting: vm => {
      const kvm = vm.kvm;
      if (!kvm.hasInterruptController) return 'EINVAL';
      const table = kvms.newTable('pin');
      lockIrq(kvm.irqfdsLock);
      lock(kvm.irqLock);
      const old = kvm.routing;
      kvm.routing = table;
      for (const irqfd of kvm.irqfds) irqfds.updateRoute(irqfd);
      unlock(kvm.irqLock);
      unlockIrq(kvm.irqfdsLock);
      synchronize(kvm.irqSrcu);
      free(old);
      return 0;
    },
  },
};

/**
 * Changing the routing also ends the resamplers that nobody is left in, and locks their list for that inside the routing's lock.
 * @source our own reading
 */
export const resamplersLockedInsideRouting: Defect<Spec> = {
  breaks: [{ rule: kvms.resamplerOrder, in: scenarios.routingRacesAssign }],
  instead: {
    setRouting: (kvm, route) => {
      const table = kvms.newTable(route);
      lock(kvm.irqLock);
      const old = kvm.routing;
      kvm.routing = table;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) irqfds.updateRoute(irqfd);
      unlockIrq(kvm.irqfdsLock);
      lock(kvm.resamplerLock);
      for (const resampler of kvm.resamplers) {
        if (anyOf(resampler.irqfds) === null) kvm.resamplers.delete(resampler);
      }
      unlock(kvm.resamplerLock);
      unlock(kvm.irqLock);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

/**
 * An acknowledgement locks the resampler that it looks at, as everybody else does, instead of only reading it: who leaves waits for it under that lock.
 * @source our own reading
 */
export const acknowledgedUnderLock: Defect<Spec> = {
  breaks: [{ rule: kvms.resamplerWaitsForReaders, in: scenarios.acknowledgeRacesLast }],
  instead: {
    acknowledge: (kvm, gsi) => {
      readLock(kvm.irqSrcu);
      for (const resampler of kvm.ackNotifiers) {
        if (resampler.gsi === gsi) {
          lock(kvm.resamplerLock);
          for (const irqfd of resampler.irqfds) {
            const resamplefd = irqfd.resamplefd;
            if (resamplefd !== null) eventfds.countEvent(resamplefd);
          }
          unlock(kvm.resamplerLock);
        }
      }
      readUnlock(kvm.irqSrcu);
    },
  },
};
