/** What must not be done with the interrupt that a virqfd unmasks, and calls that return the wrong thing. */
import { always, assertHeld, closeFd, type Defect, fget, flush, free, lock, lockIrq, put, queue, unlock, unlockIrq } from '../language.ts';
import * as eventfds from './eventfd.ts';
import * as interrupts from './interrupt.ts';
import * as calls from './virqfd.calls.ts';
import * as scenarios from './virqfd.scenarios.ts';
import type { Spec } from './virqfd.spec.ts';
import * as virqfds from './virqfd.ts';
import * as vectors from './virqfd.vectors.ts';

/**
 * The old trigger is put while a work item is about to signal it.
 * @source Linux b620ecbd17a0, "vfio: Introduce interface to flush virqfd inject workqueue", CVE-2024-26812
 * @fact D141
 */
export const injectionNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.unmaskRacesClear }],
  instead: {
    exchangeTrigger: (interrupt, trigger) => {
      assertHeld(interrupt.device.igate);
      const old = interrupt.trigger;
      interrupt.trigger = trigger;
      if (old !== null) put(old.refs);
    },
  },
};

/**
 * Injections are waited for by an item on a queue of its own, beside that of the shutdowns: it may still be there when the virqfd is freed.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_init(), create_singlethread_workqueue(), on which vfio_virqfd_flush_thread() depends
 */
export const flushedOnAnotherQueue: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.allAtOnce }],
  instead: {
    flushThread: interrupt => {
      lockIrq(virqfds.virqfds.lock);
      const virqfd = interrupt.unmask;
      if (virqfd !== null) queue(virqfd.flushInject);
      unlockIrq(virqfds.virqfds.lock);
      if (virqfd !== null) flush(virqfd.flushInject);
    },
  },
};

/**
 * The mask is looked at without the handler's lock.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_intx_unmask_handler(), irqlock
 */
export const unmasksWithoutLock: Defect<Spec> = {
  breaks: [{ rule: interrupts.interruptGuards, in: scenarios.unmaskRacesTakeDown }],
  instead: {
    tryUnmask: interrupt => {
      const device = interrupt.device;
      if (!interrupt.masked) return false;
      if (device.asks) return true;
      lockIrq(device.irqLock);
      interrupt.masked = false;
      unlockIrq(device.irqLock);
      return false;
    },
  },
};

/**
 * Events are counted without the lock.
 * @source no known occurrence: Linux 6.12, fs/eventfd.c, eventfd_signal_mask(), spin_lock_irqsave()
 */
export const countedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: eventfds.eventfdGuards, in: scenarios.unmaskRacesTakeDown }],
  instead: {
    countEvent: eventfd => {
      eventfd.count += 1;
    },
  },
};

/**
 * The interrupt goes, and keeps its trigger.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable(), eventfd_ctx_put()
 */
export const triggerNotPut: Defect<Spec> = {
  breaks: [{ rule: always.referencesBalance, in: scenarios.unmaskRacesTakeDown }],
  instead: {
    takeDown: interrupt => {
      const device = interrupt.device;
      assertHeld(device.igate);
      virqfds.disable(interrupt);
      device.interrupt = null;
      free(interrupt);
    },
  },
};

// ---- Calls

/**
 * A closed descriptor is no trigger, and takes the old one away.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_trigger(), which looks at the descriptor first
 */
export const closedTakesAway: Defect<Spec> = {
  breaks: [{ rule: calls.setTriggerContract, in: vectors.wrongArguments }],
  instead: {
    setTrigger: (device, fd) => {
      const trigger = interrupts.eventfdOf(fd);
      if (trigger === 'EINVAL') return trigger;
      lock(device.igate);
      const interrupt = device.interrupt;
      const next = trigger === 'EBADF' ? null : trigger;
      if (interrupt === null) device.interrupt = interrupts.newInterrupt(device, next);
      else interrupts.exchangeTrigger(interrupt, next);
      unlock(device.igate);
      return trigger === 'EBADF' ? 'EBADF' : 0;
    },
  },
};

/**
 * An interrupt that is not set up can be masked, rid of what unmasks it, and taken down, as if it were.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_unmask(), is_intx()
 */
export const nothingIsFine: Defect<Spec> = {
  breaks: [
    { rule: calls.clearUnmaskContract, in: vectors.wrongArguments },
    { rule: calls.askMaskedContract, in: vectors.wrongArguments },
    { rule: calls.disableInterruptContract, in: vectors.wrongArguments },
  ],
  instead: {
    clearUnmask: device => {
      lock(device.igate);
      const interrupt = device.interrupt;
      if (interrupt !== null) virqfds.disable(interrupt);
      unlock(device.igate);
      return 0;
    },
    askMasked: _device => 0,
    disableInterrupt: device => {
      lock(device.igate);
      const interrupt = device.interrupt;
      if (interrupt !== null) interrupts.takeDown(interrupt);
      unlock(device.igate);
      return 0;
    },
  },
};

/**
 * Signalling and closing what is closed succeeds.
 * @source no known occurrence: Linux 6.12, fs/read_write.c, ksys_write(), and fs/open.c, close(), which look at the descriptor first
 */
export const closedIsFine: Defect<Spec> = {
  breaks: [
    { rule: calls.signalContract, in: vectors.wrongArguments },
    { rule: calls.closeContract, in: vectors.wrongArguments },
  ],
  instead: {
    signal: _fd => 0,
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};

/**
 * Reading tells the count and leaves it.
 * @source no known occurrence: Linux 6.12, fs/eventfd.c, eventfd_ctx_do_read()
 */
export const countLeft: Defect<Spec> = {
  breaks: [{ rule: calls.readCountContract, in: vectors.unmaskedByEventfd }],
  instead: {
    readCount: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) return 'EBADF';
      lockIrq(eventfd.lock);
      const count = eventfd.count;
      unlockIrq(eventfd.lock);
      put(file.refs);
      if (count === 0) return 'EAGAIN';
      return count === 1 ? 1 : count === 2 ? 2 : count === 3 ? 3 : 4;
    },
  },
};
