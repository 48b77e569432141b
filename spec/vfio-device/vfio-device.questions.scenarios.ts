/** What was asked in the threads of January and February 2023, each as a situation. The answers are verdicts: of the base, and of the variants named. */
import type { Scenario } from '../language.ts';
import { access, bind, openCdev } from './device-file.ts';
import { gvtDriver, pciDriver } from './drivers.ts';
import { getDeviceFd } from './group.ts';
import { addFile, delFile } from './kvm-vfio.ts';
import { close, freeDescriptor } from './open-file.ts';
import { assigned, newDevice, newVm } from './vfio-device.setup.ts';

/**
 * The get needs the lock of the borrowed pointer, the put does without: is that safe for who closes through the group? It is: the put goes by
 * the device's own pointer, which only the lock of the device set guards. With the lock it would not be: `putUnderRefLock`.
 */
export const putRacesClearThroughGroup: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  getDeviceFd(groupFd, device, fd);
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    close(fd);
    close(groupFd);
  });
  thread(() => {
    delFile(kv, groupFd);
    close(kv);
    close(vm);
  });
};

/** And for who closes a file of the device's own? It is, for the same reason. */
export const putRacesClearThroughCdev: Scenario = ({ thread, stays }) => {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(gvtDriver);
  const fd = freeDescriptor();
  openCdev(device, fd);
  addFile(kv, fd);
  bind(fd);
  stays(vm, kv, group, device, fd);
  thread(() => close(fd));
  thread(() => {
    close(kv);
    close(vm);
  });
};

/** Does the incremental diff do what its author meant, through the group? It does: `getsWhatTheGroupHas` holds here. */
export const theDiffThroughGroup: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(pciDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    access(fd);
    close(fd);
    close(groupFd);
  });
  thread(() => {
    close(kv);
    close(vm);
  });
};

/** And through a file of the device's own, for which it was made? It does not: `getsWhatTheGroupHas` follows the group's pointer, which is null. */
export const theDiffThroughCdev: Scenario = ({ thread, stays }) => {
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
};

/**
 * Which way out of the deadlock of Linux 5.19 holds up? The machine's files are closed, its kvm-vfio still has the group, and the device is
 * closed last. `linux_5_19` waits for itself. `workQueue` and `coreAfterUnlock` hold, and so does what was merged; what the first costs is
 * seen in `unloadsAfterwards`,
 * `driversUnload` and `openRacesClose`.
 */
export const deviceClosedLast: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    close(kv);
    close(vm);
    close(fd);
    close(groupFd);
  });
};

/**
 * Why was that deadlock not seen before? Because user space takes the group from the machine first: then the machine's end has nothing to tell, and
 * no run of `linux_5_19` waits for itself here. That it might, with another user space, is still told: `always.lastPutTakesNoHeldLock`.
 */
export const groupTakenAwayFirst: Scenario = ({ thread, stays }) => {
  const { vm, kv, group, device, groupFd } = assigned(gvtDriver);
  const fd = freeDescriptor();
  stays(vm, kv, group, device, groupFd, fd);
  thread(() => {
    getDeviceFd(groupFd, device, fd);
    delFile(kv, groupFd);
    close(kv);
    close(vm);
    close(fd);
    close(groupFd);
  });
};
