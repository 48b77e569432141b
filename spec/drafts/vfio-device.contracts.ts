/** What calls of VFIO devices return, and when. */
import type { Contract } from '../language.ts';
import { type addFile, apDriver, type bind, type Device, type openThroughGroup } from './vfio-device.ts';

/**
 * A device opens through a group that has an IOMMU context; vfio-ap wants a VM that has no crypto hook yet.
 * @source Linux 6.3, drivers/vfio/group.c and drivers/s390/crypto/vfio_ap_ops.c
 */
export const openThroughGroupContract: Contract<typeof openThroughGroup> = {
  fails: {
    ENODEV: device => device.registration.count === 0,
    EINVAL: device => !device.group.hasIommu || (needsVm(device) && device.group.kvm === null),
    EPERM: device => needsVm(device) && device.group.kvm !== null && device.group.kvm.pqapHook !== null,
  },
  ensures: device => device.openCount > 0,
};

/**
 * A device is bound through its own file once, and not while it is open otherwise.
 * @source Linux 6.6, drivers/vfio/device_cdev.c
 */
export const bindContract: Contract<typeof bind> = {
  fails: {
    EINVAL: file => file.granted || file.device.openCount > 0 || (needsVm(file.device) && file.kvm === null),
    EPERM: file => needsVm(file.device) && file.kvm !== null && file.kvm.pqapHook !== null,
  },
};

/**
 * A group is told its VM once.
 * @source Linux 6.3, virt/kvm/vfio.c, kvm_vfio_file_add()
 */
export const addFileContract: Contract<typeof addFile> = { fails: { EEXIST: (kv, file) => kv.files.has(file) } };

/** Its driver opens only with a VM. */
function needsVm(device: Device): boolean {
  return device.driver === apDriver;
}
