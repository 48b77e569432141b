/**
 * The interrupt of a device, as far as a virqfd can tell: it can be masked and unmasked, and has a trigger. If the device still asks when it is unmasked, it
 * stays masked and the trigger is signalled. Its handler, its line, and what masks it are in the system vfio-intx.
 *
 * Whoever sets up, changes or takes down holds the device's mutex. Who unmasks from an eventfd cannot: it is there only while the interrupt is set up, and is waited for
 * before the interrupt goes.
 */
import {
  alloc,
  assertHeld,
  type Descriptor,
  fget,
  free,
  type GuardedBy,
  get,
  type LockOrder,
  lock,
  lockIrq,
  type Mutex,
  type Owns,
  put,
  type SpinLock,
  unguarded,
  unlock,
  unlockIrq,
} from '../language.ts';
import { countEvent, type Eventfd, type OpenFile } from './eventfd.ts';
import { disable, enable, flushThread, type Virqfd, vfioModule, virqfds } from './virqfd.ts';

/** A PCI device that is open. */
export interface Device {
  /** Set up, change, take down (`igate`). */
  igate: Mutex;
  irqLock: SpinLock;
  interrupt: Interrupt | null;
  /** The device asks for attention. */
  asks: boolean;
}

/** The interrupt while it is set up. */
export interface Interrupt {
  readonly device: Device;
  masked: boolean;
  trigger: Eventfd | null;
  /** The place of the virqfd that unmasks. */
  unmask: Virqfd | null;
}

// ---- Rules

/**
 * A device's interrupt is set up and taken down under the device's mutex.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_core.c, vfio_pci_ioctl_set_irqs()
 */
export const deviceGuards: GuardedBy<Device> = {
  interrupt: device => device.igate,
  // The device's own.
  asks: unguarded,
};

/**
 * The mask has a spinlock, the trigger is changed under the device's mutex and read without it, and the place of a virqfd has the lock of all virqfds.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_send_intx_eventfd() and vfio_intx_set_signal(); drivers/vfio/virqfd.c, vfio_virqfd_enable()
 * @fact R433
 */
export const interruptGuards: GuardedBy<Interrupt> = {
  masked: interrupt => interrupt.device.irqLock,
  trigger: { read: () => true, write: interrupt => interrupt.device.igate },
  unmask: _interrupt => virqfds.lock,
};

/** An interrupt holds its trigger. */
export const interruptOwns: Owns<Interrupt> = { trigger: eventfd => eventfd.refs };

/**
 * The mutex is outermost: virqfds are waited for under it, so nothing that they run takes it. The lock of the mask is innermost.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable()
 */
export const igateOrder: LockOrder<[Device, Eventfd]> = (device, eventfd) => [device.igate, eventfd.lock, eventfd.wait, device.irqLock];

// ---- Masking and triggering

/** Signal the trigger, if there is one. It is there until whoever took it away has waited. */
export function sendTrigger(interrupt: Interrupt): void {
  const trigger = interrupt.trigger;
  if (trigger !== null) countEvent(trigger);
}

/** Unmask; true, and it stays masked, if the device still asks. */
export function tryUnmask(interrupt: Interrupt): boolean {
  const device = interrupt.device;
  lockIrq(device.irqLock);
  const still = interrupt.masked && device.asks;
  if (interrupt.masked && !still) interrupt.masked = false;
  unlockIrq(device.irqLock);
  return still;
}

/** The device asks for attention, and has been masked for it. That its handler does so is not looked at here. */
export function askMasked(device: Device): 0 | 'EINVAL' {
  device.asks = true;
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt !== null) {
    lockIrq(device.irqLock);
    interrupt.masked = true;
    unlockIrq(device.irqLock);
  }
  unlock(device.igate);
  return interrupt === null ? 'EINVAL' : 0;
}

/** User space has looked at the device, and it asks no more. */
export function lower(device: Device): 0 {
  device.asks = false;
  return 0;
}

/** Whether it is masked. */
export function isMasked(interrupt: Interrupt): boolean {
  lockIrq(interrupt.device.irqLock);
  const masked = interrupt.masked;
  unlockIrq(interrupt.device.irqLock);
  return masked;
}

// ---- What user space asks for (`VFIO_DEVICE_SET_IRQS`)

/** Signal this eventfd when the device asks. Sets the interrupt up, if it is not. */
export function setTrigger(device: Device, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const trigger = eventfdOf(fd);
  if (trigger === 'EBADF' || trigger === 'EINVAL') return trigger;
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt === null) device.interrupt = newInterrupt(device, trigger);
  else exchangeTrigger(interrupt, trigger);
  unlock(device.igate);
  return 0;
}

/** Signal nothing any more. The interrupt stays set up, or is set up without a trigger. */
export function clearTrigger(device: Device): void {
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt === null) device.interrupt = newInterrupt(device, null);
  else exchangeTrigger(interrupt, null);
  unlock(device.igate);
}

/** Unmask when this eventfd is signalled. There is room for one. */
export function setUnmask(device: Device, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' {
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt === null) {
    unlock(device.igate);
    return 'EINVAL';
  }
  const result = enable(interrupt, fd);
  unlock(device.igate);
  return result;
}

/** Unmask by no eventfd any more. */
export function clearUnmask(device: Device): 0 | 'EINVAL' {
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt !== null) disable(interrupt);
  unlock(device.igate);
  return interrupt === null ? 'EINVAL' : 0;
}

/** Take the interrupt down. */
export function disableInterrupt(device: Device): 0 | 'EINVAL' {
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt !== null) takeDown(interrupt);
  unlock(device.igate);
  return interrupt === null ? 'EINVAL' : 0;
}

// ---- How it is done

/** An interrupt that nobody sees yet. */
export function newInterrupt(device: Device, trigger: Eventfd | null): Interrupt {
  return alloc<Interrupt>({ device, trigger });
}

/** Another trigger. Whoever is about to signal the old one is waited for. */
export function exchangeTrigger(interrupt: Interrupt, trigger: Eventfd | null): void {
  assertHeld(interrupt.device.igate);
  const old = interrupt.trigger;
  interrupt.trigger = trigger;
  if (old !== null) {
    injected: flushThread(interrupt);
    put(old.refs);
  }
}

/** Nobody unmasks any more; then it goes. */
export function takeDown(interrupt: Interrupt): void {
  const device = interrupt.device;
  assertHeld(device.igate);
  disable(interrupt);
  const trigger = interrupt.trigger;
  if (trigger !== null) put(trigger.refs);
  device.interrupt = null;
  free(interrupt);
}

/** The eventfd of a descriptor, with a reference (`eventfd_ctx_fdget`). */
export function eventfdOf(fd: Descriptor<OpenFile>): Eventfd | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  put(file.refs);
  return eventfd;
}

// ---- The device's file

/** A device is opened. The module is there as long as it is. */
export function openDevice(): Device {
  get(vfioModule.pins);
  return alloc<Device>({});
}

/** The device is closed: its interrupt is taken down, and the module may go. */
export function closeDevice(device: Device): void {
  lock(device.igate);
  const interrupt = device.interrupt;
  if (interrupt !== null) takeDown(interrupt);
  unlock(device.igate);
  free(device);
  put(vfioModule.pins);
}
