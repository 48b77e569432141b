/** Files of groups, contexts and devices: how they are opened, and what closing them does. */
import {
  alloc,
  assertHeld,
  bug,
  closeFd,
  type Descriptor,
  fget,
  free,
  guard,
  lock,
  maybe,
  put,
  type Runs,
  readLock,
  readUnlock,
  unlock,
  wakeAll,
} from '../language.ts';
import { closeContext, newIommu, openContext, tryDissolve } from './context.ts';
import { findGroup, removeIfEmpty, removeIfLeft } from './devices.ts';
import {
  type Bus,
  type Device,
  type Group,
  type Iommu,
  isViable,
  type OpenFile,
  type Task,
  type VfioDevice,
  type VfioPci,
  vfio,
} from './groups-2011.ts';

export const openFileRuns: Runs<OpenFile> = { refs: file => releaseFile(file) };

// ---- A group's file

/** Open a group by its place in the file system. Its first file gives it a context, empty and closed. */
export function openGroup(bus: Bus, id: Group['id'], to: Descriptor<OpenFile>): 0 | 'ENODEV' | 'ENOMEM' {
  lock(vfio.lock);
  const group = findGroup(bus, id);
  if (group === null) {
    unlock(vfio.lock);
    return 'ENODEV';
  }
  if (group.iommu === null) {
    if (maybe()) {
      unlock(vfio.lock);
      return 'ENOMEM';
    }
    newIommu(group);
  }
  group.files += 1;
  unlock(vfio.lock);
  to.file = alloc<OpenFile>({ group, iommu: null, device: null, grantedTo: null, refs: 1 });
  return 0;
}

/** The context of a group that is open: it has one from its first file to its last. */
export function contextOf(group: Group): Iommu {
  const iommu = group.iommu;
  if (iommu === null) bug();
  return iommu;
}

/** Whether the context is open and another's. */
export function isForeign(task: Task, iommu: Iommu): boolean {
  const owner = iommu.owner;
  return owner !== null && owner !== task;
}

// ---- A context's file

/** Open the group's context (`VFIO_GROUP_GET_IOMMU_FD`). */
export function getIommuFd(
  task: Task,
  fd: Descriptor<OpenFile>,
  to: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | 'ENOMEM' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = grantIommu(task, group, to);
  put(file.refs);
  return result;
}

/** As `getIommuFd`, with the file looked up. */
export function grantIommu(task: Task, group: Group, to: Descriptor<OpenFile>): 0 | 'EBUSY' | 'EFAULT' | 'ENOMEM' | 'EPERM' {
  using _ = guard(vfio.lock);
  const iommu = contextOf(group);
  if (isForeign(task, iommu)) return 'EPERM';
  if (!isViable(iommu)) return 'EBUSY';
  const opens = !iommu.isOpen;
  if (opens) {
    const result = openContext(task, iommu);
    if (result !== 0) return result;
  }
  if (maybe()) {
    if (opens) closeContext(iommu);
    return 'ENOMEM';
  }
  // Seen before it is counted; who closes it waits for the lock.
  to.file = alloc<OpenFile>({ group: null, iommu, device: null, grantedTo: task, refs: 1 });
  iommu.files += 1;
  return 0;
}

/** Map memory of the caller for DMA, through the file of a context. */
export function mapDma(task: Task, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const iommu = file.iommu;
  if (iommu === null) bug();
  const foreign = isForeign(task, iommu);
  if (!foreign) {
    lock(iommu.gate);
    iommu.mapped = true;
    unlock(iommu.gate);
  }
  put(file.refs);
  return foreign ? 'EPERM' : 0;
}

// ---- A device's file

/** Open a device of the merged set, whichever member it is in (`VFIO_GROUP_GET_DEVICE_FD`). */
export function getDeviceFd(
  task: Task,
  fd: Descriptor<OpenFile>,
  dev: Device,
  to: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | 'ENODEV' | 'ENOMEM' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = grantDevice(task, group, dev, to);
  put(file.refs);
  return result;
}

/** As `getDeviceFd`, with the file looked up. */
export function grantDevice(
  task: Task,
  group: Group,
  dev: Device,
  to: Descriptor<OpenFile>,
): 0 | 'EBUSY' | 'EFAULT' | 'ENODEV' | 'ENOMEM' | 'EPERM' {
  using _ = guard(vfio.lock);
  const iommu = contextOf(group);
  if (isForeign(task, iommu)) return 'EPERM';
  return grantDeviceOf(task, iommu, dev, to);
}

/** As `getDeviceFd`, for a caller who holds the lock and may use the context. */
export function grantDeviceOf(
  task: Task,
  iommu: Iommu,
  dev: Device,
  to: Descriptor<OpenFile>,
): 0 | 'EBUSY' | 'EFAULT' | 'ENODEV' | 'ENOMEM' {
  assertHeld(vfio.lock);
  const device = findDevice(iommu, dev);
  if (device === null) return 'ENODEV';
  // That the context is open proves nothing about the devices as they are now.
  if (!isViable(iommu)) return 'EBUSY';
  const opens = !iommu.isOpen;
  if (opens) {
    const result = openContext(task, iommu);
    if (result !== 0) return result;
  }
  const data = device.data;
  if (data === null) bug();
  const result = openFileOf(task, device, data, to);
  if (result !== 0 && opens) closeContext(iommu);
  return result;
}

/** Open the device in its driver, and make a file for it. */
export function openFileOf(task: Task, device: VfioDevice, data: VfioPci, to: Descriptor<OpenFile>): 0 | 'EFAULT' | 'ENOMEM' {
  if (!driverGet(data)) return 'EFAULT';
  if (maybe()) {
    driverPut(data);
    return 'ENOMEM';
  }
  to.file = alloc<OpenFile>({ group: null, iommu: null, device, grantedTo: task, refs: 1 });
  device.files += 1;
  return 0;
}

/** The device of the set that the user names. */
export function findDevice(iommu: Iommu, dev: Device): VfioDevice | null {
  for (const group of iommu.groups) {
    for (const device of group.devices) {
      if (device.dev === dev) return device;
    }
  }
  return null;
}

/** The driver prepares the device for a user, or refuses. */
export function driverGet(data: VfioPci): boolean {
  lock(data.lock);
  const works = !maybe();
  if (works) data.opens += 1;
  unlock(data.lock);
  return works;
}

/** A user of the device is gone. */
export function driverPut(data: VfioPci): void {
  lock(data.lock);
  data.opens -= 1;
  unlock(data.lock);
}

/** Read or write a register of the device. */
export function accessDevice(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EIO' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const device = file.device;
  if (device === null) bug();
  readLock(vfio.accesses);
  const data = device.data;
  if (data !== null) {
    lock(data.lock);
    if (data.opens === 0) bug();
    unlock(data.lock);
  }
  readUnlock(vfio.accesses);
  put(file.refs);
  return data === null ? 'EIO' : 0;
}

// ---- Closing

/** Close a descriptor. */
export function close(fd: Descriptor<OpenFile>): 0 | 'EBADF' {
  return closeFd(fd) ? 0 : 'EBADF';
}

/** The last reference to a file is gone. In 2011 this runs at once, in the thread that puts it, so no file is put under the lock. */
export function releaseFile(file: OpenFile): void {
  const device = file.device;
  // Not after the count: who removes the device takes the driver's data as soon as nobody has it open.
  if (device !== null) driverRelease(device);
  lock(vfio.lock);
  const dissolved = uncount(file);
  unlock(vfio.lock);
  if (dissolved) wakeAll(vfio.releaseQueue);
  free(file);
}

/** The driver lets go of the device, if removal has not taken it already. */
export function driverRelease(device: VfioDevice): void {
  readLock(vfio.accesses);
  const data = device.data;
  if (data !== null) driverPut(data);
  readUnlock(vfio.accesses);
}

/** One file less. True if its context is not in use any more. */
export function uncount(file: OpenFile): boolean {
  assertHeld(vfio.lock);
  const device = file.device;
  if (device !== null) {
    device.files -= 1;
    const dissolved = tryDissolve(contextOf(device.group));
    removeIfLeft(device);
    return dissolved;
  }
  const group = file.group;
  if (group !== null) {
    group.files -= 1;
    const dissolved = tryDissolve(contextOf(group));
    removeIfEmpty(group);
    return dissolved;
  }
  const iommu = file.iommu;
  if (iommu === null) return false;
  iommu.files -= 1;
  return tryDissolve(iommu);
}
