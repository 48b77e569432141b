/** The virtual machine, as far as a page fault can tell: its processors, its module, and its end. */
import {
  alloc,
  assertSole,
  free,
  type GuardedBy,
  get,
  lock,
  type Module,
  type Mutex,
  type Owns,
  put,
  type RefCount,
  type Runs,
  unlock,
} from '../language.ts';
import { clearFaults, type Vcpu } from './kvm-async-pf.ts';
import { grab, type Mm } from './mm.ts';

/** A virtual machine. */
export interface Kvm {
  lock: Mutex;
  users: RefCount;
  readonly module: Module;
  readonly mm: Mm;
  vcpus: Set<Vcpu>;
}
/** The module that all machines live by. Its code is what a fault's work item runs. */
export declare const kvmModule: Module;

/** What user space has open of a machine. */
export interface VmFile {
  readonly kvm: Kvm;
}
/** What user space has open of a processor. */
export interface VcpuFile {
  readonly vcpu: Vcpu;
  readonly kvm: Kvm;
}

// ---- Rules

/**
 * The processors of a machine are made under its lock. When the last reference is gone, none is made any more.
 * @source Linux 6.12, virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu()
 */
export const kvmGuards: GuardedBy<Kvm> = { vcpus: { read: kvm => [kvm.lock, kvm.users.count === 0], write: kvm => kvm.lock } };

/**
 * A machine pins its module and keeps its address space, though not the memory, until it is destroyed.
 * @source Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed"; Linux 6.12, virt/kvm/kvm_main.c, kvm_create_vm(), mmgrab()
 */
export const kvmOwns: Owns<Kvm> = { module: module => module.pins, mm: mm => mm.grabs };
/** An open machine holds one reference. */
export const vmFileOwns: Owns<VmFile> = { kvm: kvm => kvm.users };
/** An open processor holds one reference to its machine. */
export const vcpuFileOwns: Owns<VcpuFile> = { kvm: kvm => kvm.users };

export const kvmRuns: Runs<Kvm> = { users: kvm => destroyVm(kvm) };

// ---- Inside the kernel

/** The last reference is gone. The faults of all processors are seen to before any is freed (`kvm_arch_destroy_vm`). */
export function destroyVm(kvm: Kvm): void {
  const module = kvm.module;
  const mm = kvm.mm;
  for (const vcpu of kvm.vcpus) clearFaults(vcpu);
  // Nobody has it open, and no work item looks at it.
  assertSole(kvm);
  for (const vcpu of kvm.vcpus) {
    kvm.vcpus.delete(vcpu);
    free(vcpu);
  }
  free(kvm);
  put(mm.grabs);
  put(module.pins);
}

// ---- Calls of user space

/** A new machine (`KVM_CREATE_VM`), made by who has this address space. */
export function createVm(mm: Mm): VmFile {
  get(kvmModule.pins);
  grab(mm);
  return alloc<VmFile>({ kvm: alloc<Kvm>({ users: 1, module: kvmModule, mm }) });
}

/** A new processor (`KVM_CREATE_VCPU`). */
export function createVcpu(vm: VmFile): VcpuFile {
  const kvm = vm.kvm;
  const vcpu = alloc<Vcpu>({ kvm });
  lock(kvm.lock);
  get(kvm.users);
  kvm.vcpus.add(vcpu);
  unlock(kvm.lock);
  return alloc<VcpuFile>({ vcpu, kvm });
}

/** Close the machine's descriptor. */
export function closeVm(vm: VmFile): void {
  const kvm = vm.kvm;
  free(vm);
  put(kvm.users);
}

/** Close a processor's descriptor. */
export function closeVcpu(file: VcpuFile): void {
  const kvm = file.kvm;
  free(file);
  put(kvm.users);
}

/** Take KVM's module out (`rmmod kvm`), unless something pins it. */
export function unloadKvm(): 0 | 'EAGAIN' {
  if (kvmModule.pins.count > 1) return 'EAGAIN';
  put(kvmModule.pins);
  return 0;
}
