/**
 * January 2023, the first way out of the deadlock of Linux 5.19, where the machine's end needs the lock under which a driver puts the machine:
 * the put is left to a work item. It was not merged.
 */
import {
  absent,
  alloc,
  always,
  bug,
  type Defect,
  flush,
  get,
  lock,
  maybe,
  put,
  queue,
  some,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as deferredPuts from './deferred-put.ts';
import { type DeferredPut, driverPutsKvm } from './deferred-put.ts';
import * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import { linux_5_19 } from './vfio-device.linux-5.19.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as machines from './vfio-device.machine.scenarios.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import type { Device } from './vfio-device.ts';

/** The graphics driver opens; the reference that it gets is the deferred put's. */
function openWith(device: Device, later: DeferredPut): 0 | 'EEXIST' {
  const kvm = later.kvm;
  lock(gvt.lock);
  const taken = some(gvt.attached, other => other.kvm === kvm);
  if (!taken) gvt.attached.add(device);
  unlock(gvt.lock);
  if (taken) return 'EEXIST';
  get(kvm.users);
  device.deferredPut = later;
  writeLock(kvm.mmuLock);
  kvm.trackers.add(device);
  writeUnlock(kvm.mmuLock);
  return 0;
}

/** The graphics driver forgets the machine; whoever calls sees to the put. */
function forgetVm(device: Device): DeferredPut {
  const later = device.deferredPut;
  if (later === null) bug();
  const kvm = later.kvm;
  writeLock(kvm.mmuLock);
  kvm.trackers.delete(device);
  writeUnlock(kvm.mmuLock);
  device.deferredPut = null;
  lock(gvt.lock);
  gvt.attached.delete(device);
  unlock(gvt.lock);
  return later;
}

/**
 * Drivers leave the put to a work item. The deadlock is gone: `deviceOutlivesVm` holds. The price: when everything is closed, the machine lives on until
 * the work has run, and so do both modules; and the machine is still got by a plain get, from a group that may point to one that is ending.
 * @source kvm mailing list, January 2023, Rosato on "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "schedule_delayed_work in each driver"
 * @fact D108
 */
export const workQueue: Defect<Spec> = {
  of: linux_5_19,
  breaks: [
    { rule: always.bugNeverReached, in: machines.unloadsAfterwards },
    { rule: always.bugNeverReached, in: machines.driversUnload },
    { rule: always.neverResurrected, in: scenarios.openRacesClose },
  ],
  instead: {
    groupsVmIsAlive: absent,

    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      const later = deferredPuts.newDeferredPut(kvm);
      const result = openWith(device, later);
      if (result !== 0) deferredPuts.dropDeferredPut(later);
      return result;
    },
    gvtClose: device => {
      const later = forgetVm(device);
      queue(later.work);
    },
    apOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'EINVAL';
      const later = deferredPuts.newDeferredPut(kvm);
      lock(kvm.lock);
      if (kvm.cryptoUser !== null) {
        unlock(kvm.lock);
        deferredPuts.dropDeferredPut(later);
        return 'EPERM';
      }
      kvm.cryptoUser = device;
      get(kvm.users);
      device.deferredPut = later;
      unlock(kvm.lock);
      if (maybe()) {
        drivers.apClose(device);
        return 'ENOMEM';
      }
      return 0;
    },
    apClose: device => {
      const later = device.deferredPut;
      if (later === null) bug();
      const kvm = later.kvm;
      lock(kvm.lock);
      kvm.cryptoUser = null;
      device.deferredPut = null;
      unlock(kvm.lock);
      queue(later.work);
    },
  },
};

/**
 * Nothing keeps the driver's module until the work has run: its function is called when it has gone.
 * @source kvm mailing list, January 2023, Rosato on "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "schedule_delayed_work in each driver"
 * @fact D106
 */
export const workOutlivesDriver: Defect<Spec> = {
  of: workQueue,
  breaks: [{ rule: always.neverTouchedAfterFree, in: machines.driversUnload }],
  instead: { newDeferredPut: kvm => alloc<DeferredPut>({ kvm, putKvm: driverPutsKvm }) },
};

/**
 * Who closes waits for the work, to have the machine gone when it returns. It waits under the locks that the machine's end takes.
 * @source no known occurrence: what a driver does that wants the machine gone when its close returns
 * @fact D107
 */
export const flushUnderLock: Defect<Spec> = {
  of: workQueue,
  breaks: [
    { rule: always.noLockCycle, in: scenarios.deviceOutlivesVm },
    { rule: always.everyWaitEnds, in: scenarios.deviceOutlivesVm },
  ],
  instead: {
    putNow: later => {
      later.putKvm(later.kvm);
    },
    gvtClose: device => {
      const later = forgetVm(device);
      queue(later.work);
      flush(later.work);
      deferredPuts.dropDeferredPut(later);
    },
  },
};

/**
 * The closing driver leaves the put to a work item; a failing open puts at once, under the group's lock, as it always has.
 * @source Linux 421cfe6596f6, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_open_device(), the label err_kvm
 * @fact D103
 * @sure candidate
 */
export const failingOpenPutsAtOnce: Defect<Spec> = {
  of: workQueue,
  breaks: [
    { rule: always.lastPutTakesNoHeldLock, in: scenarios.openRacesClose },
    { rule: always.neverTakenTwice, in: scenarios.openRacesClose },
  ],
  instead: {
    apOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'EINVAL';
      const later = deferredPuts.newDeferredPut(kvm);
      lock(kvm.lock);
      if (kvm.cryptoUser !== null) {
        unlock(kvm.lock);
        deferredPuts.dropDeferredPut(later);
        return 'EPERM';
      }
      kvm.cryptoUser = device;
      get(kvm.users);
      device.deferredPut = later;
      unlock(kvm.lock);
      if (maybe()) {
        lock(kvm.lock);
        kvm.cryptoUser = null;
        device.deferredPut = null;
        unlock(kvm.lock);
        put(kvm.users);
        deferredPuts.dropDeferredPut(later);
        return 'ENOMEM';
      }
      return 0;
    },
  },
};
