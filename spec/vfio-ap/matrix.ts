/** What a device gives to its guest: assigned by an administrator, filtered by what the host has and the driver is bound to. */
import { alloc, flush, free, type GuardedBy, implies, lock, type Settled, unlock } from '../language.ts';
import { type Adapter, apBus } from './ap-bus.ts';
import type { Kvm } from './kvm.ts';
import { linkQueue, startReset } from './queue.ts';
import { lockForMdev, type MatrixMdev, matrixDev, unlockForMdev } from './vfio-ap.ts';

/** A bit for every adapter. In the kernel it is on the stack of whoever holds the locks. */
export interface Mask {
  adapters: Set<Adapter>;
}

/**
 * Masks are for those who hold the locks of an update.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_filter_matrix() and its callers
 */
export const maskGuards: GuardedBy<Mask> = { adapters: () => [matrixDev.guestsLock, matrixDev.mdevsLock] };

/**
 * The guest sees what its device gives it, neither more nor less.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_update_guest_apcb()
 */
export const guestSeesItsMatrix: Settled<{ mdev: MatrixMdev; kvm: Kvm; adapter: Adapter }> = ({ mdev, kvm, adapter }) =>
  implies(mdev.kvm === kvm, kvm.adapters.has(adapter) === mdev.guestAdapters.has(adapter) && kvm.controlDomain === mdev.guestControlDomain);

/**
 * A guest sees only adapters that the host has, that are assigned to its device and bound to the driver.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_filter_matrix(); Linux 917f509bfb88 and 6b8a02e216f6
 * @fact R226
 */
export const onlyWhatHostHas: Settled<{ mdev: MatrixMdev; adapter: Adapter }> = ({ mdev, adapter }) =>
  implies(mdev.guestAdapters.has(adapter), matrixDev.adapters.has(adapter) && mdev.adapters.has(adapter) && adapter.queue !== null);
/**
 * A guest controls only a domain that the host has and that is assigned to its device.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_filter_cdoms(); Linux 6b8a02e216f6
 * @fact R226
 */
export const onlyDomainsHostHas: Settled<{ mdev: MatrixMdev }> = ({ mdev }) =>
  implies(mdev.guestControlDomain, matrixDev.controlDomain && mdev.controlDomain);

/**
 * No adapter is assigned to two devices.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_verify_no_sharing()
 * @fact R217
 */
export const assignedOnce: Settled<{ one: MatrixMdev; other: MatrixMdev; adapter: Adapter }> = ({ one, other, adapter }) =>
  implies(one.adapters.has(adapter) && other.adapters.has(adapter), one === other);

// ---- Masks

/** An empty mask. */
export function createMask(): Mask {
  return alloc<Mask>({});
}

/** Mark nothing. */
export function emptyMask(mask: Mask): void {
  for (const adapter of mask.adapters) mask.adapters.delete(adapter);
}

// ---- What the guest gets

/** Decide which adapters the guest may see; those that it loses are marked. The caller holds the driver's lock. */
export function filter(mdev: MatrixMdev, filtered: Mask): void {
  emptyMask(filtered);
  for (const adapter of mdev.adapters) {
    const queue = adapter.queue;
    if (matrixDev.adapters.has(adapter) && queue !== null && mdev.queues.has(queue)) {
      mdev.guestAdapters.add(adapter);
    } else if (mdev.guestAdapters.has(adapter)) {
      mdev.guestAdapters.delete(adapter);
      filtered.adapters.add(adapter);
    }
  }
}

/** Decide whether the guest may control the domain. */
export function filterControlDomain(mdev: MatrixMdev): void {
  mdev.guestControlDomain = mdev.controlDomain && matrixDev.controlDomain;
}

/** Let the guest see what its device gives it, if it has a guest. The caller holds the machine's lock. */
export function updateGuest(mdev: MatrixMdev): void {
  const kvm = mdev.kvm;
  if (kvm === null) return;
  for (const adapter of kvm.adapters) {
    if (!mdev.guestAdapters.has(adapter)) kvm.adapters.delete(adapter);
  }
  for (const adapter of mdev.guestAdapters) kvm.adapters.add(adapter);
  kvm.controlDomain = mdev.guestControlDomain;
}

/** Take an adapter from the guest, if it sees it. The caller holds the machine's lock. */
export function takeFromGuest(mdev: MatrixMdev, adapter: Adapter): void {
  if (!mdev.guestAdapters.has(adapter)) return;
  mdev.guestAdapters.delete(adapter);
  updateGuest(mdev);
}

/** Reset the queues of adapters that the guest has lost. */
export function resetFiltered(mdev: MatrixMdev, filtered: Mask): void {
  for (const adapter of filtered.adapters) resetAdapter(mdev, adapter);
}

/** Reset the queue of an adapter, if the device has it. */
export function resetAdapter(mdev: MatrixMdev, adapter: Adapter): void {
  const queue = adapter.queue;
  if (queue === null || !mdev.queues.has(queue)) return;
  startReset(queue);
  flush(queue.reset);
}

// ---- Assigning

/** Whether another device has the adapter. Any device, if none is given. */
export function isAssigned(adapter: Adapter, besides: MatrixMdev | null): boolean {
  for (const mdev of matrixDev.mdevs) {
    if (mdev !== besides && mdev.adapters.has(adapter)) return true;
  }
  return false;
}

/** Assign an adapter (`assign_adapter`); none is a number that no adapter can have. A running guest gets it at once. */
export function assignAdapter(mdev: MatrixMdev, adapter: Adapter | null): 0 | 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'ENODEV' {
  lock(apBus.permsMutex);
  lockForMdev(mdev);
  const result = adapter === null ? 'ENODEV' : assignLocked(mdev, adapter);
  unlockForMdev(mdev);
  unlock(apBus.permsMutex);
  return result;
}

/** With all locks. */
export function assignLocked(mdev: MatrixMdev, adapter: Adapter): 0 | 'EADDRINUSE' | 'EADDRNOTAVAIL' {
  if (mdev.adapters.has(adapter)) return 0;
  mdev.adapters.add(adapter);
  if (adapter.reserved) {
    mdev.adapters.delete(adapter);
    return 'EADDRNOTAVAIL';
  }
  if (isAssigned(adapter, mdev)) {
    mdev.adapters.delete(adapter);
    return 'EADDRINUSE';
  }
  const queue = adapter.queue;
  if (queue !== null) linkQueue(mdev, queue);
  const filtered = createMask();
  filter(mdev, filtered);
  updateGuest(mdev);
  resetFiltered(mdev, filtered);
  free(filtered);
  return 0;
}

/** Assign what is not a number. */
export function assignText(mdev: MatrixMdev): 0 | 'EINVAL' {
  lock(apBus.permsMutex);
  lockForMdev(mdev);
  unlockForMdev(mdev);
  unlock(apBus.permsMutex);
  return 'EINVAL';
}

/** Take an adapter away (`unassign_adapter`). A running guest loses it at once, and its queue is reset. */
export function unassignAdapter(mdev: MatrixMdev, adapter: Adapter | null): 0 | 'ENODEV' {
  lockForMdev(mdev);
  if (adapter !== null && mdev.adapters.has(adapter)) unassignLocked(mdev, adapter);
  unlockForMdev(mdev);
  return adapter === null ? 'ENODEV' : 0;
}

/** With all locks. */
export function unassignLocked(mdev: MatrixMdev, adapter: Adapter): void {
  mdev.adapters.delete(adapter);
  takeFromGuest(mdev, adapter);
  resetAdapter(mdev, adapter);
  const queue = adapter.queue;
  if (queue === null) return;
  mdev.queues.delete(queue);
  // Whether the guest had it or not: the device may go before the queue does.
  queue.mdev = null;
}

/** Assign the control domain (`assign_control_domain`). */
export function assignControlDomain(mdev: MatrixMdev): void {
  lockForMdev(mdev);
  mdev.controlDomain = true;
  filterControlDomain(mdev);
  updateGuest(mdev);
  unlockForMdev(mdev);
}

/** Take the control domain away (`unassign_control_domain`). */
export function unassignControlDomain(mdev: MatrixMdev): void {
  lockForMdev(mdev);
  mdev.controlDomain = false;
  filterControlDomain(mdev);
  updateGuest(mdev);
  unlockForMdev(mdev);
}

/** Whether a device has the adapter, which the host wants for itself. The caller holds the bus's mutex. */
export function resourceInUse(adapter: Adapter): 0 | 'EADDRINUSE' {
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  const used = isAssigned(adapter, null);
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
  return used ? 'EADDRINUSE' : 0;
}
