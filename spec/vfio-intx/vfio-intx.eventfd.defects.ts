/** What goes wrong with the eventfds of an interrupt: the one that it signals, and the one that unmasks it. */
import { addWaitEntry, alloc, always, assertHeld, bug, type Defect, free, lockIrq, put, removeWaitEntry, unlockIrq } from '../language.ts';
import { holdEventfd, signal } from './eventfd.ts';
import * as lines from './irq-line.ts';
import * as scenarios from './vfio-intx.scenarios.ts';
import type { Spec } from './vfio-intx.spec.ts';
import * as intx from './vfio-intx.ts';
import * as virqfds from './virqfd.ts';

/**
 * The handler comes and goes with the eventfd: without one there is no handler, while the eventfd that unmasks is still there. It finds the interrupt
 * pending, and signals what is not there.
 * @source Linux 18c198c96a81, "vfio/pci: Create persistent INTx handler"; CVE-2024-26812; of devices on other buses, CVE-2024-26813 and CVE-2024-26814
 * @fact D141
 */
export const handlerGoesWithEventfd: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.unmaskedWhileTakenDown }],
  instead: {
    replaceTrigger: (context, trigger) => {
      const device = context.device;
      assertHeld(device.igate);
      const old = context.trigger;
      lines.freeIrq(device.line);
      context.trigger = trigger;
      if (old !== null) put(old.refs);
      if (trigger === null) return 0;
      lockIrq(device.line.lock);
      device.line.action = context;
      device.line.depth = 0;
      unlockIrq(device.line.lock);
      return 0;
    },
    sendTrigger: context => {
      const device = context.device;
      if (device.irqType !== 'intx' || device.virqDisabled) return;
      const trigger = context.trigger;
      // Signalled all the same.
      if (trigger === null) bug();
      signal(trigger);
    },
  },
};

/**
 * The old eventfd is put when the new one is there, while a handler is signalling it.
 * @source no known occurrence: Linux 18c198c96a81, vfio_intx_set_signal(), "Releasing an old ctx requires synchronizing in-flight users"
 */
export const handlerNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.triggerReplaced }],
  instead: {
    replaceTrigger: (context, trigger) => {
      const old = context.trigger;
      context.trigger = trigger;
      virqfds.flushVirqfd(context);
      if (old !== null) put(old.refs);
      return 0;
    },
  },
};

/**
 * Handlers are waited for, and the work item that signals what is pending is not.
 * @source no known occurrence: Linux 18c198c96a81, vfio_intx_set_signal(), vfio_virqfd_flush_thread(), which came with it
 */
export const workNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.unmaskedWhileTakenDown }],
  instead: {
    replaceTrigger: (context, trigger) => {
      const old = context.trigger;
      context.trigger = trigger;
      if (old === null) return 0;
      lines.synchronizeIrq(context.device.line);
      put(old.refs);
      return 0;
    },
  },
};

/**
 * Who signals asks whether there is an eventfd, and reads it again to signal it.
 * @source no known occurrence: Linux 18c198c96a81, vfio_send_intx_eventfd(), READ_ONCE(ctx->trigger)
 */
export const triggerReadTwice: Defect<Spec> = {
  breaks: [
    { rule: intx.triggerReadOnce, in: scenarios.unmaskedWhileTakenDown },
    { rule: always.nullNeverFollowed, in: scenarios.unmaskedWhileTakenDown },
  ],
  instead: {
    sendTrigger: context => {
      const device = context.device;
      if (device.irqType !== 'intx' || device.virqDisabled) return;
      if (context.trigger !== null) signal(context.trigger);
    },
  },
};

/**
 * Unmasking by an eventfd is set up although it is already: the first is forgotten, and stays on its eventfd's queue.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_enable(), "*pvirqfd" is EBUSY
 */
export const unmaskedByTwo: Defect<Spec> = {
  breaks: [{ rule: intx.setUnmaskContract, in: scenarios.refused }],
  instead: {
    enableVirqfd: (context, fd) => {
      const eventfd = holdEventfd(fd);
      if (eventfd === null) return 'EBADF';
      const virqfd = alloc<virqfds.Virqfd>({ context, eventfd });
      context.unmask = virqfd;
      addWaitEntry(eventfd.wait, virqfd.entry);
      return 0;
    },
  },
};

/**
 * The eventfd that unmasks is left on its queue when the interrupt is taken down.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable(), vfio_virqfd_disable() first of all
 */
export const unmaskStays: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.unmaskedWhileTakenDown }],
  instead: {
    disableIntx: (device, context) => {
      lines.freeIrq(device.line);
      const trigger = context.trigger;
      if (trigger !== null) put(trigger.refs);
      device.irqType = 'none';
      device.context = null;
      free(context.name);
      free(context);
    },
  },
};

/**
 * The eventfd that unmasks is freed while the work item is pending by which it signals.
 * @source no known occurrence: Linux 6.12, drivers/vfio/virqfd.c, virqfd_shutdown(), flush_work(&virqfd->inject)
 */
export const freedWithWorkPending: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.unmaskedWhileTakenDown }],
  instead: {
    // What was pending is not asked for either, or it would be waited for here.
    flushVirqfd: () => undefined,
    disableVirqfd: context => {
      const virqfd = context.unmask;
      if (virqfd === null) return;
      context.unmask = null;
      const eventfd = virqfd.eventfd;
      removeWaitEntry(eventfd.wait, virqfd.entry);
      free(virqfd);
      put(eventfd.refs);
    },
  },
};
