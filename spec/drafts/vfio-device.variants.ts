/** Older kernels, and fixes that were proposed and were wrong. */
import {
  absent,
  always,
  assertHeld,
  assertSole,
  bug,
  type Defect,
  free,
  get,
  lock,
  put,
  putLater,
  readLock,
  readUnlock,
  symbolGet,
  symbolPut,
  unlock,
  type Variant,
  writeLock,
  writeUnlock,
} from '../language.ts';
import * as kvm from './kvm.ts';
import * as contracts from './vfio-device.contracts.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as vfio from './vfio-device.ts';

type Spec = typeof vfio & typeof kvm & typeof contracts & typeof scenarios;

/** Has no reference in the core: a driver that wants the VM to stay gets its own. */
export const driversHoldTheVm: Variant<Spec> = {
  instead: {
    deviceOwns: { driverKvm: vm => vm.users },
    bind: absent,
    closeDeviceFile: absent,
    bindContract: absent,
    twoWaysIn: absent,
    putFunctionWithVm: absent,
    gotUnderRefLock: absent,

    getKvmFromGroup: device => {
      device.kvm = device.group.kvm;
    },
    putKvm: device => {
      device.kvm = null;
    },

    apDriver: {
      open: device => {
        const vm = device.kvm;
        if (vm === null) return 'EINVAL';
        get(vm.users);
        device.driverKvm = vm;
        lock(vm.lock);
        vm.masksSet = true;
        unlock(vm.lock);
        return 0;
      },
      close: device => {
        const vm = device.driverKvm;
        if (vm === null) bug();
        lock(vm.lock);
        vm.masksSet = false;
        unlock(vm.lock);
        device.driverKvm = null;
        put(vm.users);
      },
    },
  },
};

/**
 * Linux 6.1.9 to 6.2. Closing kvm-vfio waits for the group lock under kvm.lock, opening a device for kvm.lock under the group lock.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock"
 */
export const linux_6_1_9: Defect<Spec> = {
  of: driversHoldTheVm,
  breaks: [{ rule: always.noLockCycle, in: scenarios.openRacesClose }],
  instead: {
    groupGuards: { ...vfio.groupGuards, kvm: group => group.groupLock },
    setKvmIsALeaf: group => [group.groupLock],
    setKvm: (group, vm) => {
      lock(group.groupLock);
      group.kvm = vm;
      unlock(group.groupLock);
    },
  },
};

/**
 * Linux 5.19 to 6.1.8. kvm-vfio tells its groups when the VM is destroyed, which may be when a driver closes.
 * @source Linux 51cdc8bc120e, "kvm/vfio: Fix potential deadlock on vfio group_lock"
 */
export const linux_5_19: Defect<Spec> = {
  of: linux_6_1_9,
  breaks: [
    { rule: always.lastPutTakesNoHeldLock, in: scenarios.deviceOutlivesVm },
    { rule: always.neverResurrected, in: scenarios.openRacesClose },
  ],
  instead: {
    groupGuards: { kvm: group => group.groupRwsem, hasIommu: group => group.groupRwsem },
    openingOrder: (group, set, vm) => [group.groupRwsem, set.lock, vm.lock],
    setKvmIsALeaf: group => [group.groupRwsem],
    clearedBeforeTheEnd: absent,

    setKvm: (group, vm) => {
      writeLock(group.groupRwsem);
      group.kvm = vm;
      writeUnlock(group.groupRwsem);
    },

    openUnderGroupLock: device => {
      readLock(device.group.groupRwsem);
      lock(device.set.lock);
      if (device.openCount === 0) vfio.getKvmFromGroup(device);
      const result = vfio.open(device);
      if (device.openCount === 0) vfio.putKvm(device);
      unlock(device.set.lock);
      readUnlock(device.group.groupRwsem);
      return result;
    },

    closeThroughGroup: device => {
      readLock(device.group.groupRwsem);
      lock(device.set.lock);
      vfio.close(device);
      if (device.openCount === 0) vfio.putKvm(device);
      unlock(device.set.lock);
      readUnlock(device.group.groupRwsem);
      put(device.registration);
    },

    closeKvmVfio: kv => {
      put(kv.kvm.users);
    },
    destroyVm: vm => {
      for (const kv of vm.devices) vfio.releaseKvmVfio(kv);
      free(vm);
    },
  },
};

/**
 * The core's helper gets the group's VM, whatever VM it was asked to get.
 * @source kvm mailing list, February 2023, the VM reference of a VFIO device, v3 and v4, the incremental diff
 */
export const getsWhatTheGroupHas: Defect<Spec> = {
  breaks: [
    { rule: always.referencesBalance, in: scenarios.twoWaysIn },
    { rule: vfio.deviceOwns, in: scenarios.twoWaysIn },
  ],
  instead: {
    getKvmSafe: (device, vm) => {
      assertHeld(device.set.lock);
      const putFunction = symbolGet(kvm.putVm);
      if (putFunction === null) return;
      const getFunction = symbolGet(kvm.getVmSafe);
      if (getFunction === null) {
        symbolPut(kvm.putVm);
        return;
      }
      const fromGroup = device.group.kvm;
      if (fromGroup === null) bug();
      const got = getFunction(fromGroup);
      symbolPut(kvm.getVmSafe);
      if (!got) {
        symbolPut(kvm.putVm);
        return;
      }
      device.putKvm = putFunction;
      device.kvm = vm;
    },
  },
};

/**
 * A get in place of a get unless zero. Breaks nothing today: kvm-vfio clears the pointer before it puts its own reference.
 * In Linux 5.19, where the pointer is cleared in the destructor, the same get brings the VM back from zero.
 */
export const plainGet: Variant<Spec> = {
  instead: {
    getVmSafe: vm => {
      get(vm.users);
      return true;
    },
  },
};

/** The second opener's failing bind puts the first opener's VM. */
export const failingBindPutsForeignVm: Defect<Spec> = {
  breaks: [
    { rule: vfio.vmOnlyWhileOpen, in: scenarios.twoWaysIn },
    { rule: contracts.bindContract, in: scenarios.twoWaysIn },
  ],
  instead: {
    bind: file => {
      const device = file.device;
      lock(device.set.lock);
      lock(file.kvmRefLock);
      vfio.getKvmSafe(device, file.kvm);
      unlock(file.kvmRefLock);
      const result = device.openCount > 0 ? 'EINVAL' : vfio.open(device);
      if (result === 0) file.granted = true;
      else vfio.putKvm(device);
      unlock(device.set.lock);
      return result;
    },
  },
};

/** A wrapper may call what it replaces: `vfio.releaseKvmVfio` is here the function of the base. */
export const forgetsTheLastFile: Defect<Spec> = {
  breaks: [{ rule: vfio.clearedBeforeTheEnd, in: scenarios.deviceOutlivesVm }],
  instead: {
    releaseKvmVfio: kv => {
      assertSole(kv);
      for (const file of kv.files) putLater(file.refs);
      free(kv);
    },
  },
};
