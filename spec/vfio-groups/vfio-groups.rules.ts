/** What must be true of groups, containers and devices, whoever does what. */
import { type Invariant, implies, isLive, type Settled, some } from '../language.ts';
import type { Container, DeviceFile, Group, OpenFile } from './vfio-groups.ts';

/**
 * No driver of the kernel has a device of a group that user space has: ownership is decided when it is claimed, and holds until it is released.
 * @source Linux 5.18, drivers/iommu/iommu.c, iommu_device_use_default_domain() and iommu_group_claim_dma_owner()
 * @fact R326
 */
export const noHostDriverWhileClaimed: Settled<{ group: Group }> = ({ group }) =>
  implies(group.iommuGroup.isClaimed, !group.iommuGroup.hostUses && group.iommuGroup.ownerCount === 1);

/**
 * No driver of the kernel has a device of a group that is attached.
 * @source Linux 3.6, drivers/vfio/vfio.c, vfio_group_viable()
 * @fact R326
 */
export const noHostDriverWhileAttached: Settled<{ group: Group }> = ({ group }) =>
  implies(group.container !== null, !group.iommuGroup.hostUses);

/**
 * The DMA of a group is owned exactly while the group is attached, or its device is bound.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group() and vfio_group_detach_container()
 * @fact R326
 */
export const claimedWhileAttached: Settled<{ group: Group }> = ({ group }) =>
  implies(group.cdevOpens === 0, group.iommuGroup.isClaimed === (group.container !== null));

/**
 * A group and its container know of each other.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group()
 * @fact R125
 */
export const containerKnowsItsGroups: Settled<{ group: Group; container: Container }> = ({ group, container }) =>
  (group.container === container) === container.groups.has(group);

/**
 * A container without groups has no driver: it gives no privilege.
 * @source Linux 6.12, drivers/vfio/container.c, "Detaching the last group deprivileges a container, remove iommu"
 */
export const driverNeedsGroup: Settled<{ container: Container }> = ({ container }) =>
  implies(
    container.hasIommu,
    some(container.groups, group => group.container === container),
  );

/**
 * A group's users are counted from its container on.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_has_iommu(), "There can only be users if there is a container"
 * @fact R125
 */
export const usersNeedContainer: Settled<{ group: Group }> = ({ group }) => group.containerUsers > 0 === (group.container !== null);

/**
 * A device that is open through its group has a container with a driver, and one more user is counted for it.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_group_use_container()
 * @fact R124, R125, R326
 */
export const openDeviceKeepsContainer: Settled<{ group: Group }> = ({ group }) =>
  implies(
    group.device.openCount > 0 && group.cdevOpens === 0,
    group.containerUsers === 2 && group.container !== null && group.container.hasIommu,
  );

/**
 * A device that is open through its group keeps the group's file open.
 * @source Linux 6.12, drivers/vfio/group.c, "Device FDs hold a group file reference"
 */
export const openDeviceKeepsGroup: Settled<{ file: OpenFile; df: DeviceFile }> = ({ file, df }) =>
  implies(isLive(file) && file.df === df && df.isGranted && !df.isCdev, isLive(df.group.openedFile));

/**
 * A group has one opener.
 * @source Linux 6d6768c61b39, "vfio: Limit group opens"
 * @fact R126
 */
export const oneOpener: Settled<{ one: OpenFile; other: OpenFile }> = ({ one, other }) =>
  implies(isLive(one) && isLive(other) && one.group !== null && one.group === other.group, one === other);

/**
 * A group is open, or a file of its device is bound, and not both.
 * @source Linux 6.6, drivers/vfio/group.c, vfio_device_block_group() and vfio_group_fops_open()
 * @fact R126
 */
export const groupOrDevice: Settled<{ group: Group }> = ({ group }) => !(group.openedFile !== null && group.cdevOpens > 0);

/**
 * A file that may use its device is counted on it.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open()
 * @fact R121
 */
export const grantedIsCounted: Settled<{ file: OpenFile; df: DeviceFile }> = ({ file, df }) =>
  implies(isLive(file) && file.df === df && df.isGranted, df.device.openCount > 0);

/**
 * Only a group opens its device more than once: a file of the device's own is bound alone.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_df_open(), "Only the group path allows the device to be opened multiple times"
 * @fact R127
 */
export const boundAlone: Settled<{ file: OpenFile; df: DeviceFile }> = ({ file, df }) =>
  implies(isLive(file) && file.df === df && df.isGranted && df.isCdev, df.device.openCount === 1);

/**
 * A device is opened and closed while it is registered.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()
 * @fact R128
 */
export const openKeepsRegistered: Invariant<{ group: Group }> = ({ group }) =>
  implies(group.device.openCount > 0, group.device.registration.count > 0);

/**
 * A group that VFIO's driver has given up is not attached.
 * @source Linux 6.2, drivers/vfio/group.c, vfio_device_remove_group(), "Revoke all users of group->iommu_group"
 */
export const unregisteredIsDetached: Settled<{ group: Group }> = ({ group }) => implies(!group.isRegistered, group.container === null);
