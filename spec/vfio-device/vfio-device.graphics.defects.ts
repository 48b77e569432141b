/** What the graphics driver must not do. */
import { always, type Defect, lock, some, unlock, writeLock, writeUnlock } from '../language.ts';
import * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import type { Kvm } from './kvm.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as scenarios from './vfio-device.scenarios.ts';

/**
 * The graphics driver looks for its other devices without its lock, and finds none although one is about to be there.
 * @source no known occurrence: Linux 6.3, drivers/gpu/drm/i915/gvt/kvmgt.c, intel_vgpu_open_device(), mutex_lock(&vgpu->gvt->lock)
 */
export const lookedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: drivers.gvtGuards, in: scenarios.secondForOneVm }],
  instead: {
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      if (some(gvt.attached, other => other.kvm === kvm)) return 'EEXIST';
      gvt.attached.add(device);
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
  },
};

/**
 * The graphics driver locks the set of each device that it looks at, to read its machine safely. It came with the lock of a set already.
 * @source no known occurrence: Linux 6.3, drivers/gpu/drm/i915/gvt/kvmgt.c, __kvmgt_vgpu_exist(), reads without: what is attached is open
 */
export const setLockedInsideDriver: Defect<Spec> = {
  breaks: [
    { rule: drivers.gvtOrder, in: scenarios.secondForOneVm },
    { rule: always.noLockCycle, in: scenarios.secondForOneVm },
  ],
  instead: {
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      lock(gvt.lock);
      const taken = hasDevice(kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) return 'EEXIST';
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
  },
};

/** Whether some device has the machine. */
function hasDevice(kvm: Kvm): boolean {
  for (const other of gvt.attached) {
    lock(other.set.lock);
    const same = other.kvm === kvm;
    unlock(other.set.lock);
    if (same) return true;
  }
  return false;
}
