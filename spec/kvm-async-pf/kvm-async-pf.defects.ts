/** What was wrong with asynchronous page faults until 2024, and what else easily is. */
import { alloc, always, assertSole, bug, cancel, type Defect, flush, free, get, lock, put, unlock } from '../language.ts';
import * as kvms from './kvm.ts';
import { kvmModule } from './kvm.ts';
import * as scenarios from './kvm-async-pf.scenarios.ts';
import * as faults from './kvm-async-pf.ts';
import * as mms from './mm.ts';

type Spec = typeof faults & typeof kvms & typeof mms & typeof scenarios;

// ---- A reference in place of waiting

/**
 * The work item is given a reference to the machine, and nobody waits for it. So the machine is there as long as a run needs it; but the run may put the
 * last reference, which ends the machine and lets its module go, and what is left of the run is code of the module.
 * @source Linux 3d75b8aa5c29, "KVM: Always flush async #PF workqueue when vCPU is being destroyed", the code before it; CVE-2024-26976
 * @fact D131
 */
export const machineGiven: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.toldAndClosed }],
  instead: {
    newFault: vcpu => {
      const kvm = vcpu.kvm;
      get(kvm.users);
      return alloc<faults.Fault>({ vcpu, given: kvm });
    },
    execute: fault => {
      const vcpu = fault.vcpu;
      const kvm = vcpu.kvm;
      mms.bringIn(kvm.mm);
      faults.finish(fault);
      put(kvm.users);
      faults.runsToTheEnd();
    },
    // Each has the machine, so at the machine's end there is none that has not put it.
    callOff: () => bug(),
    awaitAndFree: fault => {
      free(fault);
    },
  },
};

/**
 * The reference is given, and whoever frees a fault waits for its run as well. Then a run that puts the last reference ends the machine, which waits for
 * that run. Why the reference had to go when the waiting came.
 * @source Linux 3d75b8aa5c29, "KVM: Always flush async #PF workqueue when vCPU is being destroyed", the deadlock that it reports
 */
export const givenAndAwaited: Defect<Spec> = {
  of: machineGiven,
  breaks: [{ rule: always.neverFlushesItself, in: scenarios.closedWhileFaulting }],
  instead: {
    awaitAndFree: fault => {
      flush(fault.work);
      free(fault);
    },
  },
};

/**
 * Neither is done: nobody waits, and nothing is given. The processor is freed while a run wakes it.
 * @source no known occurrence: Linux 3d75b8aa5c29 without its flush, and without the reference that it takes away
 * @fact D131
 */
export const notAwaited: Defect<Spec> = {
  breaks: [
    { rule: always.neverTouchedAfterFree, in: scenarios.closedWhileFaulting },
    { rule: always.bugNeverReached, in: scenarios.closedWhileFaulting },
  ],
  instead: {
    awaitAndFree: fault => {
      free(fault);
    },
  },
};

/**
 * What has not begun is not called off when a processor is destroyed: it runs for a processor that is not there any more.
 * @source no known occurrence: Linux 6.12, virt/kvm/async_pf.c, kvm_clear_async_pf_completion_queue(), without its first loop
 */
export const notCalledOff: Defect<Spec> = {
  breaks: [
    { rule: faults.faultsVcpuIsAlive, in: scenarios.closedWhileFaulting },
    { rule: always.neverTouchedAfterFree, in: scenarios.closedWhileFaulting },
  ],
  instead: {
    clearFaults: vcpu => {
      for (const fault of vcpu.queue) vcpu.queue.delete(fault);
      faults.freeDone(vcpu);
    },
  },
};

/**
 * What could not be called off, because it has begun, is freed all the same.
 * @source no known occurrence: Linux 6.12, virt/kvm/async_pf.c, kvm_clear_async_pf_completion_queue(), "if (cancel_work_sync(&work->work))"
 */
export const freedThoughBegun: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.closedWhileFaulting }],
  instead: {
    callOff: fault => {
      cancel(fault.work);
      free(fault);
    },
  },
};

/**
 * What has not begun is called off under the processor's lock. That waits for a run that has begun, which takes the lock.
 * @source no known occurrence: Linux 6.12, virt/kvm/async_pf.c, kvm_clear_async_pf_completion_queue(), spin_unlock() before it calls off
 */
export const calledOffUnderLock: Defect<Spec> = {
  breaks: [
    { rule: always.neverSleepsInAtomic, in: scenarios.closedWhileFaulting },
    { rule: faults.closingEnds, in: scenarios.closedWhileFaulting },
  ],
  instead: {
    clearFaults: vcpu => {
      lock(vcpu.lock);
      for (const fault of vcpu.queue) {
        vcpu.queue.delete(fault);
        if (!fault.isDone && cancel(fault.work)) free(fault);
      }
      unlock(vcpu.lock);
      faults.freeDone(vcpu);
    },
  },
};

/**
 * A processor is freed as soon as its own faults are seen to, while those of others still look for the machine's processors.
 * @source no known occurrence: Linux 6.12, arch/x86/kvm/x86.c, kvm_arch_destroy_vm(), kvm_unload_vcpu_mmus() first
 */
export const machineTakenForIdle: Defect<Spec> = {
  breaks: [{ rule: always.soleWhereAsserted, in: scenarios.twoProcessors }],
  instead: {
    destroyVm: kvm => {
      const module = kvm.module;
      const mm = kvm.mm;
      assertSole(kvm);
      for (const vcpu of kvm.vcpus) {
        faults.clearFaults(vcpu);
        kvm.vcpus.delete(vcpu);
        free(vcpu);
      }
      free(kvm);
      put(mm.grabs);
      put(module.pins);
    },
  },
};

// ---- Lists and memory

/**
 * A fault is put on the list of those that are done without the lock, while the processor takes another off.
 * @source no known occurrence: Linux 6.12, virt/kvm/async_pf.c, async_pf_execute(), spin_lock(&vcpu->async_pf.lock)
 */
export const listedWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: faults.vcpuGuards, in: scenarios.toldAndClosed },
    { rule: faults.faultGuards, in: scenarios.toldAndClosed },
    { rule: faults.doneIsDone, in: scenarios.toldAndClosed },
  ],
  instead: {
    finish: fault => {
      const vcpu = fault.vcpu;
      vcpu.done.add(fault);
      fault.isDone = true;
      vcpu.woken = true;
    },
  },
};

/**
 * A processor is added to its machine without the lock.
 * @source no known occurrence: Linux 6.12, virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu(), mutex_lock(&kvm->lock)
 */
export const vcpuAddedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: kvms.kvmGuards, in: scenarios.processorsComeAtOnce }],
  instead: {
    createVcpu: vm => {
      const kvm = vm.kvm;
      const vcpu = alloc<faults.Vcpu>({ kvm });
      get(kvm.users);
      kvm.vcpus.add(vcpu);
      return alloc<kvms.VcpuFile>({ vcpu, kvm });
    },
  },
};

/**
 * The page is brought into an address space whose last user may have gone, as if keeping the structure kept the memory.
 * @source Linux 8284765f03b7, "KVM: Get reference to VM's address space in the async #PF worker", without the reference: no known occurrence
 */
export const memoryNotHeld: Defect<Spec> = {
  breaks: [
    { rule: mms.mmGuards, in: scenarios.memoryGoes },
    { rule: always.bugNeverReached, in: scenarios.memoryGoes },
  ],
  instead: { bringIn: mm => mms.lookAt(mm) },
};

/**
 * The memory is held from the fault on, and not put where the run is called off: it stays for ever.
 * @source no known occurrence: Linux 6.8, virt/kvm/async_pf.c, kvm_clear_async_pf_completion_queue(), mmput(work->mm), left out
 */
export const memoryHeldForEver: Defect<Spec> = {
  breaks: [{ rule: always.quietAtTheEnd, in: scenarios.memoryGoes }],
  instead: {
    newFault: vcpu => {
      get(vcpu.kvm.mm.users);
      return alloc<faults.Fault>({ vcpu });
    },
    bringIn: mm => {
      mms.lookAt(mm);
      put(mm.users);
    },
  },
};

/**
 * The module may be taken out although a machine lives by it.
 * @source Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed", the code before it
 * @fact D130
 */
export const moduleNotPinned: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.toldAndClosed }],
  instead: {
    kvmOwns: { mm: mm => mm.grabs },
    createVm: mm => {
      mms.grab(mm);
      return alloc<kvms.VmFile>({ kvm: alloc<kvms.Kvm>({ users: 1, module: kvmModule, mm }) });
    },
    destroyVm: kvm => {
      const mm = kvm.mm;
      for (const vcpu of kvm.vcpus) faults.clearFaults(vcpu);
      assertSole(kvm);
      for (const vcpu of kvm.vcpus) {
        kvm.vcpus.delete(vcpu);
        free(vcpu);
      }
      free(kvm);
      put(mm.grabs);
    },
  },
};
