/** Who owns the DMA of a group's devices: drivers of the kernel, or user space, never both. */
import { bug, guard, lock, unlock } from '../language.ts';
import type { Group, IommuGroup } from './vfio-groups.ts';

/**
 * All devices of the group are user space's from here on (`iommu_group_claim_dma_owner`). Refused with EPERM while a driver of the kernel uses one of them;
 * it is that driver's bind that gets EBUSY, in the other direction.
 */
export function claimDmaOwner(group: IommuGroup): 0 | 'EPERM' {
  using _ = guard(group.mutex);
  if (group.ownerCount > 0) return 'EPERM';
  group.ownerCount = 1;
  group.isClaimed = true;
  return 0;
}

/** They are the kernel's again. */
export function releaseDmaOwner(group: IommuGroup): void {
  using _ = guard(group.mutex);
  if (!group.isClaimed) bug();
  group.ownerCount = 0;
  group.isClaimed = false;
}

/** Whether somebody owns it, or uses it as it is. */
export function isDmaOwned(group: IommuGroup): boolean {
  using _ = guard(group.mutex);
  return group.ownerCount > 0;
}

/** A driver of the kernel is bound to a device of the group that VFIO does not have (`bind` in sysfs, `iommu_device_use_default_domain`). */
export function bindHostDriver(group: Group): 0 | 'EBUSY' {
  const iommuGroup = group.iommuGroup;
  lock(iommuGroup.mutex);
  const free = !iommuGroup.isClaimed && !iommuGroup.hostUses;
  if (free) {
    iommuGroup.ownerCount += 1;
    iommuGroup.hostUses = true;
  }
  unlock(iommuGroup.mutex);
  return free ? 0 : 'EBUSY';
}

/** And unbound again. False if none was. */
export function unbindHostDriver(group: Group): boolean {
  const iommuGroup = group.iommuGroup;
  using _ = guard(iommuGroup.mutex);
  if (!iommuGroup.hostUses) return false;
  iommuGroup.hostUses = false;
  iommuGroup.ownerCount -= 1;
  return true;
}
