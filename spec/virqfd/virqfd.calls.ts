/** What a device's file offers to user space, and what each call returns when. What the device itself does is among it: a test can have it ask. */
import type { Contract, Interface } from '../language.ts';
import { close, createEventfd, openOtherFile, readCount, signal } from './eventfd.ts';
import {
  askMasked,
  clearTrigger,
  clearUnmask,
  closeDevice,
  disableInterrupt,
  lower,
  openDevice,
  setTrigger,
  setUnmask,
} from './interrupt.ts';
import { load } from './virqfd.ts';

/** The calls. Tests that make no others need not look inside. */
export const calls: Interface = {
  load,
  openDevice,
  createEventfd,
  openOtherFile,
  setTrigger,
  clearTrigger,
  setUnmask,
  clearUnmask,
  disableInterrupt,
  askMasked,
  lower,
  signal,
  readCount,
  closeFd: close,
  closeDevice,
};

/** What adapters call the behaviour described here. */
export const baseProfile = 'linux-6.12' as const;

/**
 * A trigger is an eventfd.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_trigger()
 */
export const setTriggerContract: Contract<typeof setTrigger> = {
  fails: {
    EBADF: (_device, fd) => fd.file === null,
    EINVAL: (_device, fd) => fd.file !== null && fd.file.eventfd === null,
  },
  ensures: device => device.interrupt !== null && device.interrupt.trigger !== null,
  mayLeave: () => [],
};

/**
 * Unmasking needs an interrupt that is set up, an eventfd, and the only place to be free.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_unmask(); drivers/vfio/virqfd.c, vfio_virqfd_enable()
 * @fact R433
 */
export const setUnmaskContract: Contract<typeof setUnmask> = {
  fails: {
    EBADF: (_device, fd) => fd.file === null,
    EBUSY: device => device.interrupt !== null && device.interrupt.unmask !== null,
    EINVAL: (device, fd) => device.interrupt === null || (fd.file !== null && fd.file.eventfd === null),
  },
  ensures: device => device.interrupt !== null && device.interrupt.unmask !== null,
};

/**
 * The place may be free already.
 * @source Linux 6.12, drivers/vfio/virqfd.c, vfio_virqfd_disable()
 */
export const clearUnmaskContract: Contract<typeof clearUnmask> = {
  fails: { EINVAL: device => device.interrupt === null },
  ensures: device => device.interrupt !== null && device.interrupt.unmask === null,
};

/**
 * Only an interrupt that is set up can be masked.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_mask()
 */
export const askMaskedContract: Contract<typeof askMasked> = { fails: { EINVAL: device => device.interrupt === null } };

/**
 * Only an interrupt that is set up can be taken down.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_intx_trigger()
 */
export const disableInterruptContract: Contract<typeof disableInterrupt> = {
  fails: { EINVAL: device => device.interrupt === null },
  ensures: device => device.interrupt === null,
};

/**
 * Signalling fails only on a closed descriptor: the counter is far from full.
 * @source eventfd(2)
 */
export const signalContract: Contract<typeof signal> = { fails: { EBADF: fd => fd.file === null } };

/**
 * Reading takes all that was counted, and finds nothing where nothing was.
 * @source eventfd(2)
 */
export const readCountContract: Contract<typeof readCount> = {
  fails: {
    EAGAIN: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
    EBADF: fd => fd.file === null,
  },
  ensures: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null }, ensures: fd => fd.file === null };
