/** What calls of groups return, and when. */
import { atAnyTime, type Contract, current, some } from '../language.ts';
import {
  devicesInUse,
  type Group,
  type getDeviceFd,
  isForeign,
  isMerged,
  isViable,
  type merge,
  type setHardTimeout,
  type unmerge,
} from './groups-2011.ts';

/**
 * Merging wants an incoming group that is alone, unused and of the same kind, and a set that this process may use.
 * @source kvm mailing list, November 2011, review of the VFIO group core, VFIO_GROUP_MERGE
 */
export const mergeContract: Contract<typeof merge> = {
  fails: {
    EBADF: (_group, fd) => fd.file === null,
    EINVAL: (group, fd) => fd.file !== null && (fd.file.kind !== 'group' || !fits(group, fd.file.group)),
    EPERM: group => group.iommu !== null && isForeign(group.iommu),
    EBUSY: (group, fd) => !setIsViable(group) || (fd.file !== null && fd.file.kind === 'group' && !setIsViable(fd.file.group)),
    EFAULT: atAnyTime,
  },
  ensures: (group, fd) => fd.file !== null && fd.file.kind === 'group' && fd.file.group.iommu === group.iommu,
};

/** The incoming group is alone and nobody uses it; both are of one kind. The receiving group may be in use. */
function fits(group: Group, incoming: Group): boolean {
  return (
    group.iommu !== null &&
    incoming.iommu !== null &&
    group.iommu !== incoming.iommu &&
    !isMerged(incoming) &&
    !incoming.iommu.isOpen &&
    group.bus === incoming.bus &&
    group.iommu.coherent === incoming.iommu.coherent
  );
}

/** Every device of the set that the group is in may be used. */
function setIsViable(group: Group): boolean {
  return group.iommu !== null && isViable(group.iommu);
}

/**
 * A group leaves its set unless its devices are in use.
 * @source kvm mailing list, November 2011, review of the VFIO group core, VFIO_GROUP_UNMERGE
 */
export const unmergeContract: Contract<typeof unmerge> = {
  fails: {
    EINVAL: group => !isMerged(group),
    EBUSY: group => devicesInUse(group),
    ENOMEM: atAnyTime,
  },
  ensures: group => !isMerged(group) && group.iommu !== null && !group.iommu.isOpen,
};

/**
 * A device is opened only in a viable set, by the process that has its context.
 * @source kvm mailing list, November 2011, review of the VFIO group core, VFIO_GROUP_GET_DEVICE_FD
 */
export const getDeviceFdContract: Contract<typeof getDeviceFd> = {
  fails: {
    EINVAL: group => group.iommu === null,
    EPERM: group => group.iommu !== null && isForeign(group.iommu),
    ENODEV: (group, device) => group.iommu !== null && !some(group.iommu.groups, member => member.devices.has(device)),
    EBUSY: group => !setIsViable(group),
    EFAULT: atAnyTime,
  },
  ensures: (_group, device) => device.files > 0 && device.attached,
};

/**
 * Only an administrator may change when removal stops waiting for users.
 * @source kvm mailing list, November 2011, review of the VFIO group core, on removal
 */
export const setHardTimeoutContract: Contract<typeof setHardTimeout> = { fails: { EPERM: () => !current.admin } };
