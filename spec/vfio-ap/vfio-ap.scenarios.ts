/** Smallest situations in which the rules are put to the test. */
import { bug, type Scenario } from '../language.ts';
import { bind, plugAdapter, reserve } from './ap-bus.ts';
import { close, createEventfd, isSignalled } from './eventfd.ts';
import { closeVcpu, closeVm, createVcpu, createVcpuWith, createVm, protectVm, runPqap } from './kvm.ts';
import { assignAdapter, assignControlDomain, assignText, unassignAdapter, unassignControlDomain } from './matrix.ts';
import { createMdev, removeMdev, resetDevice, setRequest, unknownRequest } from './mdev.ts';
import { closeMdev, createGroup, openMdev } from './vfio.ts';

/** A device that has an adapter, whose queue is bound. */
export function createMatrix() {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const mdev = createMdev(group);
  assignAdapter(mdev, adapter);
  return { adapter, group, mdev };
}

// ---- Opening and closing

/** The guest asks for interrupts while the device is closed and the machine is made a protected one. */
export const interceptWhileClosing: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, mdev);
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
  thread(() => closeMdev(mdev));
  thread(() => {
    protectVm(vm);
    closeVm(vm);
  });
};

/** The machine's file is closed first. */
export const vmGoesFirst: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  openMdev(group, vm);
  stays(adapter, group, mdev);
  thread(() => closeVm(vm));
  thread(() => closeMdev(mdev));
};

/** The machine's file is closed while the device is being opened with it. */
export const vmGoesWhileOpening: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  stays(adapter, group, mdev);
  thread(() => closeVm(vm));
  thread(() => {
    const other = createVm();
    if (openMdev(group, other) === 0) closeMdev(mdev);
    closeVm(other);
  });
};

/** Two devices want the same machine; the one that is refused is removed, and the guest goes on. */
export const twoMdevsOneVm: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const otherGroup = createGroup();
  const other = createMdev(otherGroup);
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, otherGroup, mdev);
  thread(() => {
    if (openMdev(otherGroup, vm) === 0) bug();
    removeMdev(other);
    closeMdev(mdev);
    closeVm(vm);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** The device is removed while it is open; its user has asked to be told, and is. */
export const removedWhileOpen: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const fd = createEventfd();
  openMdev(group, vm);
  stays(adapter, group, fd);
  thread(() => removeMdev(mdev));
  thread(() => {
    setRequest(mdev, fd);
    isSignalled(fd);
    close(fd);
    closeMdev(mdev);
    closeVm(vm);
  });
};

/** The user asks to be told through one eventfd, then through another, while the device is removed. */
export const requestReplaced: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const fd = createEventfd();
  const other = createEventfd();
  openMdev(group, vm);
  stays(adapter, group, fd, other, vm);
  thread(() => removeMdev(mdev));
  thread(() => {
    setRequest(mdev, fd);
    close(fd);
    setRequest(mdev, other);
    closeMdev(mdev);
  });
};

/** The device is removed while somebody opens it. */
export const removedWhileOpening: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  stays(adapter, group, vm);
  thread(() => removeMdev(mdev));
  thread(() => {
    if (openMdev(group, vm) === 0) closeMdev(mdev);
  });
};

/** The device is closed and removed while the guest uses it. */
export const removedWhileUsed: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, vm);
  thread(() => {
    closeMdev(mdev);
    removeMdev(mdev);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** The device is opened before its group has been told a machine, and once more after. */
export const openedWithoutVm: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  stays(adapter, group, mdev, vm);
  thread(() => openMdev(group, null));
  thread(() => {
    if (openMdev(group, vm) === 0) closeMdev(mdev);
  });
};

/** The user resets the device while the guest asks for interrupts. */
export const resetWhileUsed: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, mdev);
  thread(() => {
    resetDevice(mdev);
    closeMdev(mdev);
    closeVm(vm);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

// ---- The administrator

/** An adapter is taken from a running guest, which asks for interrupts, and given back. */
export const unassignWhileUsed: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, mdev, vm);
  thread(() => {
    unassignAdapter(mdev, adapter);
    assignAdapter(mdev, adapter);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** An adapter is assigned while the device is opened. */
export const assignWhileOpening: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const mdev = createMdev(group);
  const vm = createVm();
  stays(adapter, group, mdev, vm);
  thread(() => {
    assignAdapter(mdev, adapter);
    assignControlDomain(mdev);
    unassignControlDomain(mdev);
  });
  thread(() => {
    if (openMdev(group, vm) === 0) closeMdev(mdev);
  });
};

/** Two devices want one adapter. */
export const twoMdevsOneAdapter: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  stays(adapter, group, otherGroup, mdev, other);
  thread(() => assignAdapter(mdev, adapter));
  thread(() => assignAdapter(other, adapter));
};

/** The host wants an adapter for itself while it is assigned. */
export const reservedWhileAssigning: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const mdev = createMdev(group);
  stays(adapter, group, mdev);
  thread(() => assignAdapter(mdev, adapter));
  thread(() => reserve(adapter));
};

// ---- What is refused

/** A processor without the facility for interrupts from adapters, while the device is closed. */
export const noFacility: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpuWith(vm, false);
  openMdev(group, vm);
  stays(adapter, group, mdev, vm);
  thread(() => closeMdev(mdev));
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** Requests that are refused whatever the state, while the machine of the device comes. */
export const refusedAlways: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  stays(adapter, group, mdev, vm);
  thread(() => openMdev(group, vm));
  thread(() => {
    assignText(mdev);
    unknownRequest(mdev);
  });
};
