/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Scenario } from '../language.ts';
import { access, bind, openCdev } from './device-file.ts';
import { createCryptoDevice, createGraphicsDevice, createGroup, createPlainDevice } from './drivers.ts';
import { getDeviceFd, openGroup, setContainer, unsetContainer } from './group.ts';
import { createVm } from './kvm.ts';
import { addFile, createKvmVfio, delFile } from './kvm-vfio.ts';
import { close, freeDescriptor, openOtherFile } from './open-file.ts';

// ---- One caller

/** A group and its container, from the beginning. */
export const openingAGroup: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const device = createPlainDevice(group);
  const empty = createGroup();
  const groupFd = freeDescriptor();
  const again = freeDescriptor();
  const fd = freeDescriptor();
  openGroup(group, groupFd);
  stays(group, device, empty, groupFd, again, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => setContainer(groupFd),
        () => unsetContainer(groupFd),
        () => close(groupFd),
      );
    }
    choose(
      () => openGroup(group, again),
      () => openGroup(empty, again),
      () => getDeviceFd(groupFd, device, fd),
      () => access(fd),
    );
  });
};

/** A machine is told of files, in the wrong ways too. */
export const tellingAMachine: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const kv = freeDescriptor();
  const second = freeDescriptor();
  createKvmVfio(vm, kv);
  const group = createGroup();
  const device = createPlainDevice(group);
  const groupFd = freeDescriptor();
  const other = openOtherFile();
  const closed = freeDescriptor();
  openGroup(group, groupFd);
  stays(vm, kv, second, group, device, groupFd, other, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => addFile(kv, groupFd),
        () => addFile(kv, other),
        () => addFile(kv, closed),
        () => delFile(kv, groupFd),
        () => delFile(kv, other),
        () => delFile(kv, closed),
        () => close(kv),
        () => createKvmVfio(vm, second),
      );
    }
  });
};

/** A machine is told of the file of a device's own, which is closed. */
export const tellingAMachineOfADevice: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const kv = freeDescriptor();
  createKvmVfio(vm, kv);
  const group = createGroup();
  const device = createPlainDevice(group);
  const fd = freeDescriptor();
  openCdev(device, fd);
  stays(vm, kv, group, device, fd);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => addFile(kv, fd),
        () => delFile(kv, fd),
        () => close(fd),
        () => close(kv),
      );
    }
    addFile(kv, fd);
  });
};

/** A device's own file: what it can do before it is bound, and what the group can do meanwhile. */
export const bindingADevice: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const device = createPlainDevice(group);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  const groupFd = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  stays(group, device, fd, otherFd, groupFd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => bind(fd),
        () => bind(otherFd),
        () => access(fd),
        () => openGroup(group, groupFd),
        () => close(fd),
      );
    }
  });
};

/** Drivers that need a machine, through the group. */
export const needingAMachine: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const kv = freeDescriptor();
  createKvmVfio(vm, kv);
  const group = createGroup();
  const crypto = createCryptoDevice(group);
  const otherCrypto = createCryptoDevice(group);
  const graphics = createGraphicsDevice(group);
  const otherGraphics = createGraphicsDevice(group);
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  stays(vm, kv, group, crypto, otherCrypto, graphics, otherGraphics, groupFd, fd, otherFd);
  thread(() => {
    choose(
      () => addFile(kv, groupFd),
      () => delFile(kv, groupFd),
    );
    choose(
      () => getDeviceFd(groupFd, crypto, fd),
      () => getDeviceFd(groupFd, graphics, fd),
    );
    choose(
      () => close(fd),
      () => access(fd),
    );
    choose(
      () => getDeviceFd(groupFd, otherCrypto, otherFd),
      () => getDeviceFd(groupFd, otherGraphics, otherFd),
      () => unsetContainer(groupFd),
    );
  });
};

// ---- Several callers at once

/** One opens a device through its group while another takes the group away, closes it, or takes its container. */
export const openedMeanwhile: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const kv = freeDescriptor();
  createKvmVfio(vm, kv);
  const group = createGroup();
  const device = createCryptoDevice(group);
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  addFile(kv, groupFd);
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => getDeviceFd(groupFd, device, fd));
  thread(() => {
    choose(
      () => delFile(kv, groupFd),
      () => close(kv),
      () => close(groupFd),
      () => unsetContainer(groupFd),
    );
  });
};

/** Two bind one device by files of its own, or one of them opens its group. */
export const boundMeanwhile: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const device = createPlainDevice(group);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  const groupFd = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  stays(group, device, fd, otherFd, groupFd);
  thread(() => bind(fd));
  thread(() => {
    choose(
      () => bind(otherFd),
      () => bind(fd),
      () => close(fd),
      () => openGroup(group, groupFd),
    );
  });
};
