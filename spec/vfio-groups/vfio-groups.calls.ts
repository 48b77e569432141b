/** What an implementation offers to user space, and what each call returns when. */
import { type Contract, type Descriptor, every, type Interface, some } from '../language.ts';
import { bindIommufd, openCdev } from './cdev.ts';
import { createContainer, mapDma, setContainer, setIommu, unsetContainer } from './container.ts';
import { accessDevice, close, createGroup, createNumber, getDeviceFd, getStatus, openGroup } from './group.ts';
import { bindHostDriver, unbindHostDriver } from './iommu.ts';
import type { Container, DeviceFile, Group, OpenFile } from './vfio-groups.ts';

/**
 * The calls. A group is one with two devices, of which VFIO's driver has one and no driver has the other; a number is what a call that opens something
 * puts it under.
 */
export const calls: Interface = {
  createGroup,
  createNumber,
  createContainer,
  openGroup,
  setContainer,
  unsetContainer,
  getStatus,
  getDeviceFd,
  openCdev,
  bindIommufd,
  accessDevice,
  setIommu,
  canMapDma: mapDma,
  bindHostDriver,
  unbindHostDriver,
  closeFd: close,
};

/** The behaviour described by the functions themselves, as adapters name it. */
export const baseProfile = 'linux-6.12' as const;

/**
 * A group has one opener, and none while a file of its device is bound.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_fops_open()
 * @fact R126
 */
export const openGroupContract: Contract<typeof openGroup> = {
  fails: {
    ENODEV: group => !group.isRegistered,
    EBUSY: group => group.cdevOpens > 0 || group.openedFile !== null,
  },
  ensures: group => group.openedFile !== null,
  mayLeave: () => [],
};

/**
 * A group is attached once, to a container, if no driver of the kernel uses one of its devices. A driver of the container may refuse it.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_set_container(); drivers/iommu/iommu.c, iommu_group_claim_dma_owner()
 * @fact R125, R326
 */
export const setContainerContract: Contract<typeof setContainer> = {
  fails: {
    EBADF: (fd, container) => fd.file === null || container.file === null,
    EBADFD: (_fd, container) => container.file !== null && container.file.container === null,
    EINVAL: (fd, container) => isAttached(fd) || (hasDriver(container) && !isServed(fd)),
    ENODEV: fd => fd.file !== null && fd.file.group !== null && !fd.file.group.isRegistered,
    EPERM: fd => fd.file !== null && fd.file.group !== null && fd.file.group.iommuGroup.ownerCount > 0,
  },
  ensures: (fd, container) => fd.file === null || container.file === null || isAttached(fd),
};

/** The file is that of a group that is attached. */
export function isAttached(fd: Descriptor<OpenFile>): boolean {
  return fd.file !== null && fd.file.group !== null && fd.file.group.container !== null;
}

/** The file is that of a group that the driver of a container can serve. */
export function isServed(fd: Descriptor<OpenFile>): boolean {
  return fd.file !== null && fd.file.group !== null && fitsContainers(fd.file.group);
}

/**
 * A group is detached unless its device is open.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_unset_container()
 * @fact R125
 */
export const unsetContainerContract: Contract<typeof unsetContainer> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd => fd.file !== null && !isAttached(fd),
    EBUSY: fd => fd.file !== null && fd.file.group !== null && fd.file.group.containerUsers > 1,
  },
  ensures: fd => !isAttached(fd),
  mayLeave: () => [],
};

/**
 * The status of a group can be asked while VFIO's driver has a device of it.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_get_status()
 */
export const getStatusContract: Contract<typeof getStatus> = {
  fails: {
    EBADF: fd => fd.file === null,
    ENODEV: fd => fd.file !== null && fd.file.group !== null && !fd.file.group.isRegistered,
  },
  mayLeave: () => [],
};

/**
 * A device is opened through a group that is attached to a container with a driver. The device's own driver may be on its way out.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_get_device_fd() and vfio_df_group_open(); container.c, vfio_group_use_container()
 * @fact R124, R128
 */
export const getDeviceFdContract: Contract<typeof getDeviceFd> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd => fd.file !== null && fd.file.group !== null && (fd.file.group.container === null || !fd.file.group.container.hasIommu),
    ENODEV: fd => fd.file !== null && fd.file.group !== null && isUnregistering(fd.file.group),
  },
  mayLeave: () => [],
};

/** The device is not to be found any more. */
function isUnregistering(group: Group): boolean {
  return every(group.devices, device => device !== group.device);
}

/**
 * A device is there for user space until its unregistering begins.
 * @source Linux 6.12, drivers/vfio/device_cdev.c, vfio_device_fops_cdev_open()
 * @fact R128
 */
export const openCdevContract: Contract<typeof openCdev> = {
  fails: { ENODEV: group => isUnregistering(group) },
  mayLeave: () => [],
};

/**
 * A device's own file is bound once, while its group is not open, the device is not in use, and no driver of the kernel has the other device.
 * @source Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(); vfio_main.c, vfio_df_open()
 * @fact R126, R127
 */
export const bindIommufdContract: Contract<typeof bindIommufd> = {
  fails: {
    EBADF: fd => fd.file === null,
    EBUSY: fd => fd.file !== null && fd.file.df !== null && fd.file.df.group.openedFile !== null,
    EINVAL: fd => fd.file !== null && fd.file.df !== null && (!fd.file.df.isCdev || fd.file.df.device.openCount > 0),
    EPERM: fd => fd.file !== null && fd.file.df !== null && fd.file.df.group.iommuGroup.ownerCount > 0,
  },
  ensures: fd => fd.file === null || (fd.file.df !== null && fd.file.df.device.openCount > 0),
  // Others block and unblock the group meanwhile.
  mayLeave: fd => [fd.file?.df?.group.cdevOpens],
};

/**
 * A device's own file gives access from its being bound on.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_fops_read(), "Paired with smp_store_release()"
 * @fact R121
 */
export const accessDeviceContract: Contract<typeof accessDevice> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd => fd.file !== null && fd.file.df !== null && !isGranted(fd),
  },
  mayLeave: () => [],
};

/** The file may use its device. */
function isGranted(fd: Descriptor<OpenFile>): boolean {
  return fd.file !== null && fd.file.df !== null && mayUse(fd.file.df);
}

/**
 * A driver of the IOMMU is chosen once, by whoever has a group in the container.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_ioctl_set_iommu()
 */
export const setIommuContract: Contract<typeof setIommu> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd =>
      fd.file !== null &&
      fd.file.container !== null &&
      (hasDriver(fd) ||
        every(fd.file.container.groups, group => group.container === null) ||
        some(fd.file.container.groups, group => !group.iommuGroup.fits)),
  },
  ensures: fd => fd.file === null || hasDriver(fd),
  mayLeave: () => [],
};

/** The file is that of a container with a driver. */
export function hasDriver(fd: Descriptor<OpenFile>): boolean {
  return fd.file !== null && fd.file.container !== null && isServing(fd.file.container);
}

/**
 * A container without a driver maps nothing.
 * @source Linux 6.12, drivers/vfio/container.c, vfio_fops_unl_ioctl()
 */
export const mapDmaContract: Contract<typeof mapDma> = {
  fails: { EBADF: fd => fd.file === null, EINVAL: fd => fd.file !== null && !hasDriver(fd) },
  mayLeave: () => [],
};

/**
 * A driver of the kernel gets no device of a group that user space has.
 * @source Linux 5.18, drivers/iommu/iommu.c, iommu_device_use_default_domain()
 * @fact R326
 */
export const bindHostDriverContract: Contract<typeof bindHostDriver> = {
  fails: { EBUSY: group => group.iommuGroup.isClaimed || group.iommuGroup.hostUses },
  ensures: group => group.iommuGroup.hostUses,
  mayLeave: () => [],
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null } };

/** The driver of a container can serve the group. */
function fitsContainers(group: Group): boolean {
  return group.iommuGroup.fits;
}
/** The device may be used through the file. */
function mayUse(df: DeviceFile): boolean {
  return df.isGranted;
}
/** The container has a driver. */
function isServing(container: Container): boolean {
  return container.hasIommu;
}
