/** The virtual machine, as far as a VFIO device can tell: who keeps it, what drivers hang on it, and its end. */
import {
  alloc,
  bug,
  type Descriptor,
  type Exports,
  free,
  type GuardedBy,
  get,
  getUnlessZero,
  lock,
  type Module,
  type Mutex,
  type Owns,
  put,
  type RcuDomain,
  type RefCount,
  type Runs,
  type RwLock,
  readLock,
  readUnlock,
  type UpTo,
  unlock,
} from '../language.ts';
import type { KvmVfio } from './kvm-vfio.ts';
import type { OpenFile } from './open-file.ts';
import type { Device } from './vfio-device.ts';

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  readonly module: Module;
  /** Devices that KVM itself has made. The list does not own them. Others of their kind are left out. */
  devices: Set<KvmVfio>;
  /** Readers of `devices`. The kernel has one such domain for everything. */
  rcu: RcuDomain;
  mmuLock: RwLock;
  /** Who is told when the guest writes to a page. */
  trackers: Set<Device>;
  /** The device that has set the masks of the crypto cards. One at most. */
  cryptoUser: Device | null;
}

/** The module that all machines live by. */
export declare const kvmModule: Module;

/** What all machines share. */
export interface KvmGlobals {
  lock: Mutex;
  /** How many there are. The kernel has a list. */
  vms: UpTo<3>;
}
export declare const kvmGlobals: KvmGlobals;

// ---- Rules

/**
 * The devices of a machine are changed under its lock, and walked under it or in a read section; what drivers hang on it has its own locks.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_ioctl_create_device() and kvm_device_release()
 * @fact R133
 */
export const kvmGuards: GuardedBy<Kvm> = {
  devices: { read: kvm => [kvm.lock, kvm.rcu], write: kvm => kvm.lock },
  trackers: kvm => kvm.mmuLock,
  cryptoUser: kvm => kvm.lock,
};

/**
 * Which machines there are is under a lock of its own, which the end of a machine takes: so putting a machine may sleep.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_destroy_vm()
 */
export const kvmGlobalsGuards: GuardedBy<KvmGlobals> = { vms: all => all.lock };

/**
 * A machine pins the module that it lives by, until it is destroyed.
 * @source Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed"
 */
export const kvmOwns: Owns<Kvm> = { module: module => module.pins };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };

/**
 * What VFIO reaches by name, so as not to depend on KVM's module.
 * @source Linux 6.12, virt/kvm/kvm_main.c
 */
export const kvmExports: Exports = { module: kvmModule, symbols: [kvmPutKvm, kvmGetKvmSafe] };

// ---- Inside the kernel

/** A reference, unless the machine is going (`kvm_get_kvm_safe`). */
export function kvmGetKvmSafe(kvm: Kvm): boolean {
  return getUnlessZero(kvm.users);
}

/** Put a reference (`kvm_put_kvm`). The last one destroys the machine here and now, so it may sleep. */
export function kvmPutKvm(kvm: Kvm): void {
  put(kvm.users);
  // What returns from here is code of the module.
  if (kvmModule.pins.count === 0) bug();
}

/** The last reference is gone. */
export function destroyVm(kvm: Kvm): void {
  const module = kvm.module;
  lock(kvmGlobals.lock);
  kvmGlobals.vms -= 1;
  unlock(kvmGlobals.lock);
  free(kvm);
  put(module.pins);
}

/** Another device of the machine looks for those of its own kind, as the interrupt controllers of arm64 do. */
export function lookForDevices(kvm: Kvm): void {
  readLock(kvm.rcu);
  for (const kv of kvm.devices) {
    // Of another kind, and passed over; that is known by looking at it.
    if (kv.kvm !== kvm) bug();
  }
  readUnlock(kvm.rcu);
}

// ---- Calls of user space

/** A new machine (`KVM_CREATE_VM`). */
export function createVm(): Descriptor<OpenFile> {
  get(kvmModule.pins);
  const kvm = alloc<Kvm>({ users: 1, module: kvmModule });
  lock(kvmGlobals.lock);
  kvmGlobals.vms += 1;
  unlock(kvmGlobals.lock);
  const file = alloc<OpenFile>({ kvm, refs: 1 });
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
}

/** Take KVM's module out (`rmmod kvm`), unless something pins it. */
export function unloadKvm(): 0 | 'EAGAIN' {
  if (kvmModule.pins.count > 1) return 'EAGAIN';
  put(kvmModule.pins);
  return 0;
}
