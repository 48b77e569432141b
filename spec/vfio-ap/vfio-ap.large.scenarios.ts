/** Situations with enough devices, machines and threads to surprise. */
import type { Scenario } from '../language.ts';
import { bind, plugAdapter, unbind } from './ap-bus.ts';
import { hostLoses } from './host-config.ts';
import { closeVcpu, closeVm, createVcpu, createVm, protectVm, runPqap } from './kvm.ts';
import { assignAdapter, unassignAdapter } from './matrix.ts';
import { createMdev, removeMdev } from './mdev.ts';
import { closeMdev, createGroup, openMdev } from './vfio.ts';

/** Two devices and two machines, a processor of each in an intercept: one device is closed, the other wants both machines, one after the other. */
export const twoOfEach: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  const otherAdapter = plugAdapter();
  bind(adapter);
  bind(otherAdapter);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  assignAdapter(mdev, adapter);
  assignAdapter(other, otherAdapter);
  const vm = createVm();
  const otherVm = createVm();
  const vcpu = createVcpu(vm);
  const otherVcpu = createVcpu(otherVm);
  openMdev(group, vm);
  stays(adapter, otherAdapter, group, otherGroup, mdev, other);
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
  thread(() => {
    runPqap(otherVcpu, otherAdapter, true);
    closeVcpu(otherVcpu);
  });
  thread(() => {
    closeMdev(mdev);
    closeVm(vm);
  });
  thread(() => {
    if (openMdev(otherGroup, otherVm) === 0) closeMdev(other);
    closeVm(otherVm);
  });
};

/** A guest runs while the host loses one of its adapters, an administrator moves the other to a second device, and that one is removed. */
export const everyoneAtOnce: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  const otherAdapter = plugAdapter();
  bind(adapter);
  bind(otherAdapter);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  assignAdapter(mdev, adapter);
  assignAdapter(mdev, otherAdapter);
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, otherAdapter, group, otherGroup, mdev);
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
  thread(() => {
    hostLoses(adapter, false);
    unbind(adapter);
  });
  thread(() => {
    unassignAdapter(mdev, otherAdapter);
    assignAdapter(other, otherAdapter);
    removeMdev(other);
  });
  thread(() => {
    protectVm(vm);
    closeMdev(mdev);
    closeVm(vm);
  });
};

/** A queue goes and another comes while a device is created, given both, opened, and removed. */
export const queuesComeAndGo: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  const otherAdapter = plugAdapter();
  bind(otherAdapter);
  const group = createGroup();
  const vm = createVm();
  stays(adapter, otherAdapter, group);
  thread(() => bind(adapter));
  thread(() => unbind(otherAdapter));
  thread(() => {
    const mdev = createMdev(group);
    assignAdapter(mdev, adapter);
    assignAdapter(mdev, otherAdapter);
    if (openMdev(group, vm) === 0) closeMdev(mdev);
    closeVm(vm);
    removeMdev(mdev);
  });
};
