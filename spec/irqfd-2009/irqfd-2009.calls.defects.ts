/** Calls that return the wrong thing, and a count that is not locked. Nobody is known to have made one of these mistakes. */
import { addWaitEntry, alloc, type Defect, fget, get, lock, lockIrq, maybe, put, queue, unlock, unlockIrq, wake } from '../language.ts';
import * as contracts from './irqfd-2009.contracts.ts';
import * as scenarios from './irqfd-2009.scenarios.ts';
import * as base from './irqfd-2009.ts';
import type { Spec } from './irqfd-2009.variants.ts';

/**
 * A file that cannot be polled is called closed.
 * @source no known occurrence: kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd(), the result of poll()
 */
export const pollFailureIsBadFile: Defect<Spec> = {
  breaks: [{ rule: contracts.assignContract, in: scenarios.assignRacesHangUp }],
  instead: {
    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      get(eventfd.users);
      const irqfd = alloc<base.Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      if (maybe()) {
        base.abandon(irqfd);
        put(file.refs);
        return 'EBADF';
      }
      if (eventfd.signalled) queue(irqfd.inject);
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      put(file.refs);
      return 0;
    },
  },
};

/**
 * Writing to what is closed succeeds.
 * @source no known occurrence: write(2)
 */
export const closedIsFine: Defect<Spec> = {
  breaks: [{ rule: contracts.writeContract, in: scenarios.writeOrClose }],
  instead: {
    write: fd => {
      const file = fget(fd);
      if (file === null) return 0;
      base.signal(file.eventfd);
      put(file.refs);
      return 0;
    },
  },
};

/**
 * An event is counted without the lock under which others are woken for it.
 * @source no known occurrence: Linux 2.6.30, fs/eventfd.c, eventfd_signal(), spin_lock_irqsave()
 */
export const countedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: base.eventfdGuards, in: scenarios.writeOrClose }],
  instead: {
    signal: eventfd => {
      eventfd.signalled = true;
      lockIrq(eventfd.lock);
      wake<base.PollKey>(eventfd.wait, 'POLLIN');
      unlockIrq(eventfd.lock);
    },
  },
};
