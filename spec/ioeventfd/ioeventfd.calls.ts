/** What the kernel offers to user space, and what each call returns when. */
import { atAnyTime, type Contract, every, type Interface, some } from '../language.ts';
import { close, createEventfd, openOtherFile, readCount } from './eventfd.ts';
import {
  assignMemory,
  assignPort,
  assignPortData,
  assignPortWithFlags,
  deassignMemory,
  deassignPort,
  deassignPortData,
  isWord,
} from './ioeventfd.ts';
import { closeVcpu, closeVm, createVcpu, createVm, writePort } from './kvm.ts';
import { registerZone, unregisterZones } from './zones.ts';

/** The calls. Tests that make no others need not look inside. The guest's own writes are among them: a test can have a guest do what it likes. */
export const calls: Interface = {
  createVm,
  createVcpu,
  createEventfd,
  openOtherFile,
  assignPort,
  assignPortData,
  assignPortWithFlags,
  assignMemory,
  deassignPort,
  deassignPortData,
  deassignMemory,
  registerZone,
  unregisterZones,
  writePort,
  readCount,
  closeFd: close,
  closeVcpu,
  closeVm,
};

/** What adapters call the behaviour described here. It has not changed since. */
export const baseProfile = 'linux-6.1' as const;

/**
 * An ioeventfd needs an eventfd, a length that an instruction can have, and no other one in its way.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd() and ioeventfd_check_collision()
 */
export const assignPortContract: Contract<typeof assignPort> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EEXIST: (vm, _fd, port, length) =>
      some(
        vm.kvm.ioeventfds,
        other => other.bus === 'port' && other.address === port && (other.length === 0 || length === 0 || other.length === length),
      ),
    EINVAL: (_vm, fd, _port, length) => !isWord(length) || (fd.file !== null && fd.file.eventfd === null),
    ENOMEM: atAnyTime,
  },
  ensures: (vm, _fd, port, length) =>
    some(vm.kvm.ioeventfds, other => other.bus === 'port' && other.address === port && other.length === length),
  mayLeave: () => [],
};

/**
 * As for `assignPort`; those that want different values are not in each other's way.
 * @source Linux 6.12, virt/kvm/eventfd.c, ioeventfd_check_collision()
 */
export const assignPortDataContract: Contract<typeof assignPortData> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EEXIST: (vm, _fd, port, length, data) =>
      some(
        vm.kvm.ioeventfds,
        other =>
          other.bus === 'port' &&
          other.address === port &&
          (other.length === 0 || (other.length === length && (!other.wants || other.data === data))),
      ),
    EINVAL: (_vm, fd, _port, length) => !isWord(length) || length === 0 || (fd.file !== null && fd.file.eventfd === null),
    ENOMEM: atAnyTime,
  },
  ensures: (vm, _fd, port, _length, data) =>
    some(vm.kvm.ioeventfds, other => other.bus === 'port' && other.address === port && other.wants && other.data === data),
  mayLeave: () => [],
};

/**
 * A flag that the kernel does not know is refused, so that it can mean something later.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd()
 */
export const assignPortWithFlagsContract: Contract<typeof assignPortWithFlags> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EEXIST: (vm, _fd, port) => some(vm.kvm.ioeventfds, other => other.bus === 'port' && other.address === port),
    EINVAL: (_vm, fd, _port, flags) => flags > 31 || (fd.file !== null && fd.file.eventfd === null),
    ENOMEM: atAnyTime,
  },
};

/**
 * Memory is as ports are; where the length does not matter both buses have the device, or none has.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd(), "fast_fail"
 */
export const assignMemoryContract: Contract<typeof assignMemory> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EEXIST: (vm, _fd, address, length) =>
      some(
        vm.kvm.ioeventfds,
        other => other.bus !== 'port' && other.address === address && (other.length === 0 || length === 0 || other.length === length),
      ),
    EINVAL: (_vm, fd, _address, length) => !isWord(length) || (fd.file !== null && fd.file.eventfd === null),
    ENOMEM: atAnyTime,
  },
  ensures: (vm, _fd, address, length) =>
    some(vm.kvm.ioeventfds, other => other.bus === 'memory' && other.address === address && other.length === length) &&
    (length !== 0 || some(vm.kvm.ioeventfds, other => other.bus === 'fast' && other.address === address)),
  // An equal table is another table.
  mayLeave: vm => [vm.kvm.memory],
};

/**
 * Only what was assigned with the same descriptor, address and length can be deassigned.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_deassign_ioeventfd_idx()
 */
export const deassignPortContract: Contract<typeof deassignPort> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EINVAL: (_vm, fd) => fd.file !== null && fd.file.eventfd === null,
    ENOENT: (vm, fd, port, length) =>
      fd.file !== null &&
      every(
        vm.kvm.ioeventfds,
        one =>
          one.bus !== 'port' ||
          fd.file === null ||
          one.eventfd !== fd.file.eventfd ||
          one.address !== port ||
          one.length !== length ||
          one.wants,
      ),
  },
  ensures: (vm, fd, port, length) =>
    every(
      vm.kvm.ioeventfds,
      one =>
        one.bus !== 'port' ||
        fd.file === null ||
        one.eventfd !== fd.file.eventfd ||
        one.address !== port ||
        one.length !== length ||
        one.wants,
    ),
  mayLeave: () => [],
};

/**
 * As for `deassignPort`, and with the same value.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_deassign_ioeventfd_idx()
 */
export const deassignPortDataContract: Contract<typeof deassignPortData> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EINVAL: (_vm, fd) => fd.file !== null && fd.file.eventfd === null,
    ENOENT: (vm, fd, port, length, data) =>
      fd.file !== null &&
      every(
        vm.kvm.ioeventfds,
        one =>
          one.bus !== 'port' ||
          fd.file === null ||
          one.eventfd !== fd.file.eventfd ||
          one.address !== port ||
          one.length !== length ||
          !one.wants ||
          one.data !== data,
      ),
  },
  mayLeave: () => [],
};

/**
 * As for `deassignPort`. What the second bus says is not told.
 * @source Linux 6.12, virt/kvm/eventfd.c, kvm_deassign_ioeventfd()
 */
export const deassignMemoryContract: Contract<typeof deassignMemory> = {
  fails: {
    EBADF: (_vm, fd) => fd.file === null,
    EINVAL: (_vm, fd) => fd.file !== null && fd.file.eventfd === null,
    ENOENT: (vm, fd, address, length) =>
      fd.file !== null &&
      every(
        vm.kvm.ioeventfds,
        one =>
          one.bus !== 'memory' || fd.file === null || one.eventfd !== fd.file.eventfd || one.address !== address || one.length !== length,
      ),
  },
  ensures: (vm, fd, address, length) =>
    length !== 0 ||
    every(
      vm.kvm.ioeventfds,
      one => one.bus === 'port' || fd.file === null || one.eventfd !== fd.file.eventfd || one.address !== address || one.length !== 0,
    ),
};

/**
 * Any number of zones may be at one port.
 * @source Linux 6.12, virt/kvm/coalesced_mmio.c, kvm_vm_ioctl_register_coalesced_mmio()
 */
export const registerZoneContract: Contract<typeof registerZone> = {
  fails: { ENOMEM: atAnyTime },
  ensures: (vm, address) => some(vm.kvm.zones, zone => zone.address === address),
  mayLeave: () => [],
};

/**
 * Reading takes all that was counted, and finds nothing where nothing was.
 * @source eventfd(2)
 */
export const readCountContract: Contract<typeof readCount> = {
  fails: {
    EAGAIN: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
    EBADF: fd => fd.file === null,
  },
  ensures: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null }, ensures: fd => fd.file === null };
