/** The VFIO core, as far as a mediated device can tell: who has it open, with which machine, and when it may go. */
import { alloc, complete, type GuardedBy, getUnlessZero, lock, type Mutex, put, seconds, unlock, waitForTimeout } from '../language.ts';
import type { Kvm, VmFile } from './kvm.ts';
import { closeDevice, openDevice, request } from './mdev.ts';
import type { MatrixMdev } from './vfio-ap.ts';

/** A group with one device. */
export interface Group {
  deviceLock: Mutex;
  /** Its device, while it is registered. */
  device: MatrixMdev | null;
}
/** Devices that are opened and closed one at a time. A mediated device is alone in its set. */
export interface DeviceSet {
  lock: Mutex;
}

/**
 * Devices come and go under the group's device lock.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_device_group_register()
 */
export const groupGuards: GuardedBy<Group> = { device: group => group.deviceLock };

/** A new group without a device. */
export function createGroup(): Group {
  return alloc<Group>({});
}

/** The last user of a device has left. */
export function lastUserLeft(mdev: MatrixMdev): void {
  complete(mdev.unused);
}

/**
 * Open the device of a group (`VFIO_GROUP_GET_DEVICE_FD`). The machine is the one that the group has been told of, if any; the core holds it until the
 * device is closed. Only the first who opens reaches the driver.
 */
export function openMdev(group: Group, vm: VmFile | null): 0 | 'EINVAL' | 'ENODEV' | 'EPERM' {
  lock(group.deviceLock);
  const mdev = group.device;
  const registered = mdev !== null && getUnlessZero(mdev.users);
  unlock(group.deviceLock);
  if (mdev === null || !registered) return 'ENODEV';

  lock(mdev.set.lock);
  const result = mdev.opened ? 0 : firstOpen(mdev, vm === null ? null : vm.kvm);
  unlock(mdev.set.lock);
  if (result !== 0) put(mdev.users);
  return result;
}

/** Open for the first time. */
export function firstOpen(mdev: MatrixMdev, kvm: Kvm | null): 0 | 'EINVAL' | 'EPERM' {
  const held = kvm !== null && getUnlessZero(kvm.users);
  if (held) mdev.coreKvm = kvm;
  const result = openDevice(mdev, held ? kvm : null);
  if (result === 0) {
    mdev.opened = true;
    return 0;
  }
  leaveVm(mdev);
  return result;
}

/** The core lets go of the machine, if it has one. */
export function leaveVm(mdev: MatrixMdev): void {
  const kvm = mdev.coreKvm;
  mdev.coreKvm = null;
  if (kvm !== null) put(kvm.users);
}

/** The device's descriptor is closed. It is open once here. */
export function closeMdev(mdev: MatrixMdev): void {
  lock(mdev.set.lock);
  closeDevice(mdev);
  mdev.opened = false;
  leaveVm(mdev);
  unlock(mdev.set.lock);
  put(mdev.users);
}

/** Wait until nobody has the device open, and nobody will (`vfio_unregister_group_dev`). Asks the user to let go of it, again and again. */
export function unregister(mdev: MatrixMdev): void {
  const group = mdev.group;
  // The registration's own reference.
  put(mdev.users);
  for (;;) {
    if (waitForTimeout(mdev.unused, seconds(10)) === 'done') break;
    request(mdev);
  }
  lock(group.deviceLock);
  group.device = null;
  unlock(group.deviceLock);
}
