/** Smallest situations in which the rules are put to the test. */
import type { Scenario } from '../language.ts';
import { closeVcpu, closeVm, createVcpu, createVm, protectVm, runPqap } from './kvm.ts';
import { closeMdev, createGroup, notifyGroup, openMdev, removeMdev } from './vfio.ts';
import { assign, createMdev, setKvm } from './vfio-ap-2021.ts';

/**
 * The machine is taken away by the notifier while the device is being closed. The first argument of the thread is that the
 * machine is cleared once, by one or by the other.
 */
export const clearedOnce: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const kvm = vm.kvm;
  const processor = vcpu.vcpu;
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, kvm);
  stays(group, mdev, vm, kvm, vcpu, processor);
  thread(() => notifyGroup(group, null));
  thread(() => closeMdev(mdev));
};

/** The device is removed while it is open. The second argument of the thread is that it is there until it has been closed. */
export const thereUntilClosed: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const kvm = vm.kvm;
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, kvm);
  stays(group, vm, kvm);
  thread(() => removeMdev(mdev));
  thread(() => closeMdev(mdev));
};

/** An adapter is assigned while the device is closed. The third argument of the thread is that the device changes under the driver's lock only. */
export const changedUnderLock: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const kvm = vm.kvm;
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, kvm);
  stays(group, mdev, vm, kvm);
  thread(() => assign(mdev));
  thread(() => closeMdev(mdev));
};

/** The machine is taken away while the device is being closed; then the machine itself goes. */
export const withdrawnWhileClosing: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, vm.kvm);
  stays(group, mdev);
  thread(() => {
    notifyGroup(group, null);
    closeVm(vm);
  });
  thread(() => closeMdev(mdev));
};

/** A machine comes while the device is being closed; then both go. */
export const attachedWhileClosing: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, null);
  stays(group);
  thread(() => {
    notifyGroup(group, vm.kvm);
    closeVm(vm);
  });
  thread(() => {
    closeMdev(mdev);
    removeMdev(mdev);
  });
};

/** The guest uses its adapters while the device is closed. */
export const usedWhileClosing: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const kvm = vm.kvm;
  const processor = vcpu.vcpu;
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, kvm);
  stays(group, mdev, vm, kvm, vcpu, processor);
  thread(() => runPqap(vcpu));
  thread(() => closeMdev(mdev));
};

/** The guest uses its adapters while the device is closed and the machine is made a protected one. */
export const interceptWhileClosing: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, vm.kvm);
  stays(group, mdev);
  thread(() => {
    runPqap(vcpu);
    closeVcpu(vcpu);
  });
  thread(() => closeMdev(mdev));
  thread(() => {
    protectVm(vm);
    closeVm(vm);
  });
};

/** The machine's files are closed first: the device has the last reference. */
export const vmGoesFirst: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, vm.kvm);
  stays(group, mdev);
  thread(() => closeVm(vm));
  thread(() => closeMdev(mdev));
};

/** Two machines have been given the same group, and both take it away: the chain of notifiers is only locked for reading. */
export const twoVmsOneGroup: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const other = createVm();
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, vm.kvm);
  stays(group, mdev);
  thread(() => {
    notifyGroup(group, null);
    closeVm(vm);
  });
  thread(() => {
    notifyGroup(group, null);
    closeVm(other);
  });
};

/** Two devices want the same machine; the one that is refused goes, and the guest goes on. */
export const twoMdevsOneVm: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  const kvm = vm.kvm;
  const processor = vcpu.vcpu;
  openMdev(group, kvm);
  stays(group, otherGroup, mdev, vm, kvm, vcpu, processor);
  thread(() => {
    openMdev(otherGroup, kvm);
    closeMdev(other);
    removeMdev(other);
  });
  thread(() => runPqap(vcpu));
};

/** An adapter is assigned while the machine comes. */
export const assignWhileAttaching: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const group = createGroup();
  const mdev = createMdev(group);
  const kvm = vm.kvm;
  openMdev(group, null);
  stays(group, mdev, vm, kvm);
  thread(() => assign(mdev));
  thread(() => {
    notifyGroup(group, kvm);
    closeMdev(mdev);
  });
};

/** An adapter is assigned while a guest uses the device. */
export const assignWhileUsed: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const kvm = vm.kvm;
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, kvm);
  stays(group, mdev, vm, kvm);
  thread(() => assign(mdev));
};

/** A machine is offered to a device, then to another. */
export const refused: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const kvm = vm.kvm;
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  stays(group, otherGroup, mdev, other, vm, kvm);
  thread(() => {
    setKvm(mdev, kvm);
    setKvm(other, kvm);
  });
};

// ---- Large enough to surprise

/** Two devices and two machines, a processor of each in an intercept; both machines are taken away while both devices are closed. */
export const twoOfEach: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const otherVm = createVm();
  const vcpu = createVcpu(vm);
  const otherVcpu = createVcpu(otherVm);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  openMdev(group, vm.kvm);
  openMdev(otherGroup, otherVm.kvm);
  stays(group, otherGroup, mdev, other);
  thread(() => {
    runPqap(vcpu);
    closeVcpu(vcpu);
  });
  thread(() => {
    runPqap(otherVcpu);
    closeVcpu(otherVcpu);
  });
  thread(() => {
    notifyGroup(group, null);
    closeVm(vm);
    closeMdev(other);
  });
  thread(() => {
    notifyGroup(otherGroup, null);
    closeVm(otherVm);
    closeMdev(mdev);
  });
};

/** One device that two machines are offered and taken away from, by two at once, while it is closed and removed and a guest uses it. */
export const everyoneAtOnce: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const otherVm = createVm();
  const vcpu = createVcpu(vm);
  const group = createGroup();
  const mdev = createMdev(group);
  openMdev(group, vm.kvm);
  stays(group);
  thread(() => {
    notifyGroup(group, null);
    protectVm(vm);
    closeVm(vm);
  });
  thread(() => {
    notifyGroup(group, otherVm.kvm);
    notifyGroup(group, null);
    closeVm(otherVm);
  });
  thread(() => {
    runPqap(vcpu);
    closeVcpu(vcpu);
  });
  thread(() => {
    closeMdev(mdev);
    removeMdev(mdev);
  });
};
