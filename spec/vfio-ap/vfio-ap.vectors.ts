/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Interface, Scenario } from '../language.ts';
import { bind, plugAdapter, reserve, unbind } from './ap-bus.ts';
import { close, createEventfd, isSignalled } from './eventfd.ts';
import { createVcpu, createVcpuWith, createVm, runPqap } from './kvm.ts';
import { assignAdapter, assignText, unassignAdapter } from './matrix.ts';
import { createMdev, setRequest, unknownRequest } from './mdev.ts';
import { showStatus } from './queue.ts';
import { closeMdev, createGroup, openMdev } from './vfio.ts';

/** The calls. Tests that make no others need not look inside. */
export const calls: Interface = {
  plugAdapter,
  bind,
  unbind,
  showStatus,
  reserve,
  createGroup,
  createMdev,
  assignAdapter,
  assignText,
  unassignAdapter,
  createVm,
  createVcpu,
  createVcpuWith,
  runPqap,
  openMdev,
  closeMdev,
  setRequest,
  unknownRequest,
  createEventfd,
  isSignalled,
  closeFd: close,
};

/** The behaviour described by the functions themselves, as adapters name it. */
export const baseProfile = 'linux-2026' as const;

/** One device and one adapter, whose queue is not bound yet. */
export const oneAdapter: Scenario = ({ thread, choose, stays }) => {
  const adapter = plugAdapter();
  const group = createGroup();
  const mdev = createMdev(group);
  stays(adapter, group, mdev);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assignAdapter(mdev, adapter),
        () => unassignAdapter(mdev, adapter),
        () => bind(adapter),
        () => showStatus(adapter),
        () => reserve(adapter),
      );
    }
  });
};

/** Two devices want one adapter. */
export const oneAdapterForTwo: Scenario = ({ thread, choose, stays }) => {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  stays(adapter, group, otherGroup, mdev, other);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assignAdapter(mdev, adapter),
        () => assignAdapter(other, adapter),
        () => unassignAdapter(mdev, adapter),
        () => assignAdapter(mdev, null),
        () => unassignAdapter(other, null),
        () => assignText(mdev),
      );
    }
  });
};

/** Two devices and two machines: each device is opened with either, or with none. */
export const twoMachines: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const otherGroup = createGroup();
  const mdev = createMdev(group);
  const other = createMdev(otherGroup);
  const vm = createVm();
  const otherVm = createVm();
  stays(group, otherGroup, mdev, other, vm, otherVm);
  thread(() => {
    choose(
      () => openMdev(group, vm),
      () => openMdev(group, null),
    );
    choose(
      () => openMdev(otherGroup, vm),
      () => openMdev(otherGroup, otherVm),
    );
    choose(
      () => openMdev(otherGroup, vm),
      () => openMdev(group, otherVm),
    );
  });
};

/** A guest is given an adapter, loses it, and asks for interrupts; another has processors that cannot be interrupted. */
export const runningGuest: Scenario = ({ thread, choose, stays }) => {
  const adapter = plugAdapter();
  bind(adapter);
  const group = createGroup();
  const mdev = createMdev(group);
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const bare = createVcpuWith(vm, false);
  openMdev(group, vm);
  stays(adapter, group, mdev, vm, vcpu, bare);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assignAdapter(mdev, adapter),
        () => unassignAdapter(mdev, adapter),
        () => runPqap(vcpu, adapter, true),
        () => runPqap(bare, adapter, true),
        () => showStatus(adapter),
        () => unbind(adapter),
      );
    }
    closeMdev(mdev);
    runPqap(bare, adapter, false);
  });
};

/** Being told that the device is wanted back. */
export const requests: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const mdev = createMdev(group);
  const vm = createVm();
  const fd = createEventfd();
  const closed = createEventfd();
  close(closed);
  openMdev(group, vm);
  stays(group, mdev, vm, fd, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => setRequest(mdev, fd),
        () => setRequest(mdev, closed),
        () => unknownRequest(mdev),
        () => isSignalled(fd),
        () => close(fd),
      );
    }
    closeMdev(mdev);
    close(fd);
  });
};
