/** Attaching a bound device to an address space of its IOMMU context, for the device as a whole or for one process of the guest (PASID). */
import { bug, type Descriptor, fget, lock, maybe, putLater, unlock } from '../language.ts';
import type { DeviceFile } from './device-file.ts';
import type { OpenFile } from './open-file.ts';

/** Attach the device (`VFIO_DEVICE_ATTACH_IOMMUFD_PT`). */
export function attach(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EFAULT' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const result = df.accessGranted ? attachLocked(df) : 'EINVAL';
  putLater(file.refs);
  return result;
}

/** Attach one process (`VFIO_DEVICE_ATTACH_IOMMUFD_PT` with `VFIO_DEVICE_ATTACH_PASID`). */
export function attachPasid(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EFAULT' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const result = df.accessGranted ? attachPasidLocked(df) : 'EINVAL';
  putLater(file.refs);
  return result;
}

/** Whether the device reaches its address space. */
export function isAttached(fd: Descriptor<OpenFile>): boolean {
  const file = fget(fd);
  if (file === null) return false;
  const df = file.df;
  if (df === null) bug();
  lock(df.device.set.lock);
  const attached = df.device.attached;
  unlock(df.device.set.lock);
  putLater(file.refs);
  return attached;
}

/** What was done is undone if user space cannot be told. */
export function attachLocked(df: DeviceFile): 0 | 'EFAULT' {
  const device = df.device;
  lock(device.set.lock);
  device.attached = true;
  const failed = maybe();
  if (failed) device.attached = false;
  unlock(device.set.lock);
  return failed ? 'EFAULT' : 0;
}

/**
 * As `attachLocked`; what is undone is the process's attachment, and not the device's. Linux has it the other way in the newest text that we have:
 * see `undoesTheOther`.
 */
export function attachPasidLocked(df: DeviceFile): 0 | 'EFAULT' {
  const device = df.device;
  lock(device.set.lock);
  device.pasidAttached = true;
  const failed = maybe();
  if (failed) device.pasidAttached = false;
  unlock(device.set.lock);
  return failed ? 'EFAULT' : 0;
}
