/** The proposal as it was sent, then each of its mistakes alone. */
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
  maybe,
  put,
  queue,
  removeWaitEntry,
  unlock,
} from '../language.ts';
import type * as contracts from './irqfd-2009.contracts.ts';
import * as scenarios from './irqfd-2009.scenarios.ts';
import type { Irqfd } from './irqfd-2009.ts';
import * as base from './irqfd-2009.ts';

export type Spec = typeof base & typeof contracts & typeof scenarios;

// ---- As proposed

/** What the proposal does when the eventfd ends: all of the teardown, on the spot. Who loses the swap in `disconnect` frees all the same. */
function tearDownAtOnce(irqfd: Irqfd): void {
  removeWaitEntry(irqfd.eventfd.wait, irqfd.entry);
  flush(irqfd.inject);
  base.disconnect(irqfd);
  put(irqfd.users);
}

/**
 * The proposal, line by line.
 *
 * Its author writes that the end is reported "unlocked". The eventfd that was merged reports it under its queue's lock; there the
 * first thing that the callback does, removing its entry, waits for the lock it runs under. Where it is called unlocked it still is not
 * right: who loses the swap frees the irqfd while the winner is using it, and the release loop reads the list without the lock. Both were
 * reviewed and thought safe. That the loser frees too early, that the loop needs the lock, that a failed assignment frees an irqfd whose work
 * may be queued, and that a combined key matches neither case, is our own reading, not published.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), irqfd_disconnect(), kvm_irqfd(), kvm_irqfd_release()
 */
export const asProposed: Defect<Spec> = {
  breaks: [
    { rule: always.neverTakenTwice, in: scenarios.bothSidesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.hangUpUnlocked },
    { rule: base.kvmGuards, in: scenarios.hangUpUnlocked },
    { rule: always.freedWhenIdle, in: scenarios.assignRacesHangUp },
    { rule: always.freedWhenIdle, in: scenarios.hangUpWithData },
    { rule: base.pendingEventIsInjected, in: scenarios.assignPending },
  ],
  instead: {
    // The eventfd's end is the irqfd's end, so no reference to it is held.
    irqfdOwns: { kvm: kvm => kvm.users },

    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      const irqfd = alloc<Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      if (maybe()) {
        removeWaitEntry(eventfd.wait, irqfd.entry);
        put(file.refs);
        put(irqfd.users);
        return 'EIO';
      }
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      put(file.refs);
      return 0;
    },
    shutDown: irqfd => {
      tearDownAtOnce(irqfd);
    },
    wakeUp: (irqfd, key) => {
      if (key === 'POLLIN') queue(irqfd.inject);
      else if (key === 'POLLHUP') tearDownAtOnce(irqfd);
    },
    releaseVm: kvm => {
      for (const irqfd of kvm.irqfds) base.disconnect(irqfd);
      put(kvm.users);
    },
  },
};

// ---- Its mistakes, one by one

/**
 * The callback removes its own entry from the queue under whose lock it is called.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, "The POLLHUP is called unlocked"
 * @fact D401
 */
export const teardownInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverTakenTwice, in: scenarios.bothSidesClose }],
  instead: {
    wakeUp: (irqfd, key) => {
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') queue(irqfd.inject);
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') base.shutDown(irqfd);
    },
  },
};

/**
 * The callback takes mutexes and waits for readers with a spinlock held. It leaves its entry alone, so that this shows by itself.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), case POLLHUP
 * @fact D402
 */
export const sleepsInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverSleepsInAtomic, in: scenarios.bothSidesClose }],
  instead: {
    wakeUp: (irqfd, key) => {
      if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') queue(irqfd.inject);
      if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') {
        base.disconnect(irqfd);
        queue(irqfd.shutdown);
      }
    },
  },
};

/**
 * Released by the machine, the irqfd is not kept until that is done: who comes second frees it under who came first.
 * Our own reading, not published; the review found that it "does look safe".
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_disconnect()
 * @fact D403
 * @sure candidate
 */
export const loserFrees: Defect<Spec> = {
  breaks: [
    { rule: always.neverTouchedAfterFree, in: scenarios.bothSidesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.hangUpUnlocked },
  ],
  instead: {
    releaseVm: kvm => {
      for (;;) {
        lock(kvm.lock);
        const irqfd = anyOf(kvm.irqfds);
        if (irqfd !== null) kvm.irqfds.delete(irqfd);
        unlock(kvm.lock);
        if (irqfd === null) break;
        base.disconnect(irqfd);
      }
      put(kvm.users);
    },
  },
};

/**
 * The release loop reads the list without its lock, and may find an irqfd that is being freed. Our own reading, not published.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd_release()
 * @fact D404
 * @sure candidate
 */
export const loopWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: base.kvmGuards, in: scenarios.twoIrqfds },
    { rule: always.neverTouchedAfterFree, in: scenarios.twoIrqfds },
  ],
  instead: {
    releaseVm: kvm => {
      for (const irqfd of kvm.irqfds) {
        get(irqfd.users);
        base.disconnect(irqfd);
        put(irqfd.users);
      }
      put(kvm.users);
    },
  },
};

/**
 * A failed assignment takes its entry off the queue but does not wait for the work that a signal queued meanwhile.
 * Our own reading, not published. Not seen in practice: polling an eventfd does not fail.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd(), the label fail
 */
export const failureDoesNotFlush: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.assignRacesHangUp }],
  instead: {
    abandon: irqfd => {
      removeWaitEntry(irqfd.eventfd.wait, irqfd.entry);
      put(irqfd.eventfd.users);
      put(irqfd.users);
    },
  },
};

/**
 * A failed assignment leaves its entry on the queue. The proposal does not do that: it removes the entry if polling has put it there.
 * @fact D405
 * @sure candidate
 */
export const failureLeavesHook: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.assignRacesHangUp }],
  instead: {
    abandon: irqfd => {
      flush(irqfd.inject);
      put(irqfd.eventfd.users);
      put(irqfd.users);
    },
  },
};

/**
 * The key is compared as a whole, so that data and end together match nothing. A later version of the patch tests the bits one by one.
 * That this loses the end of the eventfd is our own reading, not published.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, irqfd_wakeup(), the switch
 * @fact D406
 * @sure candidate
 */
export const keyComparedWhole: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.hangUpWithData }],
  instead: {
    wakeUp: (irqfd, key) => {
      if (key === 'POLLIN') queue(irqfd.inject);
      else if (key === 'POLLHUP') queue(irqfd.shutdown);
    },
  },
};

/**
 * What polling returns is not looked at: an event that came before the assignment is lost.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd()
 * @fact D407
 */
export const pendingEventLost: Defect<Spec> = {
  breaks: [{ rule: base.pendingEventIsInjected, in: scenarios.assignPending }],
  instead: {
    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      get(eventfd.users);
      const irqfd = alloc<Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      put(file.refs);
      return 0;
    },
  },
};
