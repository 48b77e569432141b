/** Files of a device: those that its group hands out, and those of its own character device. */
import {
  alloc,
  bug,
  type Descriptor,
  fget,
  free,
  type GuardedBy,
  getUnlessZero,
  type Innermost,
  lock,
  maybe,
  type Owns,
  put,
  putLater,
  type ReadOnce,
  type SpinLock,
  unguarded,
  unlock,
} from '../language.ts';
import { type Group, groupClose } from './group.ts';
import type { Kvm } from './kvm.ts';
import type { OpenFile } from './open-file.ts';
import { type Device, dfClose, dfOpen, getKvmSafe, type OpenError, putKvm } from './vfio-device.ts';

/** An opener of a device (`struct vfio_device_file`). */
export interface DeviceFile {
  readonly device: Device;
  /** Through which it was opened; null for a file of the device's own. */
  readonly group: Group | null;
  kvmRefLock: SpinLock;
  /** What kvm-vfio has told. Borrowed. */
  kvm: Kvm | null;
  /** It may be read, written and mapped. */
  accessGranted: boolean;
}

// ---- Rules

/**
 * The borrowed pointer of a file is under a spinlock of the file's own.
 * @source Linux 6.6, drivers/vfio/device_cdev.c, vfio_df_get_kvm_safe()
 * @fact R102
 */
export const deviceFileGuards: GuardedBy<DeviceFile> = {
  kvm: df => df.kvmRefLock,
  // Stored with release order as the last step of opening, loaded with acquire order by every access.
  accessGranted: unguarded,
};

/** An opener keeps its device registered. */
export const deviceFileOwns: Owns<DeviceFile> = { device: device => device.registration };

/**
 * Nothing is taken and nothing sleeps while the lock of a file's borrowed pointer is held.
 * @source Linux 6.6, drivers/vfio/device_cdev.c, vfio_df_get_kvm_safe()
 * @fact R108, R109
 */
export const nothingInsideFileRefLock: Innermost<DeviceFile> = df => df.kvmRefLock;

/**
 * What is got, stored and handed to the driver is one reading of the file's pointer.
 * @source Linux 6.6, drivers/vfio/device_cdev.c, vfio_df_get_kvm_safe()
 * @fact R116
 */
export const filesVmReadOnce: ReadOnce<DeviceFile> = df => df.kvm;

// ---- Calls of user space

/** Open a device's own file. It can do nothing until it is bound. */
export function openCdev(device: Device, fd: Descriptor<OpenFile>): 0 | 'ENODEV' {
  if (!getUnlessZero(device.registration)) return 'ENODEV';
  const df = alloc<DeviceFile>({ device, group: null });
  const file = alloc<OpenFile>({ df, refs: 1 });
  fd.file = file;
  return 0;
}

/** Bind a device's file to an IOMMU context (`VFIO_DEVICE_BIND_IOMMUFD`), which opens the device. */
export function bind(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | OpenError {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const result = bindFile(df);
  putLater(file.refs);
  return result;
}

/** Read, write or map (`read`, `write`, `mmap`). */
export function access(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const granted = df.accessGranted;
  if (granted) df.device.driver.access(df.device);
  putLater(file.refs);
  return granted ? 0 : 'EINVAL';
}

// ---- Inside the kernel

/** Keep the group from being opened, and the device from being opened twice. */
export function bindFile(df: DeviceFile): 0 | 'EBUSY' | 'EFAULT' | OpenError {
  if (df.group !== null) return 'EINVAL';
  const device = df.device;
  if (!blockGroup(device)) return 'EBUSY';
  lock(device.set.lock);
  const result = df.accessGranted ? 'EINVAL' : bindLocked(df);
  unlock(device.set.lock);
  if (result !== 0) unblockGroup(device);
  return result;
}

/**
 * Get the machine, open, grant access.
 *
 * That the device is open already is asked before the machine is got. Linux up to the newest text we have asks afterwards: see `bindPutsForeignVm`.
 */
export function bindLocked(df: DeviceFile): 0 | 'EFAULT' | OpenError {
  const device = df.device;
  if (device.openCount > 0) return 'EINVAL';
  fileGetKvmSafe(df);
  const result = dfOpen(df);
  if (result !== 0) {
    putKvm(device);
    return result;
  }
  if (maybe()) {
    dfClose(df);
    putKvm(device);
    return 'EFAULT';
  }
  df.accessGranted = true;
  return 0;
}

/** The machine that the file has been told (`vfio_df_get_kvm_safe`). */
export function fileGetKvmSafe(df: DeviceFile): void {
  lock(df.kvmRefLock);
  getKvmSafe(df.device, df.kvm);
  unlock(df.kvmRefLock);
}

/** Exclude opening the group, unless it is open. */
export function blockGroup(device: Device): boolean {
  const group = device.group;
  lock(group.lock);
  const closed = group.openedFile === null;
  if (closed) group.cdevOpenCount += 1;
  unlock(group.lock);
  return closed;
}

/** The group may be opened again. */
export function unblockGroup(device: Device): void {
  const group = device.group;
  lock(group.lock);
  group.cdevOpenCount -= 1;
  unlock(group.lock);
}

/** The last reference to the file is gone. Whether it is bound is not changing any more. */
export function releaseDeviceFile(df: DeviceFile): void {
  const device = df.device;
  if (df.group !== null) groupClose(df);
  else if (df.accessGranted) unbind(df);
  free(df);
  put(device.registration);
}

/** Undo `bind` (`vfio_df_unbind_iommufd`). */
export function unbind(df: DeviceFile): void {
  const device = df.device;
  lock(device.set.lock);
  dfClose(df);
  putKvm(device);
  unlock(device.set.lock);
  unblockGroup(device);
}
