/** What can go wrong, or did, when a device comes and goes. */
import { alloc, always, type Defect, free, lock, put, unlock } from '../language.ts';
import { holdEventfd, signal } from './eventfd.ts';
import { clearMasks } from './kvm.ts';
import * as mdevs from './mdev.ts';
import { resetQueues } from './queue.ts';
import { type DeviceSet, unregister } from './vfio.ts';
import * as hotplug from './vfio-ap.hotplug.scenarios.ts';
import * as scenarios from './vfio-ap.scenarios.ts';
import * as ap from './vfio-ap.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap.ts';
import type { Spec } from './vfio-ap.variants.ts';

/** The driver's part of removing a device, but for its memory. */
export function takeOffList(mdev: MatrixMdev): void {
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  resetQueues(mdev);
  for (const queue of mdev.queues) {
    mdev.queues.delete(queue);
    queue.mdev = null;
  }
  matrixDev.mdevs.delete(mdev);
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
}

/**
 * A new device is put on the list without the guests' lock, under which who binds a queue looks for the device of its adapter.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe(); mended by 7fa61c29850d
 * @fact D210
 */
export const listedWithoutGuestsLock: Defect<Spec> = {
  breaks: [{ rule: ap.matrixDevGuards, in: hotplug.queueComesWithMdev }],
  instead: {
    createMdev: group => {
      const mdev = alloc<MatrixMdev>({ group, set: alloc<DeviceSet>({}), users: 1 });
      lock(group.deviceLock);
      group.device = mdev;
      unlock(group.deviceLock);
      lock(matrixDev.mdevsLock);
      matrixDev.mdevs.add(mdev);
      unlock(matrixDev.mdevsLock);
      return mdev;
    },
  },
};

/**
 * The device is freed without waiting for those who have it open.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove(), vfio_unregister_group_dev() first
 */
export const freedWhileOpen: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.removedWhileOpen }],
  instead: {
    removeMdev: mdev => {
      const group = mdev.group;
      lock(group.deviceLock);
      group.device = null;
      unlock(group.deviceLock);
      put(mdev.users);
      takeOffList(mdev);
      const set = mdev.set;
      free(mdev);
      free(set);
    },
  },
};

/**
 * Who has it open is waited for under a lock that closing it takes.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove(), waits before it locks
 */
export const waitedForUnderLock: Defect<Spec> = {
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.removedWhileOpen }],
  instead: {
    removeMdev: mdev => {
      lock(matrixDev.guestsLock);
      unregister(mdev);
      unlock(matrixDev.guestsLock);
      takeOffList(mdev);
      const set = mdev.set;
      free(mdev);
      free(set);
    },
  },
};

/**
 * Queues go on pointing to a device that is removed.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove(), vfio_ap_mdev_unlink_fr_queues()
 */
export const queuesStayLinked: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: hotplug.mdevAndQueueGo }],
  instead: {
    removeMdev: mdev => {
      unregister(mdev);
      lock(matrixDev.guestsLock);
      lock(matrixDev.mdevsLock);
      resetQueues(mdev);
      matrixDev.mdevs.delete(mdev);
      unlock(matrixDev.mdevsLock);
      unlock(matrixDev.guestsLock);
      const set = mdev.set;
      free(mdev);
      free(set);
    },
  },
};

/**
 * The reference is put in the middle of detaching, and the device looks at its machine again.
 * @source no known occurrence: as `putUnderLocks`, and before what still uses the machine
 */
export const putBeforeReset: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.vmGoesFirst }],
  instead: {
    unsetKvm: mdev => {
      const kvm = mdev.kvm;
      if (kvm === null || !kvm.hasCrypto) return;
      ap.lockForKvm(kvm);
      kvm.pqapHook = null;
      mdev.kvm = null;
      const core = mdev.coreKvm;
      mdev.coreKvm = null;
      if (core !== null) put(core.users);
      put(kvm.users);
      clearMasks(kvm);
      resetQueues(mdev);
      ap.unlockForKvm(kvm);
    },
  },
};

// ---- The eventfd that tells the user to let go

/**
 * Neither closing nor removing the device gives back the eventfd. Our own reading of the newest text that we have, not published.
 * @source Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_set_request_irq(), vfio_ap_mdev_close_device() and vfio_ap_mdev_remove()
 * @fact D219
 * @sure candidate
 */
export const requestNotPut: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.removedWhileOpen }],
  instead: {
    closeDevice: mdev => {
      mdevs.unsetKvm(mdev);
    },
  },
};

/**
 * The eventfd is looked at and signalled without the lock under which its owner gives it back. Our own reading of the newest text that we have, not published.
 * @source Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_request()
 * @sure candidate
 */
export const requestWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: ap.mdevGuards, in: scenarios.removedWhileOpen },
    { rule: always.neverTouchedAfterFree, in: scenarios.removedWhileOpen },
  ],
  instead: {
    request: mdev => {
      const eventfd = mdev.requestTrigger;
      if (eventfd !== null) signal(eventfd);
    },
  },
};

/**
 * A second eventfd takes the place of the first, which is not given back.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_set_request_irq(), puts the one before
 */
export const requestReplacedNotPut: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.requestReplaced }],
  instead: {
    setRequest: (mdev, fd) => {
      lock(matrixDev.mdevsLock);
      const eventfd = holdEventfd(fd);
      if (eventfd !== null) mdev.requestTrigger = eventfd;
      unlock(matrixDev.mdevsLock);
      return eventfd === null ? 'EBADF' : 0;
    },
  },
};

/**
 * The last user to leave tells nobody: who removes the device asks for it for ever.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_put_registration(), without complete()
 */
export const nobodyIsTold: Defect<Spec> = {
  breaks: [{ rule: mdevs.removingEnds, in: scenarios.removedWhileOpen }],
  instead: { lastUserLeft: () => undefined },
};
