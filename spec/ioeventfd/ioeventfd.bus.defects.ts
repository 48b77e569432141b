/** What must not be done when a device joins or leaves a bus, or a bus ends. */
import { always, anyOf, assertHeld, type Defect, free, lock, synchronize, unlock } from '../language.ts';
import * as buses from './io-bus.ts';
import * as scenarios from './ioeventfd.scenarios.ts';
import type { Spec } from './ioeventfd.spec.ts';
import type { Kvm } from './kvm.ts';

/**
 * The old table is freed while guests look through it.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_register_dev(), synchronize_srcu_expedited()
 */
export const tableFreedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.writeRacesAssign }],
  instead: {
    registerDevice: device => {
      const kvm = device.kvm;
      assertHeld(kvm.slotsLock);
      const old = buses.busOf(kvm, device.bus);
      if (old === null || buses.isOutOfMemory(kvm)) return 'ENOMEM';
      const bus = buses.copyOf(old, null);
      bus.devices.add(device);
      buses.publish(kvm, device.bus, bus);
      free(old);
      return 0;
    },
  },
};

/**
 * The device is ended while guests write to it.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev(), synchronize_srcu_expedited()
 */
export const deviceDestroyedAtOnce: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.writeRacesDeassign }],
  instead: {
    unregisterDevice: device => {
      const kvm = device.kvm;
      const name = device.bus;
      assertHeld(kvm.slotsLock);
      const old = buses.busOf(kvm, name);
      if (old === null) return 0;
      if (!old.devices.has(device)) return 0;
      const bus = buses.isOutOfMemory(kvm) ? null : buses.copyOf(old, device);
      buses.publish(kvm, name, bus);
      if (bus === null) {
        synchronize(kvm.srcu);
        buses.destroyBus(old);
        return 'ENOMEM';
      }
      buses.destroyDevice(device);
      synchronize(kvm.srcu);
      free(old);
      return 0;
    },
  },
};

/**
 * A device joins the table that guests look through.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_register_dev(), the new table
 */
export const joinsInPlace: Defect<Spec> = {
  breaks: [{ rule: buses.nobodyJoinsPublished, in: scenarios.writeRacesAssign }],
  instead: {
    registerDevice: device => {
      const kvm = device.kvm;
      assertHeld(kvm.slotsLock);
      const bus = buses.busOf(kvm, device.bus);
      if (bus === null) return 'ENOMEM';
      bus.devices.add(device);
      return 0;
    },
  },
};

/**
 * A device leaves the table that guests look through, to do without memory for another one.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev(), the new table
 */
export const leavesInPlace: Defect<Spec> = {
  breaks: [{ rule: buses.nobodyLeavesPublished, in: scenarios.writeRacesDeassign }],
  instead: {
    unregisterDevice: device => {
      const kvm = device.kvm;
      assertHeld(kvm.slotsLock);
      const bus = buses.busOf(kvm, device.bus);
      if (bus === null) return 0;
      if (!bus.devices.has(device)) return 0;
      bus.devices.delete(device);
      synchronize(kvm.srcu);
      buses.destroyDevice(device);
      return 0;
    },
  },
};

/**
 * A device leaves, and takes with it all that are at the same address.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_io_bus_unregister_dev(), which looks for the device itself
 */
export const leavesByAddress: Defect<Spec> = {
  breaks: [
    { rule: buses.listedIsOnItsBus, in: scenarios.otherValueStays },
    { rule: always.bugNeverReached, in: scenarios.otherValueStays },
  ],
  instead: {
    copyOf: (old, without) => {
      const bus = buses.emptyBus(old.kvm);
      for (const device of old.devices) {
        if (without === null || device.address !== without.address) bus.devices.add(device);
      }
      return bus;
    },
  },
};

// ---- No memory for a smaller table

/**
 * The bus ends, and only the device that was to leave ends with it.
 * @source Linux f65886606c2d, "KVM: fix memory leak in kvm_io_bus_unregister_dev()", CVE-2020-36312
 * @fact D426
 */
export const busLeaked: Defect<Spec> = {
  breaks: [
    { rule: buses.endedBusLeavesNoDevice, in: scenarios.busEndsUnderWrite },
    { rule: always.quietAtTheEnd, in: scenarios.vmGoesAfterTheBus },
  ],
  instead: {
    unregisterDevice: device => {
      const kvm = device.kvm;
      const name = device.bus;
      assertHeld(kvm.slotsLock);
      const old = buses.busOf(kvm, name);
      if (old === null) return 0;
      if (!old.devices.has(device)) return 0;
      const bus = buses.isOutOfMemory(kvm) ? null : buses.copyOf(old, device);
      buses.publish(kvm, name, bus);
      synchronize(kvm.srcu);
      free(old);
      buses.destroyDevice(device);
      return 0;
    },
  },
};

/**
 * The other devices end while guests may write to them: the table is taken away only afterwards. (The caller ends its own, after the readers have left.)
 * @source Linux 2ee3757424be, "KVM: Destroy I/O bus devices on unregister failure _after_ sync'ing SRCU"
 * @fact D426
 */
export const destroyedBeforeGrace: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.busEndsUnderWrite }],
  instead: {
    unregisterDevice: device => {
      const kvm = device.kvm;
      const name = device.bus;
      assertHeld(kvm.slotsLock);
      const old = buses.busOf(kvm, name);
      if (old === null) return 0;
      if (!old.devices.has(device)) return 0;
      const bus = buses.isOutOfMemory(kvm) ? null : buses.copyOf(old, device);
      if (bus === null) {
        for (const other of old.devices) {
          if (other !== device) {
            old.devices.delete(other);
            buses.destroyDevice(other);
          }
        }
      }
      buses.publish(kvm, name, bus);
      synchronize(kvm.srcu);
      free(old);
      buses.destroyDevice(device);
      return 0;
    },
  },
};

/**
 * The walk over the zones goes on to the next one, which it noted beforehand and which ended with the bus. (Written out for two zones.)
 * @source Linux 5d3c4c79384a, "KVM: Stop looking for coalesced MMIO zones if the bus is destroyed"
 * @fact D426
 */
export const walksOnAfterTheBus: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.zonesGoWithTheBus }],
  instead: {
    unregisterZones: (vm, address) => {
      const kvm = vm.kvm;
      lock(kvm.slotsLock);
      const zone = anyOf(kvm.zones);
      if (zone !== null) {
        const next = otherZone(kvm, zone);
        if (zone.address === address) buses.unregisterDevice(zone);
        if (next !== null) {
          if (next.address === address) buses.unregisterDevice(next);
        }
      }
      unlock(kvm.slotsLock);
      return 0;
    },
  },
};

/** The one behind this one, if there is one. */
function otherZone(kvm: Kvm, zone: buses.Device): buses.Device | null {
  for (const other of kvm.zones) {
    if (other !== zone) return other;
  }
  return null;
}

/**
 * Every device of the bus ends but the one that was to leave, and its owner thinks that it has ended too.
 * @source Linux 6.1.16, "KVM: Destroy target device if coalesced MMIO unregistration fails"
 * @fact D426
 */
export const targetForgotten: Defect<Spec> = {
  breaks: [{ rule: buses.endedBusLeavesNoDevice, in: scenarios.zonesGoWithTheBus }],
  instead: {
    unregisterDevice: device => {
      const kvm = device.kvm;
      const name = device.bus;
      assertHeld(kvm.slotsLock);
      const old = buses.busOf(kvm, name);
      if (old === null) return 0;
      if (!old.devices.has(device)) return 0;
      const bus = buses.isOutOfMemory(kvm) ? null : buses.copyOf(old, device);
      buses.publish(kvm, name, bus);
      synchronize(kvm.srcu);
      if (bus === null) {
        for (const other of old.devices) {
          old.devices.delete(other);
          if (other !== device) buses.destroyDevice(other);
        }
        free(old);
        return 'ENOMEM';
      }
      free(old);
      buses.destroyDevice(device);
      return 0;
    },
  },
};
