/**
 * The VM reference of a VFIO device, as in Linux 6.6 and later.
 *
 * Some drivers need to know which virtual machine a device is used by. User space tells: kvm-vfio is given the files of groups and devices, and
 * writes its machine into each, without a reference (`Group.kvm`, `DeviceFile.kvm`). The first opener of a device turns that borrowed pointer into
 * a reference (`Device.kvm`), which the last closer puts. Between the two a driver may rely on it.
 *
 * Older kernels did it in other ways, and each was wrong in another way: vfio-device.linux-5.18.ts, -5.19.ts and -6.2.ts.
 */
import {
  type AtEvery,
  assertHeld,
  type Completion,
  type Exports,
  type GuardedBy,
  getUnlessZero,
  type Invariant,
  implies,
  isLive,
  lock,
  type Module,
  type Mutex,
  type Natural,
  type Owns,
  put,
  type RefCount,
  type Runs,
  type Settled,
  type SpinLock,
  symbolGet,
  symbolPut,
  type TakesOnly,
  type UpTo,
  unguarded,
  unlock,
} from '../language.ts';
import type { DeferredPut } from './deferred-put.ts';
import type { DeviceFile } from './device-file.ts';
import type { Driver, DriverError } from './drivers.ts';
import { type Group, unuseContainer, useContainer } from './group.ts';
import { type Kvm, kvmGetKvmSafe, kvmModule, kvmPutKvm } from './kvm.ts';
import type { OpenFile } from './open-file.ts';
import { allOpenersGone } from './registration.ts';

/** What all groups and device sets share. */
export interface Vfio {
  groupLock: Mutex;
  groups: Set<Group>;
  setsLock: SpinLock;
}
export declare const vfio: Vfio;
/** VFIO's module; every open file of VFIO pins it. */
export declare const vfioModule: Module;

/** Devices that are reset together, and so are opened and closed under one lock. */
export interface DeviceSet {
  lock: Mutex;
  deviceCount: UpTo<3>;
}

/** A device that is passed through. */
export interface Device {
  readonly group: Group;
  readonly set: DeviceSet;
  readonly driver: Driver;
  readonly module: Module;
  readonly coherent: boolean;
  /** One for its being registered, one for each opener, one while it is looked up. */
  registration: RefCount;
  /** User space has been asked to close it. */
  asked: boolean;
  /** The last of those is gone. */
  gone: Completion;
  openCount: Natural;
  /** It reaches an address space of its IOMMU context, as a whole; on behalf of one process of the guest. */
  attached: boolean;
  pasidAttached: boolean;
  kvm: Kvm | null;
  putKvm: typeof kvmPutKvm | null;
  /** The group's file, which the open device keeps open. The kernel finds it by the group. */
  groupFile: OpenFile | null;
  /** A reference to the machine that the driver has got for itself. */
  driverKvm: Kvm | null;
  /** That reference, where a work item is to put it. */
  deferredPut: DeferredPut | null;
  /** The driver's module, pinned while the device is open. The kernel finds it by the driver. */
  pinned: Module | null;
}

/** Why a device does not open. */
export type OpenError = DriverError | 'EINVAL' | 'ENODEV';

// ---- Rules

/**
 * What opening and closing a device changes is under the lock of its set; a driver may look at the machine without it from its open to its close.
 * @source Linux 6.12, drivers/vfio/vfio_main.c and drivers/vfio/vfio.h
 * @fact R103
 */
export const deviceGuards: GuardedBy<Device> = {
  // Nobody decides anything by it.
  asked: unguarded,
  openCount: device => device.set.lock,
  attached: device => device.set.lock,
  pasidAttached: device => device.set.lock,
  kvm: { read: device => [device.set.lock, device.openCount > 0], write: device => device.set.lock },
  putKvm: device => device.set.lock,
  groupFile: device => device.group.lock,
  driverKvm: device => device.set.lock,
  deferredPut: device => device.set.lock,
  pinned: device => device.set.lock,
};

/**
 * A device set's size is under the lock of all sets.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_release_device_set()
 */
export const deviceSetGuards: GuardedBy<DeviceSet> = { deviceCount: () => vfio.setsLock };

/**
 * The groups there are, under the lock of all groups.
 * @source Linux 6.12, drivers/vfio/group.c, struct vfio
 * @fact R105
 */
export const vfioGuards: GuardedBy<Vfio> = { groups: all => all.groupLock };

/**
 * A device that has a machine owns one reference to it and one pin of the function that puts it; a driver that has one owns another.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe()
 */
export const deviceOwns: Owns<Device> = {
  kvm: kvm => kvm.users,
  putKvm: () => kvmModule.pins,
  driverKvm: kvm => kvm.users,
  groupFile: file => file.refs,
  pinned: module => module.pins,
};

export const deviceRuns: Runs<Device> = { registration: device => allOpenersGone(device) };

/** What KVM reaches by name. */
export const vfioExports: Exports = { module: vfioModule, symbols: [fileSetKvm] };

/**
 * Telling a group its machine takes the lock of the borrowed pointer and no other. So KVM may do it under any lock of its own.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 * @fact R110
 */
export const setKvmTakesNoGroupLock: TakesOnly<typeof groupSetKvm> = group => [group.kvmRefLock];

/**
 * Telling a device's file its machine takes the lock of the borrowed pointer and no other.
 * @source Linux 6.6, drivers/vfio/vfio_main.c, vfio_device_file_set_kvm()
 * @fact R110
 */
export const setKvmTakesNoDeviceLock: TakesOnly<typeof deviceFileSetKvm> = df => [df.kvmRefLock];

/**
 * A group does not point to a machine whose last reference is gone.
 * @source Linux 51cdc8bc120e, "kvm/vfio: Fix potential deadlock on vfio group_lock"
 * @fact R112
 */
export const groupsVmIsAlive: Invariant<{ group: Group }> = ({ group }) => implies(group.kvm !== null, isLive(group.kvm));

/**
 * A device's file does not point to a machine whose last reference is gone.
 * @source Linux 6.6, virt/kvm/vfio.c, kvm_vfio_release()
 * @fact R112
 */
export const filesVmIsAlive: Invariant<{ df: DeviceFile }> = ({ df }) => implies(df.kvm !== null, isLive(df.kvm));

/**
 * A device has the function that puts its machine exactly while it has a machine.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe() and vfio_device_put_kvm()
 * @fact R114
 */
export const putFunctionComesWithVm: Settled<{ device: Device }> = ({ device }) => (device.kvm === null) === (device.putKvm === null);

/**
 * A device has a machine only while it is open.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_df_group_open()
 * @fact R113
 */
export const vmOnlyWhileOpen: Settled<{ device: Device }> = ({ device }) => implies(device.kvm !== null, device.openCount > 0);

/**
 * What a device has is a machine that lives.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 * @fact R118, R136
 */
export const devicesVmIsAlive: Settled<{ device: Device }> = ({ device }) => implies(device.kvm !== null, isLive(device.kvm));

/**
 * Whoever gets a machine from a group's pointer holds the lock that keeps the pointer.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 * @fact R115
 */
export const gotUnderRefLock: AtEvery<{ device: Device; kvm: Kvm }> = {
  event: ({ kvm }) => getUnlessZero(kvm.users),
  then: ({ device, kvm }, past) =>
    // Both locks of the device are held where it is opened through its group, and nowhere else.
    implies(device.group.kvm === kvm && past.holds(device.group.lock) && past.holds(device.set.lock), past.holds(device.group.kvmRefLock)),
};

/**
 * The driver is opened for the first opener and for no other, with its module pinned, under the lock of the device's set.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open() and vfio_df_device_first_open()
 * @fact R122
 */
export const openedOnce: AtEvery<{ device: Device }> = {
  event: ({ device }) => device.driver.open(device),
  then: ({ device }, past) => device.openCount === 1 && device.pinned !== null && past.holds(device.set.lock),
};

/**
 * The driver is closed for the last opener and for no other, with its module still pinned.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_close() and vfio_df_device_last_close()
 * @fact R120, R122
 */
export const closedOnce: AtEvery<{ device: Device }> = {
  event: ({ device }) => device.driver.close(device),
  then: ({ device }, past) => device.openCount === 1 && device.pinned !== null && past.holds(device.set.lock),
};

/**
 * A device is accessed only while its driver has it open.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_fops_read()
 * @fact R121
 */
export const accessedWhileOpen: AtEvery<{ device: Device }> = {
  event: ({ device }) => device.driver.access(device),
  then: ({ device }) => device.openCount > 0 && device.pinned !== null,
};

// ---- The machine

/** KVM tells a file which machine it belongs to; null when to none any more (`vfio_file_set_kvm`). */
export function fileSetKvm(file: OpenFile, kvm: Kvm | null): void {
  const group = file.group;
  if (group !== null) groupSetKvm(group, kvm);
  const df = file.df;
  if (df !== null) deviceFileSetKvm(df, kvm);
}

/** A group's pointer. No reference is taken: KVM clears it before its own goes. */
export function groupSetKvm(group: Group, kvm: Kvm | null): void {
  lock(group.kvmRefLock);
  group.kvm = kvm;
  unlock(group.kvmRefLock);
}

/** The pointer of a device's file. */
export function deviceFileSetKvm(df: DeviceFile, kvm: Kvm | null): void {
  lock(df.kvmRefLock);
  df.kvm = kvm;
  unlock(df.kvmRefLock);
}

/** A reference to the machine for the device, if the machine is not going (`vfio_device_get_kvm_safe`). Who calls keeps the pointer by its lock. */
export function getKvmSafe(device: Device, kvm: Kvm | null): void {
  assertHeld(device.set.lock);
  if (kvm === null) return;

  const putFunction = symbolGet(kvmPutKvm);
  if (putFunction === null) return;
  const getFunction = symbolGet(kvmGetKvmSafe);
  if (getFunction === null) {
    symbolPut(kvmPutKvm);
    return;
  }

  const got = getFunction(kvm);
  symbolPut(kvmGetKvmSafe);
  if (!got) {
    symbolPut(kvmPutKvm);
    return;
  }

  device.putKvm = putFunction;
  device.kvm = kvm;
}

/** Put the device's reference (`vfio_device_put_kvm`). */
export function putKvm(device: Device): void {
  assertHeld(device.set.lock);
  const kvm = device.kvm;
  if (kvm === null) return;
  const putFunction = device.putKvm;
  if (putFunction !== null) {
    putFunction(kvm);
    device.putKvm = null;
    symbolPut(kvmPutKvm);
  }
  device.kvm = null;
}

// ---- Opening and closing

/** One more opener; the first opens the driver (`vfio_df_open`). A file of the device's own can only be the first. */
export function dfOpen(df: DeviceFile): 0 | OpenError {
  const device = df.device;
  assertHeld(device.set.lock);
  if (df.group === null && device.openCount > 0) return 'EINVAL';
  device.openCount += 1;
  if (device.openCount > 1) return 0;
  const result = firstOpen(df);
  if (result !== 0) device.openCount -= 1;
  return result;
}

/** Pin the driver, have an IOMMU context, open. */
export function firstOpen(df: DeviceFile): 0 | OpenError {
  const device = df.device;
  const module = device.module;
  if (!getUnlessZero(module.pins)) return 'ENODEV';
  device.pinned = module;
  if (df.group !== null) {
    const used = useContainer(device);
    if (used !== 0) {
      unpinDriver(device);
      return used;
    }
  }
  const result = device.driver.open(device);
  if (result !== 0) {
    if (df.group !== null) unuseContainer(device);
    unpinDriver(device);
  }
  return result;
}

/** One opener less; the last closes the driver (`vfio_df_close`). */
export function dfClose(df: DeviceFile): void {
  const device = df.device;
  assertHeld(device.set.lock);
  if (device.openCount === 1) lastClose(df);
  device.openCount -= 1;
}

/** What `firstOpen` did, backwards. */
export function lastClose(df: DeviceFile): void {
  const device = df.device;
  device.driver.close(device);
  device.attached = false;
  device.pasidAttached = false;
  if (df.group !== null) unuseContainer(device);
  unpinDriver(device);
}

/** The driver's module may go. */
export function unpinDriver(device: Device): void {
  device.pinned = null;
  put(device.module.pins);
}
