/** Calls that return the wrong thing, or leave something behind when they fail. */
import { assertHeld, closeFd, type Defect, fget, lock, lockIrq, put, unlock, unlockIrq } from '../language.ts';
import * as buses from './io-bus.ts';
import * as calls from './ioeventfd.calls.ts';
import * as scenarios from './ioeventfd.scenarios.ts';
import type { Spec } from './ioeventfd.spec.ts';
import * as ioeventfds from './ioeventfd.ts';
import * as vectors from './ioeventfd.vectors.ts';
import * as zones from './zones.ts';

/**
 * The second of two buses fails, and the device stays on the first.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd(), the label fast_fail
 */
export const halfStays: Defect<Spec> = {
  breaks: [{ rule: calls.assignMemoryContract, in: scenarios.halfAssigned }],
  instead: {
    assignMemory: (vm, fd, address, length) => {
      if (!ioeventfds.isWord(length)) return 'EINVAL';
      const result = ioeventfds.assignTo(vm.kvm, fd, 'memory', address, length, false, 0);
      if (result !== 0 || length !== 0) return result;
      return ioeventfds.assignTo(vm.kvm, fd, 'fast', address, length, false, 0);
    },
  },
};

/**
 * Lengths are not compared: whoever is at the address is in the way.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, ioeventfd_check_collision()
 */
export const lengthsNotCompared: Defect<Spec> = {
  breaks: [{ rule: calls.assignPortContract, in: vectors.inTheWay }],
  instead: {
    collide: (one, other) => one.bus === other.bus && one.address === other.address,
  },
};

/**
 * Values are not compared: whoever wants one is in the way of who wants another.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, ioeventfd_check_collision()
 */
export const valuesNotCompared: Defect<Spec> = {
  breaks: [{ rule: calls.assignPortDataContract, in: vectors.inTheWay }],
  instead: {
    collide: (one, other) =>
      one.bus === other.bus && one.address === other.address && (one.length === 0 || other.length === 0 || one.length === other.length),
  },
};

/**
 * Flags that the kernel does not know are ignored.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd(), KVM_IOEVENTFD_VALID_FLAG_MASK
 */
export const unknownFlagIgnored: Defect<Spec> = {
  breaks: [{ rule: calls.assignPortWithFlagsContract, in: vectors.wrongArguments }],
  instead: {
    assignPortWithFlags: (vm, fd, port, _flags) => ioeventfds.assignTo(vm.kvm, fd, 'port', port, 0, false, 0),
  },
};

/**
 * Whether a value was wanted is not compared.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_deassign_ioeventfd_idx(), the wildcard
 */
export const anyValueDeassigned: Defect<Spec> = {
  breaks: [
    { rule: calls.deassignPortContract, in: vectors.sameToDeassign },
    { rule: calls.deassignPortDataContract, in: vectors.sameToDeassign },
  ],
  instead: {
    assigned: (kvm, eventfd, bus, address, length, _wants, _data) => {
      assertHeld(kvm.slotsLock);
      for (const device of kvm.ioeventfds) {
        if (device.bus === bus && device.eventfd === eventfd && device.address === address && device.length === length) return device;
      }
      return null;
    },
  },
};

/**
 * The second of two buses is forgotten.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_deassign_ioeventfd(), KVM_FAST_MMIO_BUS
 */
export const fastForgotten: Defect<Spec> = {
  breaks: [{ rule: calls.deassignMemoryContract, in: vectors.anyLengthAgain }],
  instead: {
    deassignMemory: (vm, fd, address, length) => ioeventfds.deassignFrom(vm.kvm, fd, 'memory', address, length, false, 0),
  },
};

/**
 * A zone is on the bus, and in no list by which it could be found again.
 * @source no known occurrence: Linux 6.12, virt/kvm/coalesced_mmio.c, kvm_vm_ioctl_register_coalesced_mmio(), list_add_tail()
 */
export const zoneNotListed: Defect<Spec> = {
  breaks: [{ rule: calls.registerZoneContract, in: vectors.zones }],
  instead: {
    registerZone: (vm, address) => {
      const kvm = vm.kvm;
      const zone = zones.newZone(kvm, address);
      lock(kvm.slotsLock);
      const result = buses.registerDevice(zone);
      unlock(kvm.slotsLock);
      return result;
    },
  },
};

/**
 * Reading tells the count and leaves it.
 * @source no known occurrence: Linux 6.12, fs/eventfd.c, eventfd_ctx_do_read()
 */
export const countLeft: Defect<Spec> = {
  breaks: [{ rule: calls.readCountContract, in: vectors.whoseWrite }],
  instead: {
    readCount: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) return 'EBADF';
      lockIrq(eventfd.lock);
      const count = eventfd.count;
      unlockIrq(eventfd.lock);
      put(file.refs);
      if (count === 0) return 'EAGAIN';
      return count === 1 ? 1 : count === 2 ? 2 : count === 3 ? 3 : 4;
    },
  },
};

/**
 * Closing what is closed succeeds.
 * @source no known occurrence: Linux 6.12, fs/open.c, close(), which looks at the descriptor first
 */
export const closedTwice: Defect<Spec> = {
  breaks: [{ rule: calls.closeContract, in: vectors.wrongArguments }],
  instead: {
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};
