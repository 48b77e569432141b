/** What goes wrong with a group's file, and with devices that are opened through it. */
import { alloc, always, assertHeld, bug, type Defect, free, guard, put } from '../language.ts';
import * as cdevs from './cdev.ts';
import * as groups from './group.ts';
import * as calls from './vfio-groups.calls.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import type { OpenFile } from './vfio-groups.ts';
import * as objects from './vfio-groups.ts';

/**
 * Until Linux 3.10 a group could be opened by many at once.
 * @source Linux 6d6768c61b39, "vfio: Limit group opens"
 */
export const manyOpeners: Defect<Spec> = {
  breaks: [
    { rule: rules.oneOpener, in: scenarios.twoOpeners },
    { rule: calls.openGroupContract, in: scenarios.twoOpeners },
  ],
  instead: {
    takeGroup: (group, to) => {
      if (!group.isRegistered) return 'ENODEV';
      if (group.cdevOpens > 0) return 'EBUSY';
      const file = alloc<OpenFile>({ container: null, group, df: null, refs: 1 });
      group.openedFile = file;
      to.file = file;
      return 0;
    },
  },
};

/**
 * The group's opener is looked for before the lock is taken.
 * @source Linux 5.17, drivers/vfio/vfio.c, vfio_group_fops_open(): an atomic counter in place of the lock; without it, no known occurrence
 */
export const openerReadBeforeLock: Defect<Spec> = {
  breaks: [
    { rule: rules.oneOpener, in: scenarios.twoOpeners },
    { rule: objects.groupGuards, in: scenarios.twoOpeners },
  ],
  instead: {
    openGroup: (group, to) => {
      if (group.openedFile !== null) return 'EBUSY';
      const file = alloc<OpenFile>({ container: null, group, df: null, refs: 1 });
      using _ = guard(group.lock);
      group.openedFile = file;
      to.file = file;
      return 0;
    },
  },
};

/**
 * Opening a group does not ask whether a file of its device is bound, nor binding whether the group is open: both own the DMA.
 * @source no known occurrence: Linux 6.6, drivers/vfio/group.c, vfio_device_block_group(), came with the files that it excludes
 */
export const bothWaysAtOnce: Defect<Spec> = {
  breaks: [{ rule: rules.groupOrDevice, in: scenarios.groupAndDevice }],
  instead: {
    blockGroup: group => {
      using _ = guard(group.lock);
      group.cdevOpens += 1;
      return 0;
    },
    takeGroup: (group, to) => {
      if (!group.isRegistered) return 'ENODEV';
      if (group.openedFile !== null) return 'EBUSY';
      const file = alloc<OpenFile>({ container: null, group, df: null, refs: 1 });
      group.openedFile = file;
      to.file = file;
      return 0;
    },
  },
};

/**
 * An open device does not keep its group's file: the group leaves its container when that is closed, under the device.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_group_use_container(), get_file()
 */
export const deviceDoesNotKeepGroup: Defect<Spec> = {
  breaks: [
    { rule: rules.openDeviceKeepsGroup, in: scenarios.closeGroupFirst },
    { rule: always.bugNeverReached, in: scenarios.closeGroupFirst },
  ],
  instead: {
    useContainer: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      if (!container.hasIommu) return 'EINVAL';
      group.containerUsers += 1;
      return 0;
    },
    unuseContainer: group => {
      assertHeld(group.lock);
      group.containerUsers -= 1;
    },
  },
};

/**
 * A device is opened without the lock of its set: two who open it through the group both take themselves for the first, or one is not counted.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_df_group_open(), takes it inside the group's
 */
export const openedWithoutSetLock: Defect<Spec> = {
  breaks: [{ rule: objects.deviceGuards, in: scenarios.closeGroupFirst }],
  instead: {
    openLocked: (group, device) => {
      if (group.container === null) return 'EINVAL';
      if (device.openCount === 0) {
        const used = groups.useContainer(group);
        if (used !== 0) return used;
      }
      device.openCount += 1;
      return 0;
    },
  },
};

/**
 * A closing file lets go of the registration before it closes the device: unregistering ends, and forgets the group under it.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_fops_release(), puts the registration last
 */
export const registrationPutFirst: Defect<Spec> = {
  breaks: [
    { rule: rules.openKeepsRegistered, in: scenarios.unregisterRacesOpen },
    { rule: always.bugNeverReached, in: scenarios.unregisterRacesOpen },
  ],
  instead: {
    closeDevice: df => {
      put(df.device.registration);
      if (df.isCdev) cdevs.closeCdev(df);
      else groups.closeThrough(df);
      free(df);
    },
  },
};
