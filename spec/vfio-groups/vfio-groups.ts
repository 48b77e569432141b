/**
 * VFIO groups and containers, as in Linux 6.12.
 *
 * What was merging in 2011 is a container now: a file of its own that holds the mappings, and that groups are attached to one by one. A group has
 * one opener. While it is attached, VFIO owns the DMA of its devices, and the IOMMU's core keeps drivers of the kernel away from them, where before
 * 5.18 VFIO looked whether they were away and hoped that they stayed. Since 6.6 a device has a file of its own, too, which is bound to an iommufd; a
 * group is used in the one way or in the other.
 *
 * Of the errnos, those that need an IOMMU that is missing (`noiommu`) and those of faults of memory are left out.
 */
import {
  type GuardedBy,
  type LockOrder,
  type Mutex,
  type Natural,
  type Owns,
  type RefCount,
  type RwSemaphore,
  type UpTo,
  unguarded,
  type WaitQueue,
} from '../language.ts';

// ---- Objects

/** What the IOMMU's core knows of a group: who decides about the DMA of its devices. */
export interface IommuGroup {
  /** The driver that containers choose can serve it. */
  readonly fits: boolean;
  mutex: Mutex;
  /** Drivers of the kernel that use it as it is, or 1 for an owner in user space. */
  ownerCount: UpTo<2>;
  /** VFIO owns the DMA of all devices, on behalf of user space. */
  isClaimed: boolean;
  /** A driver of the kernel has one of the devices, one that VFIO does not know. */
  hostUses: boolean;
}

/** A group as VFIO shows it to user space. */
export interface Group {
  readonly iommuGroup: IommuGroup;
  /** VFIO's device in it. */
  readonly device: Device;
  lock: Mutex;
  /** VFIO's driver has the device. When it has gone, user space may still have the group open, and can do nothing with it. */
  isRegistered: boolean;
  /** Its one opener. */
  openedFile: OpenFile | null;
  /** The same, kept open by the open device. The kernel knows that by the device's being open. */
  keptFile: OpenFile | null;
  container: Container | null;
  /** 0 without a container, 1 with one, 1 more while its device is open. */
  containerUsers: UpTo<2>;
  /** Files of its device that are bound to an iommufd. */
  cdevOpens: Natural;
  deviceLock: Mutex;
  devices: Set<Device>;
}

/** A device that VFIO's driver has. */
export interface Device {
  /** Of all devices that are reset together. */
  setLock: Mutex;
  /** Open files that may use it. */
  openCount: Natural;
  /** One for being registered, one for each open file. */
  registration: RefCount;
  /** Who unregisters it waits here. */
  released: WaitQueue;
  /** Users wait here to be asked for the device. */
  requests: WaitQueue;
  asked: boolean;
}

/** Mappings for DMA, and the groups that they are for. */
export interface Container {
  groups: Set<Group>;
  /** Guards the groups and the driver. */
  lock: RwSemaphore;
  /** A driver of the IOMMU was chosen; before that there is nothing that could be mapped. */
  hasIommu: boolean;
  /** One for its file, one for each group. */
  users: RefCount;
}

/** A file of a container, of a group, or of a device; of something else if all three are null. */
export interface OpenFile {
  readonly container: Container | null;
  readonly group: Group | null;
  readonly df: DeviceFile | null;
  refs: RefCount;
}

/** A file of a device: given by its group, or the device's own. */
export interface DeviceFile {
  readonly group: Group;
  readonly device: Device;
  readonly isCdev: boolean;
  /** The device may be used. */
  isGranted: boolean;
}

// ---- Guards

/**
 * Who owns the DMA of a group is under the lock of the IOMMU's core.
 * @source Linux 6.12, drivers/iommu/iommu.c, iommu_group_claim_dma_owner()
 */
export const iommuGroupGuards: GuardedBy<IommuGroup> = {
  ownerCount: group => group.mutex,
  isClaimed: group => group.mutex,
  hostUses: group => group.mutex,
};

/**
 * What a group is used for changes under its lock. Its devices have a lock of their own.
 * @source Linux 6.12, drivers/vfio/group.c
 * @fact R104, R105
 */
export const groupGuards: GuardedBy<Group> = {
  isRegistered: group => group.lock,
  openedFile: group => group.lock,
  keptFile: group => group.lock,
  container: group => group.lock,
  containerUsers: group => group.lock,
  cdevOpens: group => group.lock,
  devices: group => group.deviceLock,
};

/**
 * Devices that are reset together are opened and closed under one lock.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open()
 */
export const deviceGuards: GuardedBy<Device> = {
  openCount: device => device.setLock,
  // An eventfd of the user's.
  asked: unguarded,
};

/**
 * Groups are attached under the container's lock. Whether it has a driver is also looked at without: who opens a device holds the lock of a group that
 * is attached, and as long as one is, a driver that was chosen stays.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_group_use_container()
 */
export const containerGuards: GuardedBy<Container> = {
  groups: container => container.lock,
  hasIommu: { read: () => true, write: container => container.lock },
};

/**
 * That a file may use its device is written once, last of all and under the device's lock, and read without one.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, "Paired with smp_load_acquire()"
 * @fact R121
 */
export const deviceFileGuards: GuardedBy<DeviceFile> = { isGranted: { read: () => true, write: df => df.device.setLock } };

/**
 * An attached group keeps its container, and the container's file does. A device is registered while its group knows it, and while a file of it is open.
 * @source Linux 6.12, drivers/vfio/container.c, group.c and vfio_main.c
 */
export const groupOwns: Owns<Group> = {
  container: container => container.users,
  devices: device => device.registration,
  keptFile: file => file.refs,
};
/** A file of a container keeps it. */
export const openFileOwns: Owns<OpenFile> = { container: container => container.users };
/** A file of a device keeps it registered. */
export const deviceFileOwns: Owns<DeviceFile> = { device: device => device.registration };

/**
 * A group is locked before its device and before its container; who owns the DMA is decided inside.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_df_group_open(); container.c, vfio_container_attach_group()
 */
export const groupOutside: LockOrder<[Group, Device, IommuGroup]> = (group, device, iommuGroup) => [
  group.lock,
  device.setLock,
  iommuGroup.mutex,
];
/**
 * A container is locked inside its groups.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group()
 */
export const containerInside: LockOrder<[Group, Container, IommuGroup]> = (group, container, iommuGroup) => [
  group.lock,
  container.lock,
  iommuGroup.mutex,
];
