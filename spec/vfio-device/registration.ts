/** Devices come and go: registered by their driver, unregistered, freed. */
import { complete, type Ends, free, lock, maybe, put, seconds, unlock, waitForTimeout } from '../language.ts';
import { detachContainer, type Group } from './group.ts';
import { type Device, vfio } from './vfio-device.ts';

// ---- Rules

/**
 * Unregistering a device ends when its openers close it, however often user space has to be asked; there is no other end.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()
 * @fact R135
 */
export const unregisteringEnds: Ends<typeof unregisterDevice> = {};

// ---- Operations

/** A driver has found the device (`vfio_register_group_dev`). */
export function registerDevice(device: Device): void {
  const group = device.group;
  lock(vfio.groupLock);
  vfio.groups.add(group);
  group.drivers += 1;
  unlock(vfio.groupLock);
  lock(vfio.setsLock);
  device.set.deviceCount += 1;
  unlock(vfio.setsLock);
  lock(group.deviceLock);
  group.devices.add(device);
  unlock(group.deviceLock);
}

/**
 * The driver lets go of the device (`vfio_unregister_group_dev`). Asks user space to close it, again every ten seconds, and ends when all openers are gone:
 * nothing forces them.
 */
export function unregisterDevice(device: Device): void {
  const group = device.group;
  lock(group.deviceLock);
  group.devices.delete(device);
  unlock(group.deviceLock);
  put(device.registration);
  for (;;) {
    device.driver.request(device);
    if (waitForTimeout(device.gone, seconds(10)) === 'done') break;
  }
  leaveGroup(group);
}

/** The last opener is gone, and the registration. */
export function allOpenersGone(device: Device): void {
  complete(device.gone);
}

/** A group without devices is not there any more. */
export function leaveGroup(group: Group): void {
  lock(vfio.groupLock);
  group.drivers -= 1;
  if (group.drivers === 0) {
    vfio.groups.delete(group);
    lock(group.lock);
    if (group.containerUsers > 0) detachContainer(group);
    unlock(group.lock);
  }
  unlock(vfio.groupLock);
}

/** The device's memory goes; no lock of its set is held. */
export function releaseDevice(device: Device): void {
  const set = device.set;
  lock(vfio.setsLock);
  set.deviceCount -= 1;
  const empty = set.deviceCount === 0;
  unlock(vfio.setsLock);
  if (empty) free(set);
  free(device);
}

/** A driver finds a device. What it does after registering it may fail. */
export function probeDevice(device: Device): 0 | 'ENOMEM' {
  registerDevice(device);
  if (!maybe()) return 0;
  removeDevice(device);
  return 'ENOMEM';
}

/** Remove a device (`unbind`). */
export function removeDevice(device: Device): void {
  unregisterDevice(device);
  releaseDevice(device);
}
