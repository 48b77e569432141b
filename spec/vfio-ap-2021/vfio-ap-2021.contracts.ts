/** What calls return, and when. */
import type { Contract } from '../language.ts';
import type { assign, setKvm } from './vfio-ap-2021.ts';

/**
 * A device that a guest uses is not changed.
 * @source Linux 5.15, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store()
 * @fact R216
 */
export const assignContract: Contract<typeof assign> = {
  fails: { EBUSY: mdev => mdev.kvm !== null },
  ensures: mdev => mdev.assigned,
  mayLeave: () => [],
};

/**
 * A machine is attached to one device at most; who is refused leaves no trace.
 * @source Linux 5.15, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm()
 * @fact R210
 */
export const setKvmContract: Contract<typeof setKvm> = {
  fails: { EPERM: (mdev, kvm) => kvm.pqapHook !== null || mdev.kvm !== null },
  ensures: (mdev, kvm) => !kvm.hasCrypto || mdev.kvm === kvm,
  mayLeave: () => [],
};
