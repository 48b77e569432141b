/** A group's file, and devices that are opened through it. */
import {
  alloc,
  assertHeld,
  bug,
  closeFd,
  type Descriptor,
  fget,
  free,
  get,
  getUnlessZero,
  guard,
  lock,
  put,
  putLater,
  type Runs,
  unlock,
} from '../language.ts';
import { closeCdev } from './cdev.ts';
import { detach } from './container.ts';
import { isDmaOwned } from './iommu.ts';
import type { Container, Device, DeviceFile, Group, IommuGroup, OpenFile } from './vfio-groups.ts';

export const openFileRuns: Runs<OpenFile> = { refs: file => releaseFile(file) };

/** A group with one device that VFIO's driver has, and one that no driver has. */
export function createGroup(): Group {
  return groupWith(true);
}

/** As `createGroup`, or one that no container's driver can serve. */
export function groupWith(fits: boolean): Group {
  const iommuGroup = alloc<IommuGroup>({ fits });
  const device = alloc<Device>({ registration: 1 });
  const group = alloc<Group>({ iommuGroup, device, isRegistered: true });
  lock(group.deviceLock);
  group.devices.add(device);
  unlock(group.deviceLock);
  return group;
}

/** A number under which nothing is open yet. */
export function createNumber(): Descriptor<OpenFile> {
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file: null });
}

/** Open a group (`open("/dev/vfio/N")`). It has one opener, and none while its device is used by its own file. */
export function openGroup(group: Group, to: Descriptor<OpenFile>): 0 | 'EBUSY' | 'ENODEV' {
  lock(group.lock);
  const result = takeGroup(group, to);
  unlock(group.lock);
  return result;
}

/** As `openGroup`, with the group locked. The kernel shows the file a little later. */
export function takeGroup(group: Group, to: Descriptor<OpenFile>): 0 | 'EBUSY' | 'ENODEV' {
  if (!group.isRegistered) return 'ENODEV';
  if (group.cdevOpens > 0) return 'EBUSY';
  if (group.openedFile !== null) return 'EBUSY';
  const file = alloc<OpenFile>({ container: null, group, df: null, refs: 1 });
  group.openedFile = file;
  to.file = file;
  return 0;
}

/** 1: the group can be attached, or is; 2 more: it is attached (`VFIO_GROUP_GET_STATUS`). */
export function getStatus(fd: Descriptor<OpenFile>): 0 | 1 | 3 | 'EBADF' | 'ENODEV' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  lock(group.lock);
  const result = statusOf(group);
  unlock(group.lock);
  put(file.refs);
  return result;
}

/** As `getStatus`, with the group locked. */
export function statusOf(group: Group): 0 | 1 | 3 | 'ENODEV' {
  if (!group.isRegistered) return 'ENODEV';
  if (group.container !== null) return 3;
  return isDmaOwned(group.iommuGroup) ? 0 : 1;
}

// ---- Devices

/** Open the group's device (`VFIO_GROUP_GET_DEVICE_FD`). */
export function getDeviceFd(fd: Descriptor<OpenFile>, to: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' | 'ENODEV' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = openThrough(group, to);
  put(file.refs);
  return result;
}

/** As `getDeviceFd`, with the group's file looked up. */
export function openThrough(group: Group, to: Descriptor<OpenFile>): 0 | 'EINVAL' | 'ENODEV' {
  const device = lookUp(group);
  if (device === null) return 'ENODEV';
  lock(group.lock);
  const result = openLocked(group, device);
  unlock(group.lock);
  if (result !== 0) {
    put(device.registration);
    return result;
  }
  // Nobody sees the file before it may use the device.
  const df = alloc<DeviceFile>({ group, device, isCdev: false, isGranted: true });
  to.file = alloc<OpenFile>({ container: null, group: null, df, refs: 1 });
  return 0;
}

/** The group's device, registered for as long as it is held; null if it is being unregistered (`vfio_device_get_from_name`). */
export function lookUp(group: Group): Device | null {
  using _ = guard(group.deviceLock);
  const device = group.device;
  if (!group.devices.has(device)) return null;
  const held = getUnlessZero(device.registration);
  return held ? device : null;
}

/** As `getDeviceFd`, with the group locked (`vfio_df_group_open`). */
export function openLocked(group: Group, device: Device): 0 | 'EINVAL' {
  if (group.container === null) return 'EINVAL';
  using _ = guard(device.setLock);
  if (device.openCount === 0) {
    const used = useContainer(group);
    if (used !== 0) return used;
  }
  device.openCount += 1;
  return 0;
}

/** The device needs the container, and keeps the group's file open (`vfio_group_use_container`). */
export function useContainer(group: Group): 0 | 'EINVAL' {
  assertHeld(group.lock);
  const container = group.container;
  if (container === null) bug();
  if (!container.hasIommu) return 'EINVAL';
  const opened = group.openedFile;
  if (opened === null) bug();
  get(opened.refs);
  group.keptFile = opened;
  group.containerUsers += 1;
  return 0;
}

/** Not any more. The file is released later, without the lock that this needs. */
export function unuseContainer(group: Group): void {
  assertHeld(group.lock);
  if (group.containerUsers < 2) bug();
  group.containerUsers -= 1;
  const opened = group.keptFile;
  if (opened === null) bug();
  group.keptFile = null;
  putLater(opened.refs);
}

/** Read or write a register of the device. A device's own file needs to be bound first. */
export function accessDevice(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const granted = df.isGranted;
  put(file.refs);
  return granted ? 0 : 'EINVAL';
}

// ---- Closing

/** Close a descriptor. */
export function close(fd: Descriptor<OpenFile>): 0 | 'EBADF' {
  return closeFd(fd) ? 0 : 'EBADF';
}

/** The last reference to a file is gone. */
export function releaseFile(file: OpenFile): void {
  const container = file.container;
  if (container !== null) put(container.users);
  const group = file.group;
  if (group !== null) leaveGroup(group);
  const df = file.df;
  if (df !== null) closeDevice(df);
  free(file);
}

/** The group's opener has gone. Devices that are open keep its file, so none is (`vfio_group_fops_release`). */
export function leaveGroup(group: Group): void {
  using _ = guard(group.lock);
  const container: Container | null = group.container;
  if (container !== null) detach(group);
  group.openedFile = null;
}

/** A file of a device is closed (`vfio_device_fops_release`). */
export function closeDevice(df: DeviceFile): void {
  if (df.isCdev) closeCdev(df);
  else closeThrough(df);
  put(df.device.registration);
  free(df);
}

/** One user of the device less (`vfio_df_group_close`). */
export function closeThrough(df: DeviceFile): void {
  const device = df.device;
  using _ = guard(df.group.lock);
  using __ = guard(device.setLock);
  if (device.openCount === 1) unuseContainer(df.group);
  device.openCount -= 1;
}
