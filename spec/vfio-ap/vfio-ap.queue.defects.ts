/** What can go wrong, or did, with queues: their interrupts, their resets, and how they come and go. */
import { alloc, always, bug, type Defect, flush, free, get, lock, maybe, put, queue, readLock, readUnlock, unlock } from '../language.ts';
import type { Adapter } from './ap-bus.ts';
import * as buses from './ap-bus.ts';
import * as matrices from './matrix.ts';
import { takeFromGuest, updateGuest } from './matrix.ts';
import * as queues from './queue.ts';
import { hideAttributes, linkQueue, lockForQueue, type Queue, releaseInterrupts, startReset, statusOf } from './queue.ts';
import * as hotplug from './vfio-ap.hotplug.scenarios.ts';
import * as scenarios from './vfio-ap.scenarios.ts';
import * as ap from './vfio-ap.ts';
import { lockByAdapter, matrixDev, unlockForMdev } from './vfio-ap.ts';
import type { Spec } from './vfio-ap.variants.ts';

/** As when a queue is bound. */
export function createQueue(adapter: Adapter): Queue {
  return alloc<Queue>({ adapter });
}

// ---- Interrupts

/**
 * Registering fails, and the page stays pinned.
 * @source Linux 5.10, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_irq_enable(); mended by "s390/vfio-ap: unpin pages on gisc registration failure"
 * @fact D216
 */
export const pageStaysPinned: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.interceptWhileClosing }],
  instead: {
    enableInterrupts: (one, gisa, page) => {
      get(page.pins);
      if (maybe()) return;
      get(gisa.registrations);
      releaseInterrupts(one);
      one.page = page;
      one.gisa = gisa;
    },
  },
};

/**
 * A queue that has interrupts is given them again, and what it had is forgotten.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_irq_enable(), frees what was registered before
 */
export const registeredTwice: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.resetWhileUsed }],
  instead: {
    enableInterrupts: (one, gisa, page) => {
      get(page.pins);
      get(gisa.registrations);
      one.page = page;
      one.gisa = gisa;
    },
  },
};

/**
 * What interrupts need is given back and not forgotten; the next reset gives it back again.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_free_aqic_resources(), clears saved_isc and saved_iova
 */
export const releasedTwice: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.resetWhileUsed }],
  instead: {
    releaseInterrupts: one => {
      const gisa = one.gisa;
      if (gisa !== null) put(gisa.registrations);
      const page = one.page;
      if (page !== null) put(page.pins);
    },
  },
};

// ---- Resets

/**
 * The driver does not wait for the resets it started; it lets go of its lock, and a queue may still have interrupts of a guest that is gone.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_reset_queues(), flush_work() for each
 */
export const resetNotWaitedFor: Defect<Spec> = {
  breaks: [
    { rule: queues.resetIsWaitedFor, in: scenarios.resetWhileUsed },
    { rule: queues.interruptsMeanAttached, in: scenarios.interceptWhileClosing },
  ],
  instead: {
    resetQueues: mdev => {
      for (const one of mdev.queues) startReset(one);
    },
  },
};

/**
 * The reset takes the lock under which it is waited for.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, apq_reset_check(), takes no lock
 */
export const resetTakesLock: Defect<Spec> = {
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.vmGoesFirst }],
  instead: {
    finishReset: one => {
      lock(matrixDev.mdevsLock);
      releaseInterrupts(one);
      unlock(matrixDev.mdevsLock);
    },
  },
};

/**
 * A reset that has not succeeded is started again by the work item that looks after it, which then waits for it: for itself.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, apq_reset_check(), tries again in a loop of its own
 */
export const resetWaitsForItself: Defect<Spec> = {
  breaks: [{ rule: always.neverFlushesItself, in: scenarios.vmGoesFirst }],
  instead: {
    finishReset: one => {
      if (maybe()) {
        queues.startReset(one);
        flush(one.reset);
      }
      releaseInterrupts(one);
    },
  },
};

/**
 * A queue is freed while its reset is under way.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove_queue(), flush_work() before kfree()
 */
export const freedWhileReset: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: hotplug.queueGoesWhileUsed }],
  instead: {
    removeQueue: adapter => {
      hideAttributes(adapter);
      const one = adapter.queue;
      if (one === null) return;
      const mdev = lockForQueue(one);
      if (mdev !== null) takeFromGuest(mdev, adapter);
      startReset(one);
      if (mdev !== null) mdev.queues.delete(one);
      adapter.queue = null;
      free(one);
      unlockForMdev(mdev);
    },
  },
};

/**
 * A queue is reset while its guest still sees it.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove_queue(), takes the adapter from the guest first
 */
export const resetBeforeUnplug: Defect<Spec> = {
  breaks: [{ rule: queues.resetAfterUnplug, in: hotplug.queueGoesWhileUsed }],
  instead: {
    removeQueue: adapter => {
      hideAttributes(adapter);
      const one = adapter.queue;
      if (one === null) return;
      const mdev = lockForQueue(one);
      queue(one.reset);
      flush(one.reset);
      if (mdev !== null) {
        mdev.guestAdapters.delete(adapter);
        updateGuest(mdev);
        mdev.queues.delete(one);
      }
      adapter.queue = null;
      free(one);
      unlockForMdev(mdev);
    },
  },
};

// ---- Coming and going

/**
 * A queue whose binding fails is not freed.
 * @source Linux 5.19, drivers/s390/crypto/vfio_ap_drv.c, vfio_ap_queue_dev_probe(); stable changelogs, known by title
 * @fact D216
 */
export const queueLeaks: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: hotplug.statusWhileBinding }],
  instead: {
    probeQueue: adapter => {
      const one = createQueue(adapter);
      adapter.attributes = true;
      if (maybe()) {
        hideAttributes(adapter);
        return 'ENOMEM';
      }
      const mdev = lockByAdapter(adapter);
      adapter.queue = one;
      if (mdev !== null) linkQueue(mdev, one);
      unlockForMdev(mdev);
      return 0;
    },
  },
};

/**
 * The status is read while a queue is being bound: its attributes are there, and it is not. Following null is where it ends.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, status_show(); mended by dd6f4ef6f8a3
 * @fact D213
 */
export const statusBeforeQueue: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: hotplug.statusWhileBinding }],
  instead: {
    showStatus: adapter => {
      readLock(adapter.active);
      if (!adapter.attributes) {
        readUnlock(adapter.active);
        return 'ENODEV';
      }
      lock(matrixDev.mdevsLock);
      const one = adapter.queue;
      if (one === null) bug();
      const result = statusOf(one);
      unlock(matrixDev.mdevsLock);
      readUnlock(adapter.active);
      return result;
    },
  },
};

/**
 * The status is read without being counted as a reader, so that nobody waits for it.
 * @source no known occurrence: fs/kernfs/file.c counts every reader of an attribute
 */
export const statusNotCounted: Defect<Spec> = {
  breaks: [{ rule: buses.adapterGuards, in: hotplug.statusWhileBinding }],
  instead: {
    showStatus: adapter => {
      if (!adapter.attributes) return 'ENODEV';
      lock(matrixDev.mdevsLock);
      const one = adapter.queue;
      const result = one === null ? 'ENODEV' : statusOf(one);
      unlock(matrixDev.mdevsLock);
      return result;
    },
  },
};

/**
 * The attributes are taken away under the lock that who reads one takes.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove_queue(), sysfs_remove_group() before the locks
 */
export const attributesHiddenUnderLock: Defect<Spec> = {
  breaks: [
    { rule: buses.attributeOrder, in: hotplug.statusWhileBinding },
    { rule: always.everyWaitEnds, in: hotplug.statusWhileBinding },
  ],
  instead: {
    removeQueue: adapter => {
      const one = adapter.queue;
      if (one === null) return;
      const mdev = lockForQueue(one);
      hideAttributes(adapter);
      if (mdev !== null) {
        mdev.guestAdapters.delete(adapter);
        updateGuest(mdev);
        mdev.queues.delete(one);
      }
      startReset(one);
      flush(one.reset);
      adapter.queue = null;
      free(one);
      unlockForMdev(mdev);
    },
  },
};

/**
 * The host has lost the adapter of a queue that has interrupts; there is nothing to reset any more, and what the interrupts needed is not given back.
 * Our own reading of the newest text that we have, not published.
 * @source Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove_queue()
 * @sure candidate
 */
export const interruptsOutliveQueue: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: hotplug.adapterLost }],
  instead: {
    removeQueue: adapter => {
      hideAttributes(adapter);
      const one = adapter.queue;
      if (one === null) return;
      const mdev = lockForQueue(one);
      if (mdev !== null) takeFromGuest(mdev, adapter);
      if (matrixDev.adapters.has(adapter)) {
        startReset(one);
        flush(one.reset);
      }
      if (mdev !== null) mdev.queues.delete(one);
      adapter.queue = null;
      free(one);
      unlockForMdev(mdev);
    },
  },
};

/**
 * A queue is linked to its device without the guests' lock.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe_queue(), get_update_locks_by_apqn()
 */
export const linkedWithoutGuestsLock: Defect<Spec> = {
  breaks: [
    { rule: queues.queueGuards, in: hotplug.queueComesWithMdev },
    { rule: ap.mdevGuards, in: hotplug.queueComesWithMdev },
  ],
  instead: {
    probeQueue: adapter => {
      const one = createQueue(adapter);
      adapter.attributes = true;
      lock(matrixDev.mdevsLock);
      adapter.queue = one;
      for (const mdev of matrixDev.mdevs) {
        if (mdev.adapters.has(adapter)) {
          linkQueue(mdev, one);
          mdev.addedAdapters.add(adapter);
        }
      }
      unlock(matrixDev.mdevsLock);
      return 0;
    },
  },
};

/**
 * A queue goes, and its guest goes on seeing the adapter.
 * @source no known occurrence: Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove_queue(), vfio_ap_mdev_hot_unplug_adapters()
 */
export const guestKeepsAdapter: Defect<Spec> = {
  breaks: [{ rule: matrices.onlyWhatHostHas, in: hotplug.queueGoesWhileUsed }],
  instead: {
    removeQueue: adapter => {
      hideAttributes(adapter);
      const one = adapter.queue;
      if (one === null) return;
      const mdev = lockForQueue(one);
      releaseInterrupts(one);
      if (mdev !== null) mdev.queues.delete(one);
      adapter.queue = null;
      free(one);
      unlockForMdev(mdev);
    },
  },
};
