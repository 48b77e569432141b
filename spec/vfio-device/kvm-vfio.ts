/** kvm-vfio: the device through which user space tells a machine which VFIO files belong to it. */
import {
  alloc,
  anyOf,
  assertSole,
  bug,
  type Descriptor,
  every,
  fget,
  free,
  type GuardedBy,
  get,
  type LockOrder,
  lock,
  type Mutex,
  maybe,
  type Owns,
  put,
  putLater,
  symbolGet,
  symbolPut,
  synchronize,
  unlock,
} from '../language.ts';
import type { Group } from './group.ts';
import type { Kvm } from './kvm.ts';
import type { OpenFile } from './open-file.ts';
import { fileSetKvm } from './vfio-device.ts';

/** At most one for each machine. */
export interface KvmVfio {
  readonly kvm: Kvm;
  lock: Mutex;
  files: Set<OpenFile>;
  /** Some device cannot be made to keep caches coherent, so the machine has to care. */
  noncoherent: boolean;
}

// ---- Rules

/**
 * The files of kvm-vfio are under its lock; at its release nobody else can reach it, and the lock is not taken.
 * @source Linux 6.12, virt/kvm/vfio.c, struct kvm_vfio
 * @fact R106
 */
export const kvmVfioGuards: GuardedBy<KvmVfio> = { files: kv => kv.lock, noncoherent: kv => kv.lock };

/**
 * kvm-vfio keeps each file that it was given, by one reference.
 * @source Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add()
 */
export const kvmVfioOwns: Owns<KvmVfio> = { files: file => file.refs };

/**
 * The lock of kvm-vfio is taken outside the locks that VFIO takes when it is asked about a file.
 * @source Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add() and kvm_vfio_update_coherency()
 */
export const kvmVfioOrder: LockOrder<[KvmVfio, Group]> = (kv, group) => [kv.lock, group.deviceLock];

// ---- Calls of user space

/** Give a machine its kvm-vfio (`KVM_CREATE_DEVICE`). */
export function createKvmVfio(vmFd: Descriptor<OpenFile>, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'ENOMEM' {
  const file = fget(vmFd);
  if (file === null) return 'EBADF';
  const kvm = file.kvm;
  if (kvm === null) bug();
  const result = createDevice(kvm, fd);
  putLater(file.refs);
  return result;
}

/** Tell a machine of a file of a group or of a device (`KVM_DEV_VFIO_FILE_ADD`). */
export function addFile(kvFd: Descriptor<OpenFile>, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' {
  const kvFile = fget(kvFd);
  if (kvFile === null) return 'EBADF';
  const kv = kvFile.kv;
  if (kv === null) bug();
  const result = add(kv, fd);
  putLater(kvFile.refs);
  return result;
}

/** Take a file away from a machine again (`KVM_DEV_VFIO_FILE_DEL`). */
export function delFile(kvFd: Descriptor<OpenFile>, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'ENOENT' {
  const kvFile = fget(kvFd);
  if (kvFile === null) return 'EBADF';
  const kv = kvFile.kv;
  if (kv === null) bug();
  const result = del(kv, fd);
  putLater(kvFile.refs);
  return result;
}

// ---- Inside the kernel

/** Make kvm-vfio, and give it the descriptor last: from then on anybody may close it. */
export function createDevice(kvm: Kvm, fd: Descriptor<OpenFile>): 0 | 'EBUSY' | 'ENOMEM' {
  lock(kvm.lock);
  if (anyOf(kvm.devices) !== null) {
    unlock(kvm.lock);
    return 'EBUSY';
  }
  const kv = alloc<KvmVfio>({ kvm });
  kvm.devices.add(kv);
  unlock(kvm.lock);

  get(kvm.users);
  if (maybe()) {
    // The machine's file is held, so this is not the last one (`kvm_put_kvm_no_destroy`).
    put(kvm.users);
    undoCreate(kv);
    return 'ENOMEM';
  }
  const file = alloc<OpenFile>({ kv, kvm, refs: 1 });
  fd.file = file;
  return 0;
}

/** No descriptor could be had. */
export function undoCreate(kv: KvmVfio): void {
  const kvm = kv.kvm;
  lock(kvm.lock);
  kvm.devices.delete(kv);
  synchronize(kvm.rcu);
  releaseKvmVfio(kv);
  unlock(kvm.lock);
}

/** The last reference to kvm-vfio's file is gone (`kvm_device_release`). The machine is put afterwards. */
export function releaseKvmDevice(kv: KvmVfio): void {
  const kvm = kv.kvm;
  lock(kvm.lock);
  kvm.devices.delete(kv);
  grace: synchronize(kvm.rcu);
  releaseKvmVfio(kv);
  unlock(kvm.lock);
}

/** Let go of every file, and of kvm-vfio itself. Its file is closed and no reader of the machine's devices is left. */
export function releaseKvmVfio(kv: KvmVfio): void {
  assertSole(kv);
  for (const file of kv.files) {
    tellFile(file, null);
    kv.files.delete(file);
    putLater(file.refs);
  }
  updateCoherency(kv);
  free(kv);
}

/** Put a file on the list, unless it is there or is none of VFIO's. */
export function add(kv: KvmVfio, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EEXIST' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  if (file.group === null && file.df === null) {
    putLater(file.refs);
    return 'EINVAL';
  }
  lock(kv.lock);
  if (kv.files.has(file)) {
    unlock(kv.lock);
    putLater(file.refs);
    return 'EEXIST';
  }
  get(file.refs);
  kv.files.add(file);
  tellFile(file, kv.kvm);
  updateCoherency(kv);
  unlock(kv.lock);
  putLater(file.refs);
  return 0;
}

/** Take a file off the list. */
export function del(kv: KvmVfio, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'ENOENT' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  lock(kv.lock);
  const known = kv.files.has(file);
  if (known) {
    kv.files.delete(file);
    tellFile(file, null);
    putLater(file.refs);
  }
  updateCoherency(kv);
  unlock(kv.lock);
  putLater(file.refs);
  return known ? 0 : 'ENOENT';
}

/** Tell a file its machine, through VFIO's function, found by name. VFIO is there: the file pins it. */
export function tellFile(file: OpenFile, kvm: Kvm | null): void {
  const setKvm = symbolGet(fileSetKvm);
  if (setKvm === null) bug();
  setKvm(file, kvm);
  symbolPut(fileSetKvm);
}

/** Note whether some file's devices are not coherent. */
export function updateCoherency(kv: KvmVfio): void {
  const noncoherent = !every(kv.files, file => enforcesCoherency(file));
  if (noncoherent !== kv.noncoherent) kv.noncoherent = noncoherent;
}

/** Whether everything behind a file keeps caches coherent (`vfio_file_enforced_coherent`). */
export function enforcesCoherency(file: OpenFile): boolean {
  const group = file.group;
  if (group === null) {
    const df = file.df;
    return df === null || df.device.coherent;
  }
  lock(group.deviceLock);
  const all = every(group.devices, device => device.coherent);
  unlock(group.deviceLock);
  return all;
}
