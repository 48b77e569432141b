/** A device with one vector, whose interrupt user space has signalled on an eventfd. The vector is the producer. */
import {
  alloc,
  free,
  type GuardedBy,
  get,
  type Invariant,
  implies,
  isLive,
  lock,
  type Mutex,
  type Owns,
  put,
  unlock,
} from '../language.ts';
import { bypass, registerProducer, unregisterProducer } from './irqbypass.ts';
import type { Irqfd } from './irqfd.ts';
import type { Eventfd } from './kvm.ts';
import { freeLine, type Line, newLine, requestLine } from './line.ts';

/** A device of VFIO. */
export interface Device {
  igate: Mutex;
  readonly line: Line;
  vector: Producer | null;
}

/** A vector that is set up. */
export interface Producer {
  readonly line: Line;
  /** Signalled by the handler. */
  readonly trigger: Eventfd;
  /** What it is registered with; null if it is not. */
  eventfd: Eventfd | null;
  consumer: Irqfd | null;
}

// ---- Rules

/**
 * A device's vectors are set up and taken down under its mutex.
 * @source Linux 6.17, drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_irqs_ioctl()
 */
export const deviceGuards: GuardedBy<Device> = { vector: device => device.igate };

/**
 * What a producer is registered with and connected to is the bypass's, under its mutex.
 * @source Linux 6.17, virt/lib/irqbypass.c, __connect()
 */
export const producerGuards: GuardedBy<Producer> = { eventfd: _producer => bypass.lock, consumer: _producer => bypass.lock };

/** A vector holds its trigger. */
export const producerOwns: Owns<Producer> = { trigger: eventfd => eventfd.refs };

/**
 * A producer that an irqfd points to is there.
 * @source Linux, CVE-2026-72283, "KVM: x86: Nullify irqfd->producer if updating IRTE for bypass fails"
 * @fact R432
 */
export const producerOfIrqfdIsAlive: Invariant<{ irqfd: Irqfd }> = ({ irqfd }) => implies(irqfd.producer !== null, isLive(irqfd.producer));

// ---- What user space asks for

/** A device. */
export function openDevice(): Device {
  return alloc<Device>({ line: newLine(false) });
}

/** A device whose interrupts cannot be posted. */
export function openDeviceThatCannotPost(): Device {
  return alloc<Device>({ line: newLine(true) });
}

/** Signal this eventfd at every interrupt (`VFIO_DEVICE_SET_IRQS`). That it cannot bypass the host is no failure. */
export function setTrigger(device: Device, eventfd: Eventfd): void {
  lock(device.igate);
  takeDown(device);
  get(eventfd.refs);
  const vector = alloc<Producer>({ line: device.line, trigger: eventfd });
  device.vector = vector;
  requestLine(device.line);
  registerProducer(vector, eventfd);
  unlock(device.igate);
}

/** Signal nothing any more. */
export function clearTrigger(device: Device): void {
  lock(device.igate);
  takeDown(device);
  unlock(device.igate);
}

/** Take the vector down, if there is one: first of all it is no producer any more. */
export function takeDown(device: Device): void {
  const vector = device.vector;
  if (vector === null) return;
  unregisterProducer(vector);
  freeLine(device.line);
  put(vector.trigger.refs);
  device.vector = null;
  free(vector);
}
