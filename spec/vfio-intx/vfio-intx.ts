/**
 * The legacy interrupt of a PCI device that is passed through, as in Linux 6.12: set up, masked, signalled and taken down.
 *
 * The interrupt of the device is masked by its handler, which signals an eventfd; user space unmasks it when it has seen to the device: by a call, by
 * another eventfd, or by what its guest writes into the command register. All of that meets while user space takes the interrupt down. A mutex
 * (`igate`) keeps those apart that may sleep, a spinlock those that may not; who runs in the interrupt, or in the callback of an eventfd, is waited for.
 *
 * Until spring 2024 masking took no mutex and the handler came and went with the eventfd, which is in the defects.
 */
import {
  alloc,
  assertHeld,
  atAnyTime,
  bug,
  type Contract,
  type Descriptor,
  free,
  type GuardedBy,
  implies,
  type LockOrder,
  lock,
  type Mutex,
  maybe,
  type Owns,
  put,
  type ReadOnce,
  type Settled,
  type SpinLock,
  unguarded,
  unlock,
} from '../language.ts';
import { type Eventfd, type EventfdFile, holdEventfd } from './eventfd.ts';
import { maskIntx, unmaskIntx } from './handler.ts';
import { freeIrq, type IrqLine, requestIrq, synchronizeIrq } from './irq-line.ts';
import { disableVirqfd, enableVirqfd, flushVirqfd, type Virqfd } from './virqfd.ts';

// ---- Objects

/** A device (`struct vfio_pci_core_device`). */
export interface PciDevice {
  readonly line: IrqLine;
  /** It can mask its interrupt itself (`pci_2_3`), and share the line. Else the line is disabled, which it has alone then. */
  readonly canMask: boolean;
  igate: Mutex;
  irqLock: SpinLock;
  irqType: 'none' | 'intx';
  context: IntxContext | null;
  /** The guest has written into the command register that it wants no interrupts. */
  virqDisabled: boolean;
  /** The same bit in the device itself. */
  intxOff: boolean;
  /** The device wants something. */
  asserts: boolean;
}

/** What is kept of the interrupt while it is set up (`struct vfio_pci_irq_ctx`). */
export interface IntxContext {
  readonly device: PciDevice;
  readonly name: IrqName;
  /** User space is told by it; none if it has given none. */
  trigger: Eventfd | null;
  masked: boolean;
  /** By which user space unmasks. */
  unmask: Virqfd | null;
}

/** The name under which the interrupt is listed. */
export interface IrqName {
  readonly device: PciDevice;
}

// ---- Rules

/**
 * The interrupt of a device is set up and taken down under a mutex, which also who masks it from outside takes: the context is there as long as it is held.
 * @source Linux 810cd4bb5345, "vfio/pci: Lock external INTx masking ops"; CVE-2024-26810
 * @fact R511
 */
export const pciDeviceGuards: GuardedBy<PciDevice> = {
  // Looked at by the handler and by who signals, which are waited for before the context goes.
  irqType: { read: () => true, write: device => device.igate },
  context: device => device.igate,
  // Written by who writes the command register. User space is one at a time in that.
  virqDisabled: unguarded,
  // A register: written under the spinlock, or, while the interrupt is set up, before there is a handler.
  intxOff: unguarded,
  asserts: unguarded,
};

/**
 * Whether the interrupt is masked is under the spinlock, which the handler takes; what user space is told by is exchanged under the mutex.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_handler() and vfio_intx_set_signal()
 * @fact R511
 */
export const intxContextGuards: GuardedBy<IntxContext> = {
  // Who signals reads it once. Before what it was goes, those are waited for.
  trigger: { read: () => true, write: context => context.device.igate },
  masked: context => context.device.irqLock,
  unmask: context => context.device.igate,
};

/** The interrupt holds the eventfd that it signals. */
export const intxContextOwns: Owns<IntxContext> = { trigger: eventfd => eventfd.refs };

/**
 * The mutex is outermost, and handlers are waited for under it. The spinlock is taken inside the lock of an eventfd, by its callback; the line's is innermost.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_set_signal() and vfio_pci_intx_unmask_handler(); drivers/vfio/virqfd.c, virqfd_wakeup()
 * @fact R511
 */
export const intxOrder: LockOrder<[PciDevice, IrqLine, Eventfd]> = (device, line, eventfd) => [
  device.igate,
  line.inFlight,
  eventfd.wait,
  device.irqLock,
  line.lock,
];

/**
 * Who signals reads the eventfd once: what was tested is what is signalled.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_send_intx_eventfd(), READ_ONCE(ctx->trigger)
 * @fact R023
 */
export const triggerReadOnce: ReadOnce<IntxContext> = context => context.trigger;

/**
 * A device that cannot mask its interrupt has its line disabled once while it is masked, and not at all while it is not.
 * @source Linux fe9a7082684e, "vfio/pci: Disable auto-enable of exclusive INTx IRQ"; CVE-2024-27437
 */
export const maskedMeansDisabled: Settled<{ device: PciDevice; context: IntxContext; line: IrqLine }> = ({ device, context, line }) =>
  implies(
    !device.canMask && device.context === context && device.line === line && line.action === context,
    context.masked ? line.depth === 1 : line.depth === 0,
  );

/**
 * A device that can mask its interrupt has it off while it is masked, and on while it is not.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_handler(), pci_check_and_mask_intx()
 */
export const maskedMeansOff: Settled<{ device: PciDevice; context: IntxContext; line: IrqLine }> = ({ device, context, line }) =>
  implies(
    device.canMask && device.context === context && device.line === line && line.action === context,
    device.intxOff === context.masked,
  );

/**
 * A device says that its interrupt is set up exactly while there is what is kept of it: who signals asks the one and uses the other.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, is_intx() and vfio_irq_ctx_get()
 */
export const typeMeansContext: Settled<{ device: PciDevice }> = ({ device }) => (device.irqType === 'intx') === (device.context !== null);

/**
 * An eventfd is given that is open. Setting the interrupt up needs memory, and the line; a call that fails leaves it as it was.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_trigger()
 */
export const setTriggerContract: Contract<typeof setTrigger> = {
  fails: { EBADF: (_device, fd) => fd !== null && fd.file === null, EBUSY: atAnyTime, ENOMEM: atAnyTime },
  ensures: device => device.irqType === 'intx',
  mayLeave: () => [],
};

/**
 * Unmasking by an eventfd wants an interrupt that is set up, and is set up once itself.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_unmask(); drivers/vfio/virqfd.c, vfio_virqfd_enable()
 * @fact R433
 */
export const setUnmaskContract: Contract<typeof setUnmask> = {
  fails: {
    EBADF: (_device, fd) => fd.file === null,
    EBUSY: device => device.context !== null && device.context.unmask !== null,
    EINVAL: device => device.irqType !== 'intx',
    ENOMEM: atAnyTime,
  },
  ensures: device => device.context !== null && device.context.unmask !== null,
  mayLeave: () => [],
};

// ---- Calls of user space

/** A device. Whether it can mask its interrupt itself is the device's nature. */
export function createDevice(canMask: boolean): PciDevice {
  return alloc<PciDevice>({ line: alloc<IrqLine>({ depth: 1 }), canMask, irqType: 'none' });
}

/** Be told of interrupts by an eventfd, by another than before, or by none (`VFIO_DEVICE_SET_IRQS`). The first time sets the interrupt up. */
export function setTrigger(device: PciDevice, fd: Descriptor<EventfdFile> | null): 0 | 'EBADF' | 'EBUSY' | 'ENOMEM' {
  lock(device.igate);
  const trigger = fd === null ? null : holdEventfd(fd);
  const result = fd !== null && trigger === null ? 'EBADF' : give(device, trigger);
  if (result !== 0 && trigger !== null) put(trigger.refs);
  unlock(device.igate);
  return result;
}

/** Take the interrupt down (`VFIO_DEVICE_SET_IRQS` with no data and no count). */
export function disable(device: PciDevice): void {
  lock(device.igate);
  const context = device.context;
  if (context !== null) disableIntx(device, context);
  unlock(device.igate);
}

/** Have an eventfd unmask the interrupt (`VFIO_IRQ_SET_ACTION_UNMASK`). */
export function setUnmask(device: PciDevice, fd: Descriptor<EventfdFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  lock(device.igate);
  const context = device.context;
  const result = context === null ? 'EINVAL' : enableVirqfd(context, fd);
  unlock(device.igate);
  return result;
}

/** The guest writes its command register: no interrupts, or interrupts (`vfio_basic_config_write`). */
export function writeCommand(device: PciDevice, off: boolean): void {
  if (device.virqDisabled === off) return;
  device.virqDisabled = off;
  if (off) maskIntx(device);
  else unmaskIntx(device);
}

// ---- Inside the kernel

/** Take an eventfd, or none, for what user space is told by. */
export function give(device: PciDevice, trigger: Eventfd | null): 0 | 'EBUSY' | 'ENOMEM' {
  const context = device.context;
  return context === null ? enableIntx(device, trigger) : replaceTrigger(context, trigger);
}

/** Set the interrupt up, masked if the guest wants none (`vfio_intx_enable`). */
export function enableIntx(device: PciDevice, trigger: Eventfd | null): 0 | 'EBUSY' | 'ENOMEM' {
  assertHeld(device.igate);
  if (maybe()) return 'ENOMEM';
  const name = alloc<IrqName>({ device });
  if (maybe()) {
    free(name);
    return 'ENOMEM';
  }
  const masked = device.virqDisabled;
  const context = alloc<IntxContext>({ device, name, trigger, masked });
  device.context = context;
  if (device.canMask) device.intxOff = masked;
  device.irqType = 'intx';
  const result = requestIrq(device.line, context, device.canMask || !masked);
  if (result !== 0) {
    device.irqType = 'none';
    device.context = null;
    free(name);
    free(context);
  }
  return result;
}

/** The old one goes when nobody can be signalling it any more (`vfio_intx_set_signal`). */
export function replaceTrigger(context: IntxContext, trigger: Eventfd | null): 0 {
  const device = context.device;
  assertHeld(device.igate);
  const old = context.trigger;
  context.trigger = trigger;
  if (old === null) return 0;
  synchronizeIrq(device.line);
  flushVirqfd(context);
  put(old.refs);
  return 0;
}

/** Everyone who may look at the context is unhooked and waited for, then it goes (`vfio_intx_disable`). */
export function disableIntx(device: PciDevice, context: IntxContext): void {
  assertHeld(device.igate);
  if (device.irqType !== 'intx') bug();
  disableVirqfd(context);
  freeIrq(device.line);
  const trigger = context.trigger;
  if (trigger !== null) put(trigger.refs);
  device.irqType = 'none';
  device.context = null;
  free(context.name);
  free(context);
}
