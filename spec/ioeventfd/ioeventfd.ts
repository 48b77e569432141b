/**
 * ioeventfd as in Linux 6.12: writes of a guest become events of an eventfd, without a return to user space.
 *
 * An ioeventfd is a device on a bus of its machine. Guests look a bus up as readers and take no lock, so whoever changes one replaces it and waits for them
 * before anything is freed. It holds the eventfd by a reference and the machine by nothing: the machine ends its devices.
 */
import {
  alloc,
  assertHeld,
  type Descriptor,
  fget,
  free,
  get,
  implies,
  lock,
  put,
  type Settled,
  some,
  type UpTo,
  unlock,
} from '../language.ts';
import type { Eventfd, OpenFile } from './eventfd.ts';
import { type BusName, type Device, isOutOfMemory, registerDevice, unregisterDevice } from './io-bus.ts';
import type { Kvm, VmFile } from './kvm.ts';

// ---- Rules

/**
 * No two ioeventfds want the same write.
 * @source Linux 6.12, virt/kvm/eventfd.c, ioeventfd_check_collision()
 */
export const noTwoWantOneWrite: Settled<{ one: Device; other: Device }> = ({ one, other }) =>
  implies(one.kvm === other.kvm && one.kvm.ioeventfds.has(one) && one.kvm.ioeventfds.has(other) && collide(one, other), one === other);

/** Whether some write is for both. */
export function collide(one: Device, other: Device): boolean {
  return (
    one.bus === other.bus &&
    one.address === other.address &&
    (one.length === 0 || other.length === 0 || one.length === other.length) &&
    (!one.wants || !other.wants || one.data === other.data)
  );
}

// ---- Assigning

/** Make writes to a port events, whatever is written (`KVM_IOEVENTFD`, flag `PIO`). Length 0 is any length. */
export function assignPort(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  port: UpTo<30>,
  length: UpTo<8>,
): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENOMEM' {
  if (!isWord(length)) return 'EINVAL';
  return assignTo(vm.kvm, fd, 'port', port, length, false, 0);
}

/** Make writes of one value to a port events (flag `DATAMATCH`). Without a length there is nothing to compare. */
export function assignPortData(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  port: UpTo<30>,
  length: UpTo<8>,
  data: UpTo<30>,
): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENOMEM' {
  if (!isWord(length) || length === 0) return 'EINVAL';
  return assignTo(vm.kvm, fd, 'port', port, length, true, data);
}

/** Make writes to memory that is none events. Where the length does not matter, the device is on two buses, or on none. */
export function assignMemory(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  address: UpTo<30>,
  length: UpTo<8>,
): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENOMEM' {
  if (!isWord(length)) return 'EINVAL';
  const result = assignTo(vm.kvm, fd, 'memory', address, length, false, 0);
  if (result !== 0 || length !== 0) return result;
  const fast = assignTo(vm.kvm, fd, 'fast', address, length, false, 0);
  if (fast !== 0) deassignFrom(vm.kvm, fd, 'memory', address, length, false, 0);
  return fast;
}

/** As `assignPort` with any length, and with flags as they are: 2 is a port, above 31 is none that the kernel knows. Others are not for this call. */
export function assignPortWithFlags(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  port: UpTo<30>,
  flags: UpTo<40>,
): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENOMEM' {
  if (flags > 31) return 'EINVAL';
  return assignTo(vm.kvm, fd, 'port', port, 0, false, 0);
}

/** A length that a guest's instruction can have; 0 is any. */
export function isWord(length: UpTo<8>): boolean {
  return length === 0 || length === 1 || length === 2 || length === 4 || length === 8;
}

/** Put an ioeventfd on a bus. */
export function assignTo(
  kvm: Kvm,
  fd: Descriptor<OpenFile>,
  bus: BusName,
  address: UpTo<30>,
  length: UpTo<8>,
  wants: boolean,
  data: UpTo<30>,
): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENOMEM' {
  const eventfd = eventfdOf(fd);
  if (eventfd === 'EBADF' || eventfd === 'EINVAL') return eventfd;
  if (isOutOfMemory(kvm)) {
    put(eventfd.refs);
    return 'ENOMEM';
  }
  const device = alloc<Device>({ kvm, bus, address, length, wants, data, eventfd });
  lock(kvm.slotsLock);
  const result = join(device);
  unlock(kvm.slotsLock);
  if (result !== 0) {
    free(device);
    put(eventfd.refs);
  }
  return result;
}

/** Join the bus, unless another one is in the way. */
export function join(device: Device): 0 | 'EEXIST' | 'ENOMEM' {
  const kvm = device.kvm;
  assertHeld(kvm.slotsLock);
  if (some(kvm.ioeventfds, other => collide(other, device))) return 'EEXIST';
  const result = registerDevice(device);
  if (result === 0) kvm.ioeventfds.add(device);
  return result;
}

/** The eventfd of a descriptor, with a reference (`eventfd_ctx_fdget`). */
export function eventfdOf(fd: Descriptor<OpenFile>): Eventfd | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const eventfd = file.eventfd;
  if (eventfd === null) {
    put(file.refs);
    return 'EINVAL';
  }
  get(eventfd.refs);
  put(file.refs);
  return eventfd;
}

// ---- Deassigning

/** Undo `assignPort` (`KVM_IOEVENTFD_FLAG_DEASSIGN`): all must be as it was then. When it returns no more events come. */
export function deassignPort(vm: VmFile, fd: Descriptor<OpenFile>, port: UpTo<30>, length: UpTo<8>): 0 | 'EBADF' | 'EINVAL' | 'ENOENT' {
  return deassignFrom(vm.kvm, fd, 'port', port, length, false, 0);
}

/** Undo `assignPortData`. */
export function deassignPortData(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  port: UpTo<30>,
  length: UpTo<8>,
  data: UpTo<30>,
): 0 | 'EBADF' | 'EINVAL' | 'ENOENT' {
  return deassignFrom(vm.kvm, fd, 'port', port, length, true, data);
}

/** Undo `assignMemory`. */
export function deassignMemory(
  vm: VmFile,
  fd: Descriptor<OpenFile>,
  address: UpTo<30>,
  length: UpTo<8>,
): 0 | 'EBADF' | 'EINVAL' | 'ENOENT' {
  const result = deassignFrom(vm.kvm, fd, 'memory', address, length, false, 0);
  if (length === 0) deassignFrom(vm.kvm, fd, 'fast', address, length, false, 0);
  return result;
}

/** Take an ioeventfd off its bus. That the whole bus ended with it, for want of memory, is not told. */
export function deassignFrom(
  kvm: Kvm,
  fd: Descriptor<OpenFile>,
  bus: BusName,
  address: UpTo<30>,
  length: UpTo<8>,
  wants: boolean,
  data: UpTo<30>,
): 0 | 'EBADF' | 'EINVAL' | 'ENOENT' {
  const eventfd = eventfdOf(fd);
  if (eventfd === 'EBADF' || eventfd === 'EINVAL') return eventfd;
  lock(kvm.slotsLock);
  const device = assigned(kvm, eventfd, bus, address, length, wants, data);
  if (device !== null) unregisterDevice(device);
  unlock(kvm.slotsLock);
  put(eventfd.refs);
  return device === null ? 'ENOENT' : 0;
}

/** The ioeventfd that was assigned with all of this. */
export function assigned(
  kvm: Kvm,
  eventfd: Eventfd,
  bus: BusName,
  address: UpTo<30>,
  length: UpTo<8>,
  wants: boolean,
  data: UpTo<30>,
): Device | null {
  assertHeld(kvm.slotsLock);
  for (const device of kvm.ioeventfds) {
    if (
      device.bus === bus &&
      device.eventfd === eventfd &&
      device.address === address &&
      device.length === length &&
      device.wants === wants &&
      (!wants || device.data === data)
    )
      return device;
  }
  return null;
}
