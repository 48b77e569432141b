/** What goes wrong when an interrupt is set up and taken down. */
import { alloc, always, assertHeld, type Defect, free, maybe, put } from '../language.ts';
import type { Eventfd } from './eventfd.ts';
import * as lines from './irq-line.ts';
import * as scenarios from './vfio-intx.scenarios.ts';
import type { Spec } from './vfio-intx.spec.ts';
import type { IntxContext, IrqName } from './vfio-intx.ts';
import * as intx from './vfio-intx.ts';
import * as virqfds from './virqfd.ts';

/**
 * Setting up that fails leaves the name of the interrupt behind.
 * @source Linux 82b951e6fbd3, "vfio/pci: fix potential memory leak in vfio_intx_enable()"; CVE-2024-38632
 * @fact D143
 */
export const nameLeftBehind: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.enabledWhileMasked }],
  instead: {
    enableIntx: (device, trigger) => {
      assertHeld(device.igate);
      const name = alloc<IrqName>({ device });
      if (maybe()) return 'ENOMEM';
      return setUp(device, name, trigger);
    },
  },
};

/** The rest of `enableIntx`. */
function setUp(device: intx.PciDevice, name: IrqName, trigger: Eventfd | null): 0 | 'EBUSY' {
  const masked = device.virqDisabled;
  const context = alloc<IntxContext>({ device, name, trigger, masked });
  device.context = context;
  if (device.canMask) device.intxOff = masked;
  device.irqType = 'intx';
  const result = lines.requestIrq(device.line, context, device.canMask || !masked);
  if (result !== 0) {
    device.irqType = 'none';
    device.context = null;
    free(name);
    free(context);
  }
  return result;
}

/**
 * A failing request for the line leaves the device with a context that is not in use: the next call takes the interrupt for set up.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_enable(), undoes both
 */
export const failureLeavesContext: Defect<Spec> = {
  breaks: [{ rule: intx.setTriggerContract, in: scenarios.enabledWhileMasked }],
  instead: {
    enableIntx: (device, trigger) => {
      assertHeld(device.igate);
      const name = alloc<IrqName>({ device });
      const masked = device.virqDisabled;
      const context = alloc<IntxContext>({ device, name, trigger, masked });
      device.context = context;
      if (device.canMask) device.intxOff = masked;
      device.irqType = 'intx';
      return lines.requestIrq(device.line, context, device.canMask || !masked);
    },
  },
};

/**
 * The device says that its interrupt is set up after it was taken down: what asks that follows a context that is gone, or refuses to set it up.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable(), "vdev->irq_type = VFIO_PCI_NUM_IRQS"
 */
export const typeStays: Defect<Spec> = {
  breaks: [{ rule: intx.typeMeansContext, in: scenarios.triggerReplaced }],
  instead: {
    disableIntx: (device, context) => {
      virqfds.disableVirqfd(context);
      lines.freeIrq(device.line);
      const trigger = context.trigger;
      if (trigger !== null) put(trigger.refs);
      device.context = null;
      free(context.name);
      free(context);
    },
  },
};

/**
 * The context is freed before the handler is unhooked.
 * @source no known occurrence: Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable(), free_irq() first
 */
export const freedBeforeUnhooked: Defect<Spec> = {
  breaks: [
    { rule: lines.handlersContextIsLive, in: scenarios.triggerReplaced },
    { rule: always.neverTouchedAfterFree, in: scenarios.triggerReplaced },
  ],
  instead: {
    disableIntx: (device, context) => {
      virqfds.disableVirqfd(context);
      const trigger = context.trigger;
      const name = context.name;
      if (trigger !== null) put(trigger.refs);
      device.irqType = 'none';
      device.context = null;
      free(name);
      free(context);
      lines.freeIrq(device.line);
    },
  },
};
