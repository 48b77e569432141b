/** Smallest situations in which the rules are put to the test. */
import { bug, type Scenario } from '../language.ts';
import { closeVcpu, closeVm, createVcpu, createVm, unloadKvm } from './kvm.ts';
import { tellGuest, touch } from './kvm-async-pf.ts';
import { createMm, exit } from './mm.ts';

/** A fault is under way when everything is closed. Then KVM's module can be taken out. */
export const closedWhileFaulting: Scenario = ({ thread, stays }) => {
  const mm = createMm();
  const vm = createVm(mm);
  const vcpu = createVcpu(vm);
  closeVm(vm);
  stays(mm);
  thread(() => {
    touch(vcpu);
    closeVcpu(vcpu);
    if (unloadKvm() !== 0) bug();
  });
};

/** The guest goes on, is told that its page is there, and faults again before everything is closed. The machine's file is closed meanwhile. */
export const toldAndClosed: Scenario = ({ thread, stays }) => {
  const mm = createMm();
  const vm = createVm(mm);
  const vcpu = createVcpu(vm);
  stays(mm);
  thread(() => {
    touch(vcpu);
    touch(vcpu);
    tellGuest(vcpu);
    closeVcpu(vcpu);
    unloadKvm();
  });
  thread(() => closeVm(vm));
};

/** The process ends with its memory while a fault is under way; another process has the files still, and closes them. */
export const memoryGoes: Scenario = ({ thread }) => {
  const mm = createMm();
  const vm = createVm(mm);
  const vcpu = createVcpu(vm);
  thread(() => exit(mm));
  thread(() => {
    touch(vcpu);
    closeVcpu(vcpu);
    closeVm(vm);
  });
};

/** Two processors fault, and are closed by two. */
export const twoProcessors: Scenario = ({ thread, stays }) => {
  const mm = createMm();
  const vm = createVm(mm);
  const one = createVcpu(vm);
  const other = createVcpu(vm);
  closeVm(vm);
  stays(mm);
  thread(() => {
    touch(one);
    closeVcpu(one);
  });
  thread(() => {
    touch(other);
    tellGuest(other);
    closeVcpu(other);
  });
};

/** Two make processors of one machine. */
export const processorsComeAtOnce: Scenario = ({ thread, stays }) => {
  const mm = createMm();
  const vm = createVm(mm);
  stays(mm, vm);
  thread(() => closeVcpu(createVcpu(vm)));
  thread(() => closeVcpu(createVcpu(vm)));
};
