/**
 * VFIO groups as agreed in November 2011: merging, hot add, taint, removal with a hard timeout.
 * What the code of that time did instead is in groups-2011.variants.ts.
 */
import {
  type AtEvery,
  alloc,
  assertHeld,
  current,
  type Descriptor,
  type Duration,
  type Ends,
  every,
  fget,
  free,
  type GuardedBy,
  get,
  guard,
  type Invariant,
  implies,
  type LockOrder,
  lock,
  type Mutex,
  maybe,
  type Natural,
  type Owns,
  type Process,
  put,
  type RefCount,
  type Runs,
  type Settled,
  seconds,
  some,
  unlock,
  type WaitQueue,
  waitEventTimeout,
  wakeAll,
} from '../language.ts';

// ---- Objects

/** All of VFIO. */
export interface Vfio {
  lock: Mutex;
  groups: Set<Group>;
  releaseQueue: WaitQueue;
  hardTimeout: Duration;
}
export declare const vfio: Vfio;

/** A bus; its notifier's lock is held while devices come and go. */
export interface Bus {
  notifierLock: Mutex;
}

/** A mapping context that the groups of a merged set share. Open from its first user to its last. */
export interface Iommu {
  /** Open files. */
  files: Natural;
  isOpen: boolean;
  /** Who opened it. */
  owner: Process | null;
  groups: Set<Group>;
  readonly coherent: boolean;
}

/** Devices that only together can be told apart by the IOMMU. */
export interface Group {
  readonly id: number;
  readonly bus: Bus;
  /** Open files. They give access to nothing by themselves. */
  files: Natural;
  iommu: Iommu | null;
  devices: Set<Device>;
  /** A device of the group is unknown to VFIO. */
  tainted: boolean;
}

/** A device of a group; VFIO's, another driver's, or nobody's. */
export interface Device {
  readonly group: Group;
  /** Open files. */
  files: Natural;
  attached: boolean;
  driver: 'none' | 'vfio' | 'other';
  /** Set by the bus before any driver can probe: only VFIO's driver may. */
  reserved: boolean;
  revoked: boolean;
}

/** What user space opens: a group, its context, or a device. */
export type File = GroupFile | IommuFile | DeviceFile;
/** An open file of a group. */
export interface GroupFile {
  readonly kind: 'group';
  readonly group: Group;
  refs: RefCount;
}
/** An open file of a context. */
export interface IommuFile {
  readonly kind: 'iommu';
  readonly iommu: Iommu;
  refs: RefCount;
}
/** An open file of a device. */
export interface DeviceFile {
  readonly kind: 'device';
  readonly device: Device;
  refs: RefCount;
}

// ---- What "in use" means

/** The context is in use. Open files of groups do not count. */
export function inUse(iommu: Iommu): boolean {
  return iommu.files > 0 || some(iommu.groups, group => devicesInUse(group));
}

/** A device of the group is open. */
export function devicesInUse(group: Group): boolean {
  return some(group.devices, device => device.files > 0);
}

/** The set must stay merged. */
export function groupsInUse(iommu: Iommu): boolean {
  return some(iommu.groups, group => group.files > 0);
}

/** The group shares its context with another. */
export function isMerged(group: Group): boolean {
  return group.iommu !== null && some(group.iommu.groups, other => other !== group);
}

/** Every device of the whole set is VFIO's, and no device is unknown. */
export function isViable(iommu: Iommu): boolean {
  return every(iommu.groups, group => !group.tainted && every(group.devices, device => device.driver === 'vfio'));
}

/** The context is another process's. */
export function isForeign(iommu: Iommu): boolean {
  return iommu.owner !== null && iommu.owner !== current;
}

// ---- Rules

/**
 * One lock guards everything.
 * @source kvm mailing list, November 2011, review of the VFIO group core, vfio.lock
 */
export const vfioGuards: GuardedBy<Vfio> = { groups: () => vfio.lock, hardTimeout: () => vfio.lock };
/**
 * One lock guards everything.
 * @source kvm mailing list, November 2011, review of the VFIO group core, vfio.lock
 */
export const iommuGuards: GuardedBy<Iommu> = {
  files: () => vfio.lock,
  isOpen: () => vfio.lock,
  owner: () => vfio.lock,
  groups: () => vfio.lock,
};
/**
 * One lock guards everything.
 * @source kvm mailing list, November 2011, review of the VFIO group core, vfio.lock
 */
export const groupGuards: GuardedBy<Group> = {
  files: () => vfio.lock,
  iommu: () => vfio.lock,
  devices: () => vfio.lock,
  tainted: () => vfio.lock,
};
/**
 * One lock guards everything.
 * @source kvm mailing list, November 2011, review of the VFIO group core, vfio.lock
 */
export const deviceGuards: GuardedBy<Device> = {
  files: () => vfio.lock,
  attached: () => vfio.lock,
  driver: () => vfio.lock,
  reserved: () => vfio.lock,
  revoked: () => vfio.lock,
};
/** The owner is compared by address, so the address must not be used again. */
export const iommuOwns: Owns<Iommu> = { owner: process => process.users };

/**
 * A bus tells VFIO of its devices under its own lock.
 * @source kvm mailing list, November 2011, review of the VFIO group core, the bus notifier
 */
export const notifierOutside: LockOrder<[Bus]> = bus => [bus.notifierLock, vfio.lock];

/** A context is open only while it is in use. */
export const openOnlyWhileUsed: Settled<{ iommu: Iommu }> = ({ iommu }) => implies(iommu.isOpen, inUse(iommu));

/** A device is attached exactly while the context of its group is open, unless it was taken away. */
export const attachedWhileOpen: Settled<{ device: Device; iommu: Iommu }> = ({ device, iommu }) =>
  implies(device.group.iommu === iommu, device.attached === (iommu.isOpen && !device.revoked));

/** A set is merged only while one of its groups is open. */
export const mergedOnlyWhileOpen: Settled<{ group: Group; iommu: Iommu }> = ({ group, iommu }) =>
  implies(group.iommu === iommu && isMerged(group), groupsInUse(iommu) || inUse(iommu));

/** A group and the context it points to know of each other. */
export const pointersAgree: Settled<{ group: Group; iommu: Iommu }> = ({ group, iommu }) =>
  (group.iommu === iommu) === iommu.groups.has(group);

/** No driver but VFIO's has a device of a context that is in use, or the group is tainted. */
export const inUseMeansViable: Settled<{ iommu: Iommu; device: Device }> = ({ iommu, device }) =>
  implies(inUse(iommu) && device.group.iommu === iommu, device.driver !== 'other' || device.group.tainted);

/** Two groups differ in their number or in their bus. */
export const groupsAreDistinct: Invariant<{ one: Group; other: Group }> = ({ one, other }) =>
  implies(one.id === other.id && one.bus === other.bus, one === other);

/** A tainted group never becomes clean. */
export const taintStays: AtEvery<{ group: Group }> = {
  event: ({ group }) => {
    group.tainted = false;
  },
  then: () => false,
};

// ---- Files

/** Open a group; its first opener gives it a context. */
export function openGroup(group: Group): 0 | 'ENODEV' | 'ENOMEM' {
  using _ = guard(vfio.lock);
  if (!vfio.groups.has(group)) return 'ENODEV';
  if (group.iommu === null) {
    if (maybe()) return 'ENOMEM';
    newIommu(group);
  }
  group.files += 1;
  return 0;
}

/** A context of the group's own. */
export function newIommu(group: Group): void {
  assertHeld(vfio.lock);
  const iommu = alloc<Iommu>({ coherent: true });
  iommu.groups.add(group);
  group.iommu = iommu;
}

/** Open the group's context (`VFIO_GROUP_GET_IOMMU_FD`). */
export function getIommuFd(group: Group): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  using _ = guard(vfio.lock);
  const iommu = group.iommu;
  if (iommu === null) return 'EINVAL';
  if (isForeign(iommu)) return 'EPERM';
  if (!iommu.isOpen) {
    const result = openContext(iommu);
    if (result !== 0) return result;
  }
  iommu.files += 1;
  return 0;
}

/** Open a device of the group (`VFIO_GROUP_GET_DEVICE_FD`). */
export function getDeviceFd(group: Group, device: Device): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'ENODEV' | 'EPERM' {
  using _ = guard(vfio.lock);
  const iommu = group.iommu;
  if (iommu === null) return 'EINVAL';
  if (isForeign(iommu)) return 'EPERM';
  if (!some(iommu.groups, member => member.devices.has(device))) return 'ENODEV';
  if (!isViable(iommu)) return 'EBUSY';
  if (!iommu.isOpen) {
    const result = openContext(iommu);
    if (result !== 0) return result;
  }
  device.files += 1;
  return 0;
}

/** What the last reference of a file runs. Takes vfio.lock, so no file is put under it. */
export function releaseFile(file: File): void {
  lock(vfio.lock);
  const iommu = iommuOf(file);
  if (file.kind === 'group') file.group.files -= 1;
  if (file.kind === 'iommu') file.iommu.files -= 1;
  if (file.kind === 'device') file.device.files -= 1;
  if (iommu !== null) dissolve(iommu);
  unlock(vfio.lock);
  wakeAll(vfio.releaseQueue);
  free(file);
}
/** The last reference of a file releases it. */
export const fileRuns: Runs<File> = { refs: file => releaseFile(file) };

/** The context that a file belongs to. */
export function iommuOf(file: File): Iommu | null {
  if (file.kind === 'iommu') return file.iommu;
  return file.kind === 'group' ? file.group.iommu : file.device.group.iommu;
}

// ---- The context

/** The first user: attach every device. */
export function openContext(iommu: Iommu): 0 | 'EBUSY' | 'EFAULT' {
  assertHeld(vfio.lock);
  if (!isViable(iommu)) return 'EBUSY';
  for (const group of iommu.groups) {
    if (!attach(group)) {
      for (const undone of iommu.groups) detach(undone);
      return 'EFAULT';
    }
  }
  iommu.isOpen = true;
  get(current.users);
  iommu.owner = current;
  return 0;
}

/** The last user: detach every device. */
export function closeContext(iommu: Iommu): void {
  assertHeld(vfio.lock);
  for (const group of iommu.groups) detach(group);
  iommu.isOpen = false;
  const owner = iommu.owner;
  iommu.owner = null;
  if (owner !== null) put(owner.users);
}

/** All devices of the group, or none. */
export function attach(group: Group): boolean {
  for (const device of group.devices) {
    if (maybe()) {
      detach(group);
      return false;
    }
    device.attached = true;
  }
  return true;
}

/** All devices of the group. */
export function detach(group: Group): void {
  for (const device of group.devices) device.attached = false;
}

/** Close a context that nobody uses, and take the merged set apart if no group is open either. */
export function dissolve(iommu: Iommu): void {
  assertHeld(vfio.lock);
  if (inUse(iommu)) return;
  if (iommu.isOpen) closeContext(iommu);
  if (groupsInUse(iommu)) return;
  for (const group of iommu.groups) {
    iommu.groups.delete(group);
    group.iommu = null;
  }
  free(iommu);
}

// ---- Merging

/** Let the incoming group's devices use this group's context (`VFIO_GROUP_MERGE`). */
export function merge(group: Group, fd: Descriptor<File>): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const result = file.kind === 'group' ? mergeGroups(group, file.group) : 'EINVAL';
  put(file.refs);
  return result;
}

/** As `merge`, with the file looked up. */
export function mergeGroups(group: Group, incoming: Group): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  using _ = guard(vfio.lock);
  const iommu = group.iommu;
  const old = incoming.iommu;
  if (iommu === null || old === null || iommu === old) return 'EINVAL';
  if (isForeign(iommu)) return 'EPERM';
  if (isMerged(incoming) || old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
  if (iommu.coherent !== old.coherent) return 'EINVAL';
  if (!isViable(iommu) || !isViable(old)) return 'EBUSY';
  if (iommu.isOpen && !attach(incoming)) return 'EFAULT';

  iommu.groups.add(incoming);
  incoming.iommu = iommu;
  old.groups.delete(incoming);
  free(old);
  return 0;
}

/** Give the group a context of its own again (`VFIO_GROUP_UNMERGE`). */
export function unmerge(group: Group): 0 | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  lock(vfio.lock);
  const result = unmergeGroup(group);
  unlock(vfio.lock);
  if (result === 0) wakeAll(vfio.releaseQueue);
  return result;
}

/** As `unmerge`, under the lock. */
export function unmergeGroup(group: Group): 0 | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  assertHeld(vfio.lock);
  const iommu = group.iommu;
  if (iommu === null || !isMerged(group)) return 'EINVAL';
  if (devicesInUse(group)) return 'EBUSY';
  if (maybe()) return 'ENOMEM';
  detach(group);
  iommu.groups.delete(group);
  newIommu(group);
  dissolve(iommu);
  return 0;
}

// ---- Devices come and go

/** A device appears on a bus. Into a context that is in use it comes attached and reserved, or it taints the group. */
export function addDevice(bus: Bus, device: Device): 0 | 'ENOMEM' {
  using _ = guard(bus.notifierLock);
  using __ = guard(vfio.lock);
  const group = device.group;
  const iommu = group.iommu;
  if (maybe()) {
    group.tainted = true;
    return 'ENOMEM';
  }
  group.devices.add(device);
  if (iommu === null || !inUse(iommu)) return 0;
  if (device.driver === 'other' || maybe()) {
    group.tainted = true;
    return 0;
  }
  device.reserved = true;
  device.attached = true;
  return 0;
}

/** A driver probes a device that has none. */
export function probe(device: Device, driver: 'vfio' | 'other'): 0 | 'EBUSY' {
  using _ = guard(vfio.lock);
  if (device.driver !== 'none') return 'EBUSY';
  if (device.reserved && driver === 'other') return 'EBUSY';
  device.driver = driver;
  return 0;
}

/** How often a user is asked to close a device. */
export const askEvery: Duration = seconds(10);

/** Take a device from VFIO: ask its users to close it, and take it from them when the time is up. */
export function unbind(device: Device): void {
  for (let asked = 0; asked < 3; asked += 1) {
    requestFromUsers(device);
    const result = waitEventTimeout(vfio.releaseQueue, () => isRemovable(device), askEvery);
    if (result === 'woken') break;
  }
  using _ = guard(vfio.lock);
  if (device.files > 0) revoke(device);
  device.driver = 'none';
}

/** Nobody uses the set that the device is in. */
export function isRemovable(device: Device): boolean {
  const iommu = device.group.iommu;
  return iommu === null || !inUse(iommu);
}

/** Removal ends, whatever the users do. */
export const removalEnds: Ends<typeof unbind> = { within: seconds(40) };

/** An eventfd or a message; the users may do as they like. */
export function requestFromUsers(_device: Device): void {}

/** Its open files give access to nothing any more; closing them is still the users' business. */
export function revoke(device: Device): void {
  assertHeld(vfio.lock);
  device.revoked = true;
  device.attached = false;
}

/** Change when removal stops waiting for users. */
export function setHardTimeout(to: Duration): 0 | 'EPERM' {
  if (!current.admin) return 'EPERM';
  using _ = guard(vfio.lock);
  vfio.hardTimeout = to;
  return 0;
}
