/** Calls that return what they must not: the checks of each, left out or turned round. User space sees these; the vectors are there to find them. */
import { type Defect, getUnlessZero, lock, put, readLock, readUnlock, unlock } from '../language.ts';
import * as eventfds from './eventfd.ts';
import * as matrices from './matrix.ts';
import * as mdevs from './mdev.ts';
import * as queues from './queue.ts';
import * as core from './vfio.ts';
import * as calls from './vfio-ap.calls.ts';
import * as scenarios from './vfio-ap.scenarios.ts';
import { lockForMdev, matrixDev, unlockForMdev } from './vfio-ap.ts';
import type { Spec } from './vfio-ap.variants.ts';
import * as vectors from './vfio-ap.vectors.ts';

/**
 * Opening without a machine is refused in the words for a machine that another device has.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_open_device(), "if (!vdev->kvm) return -EINVAL"
 */
export const noMachineIsTaken: Defect<Spec> = {
  breaks: [{ rule: calls.openContract, in: scenarios.openedWithoutVm }],
  instead: { openDevice: (mdev, kvm) => (kvm === null ? 'EPERM' : mdevs.setKvm(mdev, kvm)) },
};

/**
 * An adapter that there cannot be is taken away, and the administrator is told that it worked.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, unassign_adapter_store(), without its test of the range
 */
export const anyNumberIsUnassigned: Defect<Spec> = {
  breaks: [{ rule: calls.unassignContract, in: vectors.oneAdapterForTwo }],
  instead: {
    unassignAdapter: (mdev, adapter) => {
      lockForMdev(mdev);
      if (adapter !== null && mdev.adapters.has(adapter)) matrices.unassignLocked(mdev, adapter);
      unlockForMdev(mdev);
      return 0;
    },
  },
};

/**
 * What is no number is read as one as far as it goes, and an adapter is assigned that nobody named.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, assign_adapter_store(), kstrtoul(), where simple_strtoul() would do that
 */
export const anyTextIsANumber: Defect<Spec> = {
  breaks: [{ rule: calls.assignTextContract, in: vectors.oneAdapterForTwo }],
  instead: { assignText: () => 0 },
};

/**
 * A request that the device does not know is taken for done.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_ioctl(), without the default of its switch
 */
export const unknownIsDone: Defect<Spec> = {
  breaks: [{ rule: calls.unknownRequestContract, in: scenarios.refusedAlways }],
  instead: { unknownRequest: () => 0 },
};

/**
 * A descriptor that is closed takes the place of the eventfd that the device had: nobody will be told, and the user believes otherwise.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_set_request_irq(), without IS_ERR(req_trigger)
 */
export const closedEventfdIsTaken: Defect<Spec> = {
  breaks: [{ rule: calls.setRequestContract, in: vectors.requests }],
  instead: {
    setRequest: (mdev, fd) => {
      mdevs.forgetRequest(mdev);
      lock(matrixDev.mdevsLock);
      mdev.requestTrigger = eventfds.holdEventfd(fd);
      unlock(matrixDev.mdevsLock);
      return 0;
    },
  },
};

/**
 * Whether the processor can be interrupted by adapters at all is not asked: its guest is told that it will be.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, handle_pqap(), without "If we do not use the AIV facility just go to userland"
 */
export const facilityNotAskedFor: Defect<Spec> = {
  breaks: [{ rule: calls.runPqapContract, in: scenarios.noFacility }],
  instead: {
    handlePqap: (mdev, _vcpu, adapter, enable) => {
      lock(matrixDev.mdevsLock);
      const kvm = mdev.kvm;
      const queue = adapter.queue;
      if (kvm !== null && queue !== null && mdev.queues.has(queue)) {
        if (enable) queues.enableInterrupts(queue, kvm.gisa, kvm.page);
        else queues.releaseInterrupts(queue);
      }
      unlock(matrixDev.mdevsLock);
      return 0;
    },
  },
};

/**
 * A queue that is bound is bound again: what was kept of it is lost.
 * @source no known occurrence: drivers/base/dd.c, device_driver_attach(), asks for the driver that is there
 */
export const boundAgain: Defect<Spec> = {
  breaks: [{ rule: calls.bindContract, in: vectors.oneAdapter }],
  instead: {
    bind: adapter => {
      lock(adapter.lock);
      const result = queues.probeQueue(adapter);
      unlock(adapter.lock);
      return result;
    },
  },
};

/**
 * A queue that is not bound is shown as one that is assigned to nobody.
 * @source no known occurrence: Linux dd6f4ef6f8a3, where it follows a null pointer instead (`statusBeforeQueue`)
 */
export const unboundIsUnassigned: Defect<Spec> = {
  breaks: [{ rule: calls.showStatusContract, in: vectors.oneAdapter }],
  instead: {
    showStatus: adapter => {
      readLock(adapter.active);
      lock(matrixDev.mdevsLock);
      const queue = adapter.queue;
      const result = queue === null ? 'unassigned' : queues.statusOf(queue);
      unlock(matrixDev.mdevsLock);
      readUnlock(adapter.active);
      return result;
    },
  },
};

/**
 * The device of a group is looked up without the lock of the group's devices: it is removed and freed in between.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_device_get_from_name(), takes the lock
 */
export const lookedUpWithoutLock: Defect<Spec> = {
  breaks: [{ rule: core.groupGuards, in: scenarios.removedWhileOpening }],
  instead: {
    openMdev: (group, vm) => {
      const mdev = group.device;
      if (mdev === null || !getUnlessZero(mdev.users)) return 'ENODEV';
      lock(mdev.set.lock);
      const result = mdev.opened ? 0 : core.firstOpen(mdev, vm === null ? null : vm.kvm);
      unlock(mdev.set.lock);
      if (result !== 0) put(mdev.users);
      return result;
    },
  },
};

/**
 * An eventfd is signalled without its lock, while its reader looks.
 * @source no known occurrence: Linux 6.12, fs/eventfd.c, eventfd_signal_mask(), takes it, also in interrupts
 */
export const signalledWithoutLock: Defect<Spec> = {
  breaks: [{ rule: eventfds.eventfdGuards, in: scenarios.removedWhileOpen }],
  instead: {
    signal: eventfd => {
      eventfd.signalled = true;
    },
  },
};
