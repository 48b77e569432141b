/** What goes wrong with a device's own file. */
import { always, type Defect, guard, lock, unlock } from '../language.ts';
import * as cdevs from './cdev.ts';
import * as iommus from './iommu.ts';
import * as calls from './vfio-groups.calls.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import type { DeviceFile } from './vfio-groups.ts';
import * as objects from './vfio-groups.ts';

/**
 * The file gives access before it is bound.
 * @source no known occurrence: Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), "Paired with smp_load_acquire()": the store is the last step
 */
export const grantedTooEarly: Defect<Spec> = {
  breaks: [{ rule: rules.grantedIsCounted, in: scenarios.groupAndDevice }],
  instead: {
    bindFile: df => {
      const device = df.device;
      lock(device.setLock);
      df.isGranted = true;
      unlock(device.setLock);
      const blocked = cdevs.blockGroup(df.group);
      if (blocked !== 0) return blocked;
      using _ = guard(device.setLock);
      if (device.openCount > 0) return 'EINVAL';
      const claimed = iommus.claimDmaOwner(df.group.iommuGroup);
      if (claimed !== 0) return claimed;
      device.openCount += 1;
      return 0;
    },
  },
};

/**
 * A device is bound a second time, through another file of its own.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open(), without "Only the group path allows the device to be opened multiple times"
 */
export const boundTwice: Defect<Spec> = {
  breaks: [
    { rule: rules.boundAlone, in: scenarios.bindTwice },
    { rule: calls.bindIommufdContract, in: scenarios.bindTwice },
  ],
  instead: {
    bindLocked: df => {
      const device = df.device;
      if (df.isGranted) return 'EINVAL';
      if (device.openCount === 0) {
        const claimed = iommus.claimDmaOwner(df.group.iommuGroup);
        if (claimed !== 0) return claimed;
      }
      device.openCount += 1;
      df.isGranted = true;
      return 0;
    },
    closeCdev: df => {
      if (!df.isGranted) return;
      const device = df.device;
      lock(device.setLock);
      device.openCount -= 1;
      if (device.openCount === 0) iommus.releaseDmaOwner(df.group.iommuGroup);
      unlock(device.setLock);
      cdevs.unblockGroup(df.group);
    },
  },
};

/**
 * Binding that fails leaves the group blocked: it can never be opened again.
 * @source no known occurrence: Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), without vfio_df_unblock_group() on failure
 */
export const failureBlocksGroup: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.bindFails }],
  instead: {
    bindFile: df => {
      const blocked = cdevs.blockGroup(df.group);
      if (blocked !== 0) return blocked;
      using _ = guard(df.device.setLock);
      return cdevs.bindLocked(df);
    },
  },
};

/**
 * Access is granted after the lock was dropped under which the device was opened: who binds the same file meanwhile does not see it.
 * @source no known occurrence: Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), stores it under the lock
 */
export const grantedAfterUnlock: Defect<Spec> = {
  breaks: [{ rule: objects.deviceFileGuards, in: scenarios.bindTwice }],
  instead: {
    bindFile: df => {
      const device = df.device;
      const blocked = cdevs.blockGroup(df.group);
      if (blocked !== 0) return blocked;
      lock(device.setLock);
      const result = openUngranted(df);
      unlock(device.setLock);
      if (result === 0) df.isGranted = true;
      else cdevs.unblockGroup(df.group);
      return result;
    },
  },
};

/** Open the device for a file, all but the grant. */
function openUngranted(df: DeviceFile): 0 | 'EINVAL' | 'EPERM' {
  const device = df.device;
  if (df.isGranted || device.openCount > 0) return 'EINVAL';
  const claimed = iommus.claimDmaOwner(df.group.iommuGroup);
  if (claimed === 0) device.openCount += 1;
  return claimed;
}

/**
 * The group is blocked inside the lock of the device's set, which opening through the group takes inside the group's.
 * @source no known occurrence: Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), blocks the group first
 */
export const blocksInsideSetLock: Defect<Spec> = {
  breaks: [{ rule: objects.groupOutside, in: scenarios.groupAndDevice }],
  instead: {
    bindFile: df => {
      const group = df.group;
      using _ = guard(df.device.setLock);
      const blocked = cdevs.blockGroup(group);
      if (blocked !== 0) return blocked;
      const result = cdevs.bindLocked(df);
      if (result !== 0) cdevs.unblockGroup(group);
      return result;
    },
  },
};
