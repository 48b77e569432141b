/**
 * The module of KVM, which the proposal does not think of: the machine is gone and the module unloaded, but the entry of an irqfd is still on the queue of its
 * eventfd, and whoever signals or closes that calls code that is not there. Our own reading, not published; the module's own file keeps it only while
 * the machine is open. Today the machine's release waits for all of its irqfds, so the module has nothing to wait for.
 */
import {
  addWaitEntry,
  alloc,
  always,
  bug,
  type Defect,
  fget,
  free,
  get,
  lock,
  type Module,
  maybe,
  put,
  queue,
  unlock,
  type Variant,
} from '../language.ts';
import * as scenarios from './irqfd-2009.scenarios.ts';
import * as base from './irqfd-2009.ts';
import type { Spec } from './irqfd-2009.variants.ts';

/** KVM's code. It is there while somebody pins it. */
export declare const kvmModule: Module;

/** Take the module out (`rmmod`), unless something pins it. */
export function unloadKvm(): 0 | 'EAGAIN' {
  if (kvmModule.pins.count > 1) return 'EAGAIN';
  put(kvmModule.pins);
  return 0;
}

/** The callback, which is code of the module. Whoever calls it knows nothing of modules. */
function wakeUpInModule(irqfd: base.Irqfd, key: base.PollKey): void {
  if (kvmModule.pins.count === 0) bug();
  if (key === 'POLLIN' || key === 'POLLIN|POLLHUP') queue(irqfd.inject);
  if (key === 'POLLHUP' || key === 'POLLIN|POLLHUP') queue(irqfd.shutdown);
}

/**
 * Nothing of an irqfd pins the module.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd_release(): our own reading
 * @fact D411
 * @sure candidate
 */
export const moduleNotPinned: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.unloadedAfterwards }],
  instead: { wakeUp: (irqfd, key) => wakeUpInModule(irqfd, key) },
};

/** Every irqfd pins the module until both sides have left it. That nobody puts the last reference to the code that he runs is left to the work queue. */
export const modulePinned: Variant<Spec> = {
  instead: {
    wakeUp: (irqfd, key) => wakeUpInModule(irqfd, key),
    assign: (kvm, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      get(eventfd.users);
      get(kvmModule.pins);
      const irqfd = alloc<base.Irqfd>({ users: 1, kvm, eventfd });
      addWaitEntry(eventfd.wait, irqfd.entry);
      if (maybe()) {
        base.abandon(irqfd);
        put(file.refs);
        return 'EIO';
      }
      if (eventfd.signalled) queue(irqfd.inject);
      get(kvm.users);
      lock(kvm.lock);
      kvm.irqfds.add(irqfd);
      unlock(kvm.lock);
      put(file.refs);
      return 0;
    },
    freeIrqfd: irqfd => {
      free(irqfd);
      put(kvmModule.pins);
    },
  },
};
