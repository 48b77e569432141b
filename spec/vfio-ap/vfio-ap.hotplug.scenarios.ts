/** Smallest situations in which queues come and go, and the host gets and loses adapters. */
import type { Scenario } from '../language.ts';
import { bind, plugAdapter, unbind } from './ap-bus.ts';
import { hostGains, hostLoses, scanComplete } from './host-config.ts';
import { closeVcpu, closeVm, createVcpu, createVm, runPqap } from './kvm.ts';
import { assignAdapter, assignControlDomain, unassignAdapter } from './matrix.ts';
import { createMdev, removeMdev } from './mdev.ts';
import { showStatus } from './queue.ts';
import { closeMdev, createGroup, openMdev } from './vfio.ts';
import { createMatrix } from './vfio-ap.scenarios.ts';

// ---- The bus

/** A queue is taken from the driver while the guest asks for interrupts; afterwards everything goes. */
export const queueGoesWhileUsed: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, mdev);
  thread(() => {
    unbind(adapter);
    closeMdev(mdev);
    closeVm(vm);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** A queue is bound while a device is created and opened, and its adapter assigned. */
export const queueComesWithMdev: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  const group = createGroup();
  const vm = createVm();
  stays(adapter, group, vm);
  thread(() => bind(adapter));
  thread(() => {
    const mdev = createMdev(group);
    assignAdapter(mdev, adapter);
    if (openMdev(group, vm) === 0) closeMdev(mdev);
    removeMdev(mdev);
  });
};

/** The device goes, and so does the queue of its adapter. */
export const mdevAndQueueGo: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  stays(adapter, group);
  thread(() => removeMdev(mdev));
  thread(() => unbind(adapter));
};

/** The status of a queue is read while it is bound, and taken away again. */
export const statusWhileBinding: Scenario = ({ thread, stays }) => {
  const adapter = plugAdapter();
  const group = createGroup();
  const mdev = createMdev(group);
  assignAdapter(mdev, adapter);
  stays(adapter, group, mdev);
  thread(() => {
    bind(adapter);
    unbind(adapter);
  });
  thread(() => showStatus(adapter));
};

// ---- The host's configuration

/** The host loses an adapter that a guest uses, and that one of two devices has; the other has no machine. The bus takes the queue away afterwards. */
export const adapterLost: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const otherGroup = createGroup();
  const other = createMdev(otherGroup);
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, otherGroup, mdev, other);
  thread(() => {
    hostLoses(adapter, false);
    unbind(adapter);
    closeMdev(mdev);
    closeVm(vm);
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** The host loses the control domain while a device that has it is opened. */
export const controlDomainLost: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  const vm = createVm();
  hostGains(null, true);
  assignControlDomain(mdev);
  stays(adapter, group, mdev, vm);
  thread(() => hostLoses(null, true));
  thread(() => openMdev(group, vm));
};

/** The host gets the control domain, which is assigned to a device that a guest uses. */
export const controlDomainGained: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  assignControlDomain(mdev);
  const vm = createVm();
  const vcpu = createVcpu(vm);
  openMdev(group, vm);
  stays(adapter, group, mdev, vm);
  thread(() => {
    hostGains(null, true);
    scanComplete();
  });
  thread(() => {
    runPqap(vcpu, adapter, true);
    closeVcpu(vcpu);
  });
};

/** The host gets an adapter that is assigned already, and the control domain; the device is opened meanwhile. */
export const adapterGained: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  assignControlDomain(mdev);
  hostLoses(adapter, false);
  unbind(adapter);
  const vm = createVm();
  stays(adapter, group, mdev, vm);
  thread(() => {
    hostGains(adapter, true);
    bind(adapter);
    scanComplete();
  });
  thread(() => openMdev(group, vm));
};

/** The host has lost an adapter, whose queue is still bound. The adapter is unassigned and its device removed, before the bus takes the queue away. */
export const unassignedAfterLoss: Scenario = ({ thread, stays }) => {
  const { adapter, group, mdev } = createMatrix();
  hostLoses(adapter, false);
  stays(adapter, group);
  thread(() => {
    unassignAdapter(mdev, adapter);
    removeMdev(mdev);
  });
  thread(() => unbind(adapter));
};
