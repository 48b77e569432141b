/**
 * The buses of a machine: tables of devices that the kernel itself emulates, looked through at every write of the guest that leaves it.
 *
 * A table that readers may find is never changed. A device joins or leaves by another table, which is put in its place; the old one goes when its readers
 * have left, and with it whoever has left. Where there is no memory for a smaller table, the bus ends with all of its devices, for good.
 */
import {
  type AtEvery,
  alloc,
  assertHeld,
  assertSole,
  every,
  free,
  type GuardedBy,
  implies,
  isLive,
  maybe,
  type Owns,
  put,
  readLock,
  readUnlock,
  type Settled,
  synchronize,
  type UpTo,
} from '../language.ts';
import { countEvent, type Eventfd } from './eventfd.ts';
import type { Kvm } from './kvm.ts';
import { recordInRing } from './zones.ts';

/** Ports; memory that is none; and memory where the length of a write does not matter, for a faster lookup. */
export type BusName = 'port' | 'memory' | 'fast';

/** A table of devices. Sorted by address in the kernel; here the environment picks the order. */
export interface Bus {
  readonly kvm: Kvm;
  devices: Set<Device>;
}

/** An ioeventfd, or a zone of writes that are collected in a ring: then `eventfd` is null. */
export interface Device {
  readonly kvm: Kvm;
  readonly bus: BusName;
  readonly address: UpTo<30>;
  /** Bytes that a write must have; 0 if it does not matter. */
  readonly length: UpTo<8>;
  /** Only this is taken; otherwise whatever is written. */
  readonly wants: boolean;
  readonly data: UpTo<30>;
  readonly eventfd: Eventfd | null;
}

// ---- Rules

/**
 * Tables are made under the lock of the slots, and looked at by readers of the slots too.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_register_dev(), "lockdep_assert_held(&kvm->slots_lock)"
 */
export const busGuards: GuardedBy<Bus> = {
  devices: { read: bus => [bus.kvm.srcu, bus.kvm.slotsLock], write: bus => bus.kvm.slotsLock },
};

/** A device holds its eventfd. */
export const deviceOwns: Owns<Device> = { eventfd: eventfd => eventfd.refs };

/**
 * Nobody joins a table that readers may find.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_register_dev()
 * @fact R429
 */
export const nobodyJoinsPublished: AtEvery<{ bus: Bus; device: Device }> = {
  event: ({ bus, device }) => bus.devices.add(device),
  then: ({ bus }) => bus.kvm.port !== bus && bus.kvm.memory !== bus && bus.kvm.fast !== bus,
};

/**
 * Nobody leaves a table that readers may find: not before the machine has ended.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev()
 * @fact R429
 */
export const nobodyLeavesPublished: AtEvery<{ bus: Bus; device: Device }> = {
  event: ({ bus, device }) => bus.devices.delete(device),
  then: ({ bus }) => !isLive(bus.kvm) || (bus.kvm.port !== bus && bus.kvm.memory !== bus && bus.kvm.fast !== bus),
};

/**
 * A device is in the table of its own bus only.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd_idx()
 */
export const listedIsOnItsBus: Settled<{ device: Device; bus: Bus }> = ({ device, bus }) =>
  implies(
    isLive(device.kvm) &&
      device.kvm.ioeventfds.has(device) &&
      ((device.bus === 'port' && device.kvm.port === bus) ||
        (device.bus === 'memory' && device.kvm.memory === bus) ||
        (device.bus === 'fast' && device.kvm.fast === bus)),
    bus.devices.has(device),
  );

/**
 * A bus that has ended has left no device behind.
 * @source Linux f65886606c2d, "KVM: fix memory leak in kvm_io_bus_unregister_dev()", CVE-2020-36312
 * @fact R429
 */
export const endedBusLeavesNoDevice: Settled<{ kvm: Kvm }> = ({ kvm }) =>
  implies(
    kvm.port === null || kvm.memory === null || kvm.fast === null,
    every(kvm.ioeventfds, device => !isOfEndedBus(kvm, device)) && every(kvm.zones, device => !isOfEndedBus(kvm, device)),
  );

/** The device's bus has ended. */
export function isOfEndedBus(kvm: Kvm, device: Device): boolean {
  return (
    (device.bus === 'port' && kvm.port === null) ||
    (device.bus === 'memory' && kvm.memory === null) ||
    (device.bus === 'fast' && kvm.fast === null)
  );
}

// ---- Joining and leaving

/** Put the device on its bus. Whoever calls has found no other one in its way. */
export function registerDevice(device: Device): 0 | 'ENOMEM' {
  const kvm = device.kvm;
  assertHeld(kvm.slotsLock);
  const old = busOf(kvm, device.bus);
  if (old === null || isOutOfMemory(kvm)) return 'ENOMEM';
  const bus = copyOf(old, null);
  bus.devices.add(device);
  publish(kvm, device.bus, bus);
  grace: synchronize(kvm.srcu);
  free(old);
  return 0;
}

/** Take the device off its bus, and end it. With `ENOMEM` every other device of the bus has ended too. */
export function unregisterDevice(device: Device): 0 | 'ENOMEM' {
  const kvm = device.kvm;
  const name = device.bus;
  assertHeld(kvm.slotsLock);
  const old = busOf(kvm, name);
  if (old === null) return 0;
  if (!old.devices.has(device)) return 0;
  const bus = isOutOfMemory(kvm) ? null : copyOf(old, device);
  publish(kvm, name, bus);
  grace: synchronize(kvm.srcu);
  if (bus === null) {
    destroyBus(old);
    return 'ENOMEM';
  }
  // The kernel frees the two in the other order, which nobody can tell.
  free(old);
  destroyDevice(device);
  return 0;
}

/** Whether an allocation fails. */
export function isOutOfMemory(kvm: Kvm): boolean {
  return kvm.memoryIsShort && maybe();
}

/** A table that nobody sees yet. */
export function emptyBus(kvm: Kvm): Bus {
  return alloc<Bus>({ kvm });
}

/** A table with the same devices, but for one. */
export function copyOf(old: Bus, without: Device | null): Bus {
  const bus = emptyBus(old.kvm);
  for (const device of old.devices) {
    if (device !== without) bus.devices.add(device);
  }
  return bus;
}

/** The table of this name; null once it has ended. */
export function busOf(kvm: Kvm, name: BusName): Bus | null {
  if (name === 'port') return kvm.port;
  if (name === 'memory') return kvm.memory;
  return kvm.fast;
}

/** Put another table in place. */
export function publish(kvm: Kvm, name: BusName, bus: Bus | null): void {
  assertHeld(kvm.slotsLock);
  if (name === 'port') kvm.port = bus;
  else if (name === 'memory') kvm.memory = bus;
  else kvm.fast = bus;
}

/** A table that nobody can find any more ends with all of its devices. */
export function destroyBus(bus: Bus): void {
  // Its readers have left.
  assertSole(bus);
  for (const device of bus.devices) {
    bus.devices.delete(device);
    destroyDevice(device);
  }
  free(bus);
}

/** What the device's own kind does about its end. */
export function destroyDevice(device: Device): void {
  const kvm = device.kvm;
  const eventfd = device.eventfd;
  if (eventfd === null) {
    kvm.zones.delete(device);
  } else {
    put(eventfd.refs);
    kvm.ioeventfds.delete(device);
  }
  free(device);
}

// ---- Looking up

/** The guest has written: the first device that takes it has it. False if user space has to be asked. */
export function writeToBus(kvm: Kvm, name: BusName, address: UpTo<30>, length: UpTo<8>, data: UpTo<30>): boolean {
  assertHeld(kvm.srcu);
  const bus = busOf(kvm, name);
  if (bus === null) return false;
  for (const device of bus.devices) {
    if (takes(device, address, length, data)) {
      handle(device);
      return true;
    }
  }
  return false;
}

/** Whether this write is for the device. */
export function takes(device: Device, address: UpTo<30>, length: UpTo<8>, data: UpTo<30>): boolean {
  if (device.address !== address) return false;
  if (device.length !== 0 && device.length !== length) return false;
  return !device.wants || device.data === data;
}

/** What the device's own kind does about a write. */
export function handle(device: Device): void {
  const eventfd = device.eventfd;
  if (eventfd === null) recordInRing(device.kvm);
  else countEvent(eventfd);
}

/** The device at an address (`kvm_io_bus_get_dev`). It is there for as long as the caller's read section is. */
export function deviceAt(kvm: Kvm, name: BusName, address: UpTo<30>): Device | null {
  assertHeld(kvm.srcu);
  const bus = busOf(kvm, name);
  if (bus === null) return null;
  for (const device of bus.devices) {
    if (device.address === address) return device;
  }
  return null;
}

/** Another part of the kernel has something for the device at an address, as an interrupt controller of ARM has messages. */
export function sendTo(kvm: Kvm, name: BusName, address: UpTo<30>): boolean {
  readLock(kvm.srcu);
  const device = deviceAt(kvm, name, address);
  if (device !== null) handle(device);
  readUnlock(kvm.srcu);
  return device !== null;
}
