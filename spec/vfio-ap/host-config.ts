/** The host's configuration changes: guests lose at once what the host has lost, and get what it has got when the bus has been scanned. */
import { anyOf, free, lock, unlock } from '../language.ts';
import type { Adapter } from './ap-bus.ts';
import { createMask, emptyMask, filter, filterControlDomain, type Mask, resetFiltered, updateGuest } from './matrix.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap.ts';

/** The host has lost an adapter, or the control domain, or both (`vfio_ap_on_cfg_changed`). */
export function hostLoses(adapter: Adapter | null, controlDomain: boolean): void {
  lock(matrixDev.guestsLock);
  for (const mdev of matrixDev.mdevs) {
    const kvm = mdev.kvm;
    if (kvm !== null) lock(kvm.lock);
    lock(matrixDev.mdevsLock);
    unplug(mdev, adapter, controlDomain);
    unlock(matrixDev.mdevsLock);
    if (kvm !== null) unlock(kvm.lock);
  }
  lock(matrixDev.mdevsLock);
  if (adapter !== null) matrixDev.adapters.delete(adapter);
  if (controlDomain) matrixDev.controlDomain = false;
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
}

/** Take from a guest what the host has lost (`vfio_ap_mdev_hot_unplug_cfg`). */
export function unplug(mdev: MatrixMdev, adapter: Adapter | null, controlDomain: boolean): void {
  if (adapter !== null) mdev.guestAdapters.delete(adapter);
  if (controlDomain) mdev.guestControlDomain = false;
  updateGuest(mdev);
}

/** The host has got an adapter, or the control domain, or both (`vfio_ap_on_cfg_changed`). The bus binds queues next. */
export function hostGains(adapter: Adapter | null, controlDomain: boolean): void {
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  for (const mdev of matrixDev.mdevs) {
    if (adapter !== null && mdev.adapters.has(adapter)) mdev.addedAdapters.add(adapter);
    mdev.addedControlDomain = controlDomain && mdev.controlDomain;
  }
  if (adapter !== null) matrixDev.adapters.add(adapter);
  if (controlDomain) matrixDev.controlDomain = true;
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
}

/** The bus has been scanned, and queues are bound: guests get what was added (`vfio_ap_on_scan_complete`). */
export function scanComplete(): void {
  const filtered = createMask();
  lock(matrixDev.guestsLock);
  for (const mdev of matrixDev.mdevs) {
    const kvm = mdev.kvm;
    if (kvm !== null) lock(kvm.lock);
    lock(matrixDev.mdevsLock);
    plug(mdev, filtered);
    unlock(matrixDev.mdevsLock);
    if (kvm !== null) unlock(kvm.lock);
  }
  unlock(matrixDev.guestsLock);
  free(filtered);
}

/** Give to a guest what the host has got (`vfio_ap_mdev_hot_plug_cfg`). */
export function plug(mdev: MatrixMdev, filtered: Mask): void {
  emptyMask(filtered);
  const added = anyOf(mdev.addedAdapters);
  if (added !== null) filter(mdev, filtered);
  if (mdev.addedControlDomain) filterControlDomain(mdev);
  updateGuest(mdev);
  resetFiltered(mdev, filtered);
  for (const adapter of mdev.addedAdapters) mdev.addedAdapters.delete(adapter);
  mdev.addedControlDomain = false;
}
