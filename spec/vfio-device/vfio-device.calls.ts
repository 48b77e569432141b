/** What an implementation offers to user space, and what each call returns when. */
import { atAnyTime, type Contract, type Interface, isLive, some } from '../language.ts';
import { access, bind, openCdev } from './device-file.ts';
import { apDriver, createCryptoDevice, createGraphicsDevice, createGroup, createPlainDevice, gvt, gvtDriver } from './drivers.ts';
import { getDeviceFd, openGroup, setContainer, unsetContainer } from './group.ts';
import { createVm, type Kvm, kvmGlobals, kvmModule } from './kvm.ts';
import { addFile, createKvmVfio, delFile } from './kvm-vfio.ts';
import { close, freeDescriptor, openOtherFile } from './open-file.ts';
import type { Device } from './vfio-device.ts';

/** The calls. Tests that make no others need not look inside. */
export const calls: Interface = {
  createVm,
  createKvmVfio,
  createGroup,
  createPlainDevice,
  createCryptoDevice,
  createGraphicsDevice,
  freeDescriptor,
  openOtherFile,
  openGroup,
  setContainer,
  unsetContainer,
  getDeviceFd,
  openCdev,
  bind,
  access,
  addFile,
  delFile,
  close,
};

/** The behaviour described by the functions themselves, as adapters name it. What Linux 6.1 has of it is in vfio-device.profiles.ts. */
export const baseProfile = 'linux-6.12' as const;

// ---- The machine

/**
 * A machine has one kvm-vfio.
 * @source Linux 6.12, virt/kvm/vfio.c, kvm_vfio_create()
 * @fact R129
 */
export const createKvmVfioContract: Contract<typeof createKvmVfio> = {
  fails: {
    EBADF: vmFd => vmFd.file === null,
    EBUSY: vmFd => vmFd.file !== null && vmFd.file.kvm !== null && some(vmFd.file.kvm.devices, kv => isLive(kv)),
    ENOMEM: atAnyTime,
  },
  mayLeave: () => [],
};

/**
 * A file of VFIO is added once; any other is refused.
 * @source Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add()
 * @fact R129
 */
export const addFileContract: Contract<typeof addFile> = {
  fails: {
    EBADF: (kvFd, fd) => kvFd.file === null || fd.file === null,
    EEXIST: (kvFd, fd) =>
      kvFd.file !== null && fd.file !== null && kvFd.file.kv !== null && some(kvFd.file.kv.files, one => one === fd.file),
    EINVAL: (_kvFd, fd) => fd.file !== null && fd.file.group === null && fd.file.df === null,
  },
};

/**
 * Only a file that was added can be taken away.
 * @source Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_del()
 * @fact R129
 */
export const delFileContract: Contract<typeof delFile> = {
  fails: {
    EBADF: (kvFd, fd) => kvFd.file === null || fd.file === null,
    ENOENT: (kvFd, fd) => kvFd.file !== null && fd.file !== null && kvFd.file.kv !== null && !kvFd.file.kv.files.has(fd.file),
  },
};

// ---- The group

/**
 * A group is opened once, and not while one of its devices is bound by a file of its own.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_fops_open()
 * @fact R126
 */
export const openGroupContract: Contract<typeof openGroup> = {
  fails: {
    EBUSY: group => group.openedFile !== null || group.cdevOpenCount > 0,
    ENODEV: group => group.drivers === 0,
  },
};

/**
 * A group has one container.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_set_container()
 * @fact R125
 */
export const setContainerContract: Contract<typeof setContainer> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd => fd.file !== null && fd.file.group !== null && fd.file.group.containerUsers > 0,
  },
};

/**
 * The container goes only when no device is open.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_unset_container()
 * @fact R125
 */
export const unsetContainerContract: Contract<typeof unsetContainer> = {
  fails: {
    EBADF: fd => fd.file === null,
    EBUSY: fd => fd.file !== null && fd.file.group !== null && fd.file.group.containerUsers > 1,
    EINVAL: fd => fd.file !== null && fd.file.group !== null && fd.file.group.containerUsers === 0,
  },
  mayLeave: () => [],
};

/** Another crypto device has this machine, and this one has no other. */
function cryptoTaken(device: Device, kvm: Kvm | null): boolean {
  return (
    device.driver === apDriver &&
    (device.kvm === null || device.kvm === kvm) &&
    kvm !== null &&
    kvm.cryptoUser !== null &&
    kvm.cryptoUser !== device
  );
}
/** Another graphics device has this machine, and this one has none. */
function graphicsTaken(device: Device, kvm: Kvm | null): boolean {
  return device.driver === gvtDriver && !gvt.attached.has(device) && kvm !== null && some(gvt.attached, other => other.kvm === kvm);
}

/**
 * A device opens through a group that has a container. The first opener's driver has its own reasons: the crypto driver wants a machine that no other of its
 * devices has, and so does the graphics driver, which says so in other words.
 * @source Linux 6.12, drivers/vfio/group.c, vfio_df_group_open(), drivers/s390/crypto/vfio_ap_ops.c and drivers/gpu/drm/i915/gvt/kvmgt.c
 * @fact R124, R128, R130
 */
export const getDeviceFdContract: Contract<typeof getDeviceFd> = {
  fails: {
    EBADF: groupFd => groupFd.file === null,
    ENODEV: (_groupFd, device) => !device.group.devices.has(device) || device.registration.count === 0 || device.module.pins.count === 0,
    EINVAL: (_groupFd, device) =>
      device.group.containerUsers === 0 || (device.driver === apDriver && device.openCount === 0 && !isLive(device.group.kvm)),
    EPERM: (_groupFd, device) => cryptoTaken(device, device.group.kvm),
    ESRCH: (_groupFd, device) => device.driver === gvtDriver && device.openCount === 0 && !isLive(device.group.kvm),
    EEXIST: (_groupFd, device) => graphicsTaken(device, device.group.kvm),
    ENOMEM: atAnyTime,
  },
};

// ---- The device's own file

/**
 * A device's own file can be had while the device is registered.
 * @source Linux 6.12, drivers/vfio/device_cdev.c, vfio_device_fops_cdev_open()
 * @fact R128
 */
export const openCdevContract: Contract<typeof openCdev> = {
  fails: { ENODEV: device => device.registration.count === 0 },
  mayLeave: () => [],
};

/**
 * A file of the device's own is bound once, and only if the device is not open otherwise, nor its group.
 * @source Linux 6.12, drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd()
 * @fact R126, R127, R130
 */
export const bindContract: Contract<typeof bind> = {
  fails: {
    EBADF: fd => fd.file === null,
    EBUSY: fd => fd.file !== null && fd.file.df !== null && fd.file.df.device.group.openedFile !== null,
    EINVAL: fd =>
      fd.file !== null &&
      fd.file.df !== null &&
      (fd.file.df.group !== null ||
        fd.file.df.accessGranted ||
        fd.file.df.device.openCount > 0 ||
        (fd.file.df.device.driver === apDriver && fd.file.df.kvm === null)),
    EPERM: fd => fd.file !== null && fd.file.df !== null && cryptoTaken(fd.file.df.device, fd.file.df.kvm),
    ESRCH: fd => fd.file !== null && fd.file.df !== null && fd.file.df.device.driver === gvtDriver && fd.file.df.kvm === null,
    EEXIST: fd => fd.file !== null && fd.file.df !== null && graphicsTaken(fd.file.df.device, fd.file.df.kvm),
    ENODEV: fd => fd.file !== null && fd.file.df !== null && fd.file.df.device.module.pins.count === 0,
    EFAULT: atAnyTime,
    ENOMEM: atAnyTime,
  },
  // Others block and unblock the group meanwhile; the machine that was got may be one that ends when it is put; and so may the file.
  mayLeave: fd => [fd.file?.df?.device.group.cdevOpenCount, kvmGlobals.vms, kvmModule.pins, fd.file?.df?.device.registration],
};

/**
 * A device's file can be read, written and mapped when it was opened through the group, or has been bound.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_fops_read()
 * @fact R121
 */
export const accessContract: Contract<typeof access> = {
  fails: {
    EBADF: fd => fd.file === null,
    EINVAL: fd => fd.file !== null && fd.file.df !== null && !fd.file.df.accessGranted,
  },
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null } };
