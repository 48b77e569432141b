/** What goes wrong about who owns the DMA of a group. */
import { absent, always, anyOf, assertHeld, bug, type Defect, get, guard, lock, put, unlock, writeLock, writeUnlock } from '../language.ts';
import * as groups from './group.ts';
import * as iommus from './iommu.ts';
import * as calls from './vfio-groups.calls.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import * as objects from './vfio-groups.ts';

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

/**
 * Attaching fails after the DMA was claimed, and leaves it claimed: the group is nobody's from then on.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group(), without its unwinding
 */
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

/**
 * A driver of the kernel does not ask who owns the DMA.
 * @source Linux 5.17, drivers/base/dd.c, really_probe(), which did not ask: here in a kernel that has owners
 */
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

/**
 * Whether a driver of the kernel uses the group is asked first, and the DMA is claimed later.
 * @source no known occurrence: Linux 6.12, drivers/iommu/iommu.c, iommu_group_claim_dma_owner(), asks and claims under one lock
 */
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

/**
 * A driver of the kernel is bound without the lock under which ownership is decided: it and user space both find the group free.
 * @source no known occurrence: Linux 6.12, drivers/iommu/iommu.c, iommu_device_use_default_domain(), takes it
 */
export const hostBindsWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: objects.iommuGroupGuards, in: scenarios.hostDriverRaces },
    { rule: rules.noHostDriverWhileClaimed, in: scenarios.hostDriverRaces },
  ],
  instead: {
    bindHostDriver: group => {
      const iommuGroup = group.iommuGroup;
      if (iommuGroup.isClaimed || iommuGroup.hostUses) return 'EBUSY';
      iommuGroup.ownerCount += 1;
      iommuGroup.hostUses = true;
      return 0;
    },
  },
};
