/** Three drivers, by what they want of the machine: nothing, its lock and a reference, and to look into its memory. */
import {
  alloc,
  bug,
  type GuardedBy,
  get,
  type LockOrder,
  lock,
  type Module,
  type Mutex,
  put,
  readLock,
  readUnlock,
  some,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import type { Group } from './group.ts';
import { registerDevice } from './registration.ts';
import type { Device, DeviceSet } from './vfio-device.ts';

/** What a driver does at the first open, at an access, at the last close, and to ask user space to close the device. */
export interface Driver {
  readonly open: (device: Device) => 0 | DriverError;
  readonly access: (device: Device) => void;
  readonly close: (device: Device) => void;
  readonly request: (device: Device) => void;
}

/** Why a driver does not open. */
export type DriverError = 'EEXIST' | 'EINVAL' | 'ENOMEM' | 'EPERM' | 'ESRCH';

/** The module that the drivers are in. */
export declare const driverModule: Module;

/** What the graphics driver keeps of all its devices. */
export interface Gvt {
  lock: Mutex;
  attached: Set<Device>;
}
export declare const gvt: Gvt;

// ---- Rules

/**
 * The devices that are attached to a machine are under the graphics driver's lock.
 * @source Linux 6.3, drivers/gpu/drm/i915/gvt/kvmgt.c, __kvmgt_vgpu_exist()
 */
export const gvtGuards: GuardedBy<Gvt> = { attached: all => all.lock };

/**
 * Drivers take their locks inside that of the device set.
 * @source Linux 6.3, drivers/gpu/drm/i915/gvt/kvmgt.c, intel_vgpu_open_device()
 */
export const gvtOrder: LockOrder<[DeviceSet, Gvt]> = (set, all) => [set.lock, all.lock];

// ---- A device that is passed through as it is (vfio-pci)

export const pciDriver: Driver = {
  open: () => 0,
  access: () => undefined,
  close: () => undefined,
  request: device => askForDevice(device),
};

/** Signal the eventfd that user space has given for this. */
export function askForDevice(device: Device): void {
  device.asked = true;
}

// ---- Crypto cards (vfio-ap)

export const apDriver: Driver = {
  open: device => apOpen(device),
  access: () => undefined,
  close: device => apClose(device),
  request: device => askForDevice(device),
};

/** Set the machine's crypto masks, under its lock. Has had a reference of its own since before the core got one. */
export function apOpen(device: Device): 0 | 'EINVAL' | 'ENOMEM' | 'EPERM' {
  const kvm = device.kvm;
  if (kvm === null) return 'EINVAL';
  lock(kvm.lock);
  if (kvm.cryptoUser !== null) {
    unlock(kvm.lock);
    return 'EPERM';
  }
  kvm.cryptoUser = device;
  get(kvm.users);
  device.driverKvm = kvm;
  unlock(kvm.lock);
  return 0;
}

/** Clear the masks. */
export function apClose(device: Device): void {
  const kvm = device.driverKvm;
  if (kvm === null) bug();
  lock(kvm.lock);
  kvm.cryptoUser = null;
  device.driverKvm = null;
  unlock(kvm.lock);
  put(kvm.users);
}

// ---- Graphics (GVT)

export const gvtDriver: Driver = {
  open: device => gvtOpen(device),
  access: device => gvtAccess(device),
  close: device => gvtClose(device),
  request: device => askForDevice(device),
};

/** Have the machine tell of the guest's writes to certain pages. One device for each machine. */
export function gvtOpen(device: Device): 0 | 'EEXIST' | 'ESRCH' {
  const kvm = device.kvm;
  if (kvm === null) return 'ESRCH';
  lock(gvt.lock);
  const taken = some(gvt.attached, other => other.kvm === kvm);
  if (!taken) gvt.attached.add(device);
  unlock(gvt.lock);
  if (taken) return 'EEXIST';
  writeLock(kvm.mmuLock);
  kvm.trackers.add(device);
  writeUnlock(kvm.mmuLock);
  return 0;
}

/** Look into the guest's memory. The machine is there as long as the device is open. */
export function gvtAccess(device: Device): void {
  const kvm = device.kvm;
  if (kvm === null) bug();
  readLock(kvm.mmuLock);
  if (!kvm.trackers.has(device)) bug();
  readUnlock(kvm.mmuLock);
}

/** No more of the machine after this. */
export function gvtClose(device: Device): void {
  const kvm = device.kvm;
  if (kvm === null) bug();
  writeLock(kvm.mmuLock);
  kvm.trackers.delete(device);
  writeUnlock(kvm.mmuLock);
  lock(gvt.lock);
  gvt.attached.delete(device);
  unlock(gvt.lock);
}

// ---- Their module

/** Take the drivers' module out (`rmmod`), unless something pins it. */
export function unloadDrivers(): 0 | 'EAGAIN' {
  if (driverModule.pins.count > 1) return 'EAGAIN';
  put(driverModule.pins);
  return 0;
}

// ---- What a test has them do

/** A group without devices. */
export function createGroup(): Group {
  return alloc<Group>({});
}

/** A device of this group whose driver does not care about the machine. */
export function createPlainDevice(group: Group): Device {
  return createDeviceOf(group, pciDriver);
}

/** A device of this group whose driver needs a machine, and is the only one of its kind there. */
export function createCryptoDevice(group: Group): Device {
  return createDeviceOf(group, apDriver);
}

/** A device of this group whose driver looks into the machine's memory, and is the only one of its kind there. */
export function createGraphicsDevice(group: Group): Device {
  return createDeviceOf(group, gvtDriver);
}

/** A registered device, in a set of its own. */
export function createDeviceOf(group: Group, driver: Driver): Device {
  return createDeviceIn(group, alloc<DeviceSet>({}), driver);
}

/** A registered device, in this set. */
export function createDeviceIn(group: Group, set: DeviceSet, driver: Driver): Device {
  const device = alloc<Device>({ group, set, driver, module: driverModule, coherent: true, registration: 1 });
  registerDevice(device);
  return device;
}
