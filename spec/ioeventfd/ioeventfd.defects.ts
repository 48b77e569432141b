/** What must not be done when an ioeventfd is assigned or looked up, or a processor runs. */
import { always, assertHeld, type Defect, fget, free, lock, put, readLock, readUnlock, unlock, waitEvent, wakeAll } from '../language.ts';
import * as eventfds from './eventfd.ts';
import * as buses from './io-bus.ts';
import * as scenarios from './ioeventfd.scenarios.ts';
import type { Spec } from './ioeventfd.spec.ts';
import * as ioeventfds from './ioeventfd.ts';
import * as kvms from './kvm.ts';

// ---- Looking up

/**
 * A device is looked up in a read section that ends with the lookup, and used afterwards.
 * @source kvm mailing list, June 2026, Marc Zyngier, "KVM: Move kvm_io_bus_get_dev() locking responsibilities to callers"
 */
export const usedAfterLookup: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.lookupRacesDeassign }],
  instead: {
    sendTo: (kvm, name, address) => {
      readLock(kvm.srcu);
      const device = buses.deviceAt(kvm, name, address);
      readUnlock(kvm.srcu);
      if (device !== null) buses.handle(device);
      return device !== null;
    },
  },
};

/**
 * Who looks a device up takes the lock of the slots, to be sure of it, although it is a reader.
 * @source no known occurrence: Linux 6.12, Documentation/virt/kvm/locking.rst, "the following is broken"
 */
export const lookupLocksSlots: Defect<Spec> = {
  breaks: [
    { rule: kvms.lockedOutsideReaders, in: scenarios.lookupRacesDeassign },
    { rule: always.everyWaitEnds, in: scenarios.lookupRacesDeassign },
  ],
  instead: {
    sendTo: (kvm, name, address) => {
      readLock(kvm.srcu);
      lock(kvm.slotsLock);
      const device = buses.deviceAt(kvm, name, address);
      if (device !== null) buses.handle(device);
      unlock(kvm.slotsLock);
      readUnlock(kvm.srcu);
      return device !== null;
    },
  },
};

/**
 * The guest's bus is fetched before the processor is a reader.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_write(), srcu_dereference()
 */
export const busFetchedOutside: Defect<Spec> = {
  breaks: [
    { rule: kvms.kvmGuards, in: scenarios.writeRacesAssign },
    { rule: always.neverTouchedAfterFree, in: scenarios.writeRacesAssign },
  ],
  instead: {
    writePort: (vcpu, port, length, data) => {
      const kvm = vcpu.kvm;
      lock(vcpu.mutex);
      const bus = kvm.port;
      readLock(kvm.srcu);
      const isTaken = bus !== null && isTakenBy(bus, port, length, data);
      readUnlock(kvm.srcu);
      unlock(vcpu.mutex);
      return isTaken;
    },
  },
};

/**
 * The table is looked through after the processor was a reader.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_write()
 */
export const tableSearchedOutside: Defect<Spec> = {
  breaks: [{ rule: buses.busGuards, in: scenarios.writeRacesDeassign }],
  instead: {
    writePort: (vcpu, port, length, data) => {
      const kvm = vcpu.kvm;
      lock(vcpu.mutex);
      readLock(kvm.srcu);
      const bus = kvm.port;
      readUnlock(kvm.srcu);
      const isTaken = bus !== null && isTakenBy(bus, port, length, data);
      unlock(vcpu.mutex);
      return isTaken;
    },
  },
};

/** Whether a device of this table takes the write. */
function isTakenBy(bus: buses.Bus, port: number, length: number, data: number): boolean {
  for (const device of bus.devices) {
    if (buses.takes(device, port, length, data)) {
      buses.handle(device);
      return true;
    }
  }
  return false;
}

// ---- Processors

/**
 * A processor that is stopped sleeps as a reader: whoever changes a bus waits for it, and is the one who would have started it.
 *
 * It is not as was thought, that a processor waits for its own read section: it waits for another processor, and what waits for readers waits for it.
 * @source Linux 5.19, "RISC-V: KVM: Fix SRCU deadlock caused by kvm_riscv_check_vcpu_requests()"; Anup Patel, July 2022: stopped processors "block until woken-up"
 * @fact D429
 */
export const sleepsAsReader: Defect<Spec> = {
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.stoppedVcpu }],
  instead: {
    writePort: (vcpu, port, length, data) => {
      lock(vcpu.mutex);
      readLock(vcpu.kvm.srcu);
      waitEvent(vcpu.wait, () => !vcpu.stopped);
      const isTaken = buses.writeToBus(vcpu.kvm, 'port', port, length, data);
      readUnlock(vcpu.kvm.srcu);
      unlock(vcpu.mutex);
      return isTaken;
    },
  },
};

/**
 * Who starts a processor locks it, as a reader, to see that it is stopped.
 * @source no known occurrence: Linux 6.12, Documentation/virt/kvm/locking.rst, "These locks _cannot_ be taken inside a kvm->srcu read-side critical section"
 */
export const startsLockedAsReader: Defect<Spec> = {
  breaks: [
    { rule: kvms.lockedOutsideReaders, in: scenarios.stoppedVcpu },
    { rule: always.everyWaitEnds, in: scenarios.stoppedVcpu },
  ],
  instead: {
    startVcpu: vcpu => {
      readLock(vcpu.kvm.srcu);
      lock(vcpu.mutex);
      lock(vcpu.stateLock);
      vcpu.stopped = false;
      unlock(vcpu.stateLock);
      wakeAll(vcpu.wait);
      unlock(vcpu.mutex);
      readUnlock(vcpu.kvm.srcu);
    },
  },
};

/**
 * A processor is started without its lock.
 * @source no known occurrence: Linux 6.12, arch/riscv/kvm/vcpu.c, kvm_riscv_vcpu_power_on()
 */
export const startedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: kvms.vcpuGuards, in: scenarios.stoppedVcpu }],
  instead: {
    startVcpu: vcpu => {
      vcpu.stopped = false;
      wakeAll(vcpu.wait);
    },
  },
};

/**
 * A processor changes the slots as a reader: it waits for itself.
 * @source no known occurrence: Linux 6.12, arch/x86/kvm/lapic.c, kvm_inhibit_apic_access_page(), kvm_vcpu_srcu_read_unlock()
 */
export const slotsReplacedAsReader: Defect<Spec> = {
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.slotsReplaced }],
  instead: {
    updateSlots: vcpu => {
      lock(vcpu.mutex);
      readLock(vcpu.kvm.srcu);
      kvms.replaceSlots(vcpu.kvm);
      readUnlock(vcpu.kvm.srcu);
      unlock(vcpu.mutex);
    },
  },
};

/**
 * The old slots are freed while another processor reads by them.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_swap_active_memslots(), synchronize_srcu_expedited()
 */
export const slotsFreedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.slotsReplaced }],
  instead: {
    replaceSlots: kvm => {
      lock(kvm.slotsLock);
      const old = kvm.slots;
      kvm.slots = kvms.newSlots();
      if (old !== null) free(old);
      unlock(kvm.slotsLock);
    },
  },
};

// ---- Assigning

/**
 * What is in the way is looked for in one critical section, and the bus joined in another.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd_idx(), one section of slots_lock
 */
export const lookedForTooEarly: Defect<Spec> = {
  breaks: [{ rule: ioeventfds.noTwoWantOneWrite, in: scenarios.assignTwice }],
  instead: {
    join: device => {
      const kvm = device.kvm;
      assertHeld(kvm.slotsLock);
      for (const other of kvm.ioeventfds) {
        if (ioeventfds.collide(other, device)) return 'EEXIST';
      }
      unlock(kvm.slotsLock);
      lock(kvm.slotsLock);
      const result = buses.registerDevice(device);
      if (result === 0) kvm.ioeventfds.add(device);
      return result;
    },
  },
};

/**
 * An ioeventfd has no reference of its own to its eventfd: that of the file will do, it is thought.
 * @source no known occurrence: Linux 6.12, virt/kvm/eventfd.c, kvm_assign_ioeventfd_idx(), eventfd_ctx_fdget()
 */
export const eventfdNotGot: Defect<Spec> = {
  breaks: [{ rule: always.referencesBalance, in: scenarios.assignTwice }],
  instead: {
    eventfdOf: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      put(file.refs);
      return eventfd;
    },
  },
};

/**
 * Events are counted without the lock.
 * @source no known occurrence: Linux 6.12, fs/eventfd.c, eventfd_signal_mask(), spin_lock_irqsave()
 */
export const countedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: eventfds.eventfdGuards, in: scenarios.writeRacesDeassign }],
  instead: {
    countEvent: eventfd => {
      eventfd.count += 1;
    },
  },
};
