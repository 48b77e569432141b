/** What runs when the device interrupts, and when it is masked and unmasked. */
import { assertHeld, lock, lockIrq, unlock, unlockIrq } from '../language.ts';
import { signal } from './eventfd.ts';
import { disableIrq, enableIrq } from './irq-line.ts';
import type { IntxContext, PciDevice } from './vfio-intx.ts';

/**
 * The handler (`vfio_intx_handler`). The interrupt stays masked until user space has seen to it.
 *
 * Somebody may have masked it since it came, also at the line. Linux up to the newest text that we have asks that only where the device itself
 * masks: see `disabledTwice`.
 */
export function handleIntx(context: IntxContext): void {
  const device = context.device;
  lockIrq(device.irqLock);
  const ours = !device.canMask || (!context.masked && device.asserts);
  if (ours && !context.masked) {
    maskAtSource(device);
    context.masked = true;
  }
  unlockIrq(device.irqLock);
  if (ours) sendTrigger(context);
}

/** Tell user space (`vfio_send_intx_eventfd`). It may have given no eventfd. */
export function sendTrigger(context: IntxContext): void {
  const device = context.device;
  if (device.irqType !== 'intx' || device.virqDisabled) return;
  const trigger = context.trigger;
  if (trigger !== null) signal(trigger);
}

/** At the device if it can, else at the interrupt controller. The caller holds the spinlock. */
export function maskAtSource(device: PciDevice): void {
  if (device.canMask) device.intxOff = true;
  else disableIrq(device.line);
}

/** The reverse. True if the device can mask, and is asserting its interrupt now: then it stays masked. */
export function unmaskAtSource(device: PciDevice): boolean {
  if (device.canMask) {
    if (device.asserts) return true;
    device.intxOff = false;
    return false;
  }
  enableIrq(device.line);
  return false;
}

/** Mask it (`vfio_pci_intx_mask`). Where it is not set up the device's own bit follows the guest's. */
export function maskIntx(device: PciDevice): void {
  lock(device.igate);
  const context = device.context;
  if (context === null) followGuest(device);
  else maskContext(context);
  unlock(device.igate);
}

/** The device's own bit is as the guest wants it. */
export function followGuest(device: PciDevice): void {
  lockIrq(device.irqLock);
  if (device.canMask) device.intxOff = device.virqDisabled;
  unlockIrq(device.irqLock);
}

/** As `maskIntx`, with what keeps the context. */
export function maskContext(context: IntxContext): void {
  const device = context.device;
  lockIrq(device.irqLock);
  if (!context.masked) {
    maskAtSource(device);
    context.masked = true;
  }
  unlockIrq(device.irqLock);
}

/** Unmask it, and signal at once if the device is asserting (`vfio_pci_intx_unmask`). */
export function unmaskIntx(device: PciDevice): void {
  lock(device.igate);
  const context = device.context;
  if (context === null) followGuest(device);
  else unmaskAndSend(context);
  unlock(device.igate);
}

/** As `unmaskIntx`, with what keeps the context. */
export function unmaskAndSend(context: IntxContext): void {
  assertHeld(context.device.igate);
  const pending = unmaskContext(context);
  if (pending) sendTrigger(context);
}

/** Unmask it (`vfio_pci_intx_unmask_handler`). True if the device is asserting, and the interrupt stays masked. Also in the callback of an eventfd. */
export function unmaskContext(context: IntxContext): boolean {
  const device = context.device;
  lockIrq(device.irqLock);
  const may = context.masked && !device.virqDisabled;
  const pending = may && unmaskAtSource(device);
  if (may) context.masked = pending;
  unlockIrq(device.irqLock);
  return pending;
}
