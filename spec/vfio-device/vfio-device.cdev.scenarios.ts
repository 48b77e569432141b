/** Smallest situations in which the rules are put to the test: devices that are bound by files of their own. */
import { bug, type Scenario } from '../language.ts';
import { access, bind, openCdev } from './device-file.ts';
import { gvtDriver, pciDriver } from './drivers.ts';
import { getDeviceFd, openGroup, setContainer } from './group.ts';
import { attach, attachPasid, isAttached } from './iommufd-attach.ts';
import { unloadKvm } from './kvm.ts';
import { addFile, delFile } from './kvm-vfio.ts';
import { close, freeDescriptor } from './open-file.ts';
import { unregisterDevice } from './registration.ts';
import { newDevice, newVm } from './vfio-device.setup.ts';

/** A device is bound and used while its file is taken from the machine, which then goes. */
export const usedWhileFileTakenAway: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(gvtDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  addFile(kv, fd);
  stays(vm, kv, group, device, fd);
  thread(() => {
    bind(fd);
    access(fd);
    close(fd);
  });
  thread(() => {
    delFile(kv, fd);
    close(kv);
    close(vm);
  });
};

/** A device is used by one while it is bound by another, by the same descriptor. */
export const usedWhileBound: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(gvtDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  addFile(kv, fd);
  stays(vm, kv, group, device, fd);
  thread(() => {
    bind(fd);
    close(fd);
  });
  thread(() => access(fd));
};

/** User space closes all it has, the file of the device that kvm-vfio holds included. Then nothing keeps the machine, and KVM's module can be taken out. */
export const everythingCloses: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  addFile(kv, fd);
  stays(vm, kv, group, device, fd);
  thread(() => {
    bind(fd);
    close(fd);
    close(kv);
    close(vm);
    if (unloadKvm() !== 0) bug();
  });
};

/** One device, bound by two files of its own, for two machines. */
export const bindTwice: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { vm: otherVm, kv: otherKv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  addFile(kv, fd);
  addFile(otherKv, otherFd);
  stays(vm, kv, otherVm, otherKv, group, device, fd, otherFd);
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
};

/** As before; the second file has not been told a machine. */
export const bindTwiceUntold: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(gvtDriver);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  addFile(kv, fd);
  stays(vm, kv, group, device, fd, otherFd);
  thread(() => {
    bind(fd);
    access(fd);
    close(fd);
    close(kv);
    close(vm);
  });
  thread(() => {
    bind(otherFd);
    close(otherFd);
  });
};

/** As before; both files were told the same machine. */
export const bindTwiceSameVm: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  const otherFd = freeDescriptor();
  openCdev(device, fd);
  openCdev(device, otherFd);
  addFile(kv, fd);
  addFile(kv, otherFd);
  stays(vm, kv, group, device, fd, otherFd);
  thread(() => {
    bind(fd);
    close(fd);
    close(kv);
    close(vm);
  });
  thread(() => {
    bind(otherFd);
    close(otherFd);
  });
};

/** One device, bound by its own file and opened through its group, each for another machine. */
export const twoWaysIn: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const cdevFd = freeDescriptor();
  const groupFd = freeDescriptor();
  const fd = freeDescriptor();
  openCdev(device, cdevFd);
  addFile(kv, cdevFd);
  stays(vm, kv, group, device, cdevFd, groupFd, fd);
  thread(() => {
    bind(cdevFd);
    close(cdevFd);
    close(kv);
    close(vm);
  });
  thread(() => {
    if (openGroup(group, groupFd) === 0) {
      setContainer(groupFd);
      getDeviceFd(groupFd, device, fd);
      close(fd);
      close(groupFd);
    }
  });
};

/** A device's file is bound twice at once. */
export const bindAgain: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  addFile(kv, fd);
  stays(vm, kv, group, device, fd);
  thread(() => {
    bind(fd);
    access(fd);
    close(fd);
  });
  thread(() => {
    bind(fd);
    close(kv);
    close(vm);
  });
};

/** A device is unregistered while its own file is opened and bound. */
export const bindRacesRemove: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, fd);
  thread(() => unregisterDevice(device));
  thread(() => {
    openCdev(device, fd);
    addFile(kv, fd);
    bind(fd);
    close(fd);
    close(kv);
    close(vm);
  });
};

/** A device that is attached is attached for a process too, which may fail. That does not detach it. */
export const attachedForAProcess: Scenario = ({ thread, stays }) => {
  const { group, device } = newDevice(pciDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  stays(group, device, fd);
  thread(() => {
    bind(fd);
    if (attach(fd) === 0) {
      attachPasid(fd);
      if (!isAttached(fd)) bug();
    }
    close(fd);
  });
};
