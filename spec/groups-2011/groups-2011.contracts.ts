/** What the calls return, and when. */
import { atAnyTime, type Contract, type Descriptor, every, some } from '../language.ts';
import type { plug, presetDriver, probe, setPatience } from './devices.ts';
import type { accessDevice, close, getDeviceFd, getIommuFd, mapDma, openGroup } from './files.ts';
import {
  type Device,
  devicesInUse,
  type Group,
  type Iommu,
  inUse,
  isCoherent,
  isMerged,
  isViable,
  type OpenFile,
  type Task,
  vfio,
} from './groups-2011.ts';
import type { merge, unmerge } from './merge.ts';

/**
 * A group can be opened when VFIO knows it, by its bus and number.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_open()
 */
export const openGroupContract: Contract<typeof openGroup> = {
  fails: { ENODEV: (bus, id) => every(vfio.groups, group => group.bus !== bus || group.id !== id), ENOMEM: atAnyTime },
  ensures: (bus, id) => some(vfio.groups, group => group.bus === bus && group.id === id && group.files > 0 && group.iommu !== null),
  mayLeave: () => [],
};

/**
 * A context is opened for whoever comes first, if every device of the whole set is VFIO's; then it is that process's.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_iommu_fd() and __vfio_open_iommu()
 * @fact R305, R306
 */
export const getIommuFdContract: Contract<typeof getIommuFd> = {
  fails: {
    EBADF: (_task, fd) => fd.file === null,
    EPERM: (task, fd) => isOpenToAnother(task, fd),
    EBUSY: (_task, fd) => isUnfit(fd),
    EFAULT: atAnyTime,
    ENOMEM: atAnyTime,
  },
  ensures: (task, _fd, to) => to.file !== null && to.file.iommu !== null && isOpenFor(task, to.file.iommu),
  mayLeave: () => [],
};

/** The context is open, for this process. */
function isOpenFor(task: Task, iommu: Iommu): boolean {
  return iommu.isOpen && iommu.owner === task;
}

/** The context of the file's group is open, for another process. */
function isOpenToAnother(task: Task, fd: Descriptor<OpenFile>): boolean {
  return (
    fd.file !== null &&
    fd.file.group !== null &&
    fd.file.group.iommu !== null &&
    fd.file.group.iommu.owner !== null &&
    fd.file.group.iommu.owner !== task
  );
}

/** A device of the set that the file's group is in cannot be given to users. */
function isUnfit(fd: Descriptor<OpenFile>): boolean {
  return fd.file !== null && fd.file.group !== null && fd.file.group.iommu !== null && !isViable(fd.file.group.iommu);
}

/**
 * A device can be opened through any member of its set, by the process whose context it is, while every device of the set is VFIO's.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd(); kvm mailing list, same month, on that it must be so now
 * @fact R305, R306, R328, R329
 */
export const getDeviceFdContract: Contract<typeof getDeviceFd> = {
  fails: {
    EBADF: (_task, fd) => fd.file === null,
    EPERM: (task, fd) => isOpenToAnother(task, fd),
    ENODEV: (_task, fd, dev) =>
      fd.file !== null && fd.file.group !== null && fd.file.group.iommu !== null && !hasDevice(fd.file.group.iommu, dev),
    EBUSY: (_task, fd) => isUnfit(fd),
    EFAULT: atAnyTime,
    ENOMEM: atAnyTime,
  },
  ensures: (_task, _fd, dev, to) => to.file !== null && to.file.device !== null && to.file.device.dev === dev && to.file.device.attached,
  mayLeave: () => [],
};

/** The device is in a group of the set. */
function hasDevice(iommu: Iommu, dev: Device): boolean {
  return some(iommu.groups, group => some(group.devices, device => device.dev === dev));
}

/**
 * Memory is mapped by the process whose context it is, not by one that it passed the file to.
 * @source drivers/vfio/vfio_iommu.c as posted in November 2011, from general knowledge
 * @fact R305
 * @sure known
 */
export const mapDmaContract: Contract<typeof mapDma> = {
  fails: {
    EBADF: (_task, fd) => fd.file === null,
    EPERM: (task, fd) => fd.file !== null && fd.file.iommu !== null && fd.file.iommu.owner !== null && fd.file.iommu.owner !== task,
  },
  ensures: (_task, fd) => fd.file !== null && fd.file.iommu !== null && isMapped(fd.file.iommu),
};

/** Memory is mapped in the context. */
function isMapped(iommu: Iommu): boolean {
  return iommu.mapped;
}

/**
 * A device is there for its users until it was taken from them.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "We can't leave it to userspace to decide they get to keep the device"
 * @fact R320
 */
export const accessDeviceContract: Contract<typeof accessDevice> = {
  fails: {
    EBADF: fd => fd.file === null,
    EIO: fd => fd.file !== null && fd.file.device !== null && fd.file.device.data === null,
  },
  mayLeave: () => [],
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null } };

/**
 * The incoming group is alone, without a context, on the same bus and of the same kind; the receiving one may be in use, by this process. Both sets are
 * viable. Its author says "singular"; the code under review asks only for the context.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge(); kvm mailing list, same month, "I currently require"
 * @fact R305, R306, R307, R308, R309, R310
 */
export const mergeContract: Contract<typeof merge> = {
  fails: {
    EBADF: (_task, fd, incoming) => fd.file === null || incoming.file === null,
    EINVAL: (_task, fd, incoming) =>
      fd.file !== null &&
      fd.file.group !== null &&
      incoming.file !== null &&
      (incoming.file.group === null || !fits(fd.file.group, incoming.file.group)),
    EPERM: (task, fd) => isOpenToAnother(task, fd),
    EBUSY: (_task, fd, incoming) => isUnfit(fd) || isUnfit(incoming),
    EFAULT: atAnyTime,
  },
  // Either descriptor may be closed while the call goes on; then there is nothing to see of it from outside.
  ensures: (_task, fd, incoming) =>
    fd.file === null ||
    incoming.file === null ||
    (fd.file.group !== null && incoming.file.group !== null && incoming.file.group.iommu === fd.file.group.iommu),
};

/** The one may be merged into the other's set. */
function fits(group: Group, incoming: Group): boolean {
  return (
    group !== incoming &&
    group.iommu !== null &&
    incoming.iommu !== null &&
    !isMerged(incoming) &&
    !incoming.iommu.isOpen &&
    group.bus === incoming.bus &&
    isCoherent(group.iommu) === isCoherent(incoming.iommu)
  );
}

/**
 * A group leaves its set unless its devices are open; the others go on. It has a context of its own then, which is closed.
 * @source drivers/vfio/vfio_main.c of December 2011, vfio_group_unmerge()
 * @fact R313
 */
export const unmergeContract: Contract<typeof unmerge> = {
  fails: {
    EBADF: (_task, fd) => fd.file === null,
    EPERM: (task, fd) => isOpenToAnother(task, fd),
    EINVAL: (_task, fd) => fd.file !== null && fd.file.group !== null && !isMerged(fd.file.group),
    EBUSY: (_task, fd) => fd.file !== null && fd.file.group !== null && devicesInUse(fd.file.group),
    ENOMEM: atAnyTime,
  },
  ensures: (_task, fd) =>
    fd.file !== null && fd.file.group !== null && !isMerged(fd.file.group) && fd.file.group.iommu !== null && !fd.file.group.iommu.isOpen,
  mayLeave: () => [],
};

/**
 * A device without a group is none of VFIO's business; one that cannot be added taints its group.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_add_dev(); kvm mailing list, same month, "mark the group tainted"
 * @fact R319
 */
export const plugContract: Contract<typeof plug> = {
  fails: { ENODEV: dev => dev.groupId === 0, ENOMEM: atAnyTime },
  ensures: dev => dev.vfio !== null,
  // The device is there all the same: its group, which may be new, is tainted.
  mayLeave: dev => [dev.isAnnounced, vfio.groups, dev.vfio?.group.tainted],
};

/**
 * A device has one driver, and no other than VFIO's while it is kept for that.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "check and honor such pre-driver-initialization"
 * @fact R316, R317
 */
export const probeContract: Contract<typeof probe> = {
  fails: {
    EBUSY: (dev, driver) =>
      dev.driver !== 'none' ||
      (driver === 'other' && dev.preset === 'vfio' && dev.vfio !== null && dev.vfio.group.iommu !== null && inUse(dev.vfio.group.iommu)),
    EINVAL: (dev, driver) => driver === 'vfio' && dev.vfio === null,
  },
  ensures: dev => dev.driver !== 'none',
  mayLeave: () => [],
};

/**
 * Who presets a driver second is refused.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "reject calls on devices that already have a preinit driver"
 * @fact R318, R507
 */
export const presetDriverContract: Contract<typeof presetDriver> = {
  fails: { EBUSY: dev => dev.preset !== 'none' },
  ensures: dev => dev.preset !== 'none',
  mayLeave: () => [],
};

/**
 * Only an administrator may say how long removal waits.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "I don't see how we wouldn't require CAP_SYS_ADMIN"
 * @fact R320, R506
 */
export const setPatienceContract: Contract<typeof setPatience> = {
  fails: { EPERM: task => !task.isAdmin },
  ensures: (_task, to) => vfio.patience === to,
  mayLeave: () => [],
};
