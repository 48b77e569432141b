/** The VM reference of a VFIO device, as in Linux 6.3 and later. Older kernels are in vfio-device.variants.ts. */
import {
  type AtEvery,
  assertHeld,
  assertSole,
  bug,
  free,
  type GuardedBy,
  get,
  getUnlessZero,
  type Innermost,
  type Invariant,
  implies,
  isLive,
  type LockOrder,
  lock,
  type Mutex,
  type Natural,
  type Owns,
  put,
  putLater,
  type RefCount,
  type Runs,
  type RwSemaphore,
  type Settled,
  type SpinLock,
  symbolGet,
  symbolPut,
  synchronize,
  type TakesOnly,
  unguarded,
  unlock,
} from '../language.ts';
import { getVmSafe, type Kvm, kvmModule, putVm } from './kvm.ts';

// ---- Objects

/** The devices behind one IOMMU group, and what user space opens to reach them. */
export interface Group {
  groupLock: Mutex;
  /** In place of groupLock until Linux 6.0. */
  groupRwsem: RwSemaphore;
  kvmRefLock: SpinLock;
  kvm: Kvm | null;
  hasIommu: boolean;
}

/** An open file of a group. kvm-vfio keeps it open. */
export interface GroupFile {
  readonly group: Group;
  refs: RefCount;
}

/** Devices that are reset together. */
export interface DeviceSet {
  lock: Mutex;
}

/** A device that is passed through. */
export interface Device {
  readonly group: Group;
  readonly set: DeviceSet;
  readonly driver: Driver;
  /** One for the driver that registered it, one for each open file. */
  registration: RefCount;
  openCount: Natural;
  kvm: Kvm | null;
  putKvm: typeof putVm | null;
  /** What the driver holds on its own account, until Linux 6.2. */
  driverKvm: Kvm | null;
}

/** An open device character file; the other way to a device, without a group. */
export interface DeviceFile {
  readonly device: Device;
  kvmRefLock: SpinLock;
  kvm: Kvm | null;
  granted: boolean;
}

/** The device through which user space tells KVM which groups belong to a VM. */
export interface KvmVfio {
  readonly kvm: Kvm;
  lock: Mutex;
  files: Set<GroupFile>;
}

/** What a driver does at the first open and the last close. */
export interface Driver {
  readonly open: (device: Device) => 0 | 'EINVAL' | 'EPERM';
  readonly close: (device: Device) => void;
}

// ---- Rules

/**
 * The borrowed pointer has a spinlock of its own.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 */
export const groupGuards: GuardedBy<Group> = { kvm: group => group.kvmRefLock, hasIommu: group => group.groupLock };

/**
 * The borrowed pointer has a spinlock of its own.
 * @source Linux 6.6, drivers/vfio/device_cdev.c
 */
export const deviceFileGuards: GuardedBy<DeviceFile> = {
  kvm: file => file.kvmRefLock,
  // Stored with release order as the last step of an open; every data path loads it with acquire order.
  granted: unguarded,
};

/**
 * Opening and closing is under the lock of the device set.
 * @source Linux 6.3, drivers/vfio/vfio_main.c
 */
export const deviceGuards: GuardedBy<Device> = {
  openCount: device => device.set.lock,
  // A driver may look at the VM without the lock from its open to its close: nobody changes it then.
  kvm: { read: device => [device.set.lock, device.openCount > 0], write: device => device.set.lock },
  putKvm: device => device.set.lock,
  driverKvm: device => device.set.lock,
};

/**
 * The files that a VM knows are under the lock of kvm-vfio.
 * @source Linux 6.3, virt/kvm/vfio.c
 */
export const kvmVfioGuards: GuardedBy<KvmVfio> = { files: kv => kv.lock };

/** A device that has a VM owns one reference to it, and pins the function that gives it back. */
export const deviceOwns: Owns<Device> = { kvm: kvm => kvm.users, putKvm: () => kvmModule.pins };
/** kvm-vfio holds its VM and the files it was given. */
export const kvmVfioOwns: Owns<KvmVfio> = { kvm: kvm => kvm.users, files: file => file.refs };
/** An open device file keeps the device registered. */
export const deviceFileOwns: Owns<DeviceFile> = { device: device => device.registration };
/** The last reference frees the file. */
export const groupFileRuns: Runs<GroupFile> = { refs: file => free(file) };

/** A group's lock is taken outside the lock of a device set. Drivers take KVM's locks inside both. */
export const openingOrder: LockOrder<[Group, DeviceSet, Kvm]> = (group, set, kvm) => [group.groupLock, set.lock, kvm.lock];

/** Nothing is taken and nothing sleeps while the borrowed pointer's lock is held. */
export const nothingInsideRefLock: Innermost<Group> = group => group.kvmRefLock;

/**
 * Telling a group its VM takes only the lock of the borrowed pointer. So KVM may do it under any lock of its own.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 */
export const setKvmIsALeaf: TakesOnly<typeof setKvm> = group => [group.kvmRefLock];

/** A group does not point to a VM whose last reference is gone. */
export const clearedBeforeTheEnd: Invariant<{ group: Group; kvm: Kvm }> = ({ group, kvm }) => implies(group.kvm === kvm, isLive(kvm));

/** A device has the function that puts its VM exactly while it has a VM. */
export const putFunctionWithVm: Settled<{ device: Device }> = ({ device }) => (device.kvm === null) === (device.putKvm === null);

/** A device has a VM only while it is open. */
export const vmOnlyWhileOpen: Settled<{ device: Device }> = ({ device }) => implies(device.kvm !== null, device.openCount > 0);

/** A device gets its VM from a pointer that cannot be cleared meanwhile. */
export const gotUnderRefLock: AtEvery<{ device: Device; kvm: Kvm }> = {
  event: ({ kvm }) => getUnlessZero(kvm.users),
  then: ({ device, kvm }, past) => implies(device.group.kvm === kvm, past.holds(device.group.kvmRefLock)),
};

/** The driver is opened by the first opener and by nobody else. */
export const openedOnce: AtEvery<{ device: Device }> = {
  event: ({ device }) => device.driver.open(device),
  then: ({ device }, past) => device.openCount === 1 && past.holds(device.set.lock),
};

// ---- Operations

/** KVM tells a group which VM it belongs to; null when it belongs to none any more. */
export function setKvm(group: Group, kvm: Kvm | null): void {
  lock(group.kvmRefLock);
  group.kvm = kvm;
  unlock(group.kvmRefLock);
}

/** A reference to the VM for the device, if the VM is not going. */
export function getKvmSafe(device: Device, kvm: Kvm | null): void {
  assertHeld(device.set.lock);
  if (kvm === null) return;

  const putFunction = symbolGet(putVm);
  if (putFunction === null) return;
  const getFunction = symbolGet(getVmSafe);
  if (getFunction === null) {
    symbolPut(putVm);
    return;
  }

  const got = getFunction(kvm);
  symbolPut(getVmSafe);
  if (!got) {
    symbolPut(putVm);
    return;
  }

  device.putKvm = putFunction;
  device.kvm = kvm;
}

/** Give the device's reference back. */
export function putKvm(device: Device): void {
  assertHeld(device.set.lock);
  const kvm = device.kvm;
  if (kvm === null) return;
  const putFunction = device.putKvm;
  if (putFunction !== null) {
    putFunction(kvm);
    device.putKvm = null;
    symbolPut(putVm);
  }
  device.kvm = null;
}

/** The VM that the group has been told. */
export function getKvmFromGroup(device: Device): void {
  const group = device.group;
  lock(group.kvmRefLock);
  getKvmSafe(device, group.kvm);
  unlock(group.kvmRefLock);
}

/** One more opener; the first opens the driver. */
export function open(device: Device): 0 | 'EINVAL' | 'EPERM' {
  assertHeld(device.set.lock);
  device.openCount += 1;
  if (device.openCount > 1) return 0;
  const result = device.driver.open(device);
  if (result !== 0) device.openCount -= 1;
  return result;
}

/** One opener less; the last closes the driver. */
export function close(device: Device): void {
  assertHeld(device.set.lock);
  if (device.openCount === 1) device.driver.close(device);
  device.openCount -= 1;
}

/** Open a device through its group (`VFIO_GROUP_GET_DEVICE_FD`). */
export function openThroughGroup(device: Device): 0 | 'EINVAL' | 'EPERM' | 'ENODEV' {
  if (!getUnlessZero(device.registration)) return 'ENODEV';
  const result = openUnderGroupLock(device);
  if (result !== 0) put(device.registration);
  return result;
}

/** Open, with the device kept registered by the caller. */
export function openUnderGroupLock(device: Device): 0 | 'EINVAL' | 'EPERM' {
  lock(device.group.groupLock);
  if (!device.group.hasIommu) {
    unlock(device.group.groupLock);
    return 'EINVAL';
  }

  lock(device.set.lock);
  if (device.openCount === 0) getKvmFromGroup(device);
  const result = open(device);
  if (device.openCount === 0) putKvm(device);
  unlock(device.set.lock);
  unlock(device.group.groupLock);
  return result;
}

/** Close a device that was opened through its group. */
export function closeThroughGroup(device: Device): void {
  lock(device.group.groupLock);
  lock(device.set.lock);
  close(device);
  if (device.openCount === 0) putKvm(device);
  unlock(device.set.lock);
  unlock(device.group.groupLock);
  put(device.registration);
}

/** Bind a device file (`VFIO_DEVICE_BIND_IOMMUFD`). */
export function bind(file: DeviceFile): 0 | 'EINVAL' | 'EPERM' {
  const device = file.device;
  lock(device.set.lock);
  if (file.granted || device.openCount > 0) {
    unlock(device.set.lock);
    return 'EINVAL';
  }

  lock(file.kvmRefLock);
  getKvmSafe(device, file.kvm);
  unlock(file.kvmRefLock);
  const result = open(device);
  if (result === 0) file.granted = true;
  else putKvm(device);
  unlock(device.set.lock);
  return result;
}

/** Close a device file, bound or not. */
export function closeDeviceFile(file: DeviceFile): void {
  const device = file.device;
  if (file.granted) {
    lock(device.set.lock);
    close(device);
    if (device.openCount === 0) putKvm(device);
    unlock(device.set.lock);
  }
  put(device.registration);
  free(file);
}

/** Close the file of kvm-vfio. */
export function closeKvmVfio(kv: KvmVfio): void {
  const kvm = kv.kvm;
  lock(kvm.lock);
  kvm.devices.delete(kv);
  synchronize(kvm.rcu);
  releaseKvmVfio(kv);
  unlock(kvm.lock);
  put(kvm.users);
}

/** Nobody else can reach kv: its file is closed, and no reader of kvm.devices is left. */
export function releaseKvmVfio(kv: KvmVfio): void {
  assertSole(kv);
  for (const file of kv.files) {
    setKvm(file.group, null);
    kv.files.delete(file);
    putLater(file.refs);
  }
  free(kv);
}

/** `KVM_DEV_VFIO_FILE_ADD`. */
export function addFile(kv: KvmVfio, file: GroupFile): 0 | 'EEXIST' {
  lock(kv.lock);
  if (kv.files.has(file)) {
    unlock(kv.lock);
    return 'EEXIST';
  }
  get(file.refs);
  kv.files.add(file);
  setKvm(file.group, kv.kvm);
  unlock(kv.lock);
  return 0;
}

// ---- Two drivers

/** Passes a device through; does not care about the VM. */
export const pciDriver: Driver = { open: () => 0, close: () => undefined };

/** vfio-ap needs a VM, and changes its crypto masks under its lock. */
export const apDriver: Driver = {
  open: device => {
    const kvm = device.kvm;
    if (kvm === null) return 'EINVAL';
    lock(kvm.lock);
    kvm.masksSet = true;
    unlock(kvm.lock);
    return 0;
  },
  close: device => {
    const kvm = device.kvm;
    if (kvm === null) bug();
    lock(kvm.lock);
    kvm.masksSet = false;
    unlock(kvm.lock);
  },
};
