/**
 * VFIO groups as agreed in the review of November 2011: merging, hot add, taint, removal with a hard timeout.
 *
 * An IOMMU cannot tell the devices of a group apart, so they are given to user space together or not at all. A group's file is harmless: it is the
 * way to the context (the mappings of DMA) and to the devices. Groups can be merged, and share one context from then on. The context is in use
 * while its own file or a device of any member is open; files of groups do not count. When nothing uses it, it is closed; when no group is open
 * either, the merged set falls apart.
 *
 * What the code under review did instead, and what was rejected, is in the defects. What was agreed and never written, the hard timeout, the
 * driver that is preset and the reservation of a revoked device, is written here as the mails describe it, with as little invention as possible.
 */
import {
  every,
  type GuardedBy,
  type Mutex,
  type Natural,
  type Owns,
  type RefCount,
  type RwSemaphore,
  type SrcuDomain,
  some,
  type UpTo,
  unguarded,
  type WaitQueue,
} from '../language.ts';

// ---- Objects

/** All of VFIO. One lock for everything that follows, as in the code under review. */
export interface Vfio {
  lock: Mutex;
  groups: Set<Group>;
  /** Removal sleeps here until a set falls out of use. */
  releaseQueue: WaitQueue;
  /** Users of devices wait here to be asked for them. */
  requestQueue: WaitQueue;
  /** How often removal asks before it takes the device: the hard timeout, in periods of asking. */
  patience: UpTo<2>;
  /** Readers of a device's driver data. */
  accesses: SrcuDomain;
}
export declare const vfio: Vfio;

/** A process: its address space, which is compared by address, and whether it may administer the system. */
export interface Task {
  readonly isAdmin: boolean;
  users: RefCount;
}

/** A mapping context that the groups of a merged set share. */
export interface Iommu {
  /** Open files of the context itself. */
  files: Natural;
  /** It has a domain, and the devices of all members are attached to it. */
  isOpen: boolean;
  /** Who opened it; nobody else may use it. */
  owner: Task | null;
  groups: Set<Group>;
  gate: Mutex;
  /** User space has mapped some of its memory for DMA. */
  mapped: boolean;
}

/** Devices that the IOMMU cannot tell apart. */
export interface Group {
  readonly bus: Bus;
  readonly id: UpTo<4>;
  /** Open files. They give access to nothing by themselves. */
  files: Natural;
  /** Its own context or that of its merged set; none while nobody has anything of it open. */
  iommu: Iommu | null;
  devices: Set<VfioDevice>;
  /** A device of the group is unknown to VFIO, or belongs to another driver that it could not keep away. */
  tainted: boolean;
}

/** What VFIO knows of a device. */
export interface VfioDevice {
  readonly dev: Device;
  readonly group: Group;
  /** Open files. */
  files: Natural;
  /** Its DMA goes through the domain of its group's context. */
  attached: boolean;
  /** What the bus driver of VFIO keeps of it; null while no such driver is bound. */
  data: VfioPci | null;
  /** Taken from its users; their files give access to nothing any more. */
  revoked: boolean;
  /** Its bus has removed it; it is deleted when it is unbound and no file of it is open. */
  isGone: boolean;
  /** Its users were asked to close it. */
  asked: boolean;
}

/** A device as the driver core knows it. */
export interface Device {
  readonly bus: Bus;
  /** As its IOMMU says; 0 if it is behind none. */
  readonly groupId: UpTo<4>;
  /** A DMA access of its IOMMU snoops caches. A context cannot have both kinds. */
  readonly coherent: boolean;
  lock: Mutex;
  /** Its bus has told VFIO that it is there, and not that it goes. */
  isAnnounced: boolean;
  driver: 'none' | 'vfio' | 'other';
  /** Set before any driver is asked: nobody else may have it while its group's context is in use. */
  preset: 'none' | 'vfio' | 'other';
  vfio: VfioDevice | null;
}

/** What VFIO's driver of a bus keeps of a device that it is bound to. */
export interface VfioPci {
  lock: Mutex;
  /** How often it is open. */
  opens: Natural;
}

/** Callbacks run in the reading side of the notifier's semaphore when a device comes or goes. */
export interface Bus {
  notifier: RwSemaphore;
}

/** A file of a group, of a context, or of a device; of something else if all three are null. */
export interface OpenFile {
  readonly group: Group | null;
  readonly iommu: Iommu | null;
  readonly device: VfioDevice | null;
  /** Who got it from VFIO; it may have been passed on. Null for a group's file, which anyone may open. */
  readonly grantedTo: Task | null;
  refs: RefCount;
}

// ---- What "in use" means

/** Whether the context is in use: mappings stay, devices stay attached. Open files of groups do not count. */
export function inUse(iommu: Iommu): boolean {
  return iommu.files > 0 || some(iommu.groups, group => devicesInUse(group));
}

/** Whether a device of the group is open. */
export function devicesInUse(group: Group): boolean {
  return some(group.devices, device => device.files > 0);
}

/** Whether the set stays merged: a group of it is open. */
export function groupsInUse(iommu: Iommu): boolean {
  return some(iommu.groups, group => group.files > 0);
}

/** Whether every device of the whole set is bound to VFIO's driver, and none is unknown. */
export function isViable(iommu: Iommu): boolean {
  return every(iommu.groups, group => !group.tainted && every(group.devices, device => device.data !== null));
}

/** Whether the group shares its context with another. */
export function isMerged(group: Group): boolean {
  return group.iommu !== null && some(group.iommu.groups, other => other !== group);
}

/** Whether DMA of its devices snoops caches. */
export function isCoherent(iommu: Iommu): boolean {
  return every(iommu.groups, group => every(group.devices, device => device.dev.coherent));
}

// ---- Guards

/**
 * One lock guards the list of groups.
 * @source Linux 3.1 era, drivers/vfio/vfio_main.c as posted in November 2011, "Helper functions called under vfio.lock"
 */
export const vfioGuards: GuardedBy<Vfio> = { groups: () => vfio.lock, patience: () => vfio.lock };

/**
 * A context changes under VFIO's lock. Its owner stays the same while a file of it is open, and may be read then. Mappings have a lock of their own.
 * @source drivers/vfio/vfio_main.c and vfio_iommu.c as posted in November 2011
 * @fact R321
 */
export const iommuGuards: GuardedBy<Iommu> = {
  files: () => vfio.lock,
  isOpen: () => vfio.lock,
  owner: { read: iommu => [vfio.lock, iommu.files > 0], write: () => vfio.lock },
  groups: () => vfio.lock,
  mapped: iommu => iommu.gate,
};

/**
 * Which context a group has is looked up under VFIO's lock, on every path, the releasing of files included.
 * @source drivers/vfio/vfio_main.c as posted in November 2011
 * @fact R321
 */
export const groupGuards: GuardedBy<Group> = {
  files: () => vfio.lock,
  iommu: () => vfio.lock,
  devices: () => vfio.lock,
  tainted: () => vfio.lock,
};

/**
 * A device changes under VFIO's lock. Its driver data is also read by those who use the device, in a read section.
 * @source drivers/vfio/vfio_main.c as posted in November 2011
 */
export const vfioDeviceGuards: GuardedBy<VfioDevice> = {
  files: () => vfio.lock,
  attached: () => vfio.lock,
  data: { read: () => [vfio.lock, vfio.accesses], write: () => vfio.lock },
  revoked: () => vfio.lock,
  isGone: () => vfio.lock,
  // An eventfd of the user's, with a lock of its own.
  asked: unguarded,
};

/**
 * A driver is bound and unbound under the device's own lock; what VFIO has to say about it, under VFIO's.
 * @source drivers/base/dd.c, driver_attach() and device_release_driver()
 */
export const deviceGuards: GuardedBy<Device> = {
  isAnnounced: () => vfio.lock,
  driver: device => device.lock,
  preset: () => vfio.lock,
  vfio: () => vfio.lock,
};

/**
 * How often a device is open is counted under its driver's own lock.
 * @source our own reading: the driver's callbacks run with VFIO's lock and without it
 */
export const vfioPciGuards: GuardedBy<VfioPci> = { opens: pci => pci.lock };

/**
 * A context keeps its owner: an address that is compared later must not be another's by then.
 * @source our own reading of __vfio_open_iommu() as posted in November 2011, which keeps a bare pointer
 * @sure candidate
 */
export const iommuOwns: Owns<Iommu> = { owner: task => task.users };
