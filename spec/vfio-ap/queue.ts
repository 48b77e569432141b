/** A queue that is bound to the driver: its interrupts, its resets, and how it comes and goes. */
import {
  type AtEvery,
  alloc,
  flush,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isQueued,
  lock,
  maybe,
  type Owns,
  put,
  queue,
  type Runs,
  readLock,
  readUnlock,
  type Settled,
  synchronize,
  unguarded,
  unlock,
  type Work,
} from '../language.ts';
import type { Adapter } from './ap-bus.ts';
import type { Gisa, Page, Vcpu } from './kvm.ts';
import { createMask, filter, resetFiltered, takeFromGuest, updateGuest } from './matrix.ts';
import { lockByAdapter, type MatrixMdev, matrixDev, unlockForMdev } from './vfio-ap.ts';

/** What the driver keeps of a queue. */
export interface Queue {
  readonly adapter: Adapter;
  /** The device that its adapter is assigned to. Borrowed. */
  mdev: MatrixMdev | null;
  /** Where its interrupts are registered (`saved_isc`), and the page they are reported in (`saved_iova`), while a guest has them. */
  gisa: Gisa | null;
  page: Page | null;
  /** Waits for the hardware to finish a reset. */
  reset: Work;
}

// ---- Rules

/**
 * The device of a queue: either lock to look, both to change.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, get_update_locks_for_queue()
 * @fact R201
 */
export const queueGuards: GuardedBy<Queue> = {
  mdev: { read: () => [matrixDev.guestsLock, matrixDev.mdevsLock], write: () => [matrixDev.guestsLock, matrixDev.mdevsLock] },
  // Changed under the driver's lock, or by the reset, which whoever holds that lock waits for.
  gisa: unguarded,
  page: unguarded,
};
/**
 * A queue with interrupts holds one registration and one page.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_irq_enable() and vfio_ap_free_aqic_resources()
 */
export const queueOwns: Owns<Queue> = { gisa: gisa => gisa.registrations, page: page => page.pins };
export const queueRuns: Runs<Queue> = { reset: queue => finishReset(queue) };

/**
 * A reset is under way only while somebody waits for it with the driver's lock: it needs no lock of its own.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, apq_reset_check() and vfio_ap_mdev_reset_queues()
 * @fact R219
 */
export const resetIsWaitedFor: Settled<{ queue: Queue; adapter: Adapter }> = ({ queue, adapter }) =>
  implies(adapter.queue === queue, !isQueued(queue.reset));

/**
 * Whoever changes what a guest gets resets a queue only when the guest does not see it any more. The user of the device may reset it at any time.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_hot_unplug_adapter(); Linux bf09b9d7cd78
 * @fact R226
 */
export const resetAfterUnplug: AtEvery<{ one: Queue }> = {
  event: ({ one }) => queue(one.reset),
  then: ({ one }, past) =>
    !past.holds(matrixDev.guestsLock) || one.mdev === null || one.mdev.kvm === null || !one.mdev.kvm.adapters.has(one.adapter),
};

/**
 * Only the queue of a device that is attached to a guest has interrupts.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_free_aqic_resources(), the WARN_ON
 */
export const interruptsMeanAttached: Invariant<{ queue: Queue; mdev: MatrixMdev }> = ({ queue, mdev }) =>
  implies(queue.gisa !== null && queue.mdev === mdev, mdev.kvm !== null);

// ---- Interrupts

/** The guest wants interrupts of a queue, or no more of them. Its processor is in the hook's read section. */
export function handlePqap(mdev: MatrixMdev, vcpu: Vcpu, adapter: Adapter, enable: boolean): 0 | 'EOPNOTSUPP' {
  if (!vcpu.hasInterrupts) return 'EOPNOTSUPP';
  lock(matrixDev.mdevsLock);
  const kvm = mdev.kvm;
  const queue = adapter.queue;
  if (kvm !== null && queue !== null && mdev.queues.has(queue)) {
    if (enable) enableInterrupts(queue, kvm.gisa, kvm.page);
    else releaseInterrupts(queue);
  }
  unlock(matrixDev.mdevsLock);
  return 0;
}

/** Pin the page, register; whichever fails, the guest is told, and nothing is left. */
export function enableInterrupts(queue: Queue, gisa: Gisa, page: Page): void {
  get(page.pins);
  if (maybe()) {
    put(page.pins);
    return;
  }
  get(gisa.registrations);
  // It may have had interrupts before.
  releaseInterrupts(queue);
  queue.page = page;
  queue.gisa = gisa;
}

/** Give back what interrupts need, if the queue has them. */
export function releaseInterrupts(queue: Queue): void {
  const gisa = queue.gisa;
  if (gisa !== null) {
    queue.gisa = null;
    put(gisa.registrations);
  }
  const page = queue.page;
  if (page !== null) {
    queue.page = null;
    put(page.pins);
  }
}

// ---- Resets

/** Tell the hardware. It may be done at once, or take its time; then a work item looks after it. */
export function startReset(one: Queue): void {
  if (maybe()) releaseInterrupts(one);
  else queue(one.reset);
}

/** The hardware has finished. */
export function finishReset(queue: Queue): void {
  releaseInterrupts(queue);
}

/** Reset all queues of a device and wait for that. The caller holds the driver's lock. */
export function resetQueues(mdev: MatrixMdev): void {
  for (const queue of mdev.queues) startReset(queue);
  for (const queue of mdev.queues) flush(queue.reset);
}

// ---- Coming and going

/** Tie a queue to the device that has its adapter. */
export function linkQueue(mdev: MatrixMdev, queue: Queue): void {
  queue.mdev = mdev;
  mdev.queues.add(queue);
}

/** A queue is bound to the driver. Its guest gets it, unless a scan of the bus is under way, whose end will see to that. */
export function probeQueue(adapter: Adapter): 0 | 'ENOMEM' {
  adapter.attributes = true;
  if (maybe()) {
    hideAttributes(adapter);
    return 'ENOMEM';
  }
  const queue = alloc<Queue>({ adapter });
  const mdev = lockByAdapter(adapter);
  // Before the queue is filtered: its adapter passes only if it is here.
  adapter.queue = queue;
  if (mdev !== null) {
    linkQueue(mdev, queue);
    if (!mdev.addedAdapters.has(adapter)) {
      const filtered = createMask();
      filter(mdev, filtered);
      updateGuest(mdev);
      resetFiltered(mdev, filtered);
      free(filtered);
    }
  }
  unlockForMdev(mdev);
  return 0;
}

/** A queue is taken from the driver. A single queue cannot be taken from a guest, so its adapter goes. */
export function removeQueue(adapter: Adapter): void {
  hideAttributes(adapter);
  const queue = adapter.queue;
  if (queue === null) return;
  const mdev = lockForQueue(queue);
  if (mdev !== null) takeFromGuest(mdev, adapter);
  if (matrixDev.adapters.has(adapter)) startReset(queue);
  else releaseInterrupts(queue);
  flush(queue.reset);
  if (mdev !== null) mdev.queues.delete(queue);
  adapter.queue = null;
  free(queue);
  unlockForMdev(mdev);
}

/** To change what the device of a queue gives to its guest, if the queue has a device. */
export function lockForQueue(queue: Queue): MatrixMdev | null {
  lock(matrixDev.guestsLock);
  const mdev = queue.mdev;
  const kvm = mdev === null ? null : mdev.kvm;
  if (kvm !== null) lock(kvm.lock);
  lock(matrixDev.mdevsLock);
  return mdev;
}

/** Take the attributes away; who is reading one is waited for. */
export function hideAttributes(adapter: Adapter): void {
  adapter.attributes = false;
  synchronize(adapter.active);
}

/** Whether a guest has the queue (`status`). A queue that is being bound has nothing to tell yet. */
export function showStatus(adapter: Adapter): 'in use' | 'assigned' | 'unassigned' | 'ENODEV' {
  readLock(adapter.active);
  if (!adapter.attributes) {
    readUnlock(adapter.active);
    return 'ENODEV';
  }
  lock(matrixDev.mdevsLock);
  const queue = adapter.queue;
  const result = queue === null ? 'ENODEV' : statusOf(queue);
  unlock(matrixDev.mdevsLock);
  readUnlock(adapter.active);
  return result;
}

/** As shown. */
export function statusOf(queue: Queue): 'in use' | 'assigned' | 'unassigned' {
  const adapter = queue.adapter;
  for (const mdev of matrixDev.mdevs) {
    if (mdev.adapters.has(adapter)) return mdev.kvm !== null && mdev.guestAdapters.has(adapter) ? 'in use' : 'assigned';
  }
  return 'unassigned';
}
