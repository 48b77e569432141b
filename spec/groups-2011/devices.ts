/** Devices come, are bound to drivers, and go. */
import {
  alloc,
  anyOf,
  assertHeld,
  bug,
  type Duration,
  type Ends,
  free,
  guard,
  lock,
  maybe,
  readLock,
  readUnlock,
  seconds,
  synchronize,
  unlock,
  waitEventTimeout,
  wakeAll,
} from '../language.ts';
import { attachDevice, tryDissolve } from './context.ts';
import { type Bus, type Device, type Group, inUse, type Task, type Vfio, type VfioDevice, type VfioPci, vfio } from './groups-2011.ts';

/** The group of this number on this bus: numbers of two IOMMUs may be equal. */
export function findGroup(bus: Bus, id: Group['id']): Group | null {
  for (const group of vfio.groups) {
    if (group.bus === bus && group.id === id) return group;
  }
  return null;
}

/** A group that nobody has heard of yet. Being short of memory here is beyond help (`BUG_ON`), so it does not fail. */
export function createGroup(bus: Bus, id: Group['id']): Group {
  assertHeld(vfio.lock);
  const group = alloc<Group>({ bus, id });
  vfio.groups.add(group);
  return group;
}

// ---- A device comes

/** A device appears on its bus, which tells VFIO before any driver is asked (`BUS_NOTIFY_ADD_DEVICE`). */
export function plug(dev: Device): 0 | 'ENODEV' | 'ENOMEM' {
  readLock(dev.bus.notifier);
  const result = addDevice(dev);
  readUnlock(dev.bus.notifier);
  return result;
}

/** VFIO learns of a device. If its group is in use, the device comes attached and kept for VFIO's driver, or the group is tainted. */
export function addDevice(dev: Device): 0 | 'ENODEV' | 'ENOMEM' {
  if (dev.groupId === 0) return 'ENODEV';
  using _ = guard(dev.lock);
  using __ = guard(vfio.lock);
  dev.isAnnounced = true;
  const known = findGroup(dev.bus, dev.groupId);
  const group = known === null ? createGroup(dev.bus, dev.groupId) : known;
  if (dev.vfio !== null) return 0;
  if (maybe()) {
    // The device is there all the same, and its group must not be used.
    group.tainted = true;
    return 'ENOMEM';
  }
  const device = alloc<VfioDevice>({ dev, group });
  group.devices.add(device);
  dev.vfio = device;
  const iommu = group.iommu;
  if (iommu !== null && inUse(iommu)) keepForVfio(device);
  return 0;
}

/** The device joins a context that is in use. */
export function keepForVfio(device: VfioDevice): void {
  assertHeld(device.dev.lock);
  assertHeld(vfio.lock);
  if (device.dev.driver !== 'none') {
    device.group.tainted = true;
    return;
  }
  const kept = presetDriver(device.dev, 'vfio');
  const attached = attachDevice(device);
  if (kept !== 0 || !attached) device.group.tainted = true;
}

/** Decide which driver gets the device. Once: who comes second is refused. */
export function presetDriver(dev: Device, driver: 'vfio' | 'other'): 0 | 'EBUSY' {
  assertHeld(vfio.lock);
  if (dev.preset !== 'none') return 'EBUSY';
  dev.preset = driver;
  return 0;
}

// ---- Drivers

/** A driver that matches is asked to take the device. */
export function probe(dev: Device, driver: 'vfio' | 'other'): 0 | 'EBUSY' | 'EINVAL' {
  using _ = guard(dev.lock);
  if (dev.driver !== 'none') return 'EBUSY';
  if (driver === 'other' && isKept(dev)) return 'EBUSY';
  const bound = driver === 'other' || bind(dev);
  if (!bound) return 'EINVAL';
  dev.driver = driver;
  return 0;
}

/** Whether the device was preset for VFIO's driver and its group is in use. Where it is not, the group merely stops being viable. */
export function isKept(dev: Device): boolean {
  using _ = guard(vfio.lock);
  if (dev.preset !== 'vfio') return false;
  const device = dev.vfio;
  if (device === null) return false;
  const iommu = device.group.iommu;
  return iommu !== null && inUse(iommu);
}

/** VFIO's driver has the device: it can be given to users now. False if VFIO does not know it (`vfio_bind_dev`). */
export function bind(dev: Device): boolean {
  using _ = guard(vfio.lock);
  const device = dev.vfio;
  if (device === null) return false;
  device.data = alloc<VfioPci>({});
  return true;
}

// ---- A device goes

/**
 * Taking a device from its driver ends, whatever its users do: they are asked as often as the administrator has patience, and then it is taken.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "hard timeout handling in the kernel"
 * @fact R320, R506
 */
export const removalEnds: Ends<typeof unbindDriver> = { within: seconds(20) };

/** How long users are given to notice, each time that they are asked. */
export const askEvery: Duration = seconds(10);

/** Take the device from its driver (`unbind` in sysfs, or because it goes). */
export function unbindDriver(dev: Device): void {
  lock(dev.lock);
  if (dev.driver === 'vfio') unbind(dev);
  dev.driver = 'none';
  unlock(dev.lock);
}

/** Take the device from its users: ask them, again every period, and take it when patience is over (`vfio_unbind_dev`). */
export function unbind(dev: Device): void {
  const device = vfioDeviceOf(dev);
  const data = takeWhenFree(device);
  synchronize(vfio.accesses);
  free(data);
}

/** Wait until nobody uses the device's set, or until patience is over. */
export function takeWhenFree(device: VfioDevice): VfioPci {
  using _ = guard(vfio.lock);
  for (let asked = 0; asked <= 2; asked += 1) {
    const data = tryTake(device, asked);
    if (data !== null) return data;
    askUsers(device);
    waitEventTimeout(vfio.releaseQueue, () => isRemovable(device), askEvery, vfio.lock);
  }
  bug();
}

/** What VFIO knows of a device that its driver has. */
export function vfioDeviceOf(dev: Device): VfioDevice {
  using _ = guard(vfio.lock);
  const device = dev.vfio;
  if (device === null) bug();
  return device;
}

/** Whether nobody uses the set that the device is in. */
export function isRemovable(device: VfioDevice): boolean {
  const iommu = device.group.iommu;
  return iommu === null || !inUse(iommu);
}

/** Tell the users that the device is wanted back. They may do as they like. */
export function askUsers(device: VfioDevice): void {
  device.asked = true;
  wakeAll(vfio.requestQueue);
}

/** The driver's data, which nobody gets at from here on; null if users have the device and were not asked often enough. */
export function tryTake(device: VfioDevice, asked: number): VfioPci | null {
  assertHeld(vfio.lock);
  const data = device.data;
  if (data === null) bug();
  const iommu = device.group.iommu;
  const used = iommu !== null && inUse(iommu);
  if (used && asked < vfio.patience) return null;
  if (used) revoke(device);
  device.data = null;
  removeIfLeft(device);
  return data;
}

/** Its open files give access to nothing any more; closing them is still the users' business. No other driver may have it until the group is free. */
export function revoke(device: VfioDevice): void {
  assertHeld(vfio.lock);
  device.revoked = true;
  device.attached = false;
  if (device.dev.preset === 'none') device.dev.preset = 'vfio';
  else if (device.dev.preset === 'other') device.group.tainted = true;
}

/** A device disappears from its bus, which tells VFIO before its driver (`BUS_NOTIFY_DEL_DEVICE`). */
export function unplug(dev: Device): void {
  readLock(dev.bus.notifier);
  delDevice(dev);
  readUnlock(dev.bus.notifier);
  unbindDriver(dev);
}

/** Forget a device, or leave that to whoever is last to use it. One that was never added is none of VFIO's business. */
export function delDevice(dev: Device): void {
  if (dev.groupId === 0) return;
  using _ = guard(vfio.lock);
  dev.isAnnounced = false;
  const device = dev.vfio;
  if (device === null) return;
  device.isGone = true;
  removeIfLeft(device);
}

/** Whoever is last deletes a device that its bus has removed: its driver, or the last file. */
export function removeIfLeft(device: VfioDevice): void {
  if (device.isGone && device.data === null && device.files === 0) removeDevice(device);
}

/** Nobody has the device. */
export function removeDevice(device: VfioDevice): void {
  assertHeld(vfio.lock);
  const group = device.group;
  group.devices.delete(device);
  device.dev.vfio = null;
  free(device);
  removeIfEmpty(group);
}

/** A group without devices that nobody has open goes, and with it what it kept. One that is tainted stays: what tainted it is still there. */
export function removeIfEmpty(group: Group): void {
  assertHeld(vfio.lock);
  if (group.files > 0 || group.tainted) return;
  const any = anyOf(group.devices);
  if (any !== null) return;
  const iommu = group.iommu;
  if (iommu !== null) {
    iommu.groups.delete(group);
    group.iommu = null;
    tryDissolve(iommu);
  }
  vfio.groups.delete(group);
  free(group);
}

/** Change when removal stops waiting for users. */
export function setPatience(task: Task, to: Vfio['patience']): 0 | 'EPERM' {
  if (!task.isAdmin) return 'EPERM';
  using _ = guard(vfio.lock);
  vfio.patience = to;
  return 0;
}
