/** A VFIO group, and opening a device through it. */
import {
  alloc,
  assertHeld,
  bug,
  type Descriptor,
  fget,
  free,
  type GuardedBy,
  get,
  getUnlessZero,
  type Innermost,
  type LockOrder,
  lock,
  type Mutex,
  maybe,
  type Owns,
  put,
  putLater,
  type ReadOnce,
  type RwSemaphore,
  type SpinLock,
  type UpTo,
  unlock,
} from '../language.ts';
import type { DeviceFile } from './device-file.ts';
import type { Kvm } from './kvm.ts';
import type { OpenFile } from './open-file.ts';
import { type Device, type DeviceSet, dfClose, dfOpen, getKvmSafe, type OpenError, putKvm, type Vfio, vfio } from './vfio-device.ts';

/** Devices that only together are safe to hand out. User space opens the group, then devices through it. */
export interface Group {
  lock: Mutex;
  /** In place of `lock` until Linux 6.0. */
  rwsem: RwSemaphore;
  /** 0 without an IOMMU container; 1 with one; one more for each open device. */
  containerUsers: UpTo<5>;
  openedFile: OpenFile | null;
  /** Devices that are bound by files of their own, which excludes opening the group. */
  cdevOpenCount: UpTo<2>;

  deviceLock: Mutex;
  devices: Set<Device>;
  /** Registered devices. A group without any is not there for user space. */
  drivers: UpTo<5>;

  kvmRefLock: SpinLock;
  /** What kvm-vfio has told. Borrowed. */
  kvm: Kvm | null;

  /** Who is called when `kvm` changes, until Linux 5.18. */
  notifierRwsem: RwSemaphore;
  notified: Set<Device>;
}

// ---- Rules

/**
 * What opens and closes a group is under its lock, its devices are under a lock of their own, and the borrowed pointer under a spinlock.
 * @source Linux 6.12, drivers/vfio/group.c and drivers/vfio/vfio.h, struct vfio_group
 * @fact R101, R104, R105
 */
export const groupGuards: GuardedBy<Group> = {
  containerUsers: group => group.lock,
  openedFile: group => group.lock,
  cdevOpenCount: group => group.lock,
  notified: group => group.notifierRwsem,
  devices: group => group.deviceLock,
  // Counted under the lock of all groups. Opening a group reads it without: once it is zero it stays so, and the group's lock is taken afterwards.
  drivers: { read: () => true, write: () => vfio.groupLock },
  kvm: group => group.kvmRefLock,
};

/** A group keeps the registration of its devices. */
export const groupOwns: Owns<Group> = { devices: device => device.registration };

/**
 * The lock of all groups is outermost, then a group's, then that of a device set; drivers take the machine's lock inside, and the borrowed pointer's is last.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_df_group_open()
 * @fact R107, R140
 */
export const openingOrder: LockOrder<[Vfio, Group, DeviceSet, Kvm]> = (all, group, set, kvm) => [
  all.groupLock,
  group.lock,
  set.lock,
  kvm.lock,
  group.kvmRefLock,
];

/**
 * Nothing is taken and nothing sleeps while the lock of the borrowed pointer is held.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 * @fact R108, R109
 */
export const nothingInsideGroupRefLock: Innermost<Group> = group => group.kvmRefLock;

/**
 * What is got, stored and handed to the driver is one reading of the group's pointer.
 * @source kvm mailing list, February 2023, "[PATCH v2] vfio: fix deadlock between group lock and kvm lock"
 * @fact R116, R145
 */
export const groupsVmReadOnce: ReadOnce<Group> = group => group.kvm;

// ---- Calls of user space

/** Open a group (`open` of `/dev/vfio/N`). One at a time. */
export function openGroup(group: Group, fd: Descriptor<OpenFile>): 0 | 'EBUSY' | 'ENODEV' {
  lock(group.lock);
  if (group.drivers === 0) {
    unlock(group.lock);
    return 'ENODEV';
  }
  if (group.cdevOpenCount > 0 || group.openedFile !== null) {
    unlock(group.lock);
    return 'EBUSY';
  }
  const file = alloc<OpenFile>({ group, refs: 1 });
  group.openedFile = file;
  unlock(group.lock);
  fd.file = file;
  return 0;
}

/** Give a group an IOMMU container (`VFIO_GROUP_SET_CONTAINER`). Containers are not looked at here. */
export function setContainer(groupFd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const file = fget(groupFd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  lock(group.lock);
  const attached = group.containerUsers > 0;
  if (!attached) group.containerUsers = 1;
  unlock(group.lock);
  putLater(file.refs);
  return attached ? 'EINVAL' : 0;
}

/** Take the container away (`VFIO_GROUP_UNSET_CONTAINER`), if no device is open. */
export function unsetContainer(groupFd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' {
  const file = fget(groupFd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  lock(group.lock);
  const users = group.containerUsers;
  if (users === 1) group.containerUsers = 0;
  unlock(group.lock);
  putLater(file.refs);
  return users === 0 ? 'EINVAL' : users > 1 ? 'EBUSY' : 0;
}

/** Open a device through its group (`VFIO_GROUP_GET_DEVICE_FD`). */
export function getDeviceFd(groupFd: Descriptor<OpenFile>, device: Device, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'ENOMEM' | OpenError {
  const file = fget(groupFd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = openThroughGroup(group, device, fd);
  putLater(file.refs);
  return result;
}

// ---- Inside the kernel

/** The last reference to the group's file is gone. Open devices hold one, so none is open. */
export function releaseGroup(group: Group): void {
  lock(group.lock);
  if (group.containerUsers > 0) detachContainer(group);
  group.openedFile = null;
  unlock(group.lock);
}

/** No device is open any more. */
export function detachContainer(group: Group): void {
  if (group.containerUsers > 1) bug();
  group.containerUsers = 0;
}

/** Find the device, open it, and give it the descriptor last. */
export function openThroughGroup(group: Group, device: Device, fd: Descriptor<OpenFile>): 0 | 'ENOMEM' | OpenError {
  if (!findDevice(group, device)) return 'ENODEV';
  const df = alloc<DeviceFile>({ device, group });
  const result = groupOpen(df);
  if (result !== 0) {
    free(df);
    put(device.registration);
    return result;
  }
  if (maybe()) {
    groupClose(df);
    free(df);
    put(device.registration);
    return 'ENOMEM';
  }
  const file = alloc<OpenFile>({ df, refs: 1 });
  fd.file = file;
  return 0;
}

/** Look the device up by its name; it is then kept registered by a reference (`vfio_device_get_from_name`). */
export function findDevice(group: Group, device: Device): boolean {
  lock(group.deviceLock);
  for (const one of group.devices) {
    if (one === device && getUnlessZero(one.registration)) {
      unlock(group.deviceLock);
      return true;
    }
  }
  unlock(group.deviceLock);
  return false;
}

/** One more opener by way of the group (`vfio_df_group_open`). */
export function groupOpen(df: DeviceFile): 0 | OpenError {
  const device = df.device;
  const group = device.group;
  const set = device.set;
  lock(group.lock);
  if (group.containerUsers === 0) {
    unlock(group.lock);
    return 'EINVAL';
  }
  lock(set.lock);
  if (device.openCount === 0) groupGetKvmSafe(device);
  const result = dfOpen(df);
  if (result === 0) df.accessGranted = true;
  if (device.openCount === 0) putKvm(device);
  unlock(set.lock);
  unlock(group.lock);
  return result;
}

/** One opener less (`vfio_df_group_close`). */
export function groupClose(df: DeviceFile): void {
  const device = df.device;
  const group = device.group;
  const set = device.set;
  lock(group.lock);
  lock(set.lock);
  dfClose(df);
  if (device.openCount === 0) putKvm(device);
  unlock(set.lock);
  unlock(group.lock);
}

/** The machine that the group has been told (`vfio_device_group_get_kvm_safe`). */
export function groupGetKvmSafe(device: Device): void {
  const group = device.group;
  lock(group.kvmRefLock);
  getKvmSafe(device, group.kvm);
  unlock(group.kvmRefLock);
}

/** An open device uses the container, and keeps the group's file open. */
export function useContainer(device: Device): 0 | 'EINVAL' {
  const group = device.group;
  assertHeld(group.lock);
  const file = group.openedFile;
  if (file === null || group.containerUsers === 0) return 'EINVAL';
  get(file.refs);
  group.containerUsers += 1;
  device.groupFile = file;
  return 0;
}

/** The last opener lets go of the container. */
export function unuseContainer(device: Device): void {
  const group = device.group;
  assertHeld(group.lock);
  group.containerUsers -= 1;
  const file = device.groupFile;
  if (file === null) bug();
  device.groupFile = null;
  putLater(file.refs);
}
