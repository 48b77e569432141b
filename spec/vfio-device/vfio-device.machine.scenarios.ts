/** Smallest situations in which the rules are put to the test: machines, their kvm-vfio, and modules that go. */
import { bug, get, put, type Scenario } from '../language.ts';
import { bind, openCdev } from './device-file.ts';
import { gvtDriver, pciDriver, unloadDrivers } from './drivers.ts';
import { getDeviceFd } from './group.ts';
import { createVm, lookForDevices, unloadKvm } from './kvm.ts';
import { addFile, createKvmVfio } from './kvm-vfio.ts';
import { close, freeDescriptor, openOtherFile } from './open-file.ts';
import { removeDevice } from './registration.ts';
import { assigned, newDevice, newVm } from './vfio-device.setup.ts';

/** kvm-vfio is closed by another while it is being made. */
export const createRacesClose: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const kv = freeDescriptor();
  stays(vm, kv);
  thread(() => {
    createKvmVfio(vm, kv);
    close(vm);
  });
  thread(() => close(kv));
};

/** Another device of a machine looks for its like while kvm-vfio comes and goes. */
export const devicesAreWalked: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const other = freeDescriptor();
  const file = vm.file;
  if (file === null) bug();
  const kvm = file.kvm;
  if (kvm === null) bug();
  get(kvm.users);
  stays(vm, kv, other);
  thread(() => {
    createKvmVfio(vm, other);
    close(kv);
    createKvmVfio(vm, other);
    close(other);
    close(vm);
  });
  thread(() => {
    lookForDevices(kvm);
    put(kvm.users);
  });
};

/** KVM's module is taken out while a device has the last machine. A file that is none of VFIO's was offered before. */
export const moduleGoes: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  const other = openOtherFile();
  openCdev(device, fd);
  addFile(kv, fd);
  addFile(kv, other);
  stays(vm, kv, group, device, fd, other);
  thread(() => {
    bind(fd);
    close(fd);
  });
  thread(() => {
    close(kv);
    close(vm);
    unloadKvm();
  });
};

/** When a device is closed, and everything before it, KVM's module can be taken out. */
export const unloadsAfterwards: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(vm);
    close(kv);
    close(groupFd);
    close(fd);
    if (unloadKvm() !== 0) bug();
  });
};

/** When a device is closed, its driver's module can be taken out. */
export const driversUnload: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(vm);
    close(kv);
    close(groupFd);
    close(fd);
    removeDevice(device);
    if (unloadDrivers() !== 0) bug();
  });
};
