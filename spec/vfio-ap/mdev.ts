/** A mediated device: it comes, is opened with a machine, closed, and goes. */
import { alloc, type Descriptor, type Ends, free, get, lock, put, unlock } from '../language.ts';
import { type EventfdFile, holdEventfd, signal } from './eventfd.ts';
import { clearMasks, type Kvm } from './kvm.ts';
import { updateGuest } from './matrix.ts';
import { resetQueues } from './queue.ts';
import { type DeviceSet, type Group, unregister } from './vfio.ts';
import { lockForKvm, type MatrixMdev, matrixDev, unlockForKvm } from './vfio-ap.ts';

// ---- Attaching and detaching

/** Tie the device to a machine, which the caller holds. */
export function setKvm(mdev: MatrixMdev, kvm: Kvm): 0 | 'EPERM' {
  if (!kvm.hasCrypto) return 0;
  lockForKvm(kvm);
  if (kvm.pqapHook !== null) {
    unlockForKvm(kvm);
    return 'EPERM';
  }
  kvm.pqapHook = mdev;
  get(kvm.users);
  mdev.kvm = kvm;
  updateGuest(mdev);
  unlockForKvm(kvm);
  return 0;
}

/** Untie the device from its machine, if it has one. Whoever closes it is alone in that, so the machine stays the one that was read. */
export function unsetKvm(mdev: MatrixMdev): void {
  const kvm = mdev.kvm;
  if (kvm === null || !kvm.hasCrypto) return;
  lockForKvm(kvm);
  kvm.pqapHook = null;
  clearMasks(kvm);
  resetQueues(mdev);
  mdev.kvm = null;
  unlockForKvm(kvm);
  // It may be the last, which ends the machine and the locks in it.
  put(kvm.users);
}

// ---- What VFIO calls

/** The device is opened for the first time. */
export function openDevice(mdev: MatrixMdev, kvm: Kvm | null): 0 | 'EINVAL' | 'EPERM' {
  if (kvm === null) return 'EINVAL';
  return setKvm(mdev, kvm);
}

/** The device's last descriptor is closed. */
export function closeDevice(mdev: MatrixMdev): void {
  unsetKvm(mdev);
  forgetRequest(mdev);
}

/** The user shall let go of the device: signal the eventfd that it gave for that. */
export function request(mdev: MatrixMdev): void {
  lock(matrixDev.mdevsLock);
  const eventfd = mdev.requestTrigger;
  if (eventfd !== null) signal(eventfd);
  unlock(matrixDev.mdevsLock);
}

// ---- Calls of user space

/** Be signalled when the device is wanted back (`VFIO_DEVICE_SET_IRQS`). */
export function setRequest(mdev: MatrixMdev, fd: Descriptor<EventfdFile>): 0 | 'EBADF' | 'EOPNOTSUPP' {
  lock(matrixDev.mdevsLock);
  const eventfd = holdEventfd(fd);
  if (eventfd !== null) {
    const old = mdev.requestTrigger;
    if (old !== null) put(old.refs);
    mdev.requestTrigger = eventfd;
  }
  unlock(matrixDev.mdevsLock);
  return eventfd === null ? 'EBADF' : 0;
}

/** Be signalled no more. */
export function forgetRequest(mdev: MatrixMdev): void {
  lock(matrixDev.mdevsLock);
  const eventfd = mdev.requestTrigger;
  mdev.requestTrigger = null;
  if (eventfd !== null) put(eventfd.refs);
  unlock(matrixDev.mdevsLock);
}

/** Reset every queue of the device, also while its guest uses them (`VFIO_DEVICE_RESET`). */
export function resetDevice(mdev: MatrixMdev): void {
  lock(matrixDev.mdevsLock);
  resetQueues(mdev);
  unlock(matrixDev.mdevsLock);
}

/** A request that the device does not know. */
export function unknownRequest(_mdev: MatrixMdev): 0 | 'EOPNOTSUPP' {
  lock(matrixDev.mdevsLock);
  unlock(matrixDev.mdevsLock);
  return 'EOPNOTSUPP';
}

// ---- Calls of an administrator

/** A new device, in a group of its own. */
export function createMdev(group: Group): MatrixMdev {
  const mdev = alloc<MatrixMdev>({ group, set: alloc<DeviceSet>({}), users: 1 });
  lock(group.deviceLock);
  group.device = mdev;
  unlock(group.deviceLock);
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  matrixDev.mdevs.add(mdev);
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
  return mdev;
}

/**
 * Removing a device ends when its user closes it, however often it has to be asked.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()
 * @fact R135
 */
export const removingEnds: Ends<typeof removeMdev> = {};

/** Remove a device. It goes when nobody has it open any more. */
export function removeMdev(mdev: MatrixMdev): void {
  unregister(mdev);
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  resetQueues(mdev);
  for (const queue of mdev.queues) {
    mdev.queues.delete(queue);
    queue.mdev = null;
  }
  matrixDev.mdevs.delete(mdev);
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
  const set = mdev.set;
  free(mdev);
  free(set);
}
