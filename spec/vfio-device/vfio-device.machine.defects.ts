/** What must not be done with the machine, its kvm-vfio and their modules. */
import {
  absent,
  alloc,
  always,
  anyOf,
  assertHeld,
  assertSole,
  type Defect,
  type Descriptor,
  every,
  fget,
  free,
  get,
  lock,
  maybe,
  put,
  putLater,
  symbolGet,
  symbolPut,
  unlock,
  type Variant,
} from '../language.ts';
import * as kvms from './kvm.ts';
import { type Kvm, kvmGetKvmSafe, kvmGlobals, kvmModule, kvmPutKvm } from './kvm.ts';
import type { KvmVfio } from './kvm-vfio.ts';
import * as kvmVfios from './kvm-vfio.ts';
import type { OpenFile } from './open-file.ts';
import * as cdevs from './vfio-device.cdev.scenarios.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as machines from './vfio-device.machine.scenarios.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';

// ---- kvm-vfio

/**
 * The descriptor is there before the machine is got. Who guesses its number closes it, which puts what was not got yet.
 * @source CVE-2019-6974; Linux cfa39381173d, "kvm: fix kvm_ioctl_create_device() reference counting"
 * @fact D127
 * @sure known
 */
export const descriptorBeforeReference: Defect<Spec> = {
  breaks: [{ rule: always.neverResurrected, in: machines.createRacesClose }],
  instead: {
    createDevice: (kvm, fd) => {
      lock(kvm.lock);
      if (anyOf(kvm.devices) !== null) {
        unlock(kvm.lock);
        return 'EBUSY';
      }
      const kv = alloc<KvmVfio>({ kvm });
      kvm.devices.add(kv);
      unlock(kvm.lock);
      if (maybe()) {
        kvmVfios.undoCreate(kv);
        return 'ENOMEM';
      }
      const file = alloc<OpenFile>({ kv, kvm, refs: 1 });
      fd.file = file;
      get(kvm.users);
      return 0;
    },
  },
};

/**
 * kvm-vfio is put on the list after the lock was dropped under which it was made: another may be there already.
 * @source Linux a28ebea2adc4, "KVM: Protect device ops->create and list_add with kvm->lock"
 */
export const listedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: kvms.kvmGuards, in: machines.createRacesClose }],
  instead: {
    createDevice: (kvm, fd) => {
      lock(kvm.lock);
      if (anyOf(kvm.devices) !== null) {
        unlock(kvm.lock);
        return 'EBUSY';
      }
      unlock(kvm.lock);
      const kv = alloc<KvmVfio>({ kvm });
      kvm.devices.add(kv);
      get(kvm.users);
      const file = alloc<OpenFile>({ kv, kvm, refs: 1 });
      fd.file = file;
      return 0;
    },
  },
};

/**
 * Nobody waits for those who are walking the machine's devices.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_device_release(), without synchronize_rcu()
 */
export const noGraceBeforeRelease: Defect<Spec> = {
  breaks: [
    { rule: always.neverTouchedAfterFree, in: machines.devicesAreWalked },
    { rule: always.soleWhereAsserted, in: machines.devicesAreWalked },
  ],
  instead: {
    releaseKvmDevice: kv => {
      const kvm = kv.kvm;
      lock(kvm.lock);
      kvm.devices.delete(kv);
      kvmVfios.releaseKvmVfio(kv);
      unlock(kvm.lock);
    },
  },
};

/**
 * A file is added with its group's devices held still, from before kvm-vfio's lock on; when it is taken away they are looked at inside that lock.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add(), asks about the devices last and inside
 */
export const devicesHeldFirst: Defect<Spec> = {
  breaks: [
    { rule: kvmVfios.kvmVfioOrder, in: scenarios.givenWhileOpened },
    { rule: always.noLockCycle, in: scenarios.givenWhileOpened },
  ],
  instead: {
    add: (kv, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) {
        putLater(file.refs);
        return 'EINVAL';
      }
      lock(group.deviceLock);
      lock(kv.lock);
      const known = kv.files.has(file);
      if (!known) {
        get(file.refs);
        kv.files.add(file);
        kvmVfios.tellFile(file, kv.kvm);
        if (!every(group.devices, device => device.coherent)) kv.noncoherent = true;
      }
      unlock(kv.lock);
      unlock(group.deviceLock);
      putLater(file.refs);
      return known ? 'EEXIST' : 0;
    },
  },
};

/**
 * kvm-vfio lets go of its files and does not tell them.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_release(), without kvm_vfio_file_set_kvm()
 */
export const filesNotTold: Defect<Spec> = {
  breaks: [
    { rule: devices.groupsVmIsAlive, in: scenarios.deviceOutlivesVm },
    { rule: devices.filesVmIsAlive, in: machines.moduleGoes },
  ],
  instead: {
    releaseKvmVfio: kv => {
      assertSole(kv);
      for (const file of kv.files) {
        kv.files.delete(file);
        putLater(file.refs);
      }
      free(kv);
    },
  },
};

/**
 * A file is put on the list without a reference, and put when it is taken off.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add(), without get_file()
 */
export const fileNotKept: Defect<Spec> = {
  breaks: [{ rule: always.referencesBalance, in: scenarios.givenWhileOpened }],
  instead: {
    add: (kv, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      lock(kv.lock);
      kv.files.add(file);
      kvmVfios.tellFile(file, kv.kvm);
      unlock(kv.lock);
      putLater(file.refs);
      return 0;
    },
  },
};

/**
 * kvm-vfio lives until the machine is destroyed, as until Linux 6.1.8, in a kernel where it may hold the file of a device: the machine is kept by the device,
 * the device by its file, the file by kvm-vfio, and kvm-vfio by the machine. User space has closed everything, and nothing goes.
 * Why kvm-vfio is released when it is closed is told by no changelog for this reason: our own reading.
 * @source Linux 6.6, virt/kvm/vfio.c, kvm_vfio_release()
 * @fact D125
 * @sure candidate
 */
export const cycleThroughFile: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: cdevs.everythingCloses }],
  instead: {
    releaseKvmDevice: () => undefined,
    destroyVm: kvm => {
      const module = kvm.module;
      assertSole(kvm);
      for (const kv of kvm.devices) {
        kvm.devices.delete(kv);
        kvmVfios.releaseKvmVfio(kv);
      }
      lock(kvmGlobals.lock);
      kvmGlobals.vms -= 1;
      unlock(kvmGlobals.lock);
      free(kvm);
      put(module.pins);
    },
  },
};

/**
 * The end of a machine counts it off without the lock that all machines share: two that end at once are counted once.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_destroy_vm(), mutex_lock(&kvm_lock)
 */
export const endsWithoutGlobalLock: Defect<Spec> = {
  breaks: [{ rule: kvms.kvmGlobalsGuards, in: scenarios.givenToAnother }],
  instead: {
    destroyVm: kvm => {
      const module = kvm.module;
      kvmGlobals.vms -= 1;
      free(kvm);
      put(module.pins);
    },
  },
};

// ---- Modules

/**
 * The function that puts is unpinned before it is called. The machine keeps its module until its end, which is in the middle of that call.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_put_kvm(), symbol_put() before the call
 * @fact D501
 */
export const unpinnedBeforePut: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: machines.moduleGoes }],
  instead: {
    putKvm: device => {
      assertHeld(device.set.lock);
      const kvm = device.kvm;
      if (kvm === null) return;
      const putFunction = device.putKvm;
      if (putFunction !== null) {
        device.putKvm = null;
        symbolPut(kvmPutKvm);
        putFunction(kvm);
      }
      device.kvm = null;
    },
  },
};

/**
 * The function that puts is looked up when it is needed, and pinned for the call only. It was feared that it might not be found then. It always is:
 * the device has the machine, and the machine its module. So this breaks nothing, since Linux 5f6de5cbebee; before, see `vmDoesNotPinModule`.
 * @source kvm mailing list, January 2023, v2 of "vfio: fix potential deadlock on vfio group lock"
 */
export const pinnedForThePut: Variant<Spec> = {
  instead: {
    deviceOwns: {
      kvm: kvm => kvm.users,
      driverKvm: kvm => kvm.users,
      groupFile: file => file.refs,
      pinned: module => module.pins,
    },
    putFunctionComesWithVm: absent,
    getKvmSafe: (device, kvm) => {
      assertHeld(device.set.lock);
      if (kvm === null) return;
      const getFunction = symbolGet(kvmGetKvmSafe);
      if (getFunction === null) return;
      const got = getFunction(kvm);
      symbolPut(kvmGetKvmSafe);
      if (got) device.kvm = kvm;
    },
    putKvm: device => {
      assertHeld(device.set.lock);
      const kvm = device.kvm;
      if (kvm === null) return;
      const putFunction = symbolGet(kvmPutKvm);
      if (putFunction !== null) {
        putFunction(kvm);
        symbolPut(kvmPutKvm);
      }
      device.kvm = null;
    },
  },
};

/**
 * A machine does not pin its module, as before Linux 5f6de5cbebee, and a device's reference does not either. The module goes while the device has the
 * machine, which nobody can put any more.
 * @source Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed"
 * @source kvm mailing list, January 2023, v2 of "vfio: fix potential deadlock on vfio group lock"
 * @fact D110, D130
 */
export const vmDoesNotPinModule: Defect<Spec> = {
  of: pinnedForThePut,
  breaks: [{ rule: always.quietAtTheEnd, in: machines.moduleGoes }],
  instead: {
    kvmOwns: {},
    createVm: () => {
      const kvm = alloc<Kvm>({ users: 1, module: kvmModule });
      lock(kvmGlobals.lock);
      kvmGlobals.vms += 1;
      unlock(kvmGlobals.lock);
      const file = alloc<OpenFile>({ kvm, refs: 1 });
      return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
    },
    destroyVm: kvm => {
      lock(kvmGlobals.lock);
      kvmGlobals.vms -= 1;
      unlock(kvmGlobals.lock);
      free(kvm);
    },
  },
};
