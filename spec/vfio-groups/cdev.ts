/** A device's own file, bound to an iommufd (since Linux 6.6). */
import { alloc, bug, type Descriptor, fget, guard, lock, put, unlock } from '../language.ts';
import { lookUp } from './group.ts';
import { claimDmaOwner, releaseDmaOwner } from './iommu.ts';
import type { DeviceFile, Group, OpenFile } from './vfio-groups.ts';

/** Open the device (`open("/dev/vfio/devices/vfioN")`). It cannot be used until it is bound. */
export function openCdev(group: Group, to: Descriptor<OpenFile>): 0 | 'ENODEV' {
  const device = lookUp(group);
  if (device === null) return 'ENODEV';
  const df = alloc<DeviceFile>({ group, device, isCdev: true });
  to.file = alloc<OpenFile>({ container: null, group: null, df, refs: 1 });
  return 0;
}

/** Bind the file to an iommufd, which gives the use of the device (`VFIO_DEVICE_BIND_IOMMUFD`). It stays bound until it is closed. */
export function bindIommufd(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const df = file.df;
  if (df === null) bug();
  const result = df.isCdev ? bindFile(df) : 'EINVAL';
  put(file.refs);
  return result;
}

/** As `bindIommufd`, with the file looked up. */
export function bindFile(df: DeviceFile): 0 | 'EBUSY' | 'EINVAL' | 'EPERM' {
  const group = df.group;
  const device = df.device;
  const blocked = blockGroup(group);
  if (blocked !== 0) return blocked;
  lock(device.setLock);
  const result = bindLocked(df);
  unlock(device.setLock);
  if (result !== 0) unblockGroup(group);
  return result;
}

/** The group cannot be opened while a file of its device is bound, nor the other way round (`vfio_device_block_group`). */
export function blockGroup(group: Group): 0 | 'EBUSY' {
  using _ = guard(group.lock);
  if (group.openedFile !== null) return 'EBUSY';
  group.cdevOpens += 1;
  return 0;
}

/** One bound file less. */
export function unblockGroup(group: Group): void {
  using _ = guard(group.lock);
  group.cdevOpens -= 1;
}

/** As `bindIommufd`, with the device locked. Only a group may open its device more than once. */
export function bindLocked(df: DeviceFile): 0 | 'EINVAL' | 'EPERM' {
  const device = df.device;
  if (df.isGranted) return 'EINVAL';
  if (device.openCount > 0) return 'EINVAL';
  const claimed = claimDmaOwner(df.group.iommuGroup);
  if (claimed !== 0) return claimed;
  device.openCount += 1;
  df.isGranted = true;
  return 0;
}

/** The file is closed, bound or not (`vfio_df_unbind_iommufd`). */
export function closeCdev(df: DeviceFile): void {
  if (!df.isGranted) return;
  const device = df.device;
  lock(device.setLock);
  device.openCount -= 1;
  releaseDmaOwner(df.group.iommuGroup);
  unlock(device.setLock);
  unblockGroup(df.group);
}
