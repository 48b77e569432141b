/** What can go wrong, or did, when adapters are assigned, and when the host gets or loses them. */
import { always, bug, type Defect, flush, free, lock, maybe, unlock } from '../language.ts';
import * as buses from './ap-bus.ts';
import { apBus } from './ap-bus.ts';
import { plug, unplug } from './host-config.ts';
import * as matrices from './matrix.ts';
import { createMask, filterControlDomain, isAssigned, type Mask, resetFiltered, updateGuest } from './matrix.ts';
import * as queues from './queue.ts';
import { linkQueue, startReset } from './queue.ts';
import * as calls from './vfio-ap.calls.ts';
import * as hotplug from './vfio-ap.hotplug.scenarios.ts';
import * as scenarios from './vfio-ap.scenarios.ts';
import * as ap from './vfio-ap.ts';
import { lockForMdev, matrixDev, unlockForMdev } from './vfio-ap.ts';
import type { Spec } from './vfio-ap.variants.ts';

// ---- The host's configuration

/**
 * The host loses an adapter while a device has no machine, whose lock is taken all the same. Following null is where it ends.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_cfg_remove(); mended by d50346801b4f
 * @fact D211
 */
export const everyDeviceHasVm: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: hotplug.adapterLost }],
  instead: {
    hostLoses: (adapter, controlDomain) => {
      lock(matrixDev.guestsLock);
      for (const mdev of matrixDev.mdevs) {
        const kvm = mdev.kvm;
        if (kvm === null) bug();
        lock(kvm.lock);
        lock(matrixDev.mdevsLock);
        unplug(mdev, adapter, controlDomain);
        unlock(matrixDev.mdevsLock);
        unlock(kvm.lock);
      }
      lock(matrixDev.mdevsLock);
      if (adapter !== null) matrixDev.adapters.delete(adapter);
      if (controlDomain) matrixDev.controlDomain = false;
      unlock(matrixDev.mdevsLock);
      unlock(matrixDev.guestsLock);
    },
  },
};

/**
 * What the host has, and what it has got, is written under the guests' lock alone.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_on_cfg_changed() and vfio_ap_mdev_cfg_add(); mended by 5883528250be
 * @fact D212
 */
export const configWithoutMdevsLock: Defect<Spec> = {
  breaks: [
    { rule: ap.matrixDevGuards, in: hotplug.adapterGained },
    { rule: ap.mdevGuards, in: hotplug.adapterGained },
  ],
  instead: {
    hostGains: (adapter, controlDomain) => {
      lock(matrixDev.guestsLock);
      for (const mdev of matrixDev.mdevs) {
        if (adapter !== null && mdev.adapters.has(adapter)) mdev.addedAdapters.add(adapter);
        mdev.addedControlDomain = controlDomain && mdev.controlDomain;
      }
      if (adapter !== null) matrixDev.adapters.add(adapter);
      if (controlDomain) matrixDev.controlDomain = true;
      unlock(matrixDev.guestsLock);
    },
  },
};

/** What was on the stack: any bits. */
export function leaveGarbage(mask: Mask): void {
  for (const adapter of matrixDev.adapters) {
    if (maybe()) mask.adapters.add(adapter);
  }
}

/**
 * Only the control domain was added, so that no adapter is filtered, and the mask of those that the guest has lost is never written: queues that the guest uses are reset.
 * That a flag is not reset from one device to the next (b1f092d94f62) does no harm by itself: each device is asked again what it loses.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_hot_plug_cfg(); mended by bf09b9d7cd78, known by title
 * @fact D214
 */
export const maskNeverWritten: Defect<Spec> = {
  breaks: [{ rule: queues.resetAfterUnplug, in: hotplug.controlDomainGained }],
  instead: {
    plug: (mdev, filtered) => {
      leaveGarbage(filtered);
      if (mdev.addedControlDomain) filterControlDomain(mdev);
      updateGuest(mdev);
      resetFiltered(mdev, filtered);
      mdev.addedControlDomain = false;
    },
  },
};

/**
 * Whether anything is left is taken for whether anything changed: when the last adapter goes, the guest is not told.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_hot_unplug_cfg(); mended by 917f509bfb88, known by title
 * @fact D215
 */
export const lastAdapterStays: Defect<Spec> = {
  breaks: [{ rule: matrices.guestSeesItsMatrix, in: hotplug.adapterLost }],
  instead: {
    unplug: (mdev, adapter, controlDomain) => {
      if (adapter !== null) mdev.guestAdapters.delete(adapter);
      if (controlDomain) mdev.guestControlDomain = false;
      for (const left of mdev.guestAdapters) {
        if (left !== adapter) {
          updateGuest(mdev);
          return;
        }
      }
    },
  },
};

/**
 * Control domains are taken from devices that they are not assigned to.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_cfg_remove(); mended by 6b8a02e216f6, known by title
 * @fact D215
 */
export const wrongControlDomain: Defect<Spec> = {
  breaks: [{ rule: matrices.onlyDomainsHostHas, in: hotplug.controlDomainLost }],
  instead: {
    unplug: (mdev, adapter, controlDomain) => {
      if (adapter !== null) mdev.guestAdapters.delete(adapter);
      if (controlDomain && !mdev.controlDomain) mdev.guestControlDomain = false;
      updateGuest(mdev);
    },
  },
};

// ---- Assigning

/**
 * An adapter that the host has lost is unassigned while its queue is still bound. Only the queues of adapters that the guest saw are told that they have no device any more;
 * this one goes on pointing to it, and the device may be removed before the queue is. Our own reading of the newest text that we have, not published.
 * @source Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unlink_adapter() and vfio_ap_mdev_hot_unplug_adapter()
 * @sure candidate
 */
export const filteredStaysLinked: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: hotplug.unassignedAfterLoss }],
  instead: {
    unassignLocked: (mdev, adapter) => {
      mdev.adapters.delete(adapter);
      const queue = adapter.queue;
      if (queue !== null) mdev.queues.delete(queue);
      if (!mdev.guestAdapters.has(adapter)) return;
      mdev.guestAdapters.delete(adapter);
      updateGuest(mdev);
      if (queue === null) return;
      startReset(queue);
      flush(queue.reset);
      queue.mdev = null;
    },
  },
};

/**
 * An adapter that cannot be assigned is left assigned.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store(), clears the bit where the masks are refused
 */
export const refusedStaysAssigned: Defect<Spec> = {
  breaks: [
    { rule: matrices.assignedOnce, in: scenarios.twoMdevsOneAdapter },
    { rule: calls.assignContract, in: scenarios.twoMdevsOneAdapter },
  ],
  instead: {
    assignLocked: (mdev, adapter) => {
      if (mdev.adapters.has(adapter)) return 0;
      mdev.adapters.add(adapter);
      if (adapter.reserved) return 'EADDRNOTAVAIL';
      if (isAssigned(adapter, mdev)) return 'EADDRINUSE';
      return 0;
    },
  },
};

/**
 * Which adapters are the host's own is asked without the lock under which that changes; the host asks in turn, and both are told that nobody has it.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store(), mutex_lock(&ap_perms_mutex)
 */
export const assignWithoutPerms: Defect<Spec> = {
  breaks: [{ rule: buses.adapterGuards, in: scenarios.reservedWhileAssigning }],
  instead: {
    assignAdapter: (mdev, adapter) => {
      lockForMdev(mdev);
      const result = adapter === null ? 'ENODEV' : matrices.assignLocked(mdev, adapter);
      unlockForMdev(mdev);
      return result;
    },
  },
};

/**
 * The host takes an adapter without asking who has it.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/ap_bus.c, apmask_commit(), asks every driver by its in_use callback
 */
export const reservedUnasked: Defect<Spec> = {
  breaks: [
    { rule: buses.hostsOwnAreNotAssigned, in: scenarios.reservedWhileAssigning },
    { rule: calls.reserveContract, in: scenarios.reservedWhileAssigning },
  ],
  instead: {
    reserve: adapter => {
      lock(apBus.permsMutex);
      adapter.reserved = true;
      unlock(apBus.permsMutex);
      return 0;
    },
  },
};

/**
 * The bus's mutex is taken inside the driver's locks.
 * @source no known occurrence: Linux 6.12, Documentation/arch/s390/vfio-ap-locking.rst, which puts ap_perms_mutex outermost
 */
export const permsInside: Defect<Spec> = {
  breaks: [
    { rule: ap.updateLocks, in: scenarios.reservedWhileAssigning },
    { rule: always.everyWaitEnds, in: scenarios.reservedWhileAssigning },
  ],
  instead: {
    assignAdapter: (mdev, adapter) => {
      lockForMdev(mdev);
      lock(apBus.permsMutex);
      const result = adapter === null ? 'ENODEV' : matrices.assignLocked(mdev, adapter);
      unlock(apBus.permsMutex);
      unlockForMdev(mdev);
      return result;
    },
  },
};

/**
 * An adapter is assigned while its device has a guest: refused, as until 2022.
 * @source Linux 5.13, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store(): until 2022 it was the rule
 */
export const busyWhileAttached: Defect<Spec> = {
  breaks: [{ rule: calls.assignContract, in: scenarios.unassignWhileUsed }],
  instead: {
    assignLocked: (mdev, adapter) => {
      if (mdev.kvm !== null) return 'EADDRINUSE';
      mdev.adapters.add(adapter);
      const queue = adapter.queue;
      if (queue !== null) linkQueue(mdev, queue);
      return 0;
    },
  },
};

/**
 * The mask of a scan is written before its locks are taken.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_on_scan_complete(), fills its mask under the locks
 */
export const maskWithoutLocks: Defect<Spec> = {
  breaks: [{ rule: matrices.maskGuards, in: hotplug.adapterGained }],
  instead: {
    scanComplete: () => {
      const filtered = createMask();
      leaveGarbage(filtered);
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
    },
  },
};
