/**
 * irqbypass as in Linux 6.17 with what was mended since: an interrupt of a device goes to a virtual machine without the host's handler in between.
 *
 * A producer is an interrupt of a device, a consumer an irqfd of a machine. Each is registered with its eventfd, and the two that have the same one are
 * connected: the machine then has the host's interrupt posted to itself. Either side may go first. The interrupt is given back to the host
 * before the machine, the irqfd or the line goes.
 */
import { assertHeld, type GuardedBy, implies, type LockOrder, lock, type Mutex, type Settled, some, unlock } from '../language.ts';
import type { Device, Producer } from './device.ts';
import { addProducer, deleteProducer, type Irqfd } from './irqfd.ts';
import type { Eventfd, Kvm } from './kvm.ts';
import type { Line } from './line.ts';

/** Who is registered, and with whom connected. */
export interface Bypass {
  lock: Mutex;
  producers: Set<Producer>;
  consumers: Set<Irqfd>;
}
export declare const bypass: Bypass;

// ---- Rules

/**
 * Registering and connecting is done under one mutex for all.
 * @source Linux 6.17, virt/lib/irqbypass.c, irq_bypass_register_producer()
 */
export const bypassGuards: GuardedBy<Bypass> = { producers: all => all.lock, consumers: all => all.lock };

/**
 * The mutex of the bypass is inside that of the device; a machine's list of irqfds is locked inside both, and the line innermost.
 * @source Linux 6.17, virt/lib/irqbypass.c, __connect(); arch/x86/kvm/irq.c, kvm_arch_irq_bypass_add_producer()
 */
export const connectOrder: LockOrder<[Device, Kvm, Line]> = (device, kvm, line) => [device.igate, bypass.lock, kvm.irqfdsLock, line.lock];

/**
 * An irqfd is registered by a reader of the routing, so readers are not waited for under the mutex of the bypass.
 * @source Linux 6.17, virt/kvm/eventfd.c, kvm_irqfd_assign()
 */
export const registeredByReader: LockOrder<[Kvm]> = kvm => [kvm.irqSrcu, bypass.lock];

/**
 * Who is connected is so on both sides.
 * @source Linux 6.17, virt/lib/irqbypass.c, __connect() and __disconnect()
 * @fact R432
 */
export const connectedOnBothSides: Settled<{ producer: Producer; irqfd: Irqfd }> = ({ producer, irqfd }) =>
  implies(
    bypass.producers.has(producer) && bypass.consumers.has(irqfd),
    producer.trigger !== irqfd.eventfd || producer.line.cannotPost || (producer.consumer === irqfd && irqfd.connected === producer),
  );

/**
 * A line is posted to a machine only while its producer is connected to one of the machine's irqfds.
 * @source Linux 6.17, arch/x86/kvm/irq.c, kvm_arch_irq_bypass_del_producer()
 * @fact R432
 */
export const postedIsConnected: Settled<{ line: Line }> = ({ line }) =>
  implies(
    line.postedTo !== null,
    some(bypass.producers, producer => producer.line === line && producer.consumer !== null),
  );

// ---- Producers

/** Register, and connect with the irqfd that has the same eventfd. */
export function registerProducer(producer: Producer, eventfd: Eventfd): 0 | 'EBUSY' | 'EIO' {
  lock(bypass.lock);
  const result = joinProducers(producer, eventfd);
  unlock(bypass.lock);
  return result;
}

/** An eventfd has one producer at most. */
export function joinProducers(producer: Producer, eventfd: Eventfd): 0 | 'EBUSY' | 'EIO' {
  assertHeld(bypass.lock);
  for (const other of bypass.producers) {
    if (other.eventfd === eventfd) return 'EBUSY';
  }
  const irqfd = consumerOf(eventfd);
  if (irqfd !== null) {
    const result = connect(producer, irqfd);
    if (result !== 0) return result;
  }
  producer.eventfd = eventfd;
  bypass.producers.add(producer);
  return 0;
}

/** Disconnect, and be registered no more. Nothing if it was not, or if that failed. */
export function unregisterProducer(producer: Producer): void {
  lock(bypass.lock);
  if (bypass.producers.has(producer)) {
    const irqfd = producer.consumer;
    if (irqfd !== null) disconnect(producer, irqfd);
    producer.eventfd = null;
    bypass.producers.delete(producer);
  }
  unlock(bypass.lock);
}

/** The irqfd that is registered with this eventfd. */
export function consumerOf(eventfd: Eventfd): Irqfd | null {
  assertHeld(bypass.lock);
  for (const irqfd of bypass.consumers) {
    if (irqfd.eventfd === eventfd) return irqfd;
  }
  return null;
}

// ---- Consumers

/** Register, and connect with the producer that has the same eventfd. Who calls goes on without a bypass if that fails. */
export function registerConsumer(irqfd: Irqfd): 0 | 'EBUSY' | 'EIO' {
  lock(bypass.lock);
  const result = joinConsumers(irqfd);
  unlock(bypass.lock);
  return result;
}

/** An eventfd has one consumer at most. */
export function joinConsumers(irqfd: Irqfd): 0 | 'EBUSY' | 'EIO' {
  assertHeld(bypass.lock);
  if (consumerOf(irqfd.eventfd) !== null) return 'EBUSY';
  for (const producer of bypass.producers) {
    if (producer.eventfd === irqfd.eventfd) {
      const result = connect(producer, irqfd);
      if (result !== 0) return result;
    }
  }
  bypass.consumers.add(irqfd);
  return 0;
}

/** Disconnect, and be registered no more. Nothing if it was not, or if that failed. */
export function unregisterConsumer(irqfd: Irqfd): void {
  lock(bypass.lock);
  if (bypass.consumers.has(irqfd)) {
    const producer = irqfd.connected;
    if (producer !== null) disconnect(producer, irqfd);
    bypass.consumers.delete(irqfd);
  }
  unlock(bypass.lock);
}

// ---- Both

/** Have the machine take the line. If it cannot, nothing of it is left. */
export function connect(producer: Producer, irqfd: Irqfd): 0 | 'EIO' {
  assertHeld(bypass.lock);
  const result = addProducer(irqfd, producer);
  if (result === 0) {
    producer.consumer = irqfd;
    irqfd.connected = producer;
  }
  return result;
}

/** Have the machine give the line back. */
export function disconnect(producer: Producer, irqfd: Irqfd): void {
  assertHeld(bypass.lock);
  deleteProducer(irqfd, producer);
  producer.consumer = null;
  irqfd.connected = null;
}
