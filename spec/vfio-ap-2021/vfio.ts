/** The VFIO core of 2021, as far as a mediated device can tell: who has it open, who tells it its machine, and when it may go. */
import {
  alloc,
  type GuardedBy,
  get,
  lock,
  type Mutex,
  put,
  type RwSemaphore,
  readLock,
  readUnlock,
  unlock,
  type WaitQueue,
  waitEvent,
  wakeAll,
  writeLock,
  writeUnlock,
} from '../language.ts';
import type { Kvm } from './kvm.ts';
import { groupNotifier, type MatrixMdev, openDevice, releaseDevice, removeDevice } from './vfio-ap-2021.ts';

/** All of VFIO. */
export interface Vfio {
  /** Who removes a device sleeps here until its last user has left. */
  releaseQueue: WaitQueue;
}
export declare const vfio: Vfio;

/** A group with one device. */
export interface Group {
  deviceLock: Mutex;
  /** Its device, while it is registered. */
  device: MatrixMdev | null;
  /** The chain of notifiers: held for reading while they are called. */
  notifierRwsem: RwSemaphore;
  /** The device's driver wants to be told its machine. */
  notified: boolean;
}

// ---- Rules

/**
 * Devices come and go under the group's device lock; notifiers under the chain's semaphore.
 * @source Linux 5.13, drivers/vfio/vfio.c, vfio_device_release() and vfio_register_group_notifier()
 */
export const groupGuards: GuardedBy<Group> = {
  // Who waits for a device to go only looks.
  device: { read: () => true, write: group => group.deviceLock },
  notified: group => group.notifierRwsem,
};

// ---- Operations

/** A new group without a device. */
export function createGroup(): Group {
  return alloc<Group>({});
}

/** The last user of a device has left. */
export function leaveGroup(mdev: MatrixMdev): void {
  const group = mdev.group;
  lock(group.deviceLock);
  group.device = null;
  unlock(group.deviceLock);
  wakeAll(vfio.releaseQueue);
}

/** Open the device of a group (`VFIO_GROUP_GET_DEVICE_FD`). The machine is the one that the group has been told of, if any. Null if there is no device. */
export function openMdev(group: Group, kvm: Kvm | null): MatrixMdev | null {
  lock(group.deviceLock);
  const mdev = group.device;
  if (mdev !== null) get(mdev.users);
  unlock(group.deviceLock);
  if (mdev === null) return null;
  openDevice(mdev, kvm);
  return mdev;
}

/** The device's descriptor is closed. */
export function closeMdev(mdev: MatrixMdev): void {
  releaseDevice(mdev);
  put(mdev.users);
}

/** The device is removed by an administrator. */
export function removeMdev(mdev: MatrixMdev): void {
  const group = mdev.group;
  // The registration's own reference.
  put(mdev.users);
  waitEvent(vfio.releaseQueue, () => group.device === null);
  removeDevice(mdev);
}

/** Who holds a machine tells its group of it, or that there is none any more. */
export function notifyGroup(group: Group, kvm: Kvm | null): void {
  readLock(group.notifierRwsem);
  if (group.notified) {
    const mdev = group.device;
    if (mdev !== null) groupNotifier(mdev, kvm);
  }
  readUnlock(group.notifierRwsem);
}

/** Be told from now on. A machine that the group has already is told at once. */
export function registerNotifier(mdev: MatrixMdev, kvm: Kvm | null): void {
  const group = mdev.group;
  writeLock(group.notifierRwsem);
  group.notified = true;
  writeUnlock(group.notifierRwsem);
  if (kvm !== null) notifyGroup(group, kvm);
}

/** Be told no more. When it returns, no call is under way. */
export function unregisterNotifier(mdev: MatrixMdev): void {
  const group = mdev.group;
  writeLock(group.notifierRwsem);
  group.notified = false;
  writeUnlock(group.notifierRwsem);
}
