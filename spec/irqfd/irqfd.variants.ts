/** Older kernels, whose behaviour tests must accept. */
import { absent, addWaitEntry, lockIrq, type Profile, queue, readLock, readUnlock, unlockIrq } from '../language.ts';
import type * as eventfds from './eventfd.ts';
import type { Eventfd } from './eventfd.ts';
import type * as calls from './irqfd.calls.ts';
import type * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import type * as vectors from './irqfd.vectors.ts';
import type * as kvms from './kvm.ts';
import type { Kvm } from './kvm.ts';
import type * as resamplers from './resampler.ts';

export type Spec = typeof calls & typeof eventfds & typeof irqfds & typeof kvms & typeof resamplers & typeof scenarios & typeof vectors;

/** Whether the machine has an active irqfd for the eventfd. */
function isAssigned(kvm: Kvm, eventfd: Eventfd): boolean {
  for (const other of kvm.irqfds) {
    if (other.eventfd === eventfd) return true;
  }
  return false;
}

/**
 * Until Linux 6.16 the irqfd is put on the list first and hooked afterwards, without the list's lock. So it is seen before it is complete,
 * which is what the read section is for; and only the machine's own list is asked whether the eventfd is taken.
 *
 * Where two machines share an eventfd, the kernel tells the one that came last; here either may be told. No vector looks at that.
 * @source Linux 6.1, virt/kvm/eventfd.c, kvm_irqfd_assign()
 */
export const linux_6_1: Profile<Spec> = {
  profile: 'linux-6.1',
  instead: {
    hookedUnderListLock: absent,
    activeIsHooked: absent,
    oneIrqfdPerEventfd: absent,

    activate: irqfd => {
      const kvm = irqfd.kvm;
      const eventfd = irqfd.eventfd;
      lockIrq(kvm.irqfdsLock);
      if (isAssigned(kvm, eventfd)) {
        unlockIrq(kvm.irqfdsLock);
        return 'EBUSY';
      }
      readLock(kvm.irqSrcu);
      irqfds.updateRoute(irqfd);
      kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);

      addWaitEntry(eventfd.wait, irqfd.entry);
      if (eventfd.count > 0) queue(irqfd.inject);
      readUnlock(kvm.irqSrcu);
      return 0;
    },
  },
};
