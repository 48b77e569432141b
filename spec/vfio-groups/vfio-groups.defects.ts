/** What goes wrong with groups, containers and who owns their DMA. */
import {
  absent,
  alloc,
  always,
  anyOf,
  assertHeld,
  bug,
  type Defect,
  get,
  guard,
  lock,
  put,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as cdevs from './cdev.ts';
import * as containers from './container.ts';
import * as groups from './group.ts';
import * as iommus from './iommu.ts';
import * as calls from './vfio-groups.calls.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import type { Container, OpenFile } from './vfio-groups.ts';

// ---- Who owns the DMA

/**
 * Until Linux 5.17 nobody owned the DMA. Whether all devices were away from the kernel's drivers was looked at where a device was opened; a driver that was
 * bound after that stopped the machine (`BUG_ON` in the notifier), as there was no way to refuse it.
 * @source Linux 5.17, drivers/vfio/vfio.c, vfio_group_viable() and vfio_iommu_group_notifier(), IOMMU_GROUP_NOTIFY_BOUND_DRIVER
 * @fact D320
 * @sure known
 */
export const viabilityIsLookedAt: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: scenarios.hostDriverRaces },
    { rule: rules.noHostDriverWhileAttached, in: scenarios.hostDriverRaces },
  ],
  instead: {
    // There is no such thing as an owner.
    claimedWhileAttached: absent,
    attach: (group, container) => {
      assertHeld(group.lock);
      writeLock(container.lock);
      group.container = container;
      group.containerUsers = 1;
      container.groups.add(group);
      get(container.users);
      writeUnlock(container.lock);
      return 0;
    },
    detach: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      writeLock(container.lock);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      const other = anyOf(container.groups);
      if (other === null) container.hasIommu = false;
      writeUnlock(container.lock);
      put(container.users);
    },
    openLocked: (group, device) => {
      if (group.container === null) return 'EINVAL';
      if (iommus.isDmaOwned(group.iommuGroup)) return 'EINVAL';
      using _ = guard(device.setLock);
      if (device.openCount === 0) {
        const used = groups.useContainer(group);
        if (used !== 0) return used;
      }
      device.openCount += 1;
      return 0;
    },
    bindHostDriver: group => {
      const iommuGroup = group.iommuGroup;
      lock(iommuGroup.mutex);
      iommuGroup.ownerCount = 1;
      iommuGroup.hostUses = true;
      unlock(iommuGroup.mutex);
      // The notifier, after the fact.
      lock(group.lock);
      if (group.containerUsers > 0) bug();
      unlock(group.lock);
      return 0;
    },
  },
};

/** Attaching fails after the DMA was claimed, and leaves it claimed: the group is nobody's from then on. The kernel does not do that. */
export const failureKeepsClaim: Defect<Spec> = {
  breaks: [{ rule: rules.claimedWhileAttached, in: scenarios.groupThatDoesNotFit }],
  instead: {
    attach: (group, container) => {
      assertHeld(group.lock);
      writeLock(container.lock);
      const claimed = iommus.claimDmaOwner(group.iommuGroup);
      if (claimed !== 0) {
        writeUnlock(container.lock);
        return claimed;
      }
      const served = !container.hasIommu || group.iommuGroup.fits;
      if (!served) {
        writeUnlock(container.lock);
        return 'EINVAL';
      }
      group.container = container;
      group.containerUsers = 1;
      container.groups.add(group);
      get(container.users);
      writeUnlock(container.lock);
      return 0;
    },
  },
};

/** A driver of the kernel does not ask who owns the DMA. */
export const hostDriverDoesNotAsk: Defect<Spec> = {
  breaks: [
    { rule: rules.noHostDriverWhileClaimed, in: scenarios.hostDriverRaces },
    { rule: calls.bindHostDriverContract, in: scenarios.hostDriverRaces },
  ],
  instead: {
    bindHostDriver: group => {
      const iommuGroup = group.iommuGroup;
      using _ = guard(iommuGroup.mutex);
      if (iommuGroup.hostUses) return 'EBUSY';
      iommuGroup.ownerCount += 1;
      iommuGroup.hostUses = true;
      return 0;
    },
  },
};

/** Whether a driver of the kernel uses the group is asked first, and the DMA is claimed later. */
export const claimedAfterAsking: Defect<Spec> = {
  breaks: [{ rule: rules.noHostDriverWhileClaimed, in: scenarios.hostDriverRaces }],
  instead: {
    claimDmaOwner: group => {
      if (iommus.isDmaOwned(group)) return 'EPERM';
      using _ = guard(group.mutex);
      group.ownerCount = 1;
      group.isClaimed = true;
      return 0;
    },
  },
};

// ---- The group's file

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

/** The group's opener is looked for before the lock is taken. */
export const openerReadBeforeLock: Defect<Spec> = {
  breaks: [{ rule: rules.oneOpener, in: scenarios.twoOpeners }],
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

/** Opening a group does not ask whether a file of its device is bound, nor binding whether the group is open: both own the DMA. */
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

/** An open device does not keep its group's file: the group leaves its container when that is closed, under the device. */
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

// ---- Containers

/** A group leaves its container although its device is open. */
export const unsetWhileOpen: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.openRacesUnset }],
  instead: {
    detachUnused: group => {
      if (group.container === null) return 'EINVAL';
      containers.detach(group);
      return 0;
    },
  },
};

/** A group is attached a second time, and forgets its first container, which keeps counting it. */
export const attachedTwice: Defect<Spec> = {
  breaks: [{ rule: rules.containerKnowsItsGroups, in: scenarios.twoContainers }],
  instead: {
    attachFile: (group, file) => {
      if (!group.isRegistered) return 'ENODEV';
      const container = file.container;
      if (container === null) return 'EBADFD';
      return containers.attach(group, container);
    },
    claimDmaOwner: group => {
      using _ = guard(group.mutex);
      if (group.hostUses) return 'EPERM';
      group.ownerCount = 1;
      group.isClaimed = true;
      return 0;
    },
  },
};

/** The container's driver stays when its last group has left: whoever still has the container maps memory for nobody, without the right to. */
export const driverOutlivesGroups: Defect<Spec> = {
  breaks: [{ rule: rules.driverNeedsGroup, in: scenarios.openRacesUnset }],
  instead: {
    detach: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      if (group.containerUsers !== 1) bug();
      writeLock(container.lock);
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      writeUnlock(container.lock);
      put(container.users);
    },
  },
};

/** An attached group does not keep its container, which goes with its file. */
export const groupDoesNotKeepContainer: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.closeContainerFirst }],
  instead: {
    groupOwns: { devices: device => device.registration, keptFile: file => file.refs },
    attach: (group, container) => {
      assertHeld(group.lock);
      writeLock(container.lock);
      const claimed = iommus.claimDmaOwner(group.iommuGroup);
      if (claimed === 0) {
        group.container = container;
        group.containerUsers = 1;
        container.groups.add(group);
      }
      writeUnlock(container.lock);
      return claimed;
    },
    detach: group => {
      assertHeld(group.lock);
      const container: Container | null = group.container;
      if (container === null) bug();
      writeLock(container.lock);
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      const other = anyOf(container.groups);
      if (other === null) container.hasIommu = false;
      writeUnlock(container.lock);
    },
  },
};

/** A device is opened without asking for the group's container. */
export const openWithoutContainer: Defect<Spec> = {
  breaks: [{ rule: calls.getDeviceFdContract, in: scenarios.openRacesUnset }],
  instead: {
    openLocked: (_group, device) => {
      using _ = guard(device.setLock);
      device.openCount += 1;
      return 0;
    },
    closeThrough: df => {
      const device = df.device;
      using _ = guard(df.group.lock);
      using __ = guard(device.setLock);
      device.openCount -= 1;
    },
  },
};

// ---- A device's own file

/** The file gives access before it is bound. */
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

/** A device is bound a second time, through another file of its own. */
export const boundTwice: Defect<Spec> = {
  breaks: [{ rule: rules.boundAlone, in: scenarios.bindTwice }],
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

/** Binding that fails leaves the group blocked: it can never be opened again. */
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
