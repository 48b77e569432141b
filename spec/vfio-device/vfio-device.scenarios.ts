/** Smallest situations in which the rules are put to the test: devices that are opened through their group. */
import { alloc, type Scenario } from '../language.ts';
import { access } from './device-file.ts';
import { apDriver, createCryptoDevice, createGraphicsDevice, driverModule, gvtDriver, pciDriver } from './drivers.ts';
import { getDeviceFd, openGroup, setContainer, unsetContainer } from './group.ts';
import { addFile, delFile } from './kvm-vfio.ts';
import { close, freeDescriptor } from './open-file.ts';
import { probeDevice, removeDevice } from './registration.ts';
import { assigned, newDevice, newVm } from './vfio-device.setup.ts';
import type { Device, DeviceSet } from './vfio-device.ts';

/** The machine goes first, the device last. */
export const deviceOutlivesVm: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(vm);
    close(kv);
    access(fd);
    close(groupFd);
    close(fd);
  });
};

/** A device is opened while kvm-vfio closes. Its driver takes the machine's lock. */
export const openRacesClose: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(apDriver);
  const fd = freeDescriptor();
  close(vm);
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => close(kv));
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
    close(groupFd);
  });
};

/** A device is used while its group is taken from the machine, which then goes. */
export const usedWhileGroupTakenAway: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    access(fd);
    close(fd);
    close(groupFd);
  });
  thread(() => {
    delFile(kv, groupFd);
    close(kv);
    close(vm);
  });
};

/** A group is given to a machine, for whose kvm-vfio it is the first file, while its device is opened. */
export const givenWhileOpened: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(gvtDriver);
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
    close(groupFd);
  });
  thread(() => {
    addFile(kv, groupFd);
    delFile(kv, groupFd);
    close(kv);
    close(vm);
  });
};

/** A group is taken from one machine and given to another while its device is opened. */
export const givenToAnother: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(pciDriver);
  const { vm: otherVm, kv: otherKv } = newVm();
  const fd = freeDescriptor();
  stays(vm, kv, otherVm, otherKv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
    close(groupFd);
  });
  thread(() => {
    delFile(kv, groupFd);
    addFile(otherKv, groupFd);
    close(kv);
    close(otherKv);
    close(vm);
    close(otherVm);
  });
};

/** Two devices of one group are opened for one machine; their driver allows one. */
export const secondForOneVm: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const other = createGraphicsDevice(group);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  stays(vm, kv, group, device, other, groupFd, fd, otherFd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(kv);
    close(vm);
    close(fd);
  });
  thread(() => {
    getDeviceFd(groupFd, other, otherFd);
    close(otherFd);
    close(groupFd);
  });
};

/** As before, with crypto cards. */
export const secondCryptoUser: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(apDriver);
  const other = createCryptoDevice(group);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  stays(vm, kv, group, device, other, groupFd, fd, otherFd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(kv);
    close(vm);
    close(fd);
  });
  thread(() => {
    getDeviceFd(groupFd, other, otherFd);
    close(otherFd);
    close(groupFd);
  });
};

/** Two open one device through its group; the first to come opens it, the last to go closes it. */
export const twoOpeners: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(apDriver);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd, otherFd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
  });
  thread(() => {
    getDeviceFd(groupFd, device, otherFd);
    close(kv);
    close(vm);
    close(otherFd);
    close(groupFd);
  });
};

/** A device that belongs to no machine, of a driver that needs none. */
export const withoutVm: Scenario = ({ thread, stays }) => {
  const { group, device } = newDevice(pciDriver);
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  stays(group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    access(fd);
    close(fd);
    close(groupFd);
  });
};

/** A device is removed while it is opened, and the group loses its container. */
export const openRacesRemove: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(pciDriver);
  const fd = freeDescriptor();
  close(kv);
  close(vm);
  stays(vm, kv, group, groupFd, fd);
  thread(() => removeDevice(device));
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
    unsetContainer(groupFd);
    close(groupFd);
  });
};

/** A device is opened while it is being probed, which may fail. */
export const openRacesProbe: Scenario = ({ thread, stays }) => {
  const { group, device } = newDevice(pciDriver);
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  stays(group, device, groupFd, fd);
  thread(() => {
    const other = alloc<Device>({
      group,
      set: alloc<DeviceSet>({}),
      driver: pciDriver,
      module: driverModule,
      coherent: true,
      registration: 1,
    });
    if (probeDevice(other) === 0) removeDevice(other);
  });
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(fd);
    close(groupFd);
  });
};
