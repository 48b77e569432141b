/** Zones whose writes are collected in a ring, for user space to look at later (coalesced MMIO). Several may be at one address, and go together. */
import { alloc, free, lock, type UpTo, unlock } from '../language.ts';
import { type Device, registerDevice, unregisterDevice } from './io-bus.ts';
import type { Kvm, VmFile } from './kvm.ts';

/** Collect the writes to this port (`KVM_REGISTER_COALESCED_MMIO`). */
export function registerZone(vm: VmFile, address: UpTo<30>): 0 | 'ENOMEM' {
  const kvm = vm.kvm;
  const zone = newZone(kvm, address);
  lock(kvm.slotsLock);
  const result = registerDevice(zone);
  if (result === 0) kvm.zones.add(zone);
  unlock(kvm.slotsLock);
  if (result !== 0) free(zone);
  return result;
}

/** A zone that is on no bus yet. */
export function newZone(kvm: Kvm, address: UpTo<30>): Device {
  return alloc<Device>({ kvm, bus: 'port', address, length: 0, wants: false, data: 0 });
}

/** Collect them no more (`KVM_UNREGISTER_COALESCED_MMIO`). That the bus may have ended too is not told. */
export function unregisterZones(vm: VmFile, address: UpTo<30>): 0 {
  const kvm = vm.kvm;
  lock(kvm.slotsLock);
  // The kernel walks its list once; here no more than three zones are at one address.
  for (let i = 0; i < 3; i += 1) {
    const zone = zoneAt(kvm, address);
    if (zone === null) break;
    const result = unregisterDevice(zone);
    // Every device of the bus has ended: there are no zones left to look at.
    if (result !== 0) break;
  }
  unlock(kvm.slotsLock);
  return 0;
}

/** A zone at this port. */
export function zoneAt(kvm: Kvm, address: UpTo<30>): Device | null {
  for (const zone of kvm.zones) {
    if (zone.address === address) return zone;
  }
  return null;
}

/** Another entry in the ring. What it says is not looked at. */
export function recordInRing(kvm: Kvm): void {
  lock(kvm.ringLock);
  kvm.ringHasEntries = true;
  unlock(kvm.ringLock);
}
