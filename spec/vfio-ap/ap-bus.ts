/** The host's crypto adapters, and the bus that finds them, gives their queues to drivers, and takes them away. */
import { alloc, type GuardedBy, implies, type LockOrder, lock, type Mutex, type Settled, type SrcuDomain, unlock } from '../language.ts';
import { resourceInUse } from './matrix.ts';
import { probeQueue, type Queue, removeQueue } from './queue.ts';
import { type MatrixMdev, matrixDev } from './vfio-ap.ts';

/** The bus. */
export interface ApBus {
  /** Which adapters are the host's own, and which may be given away. */
  permsMutex: Mutex;
}
export declare const apBus: ApBus;

/** An adapter. With a single domain, which is all there is here, it is also the one queue device on it. */
export interface Adapter {
  /** Of the queue device: the bus holds it while it binds the queue to a driver or takes it away. */
  lock: Mutex;
  /** The host's own drivers have it. */
  reserved: boolean;
  /** What the driver keeps of the queue, while it is bound (`drvdata`). */
  queue: Queue | null;
  /** Its attributes in sysfs can be read. */
  attributes: boolean;
  /** Who reads one; taking them away waits for those. */
  active: SrcuDomain;
}

/**
 * Who owns an adapter is decided under the bus's mutex; the driver's data belong to the driver.
 * @source Linux 6.12, drivers/s390/crypto/ap_bus.c, ap_perms_mutex; drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe_queue()
 * @fact R201
 */
export const adapterGuards: GuardedBy<Adapter> = {
  reserved: () => apBus.permsMutex,
  queue: { read: adapter => [adapter.lock, matrixDev.mdevsLock], write: adapter => [adapter.lock, matrixDev.mdevsLock] },
  attributes: { read: adapter => [adapter.lock, adapter.active], write: adapter => adapter.lock },
};

/**
 * Who reads an attribute takes the driver's lock, so nobody takes attributes away under that.
 * @source Linux dd6f4ef6f8a3; fs/kernfs/dir.c, kernfs_drain()
 * @fact R225
 */
export const attributeOrder: LockOrder<[Adapter]> = adapter => [adapter.active, matrixDev.mdevsLock];

/**
 * The host's own adapters are assigned to nobody.
 * @source Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_validate_masks() and vfio_ap_mdev_resource_in_use()
 * @fact R217
 */
export const hostsOwnAreNotAssigned: Settled<{ adapter: Adapter; mdev: MatrixMdev }> = ({ adapter, mdev }) =>
  implies(adapter.reserved, !mdev.adapters.has(adapter));

/** A new adapter in the host's configuration. Its queue is not bound yet. */
export function plugAdapter(): Adapter {
  const adapter = alloc<Adapter>({});
  lock(matrixDev.guestsLock);
  lock(matrixDev.mdevsLock);
  matrixDev.adapters.add(adapter);
  unlock(matrixDev.mdevsLock);
  unlock(matrixDev.guestsLock);
  return adapter;
}

/** Bind an adapter's queue to the driver. */
export function bind(adapter: Adapter): 0 | 'EBUSY' | 'ENOMEM' {
  lock(adapter.lock);
  const result = adapter.queue === null ? probeQueue(adapter) : 'EBUSY';
  unlock(adapter.lock);
  return result;
}

/** Take an adapter's queue from the driver, if it is bound. */
export function unbind(adapter: Adapter): void {
  lock(adapter.lock);
  removeQueue(adapter);
  unlock(adapter.lock);
}

/** The host takes an adapter for its own drivers (`apmask`). Not if a mediated device has it. */
export function reserve(adapter: Adapter): 0 | 'EADDRINUSE' {
  lock(apBus.permsMutex);
  const result = resourceInUse(adapter);
  if (result === 0) adapter.reserved = true;
  unlock(apBus.permsMutex);
  return result;
}
