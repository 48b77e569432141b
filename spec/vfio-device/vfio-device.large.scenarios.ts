/** Situations with enough objects and threads to surprise. */
import { alloc, type Scenario } from '../language.ts';
import { bind, openCdev } from './device-file.ts';
import { apDriver, createDeviceIn, createGroup, gvtDriver, pciDriver } from './drivers.ts';
import { getDeviceFd, openGroup, setContainer } from './group.ts';
import { addFile } from './kvm-vfio.ts';
import { close, freeDescriptor } from './open-file.ts';
import { assigned, newDevice, newVm } from './vfio-device.setup.ts';
import type { DeviceSet } from './vfio-device.ts';

/** Two groups whose devices are in one set, each for a machine of its own; one group changes its machine while both devices are opened. Three threads. */
export const twoGroupsOneSet: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { vm: otherVm, kv: otherKv } = newVm();
  const set = alloc<DeviceSet>({});
  const group = createGroup();
  const device = createDeviceIn(group, set, pciDriver);
  const otherGroup = createGroup();
  const otherDevice = createDeviceIn(otherGroup, set, apDriver);
  const groupFd = freeDescriptor();
  const otherGroupFd = freeDescriptor();
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  openGroup(otherGroup, otherGroupFd);
  setContainer(otherGroupFd);
  addFile(kv, groupFd);
  addFile(otherKv, otherGroupFd);
  stays(vm, kv, otherVm, otherKv, group, otherGroup, device, otherDevice, groupFd, otherGroupFd, fd, otherFd);
  close(vm);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
  });
  thread(() => {
    getDeviceFd(otherGroupFd, otherDevice, otherFd);
    close(otherFd);
  });
  thread(() => {
    close(kv);
    addFile(otherKv, groupFd);
  });
};

/** One device of one group, opened by two, while the group is taken from its machine and given to another. Three threads. */
export const twoOpenersTwoVms: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const { vm: otherVm, kv: otherKv } = newVm();
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  close(vm);
  stays(vm, kv, otherVm, otherKv, group, device, groupFd, fd, otherFd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
  });
  thread(() => {
    getDeviceFd(groupFd, device, otherFd);
    close(otherFd);
  });
  thread(() => {
    close(kv);
    addFile(otherKv, groupFd);
  });
};

/** One device with two files of its own, told two machines, and its group, which is opened meanwhile. Three threads. */
export const twoFilesAndTheGroup: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { vm: otherVm, kv: otherKv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  const groupFd = freeDescriptor();
  const throughGroup = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  addFile(kv, fd);
  addFile(otherKv, otherFd);
  stays(vm, kv, otherVm, otherKv, group, device, fd, otherFd, groupFd, throughGroup);
  thread(() => {
    bind(fd);
    close(fd);
    close(kv);
    close(vm);
  });
  thread(() => {
    bind(otherFd);
    close(otherFd);
    close(otherKv);
    close(otherVm);
  });
  thread(() => {
    if (openGroup(group, groupFd) === 0) {
      setContainer(groupFd);
      getDeviceFd(groupFd, device, throughGroup);
      close(throughGroup);
      close(groupFd);
    }
  });
};
