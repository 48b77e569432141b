/** What goes wrong when an interrupt is masked and unmasked. */
import { alloc, always, assertHeld, type Defect, free, lock, lockIrq, queue, unlock, unlockIrq } from '../language.ts';
import * as handlers from './handler.ts';
import * as lines from './irq-line.ts';
import * as scenarios from './vfio-intx.scenarios.ts';
import type { Spec } from './vfio-intx.spec.ts';
import type { IntxContext, IrqName } from './vfio-intx.ts';
import * as intx from './vfio-intx.ts';

/**
 * Who masks for the guest does not take the mutex: the interrupt is taken down, and its context freed, in between.
 * @source Linux 810cd4bb5345, "vfio/pci: Lock external INTx masking ops"; CVE-2024-26810
 * @fact D140
 */
export const maskedWithoutMutex: Defect<Spec> = {
  breaks: [
    { rule: intx.pciDeviceGuards, in: scenarios.maskedWhileTakenDown },
    { rule: always.neverTouchedAfterFree, in: scenarios.maskedWhileTakenDown },
  ],
  instead: {
    maskIntx: device => {
      const context = device.context;
      if (context === null) handlers.followGuest(device);
      else handlers.maskContext(context);
    },
    unmaskIntx: device => {
      const context = device.context;
      if (context === null) handlers.followGuest(device);
      else if (handlers.unmaskContext(context)) handlers.sendTrigger(context);
    },
  },
};

/**
 * A handler that is under way disables the line although it was masked meanwhile. Who unmasks enables it once: the line stays disabled, and the
 * interrupt is said not to be masked. No interrupt comes any more. It takes a device that cannot mask, and an interrupt at the moment of masking.
 *
 * So it is in the newest text that we have. Our own reading and exploring; no report was found, and no kernel was seen to do it.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_handler(), the branch without pci_2_3, which does not ask ctx->masked
 * @sure candidate
 */
export const disabledTwice: Defect<Spec> = {
  breaks: [{ rule: intx.maskedMeansDisabled, in: scenarios.maskedAtTheLine }],
  instead: {
    handleIntx: context => {
      const device = context.device;
      lockIrq(device.irqLock);
      const ours = !device.canMask || (!context.masked && device.asserts);
      if (ours) {
        handlers.maskAtSource(device);
        context.masked = true;
      }
      unlockIrq(device.irqLock);
      if (ours) handlers.sendTrigger(context);
    },
  },
};

/**
 * The spinlock is taken with interrupts on by who masks: the interrupt comes on the same processor and waits for ever.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, __vfio_pci_intx_mask(), spin_lock_irqsave()
 * @fact R009
 */
export const maskedWithInterruptsOn: Defect<Spec> = {
  breaks: [{ rule: always.irqLocksKeepIrqsOff, in: scenarios.maskedAtTheLine }],
  instead: {
    maskContext: context => {
      const device = context.device;
      lock(device.irqLock);
      if (!context.masked) {
        handlers.maskAtSource(device);
        context.masked = true;
      }
      unlock(device.irqLock);
    },
  },
};

/**
 * The callback of the eventfd takes the mutex too, for symmetry. It runs under the lock of the eventfd's queue, and must not sleep.
 * @source no known occurrence: Linux 810cd4bb5345 gives the mutex to all who mask but to this one
 */
export const mutexInCallback: Defect<Spec> = {
  breaks: [
    { rule: always.neverSleepsInAtomic, in: scenarios.unmaskedWhileTakenDown },
    { rule: intx.intxOrder, in: scenarios.unmaskedWhileTakenDown },
  ],
  instead: {
    unmaskedByEventfd: virqfd => {
      const device = virqfd.context.device;
      lock(device.igate);
      if (handlers.unmaskContext(virqfd.context)) queue(virqfd.inject);
      unlock(device.igate);
    },
  },
};

/**
 * That the interrupt is masked is noted after the spinlock was released: who unmasks in between enables a line that is said to be enabled.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_handler(), notes it inside
 */
export const notedOutsideSpinlock: Defect<Spec> = {
  breaks: [
    { rule: intx.intxContextGuards, in: scenarios.maskedAtTheLine },
    { rule: intx.maskedMeansDisabled, in: scenarios.maskedAtTheLine },
  ],
  instead: {
    handleIntx: context => {
      const device = context.device;
      lockIrq(device.irqLock);
      const ours = !device.canMask || (!context.masked && device.asserts);
      const unmasked = ours && !context.masked;
      if (unmasked) handlers.maskAtSource(device);
      unlockIrq(device.irqLock);
      if (unmasked) context.masked = true;
      if (ours) handlers.sendTrigger(context);
    },
  },
};

/**
 * The handler notes that the interrupt is masked and leaves it on: the device goes on interrupting, and its interrupts are taken for another's.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_handler(), pci_check_and_mask_intx()
 */
export const notedAndNotMasked: Defect<Spec> = {
  breaks: [{ rule: intx.maskedMeansOff, in: scenarios.triggerReplaced }],
  instead: {
    maskAtSource: device => {
      if (!device.canMask) lines.disableIrq(device.line);
    },
  },
};

/**
 * The line is disabled without its lock: two who do that at once disable it once.
 * @source no known occurrence: Linux 6.12, kernel/irq/manage.c, __disable_irq_nosync(), irq_get_desc_buslock()
 */
export const disabledWithoutLock: Defect<Spec> = {
  breaks: [{ rule: lines.irqLineGuards, in: scenarios.maskedAtTheLine }],
  instead: {
    disableIrq: line => {
      line.depth += 1;
    },
  },
};

/**
 * The line is enabled when it is asked for, and disabled afterwards if the guest wants no interrupts. One that comes in between disables it too, and who
 * unmasks enables it once. With the handler as Linux has it; with one that asks first, it would not matter.
 * @source Linux fe9a7082684e, "vfio/pci: Disable auto-enable of exclusive INTx IRQ"; CVE-2024-27437
 * @fact D142
 */
export const enabledThenDisabled: Defect<Spec> = {
  of: disabledTwice,
  breaks: [{ rule: intx.maskedMeansDisabled, in: scenarios.enabledWhileMasked }],
  instead: {
    enableIntx: (device, trigger) => {
      assertHeld(device.igate);
      const name = alloc<IrqName>({ device });
      const masked = device.virqDisabled;
      const context = alloc<IntxContext>({ device, name, trigger, masked });
      device.context = context;
      if (device.canMask) device.intxOff = masked;
      device.irqType = 'intx';
      const result = lines.requestIrq(device.line, context, true);
      if (result !== 0) {
        device.irqType = 'none';
        device.context = null;
        free(name);
        free(context);
        return result;
      }
      lockIrq(device.irqLock);
      if (!device.canMask && context.masked) lines.disableIrq(device.line);
      unlockIrq(device.irqLock);
      return 0;
    },
  },
};
