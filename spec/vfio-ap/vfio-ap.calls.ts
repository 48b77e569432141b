/** What an implementation offers to user space, and what each call returns when. */
import { atAnyTime, type Contract, some } from '../language.ts';
import type { bind, reserve } from './ap-bus.ts';
import type { runPqap } from './kvm.ts';
import type { assignAdapter, assignText, unassignAdapter } from './matrix.ts';
import type { setRequest, unknownRequest } from './mdev.ts';
import type { showStatus } from './queue.ts';
import type { openMdev } from './vfio.ts';
import { matrixDev } from './vfio-ap.ts';

/**
 * Opening wants a device, and for the first time a machine that no other device is attached to.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_open_device() and vfio_ap_mdev_set_kvm()
 * @fact R218
 */
export const openContract: Contract<typeof openMdev> = {
  fails: {
    ENODEV: group => group.device === null || group.device.users.count === 0,
    EINVAL: (group, vm) => group.device !== null && !group.device.opened && vm === null,
    EPERM: (group, vm) => group.device !== null && !group.device.opened && vm !== null && vm.kvm.pqapHook !== null,
  },
  ensures: (group, vm) => group.device !== null && (group.device.opened || (vm !== null && group.device.kvm === vm.kvm)),
  mayLeave: () => [],
};

/**
 * An adapter can be assigned if there may be one of that number, the host does not keep it for itself, and no other device has it.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store()
 * @fact R216, R217
 */
export const assignContract: Contract<typeof assignAdapter> = {
  fails: {
    ENODEV: (_mdev, adapter) => adapter === null,
    EADDRNOTAVAIL: (mdev, adapter) => adapter !== null && !mdev.adapters.has(adapter) && adapter.reserved,
    EADDRINUSE: (mdev, adapter) => adapter !== null && some(matrixDev.mdevs, other => other !== mdev && other.adapters.has(adapter)),
  },
  ensures: (mdev, adapter) => adapter !== null && mdev.adapters.has(adapter),
  mayLeave: () => [],
};

/**
 * Taking away what is not assigned is no error, unless there cannot be such an adapter.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, unassign_adapter_store()
 * @fact R216, R217
 */
export const unassignContract: Contract<typeof unassignAdapter> = {
  fails: { ENODEV: (_mdev, adapter) => adapter === null },
  ensures: (mdev, adapter) => adapter !== null && !mdev.adapters.has(adapter),
  mayLeave: () => [],
};

/**
 * What is no number is refused, whatever the state.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store()
 * @fact R217
 */
export const assignTextContract: Contract<typeof assignText> = {
  fails: { EINVAL: atAnyTime },
  ensures: () => false,
  mayLeave: () => [],
};

/**
 * The host gets an adapter for itself if no device has it.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_resource_in_use()
 * @fact R217
 */
export const reserveContract: Contract<typeof reserve> = {
  fails: { EADDRINUSE: adapter => some(matrixDev.mdevs, mdev => mdev.adapters.has(adapter)) },
  ensures: adapter => adapter.reserved,
  mayLeave: () => [],
};

/**
 * Asking to be told fails on a closed descriptor, and in kernels that do not know the request.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_set_request_irq()
 * @fact R218
 */
export const setRequestContract: Contract<typeof setRequest> = {
  fails: { EBADF: (_mdev, fd) => fd.file === null, EOPNOTSUPP: () => false },
  mayLeave: () => [],
};

/**
 * A request that the device does not know is refused, whatever the state.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_ioctl()
 * @fact R218
 */
export const unknownRequestContract: Contract<typeof unknownRequest> = {
  fails: { EOPNOTSUPP: atAnyTime },
  ensures: () => false,
  mayLeave: () => [],
};

/**
 * Without the facility for interrupts the instruction is left to user space, if a hook is there.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, handle_pqap(); arch/s390/kvm/priv.c, handle_pqap()
 * @fact R218
 */
export const runPqapContract: Contract<typeof runPqap> = {
  fails: { EOPNOTSUPP: file => !file.vcpu.hasInterrupts && file.kvm.pqapHook !== null },
  mayLeave: () => [],
};

/**
 * Binding a queue needs memory, and a queue that is not bound.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe_queue(); drivers/base/dd.c, device_driver_attach()
 */
export const bindContract: Contract<typeof bind> = {
  fails: { EBUSY: adapter => adapter.queue !== null, ENOMEM: atAnyTime },
  ensures: adapter => adapter.queue !== null,
  mayLeave: () => [],
};

/**
 * A queue that is not bound, or not yet, has no status.
 * @source Linux dd6f4ef6f8a3
 * @fact R225
 */
export const showStatusContract: Contract<typeof showStatus> = {
  fails: { ENODEV: adapter => adapter.queue === null || !adapter.attributes },
  mayLeave: () => [],
};
