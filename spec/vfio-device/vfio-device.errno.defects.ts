/** Calls that return what they must not: the checks of each, left out. User space sees these; the vectors are there to find them in an implementation. */
import {
  alloc,
  closeFd,
  type Defect,
  fget,
  get,
  getUnlessZero,
  lock,
  putLater,
  some,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import type { DeviceFile } from './device-file.ts';
import * as deviceFiles from './device-file.ts';
import { gvt } from './drivers.ts';
import type { KvmVfio } from './kvm-vfio.ts';
import * as kvmVfios from './kvm-vfio.ts';
import type { OpenFile } from './open-file.ts';
import * as calls from './vfio-device.calls.ts';
import * as cdevs from './vfio-device.cdev.scenarios.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';
import * as devices from './vfio-device.ts';
import * as vectors from './vfio-device.vectors.ts';

/**
 * A machine gets a second kvm-vfio.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_create(), "Only one VFIO device per VM"
 */
export const secondKvmVfio: Defect<Spec> = {
  breaks: [{ rule: calls.createKvmVfioContract, in: vectors.tellingAMachine }],
  instead: {
    createDevice: (kvm, fd) => {
      lock(kvm.lock);
      const kv = alloc<KvmVfio>({ kvm });
      kvm.devices.add(kv);
      unlock(kvm.lock);
      get(kvm.users);
      const file = alloc<OpenFile>({ kv, kvm, refs: 1 });
      fd.file = file;
      return 0;
    },
  },
};

/**
 * Adding a file that was added already is taken for success, and so is adding a file of anything else.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add(), without its two tests
 */
export const addsAnything: Defect<Spec> = {
  breaks: [{ rule: calls.addFileContract, in: vectors.tellingAMachine }],
  instead: {
    add: (kv, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      lock(kv.lock);
      if (!kv.files.has(file)) {
        get(file.refs);
        kv.files.add(file);
        kvmVfios.tellFile(file, kv.kvm);
      }
      unlock(kv.lock);
      putLater(file.refs);
      return 0;
    },
  },
};

/**
 * Taking a file away that was never added is taken for success. It is done without the lock of kvm-vfio.
 * @source no known occurrence: Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_del(), whose result is -ENOENT until a file is found
 */
export const deletesAnything: Defect<Spec> = {
  breaks: [
    { rule: calls.delFileContract, in: vectors.tellingAMachine },
    { rule: kvmVfios.kvmVfioGuards, in: vectors.tellingAMachine },
  ],
  instead: {
    del: (kv, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      if (kv.files.has(file)) {
        kv.files.delete(file);
        kvmVfios.tellFile(file, null);
        putLater(file.refs);
      }
      putLater(file.refs);
      return 0;
    },
  },
};

/**
 * A group is opened again while it is open, and while one of its devices is bound: as until Linux 3.10.
 * @source Linux 6d6768c61b39, "vfio: Limit group opens", the code before it
 */
export const groupOpenedTwice: Defect<Spec> = {
  breaks: [{ rule: calls.openGroupContract, in: vectors.bindingADevice }],
  instead: {
    openGroup: (group, fd) => {
      lock(group.lock);
      if (group.drivers === 0) {
        unlock(group.lock);
        return 'ENODEV';
      }
      const file = alloc<OpenFile>({ group, refs: 1 });
      group.openedFile = file;
      unlock(group.lock);
      fd.file = file;
      return 0;
    },
  },
};

/**
 * A group that has a container is given another.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_set_container(), without vfio_group_has_iommu()
 */
export const containerReplaced: Defect<Spec> = {
  breaks: [{ rule: calls.setContainerContract, in: vectors.openingAGroup }],
  instead: {
    setContainer: groupFd => {
      const file = fget(groupFd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group !== null) {
        lock(group.lock);
        group.containerUsers = 1;
        unlock(group.lock);
      }
      putLater(file.refs);
      return 0;
    },
  },
};

/**
 * A group whose device is open is refused its container's removal by the wrong word.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_unset_container(), "group->container_users != 1" is EBUSY
 */
export const busyIsInvalid: Defect<Spec> = {
  breaks: [{ rule: calls.unsetContainerContract, in: vectors.needingAMachine }],
  instead: {
    unsetContainer: groupFd => {
      const file = fget(groupFd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) return 'EINVAL';
      lock(group.lock);
      const alone = group.containerUsers === 1;
      if (alone) group.containerUsers = 0;
      unlock(group.lock);
      putLater(file.refs);
      return alone ? 0 : 'EINVAL';
    },
  },
};

/**
 * The graphics driver says that a machine is missing where another device has it.
 * @source no known occurrence: Linux 6.3, drivers/gpu/drm/i915/gvt/kvmgt.c, intel_vgpu_open_device(), has two errnos for the two
 */
export const takenIsMissing: Defect<Spec> = {
  breaks: [{ rule: calls.getDeviceFdContract, in: vectors.needingAMachine }],
  instead: {
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      lock(gvt.lock);
      const taken = some(gvt.attached, other => other.kvm === kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) return 'ESRCH';
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
  },
};

/**
 * A device that is open otherwise is refused as busy.
 * @source no known occurrence: Linux 6.6, drivers/vfio/vfio_main.c, vfio_df_open(), "Only the group path allows the device to be opened multiple times" is EINVAL
 */
export const openIsBusy: Defect<Spec> = {
  breaks: [{ rule: calls.bindContract, in: vectors.bindingADevice }],
  instead: {
    bindFile: df => {
      const device = df.device;
      if (df.group !== null || !deviceFiles.blockGroup(device)) return 'EBUSY';
      lock(device.set.lock);
      const result = df.accessGranted || device.openCount > 0 ? 'EBUSY' : deviceFiles.bindLocked(df);
      unlock(device.set.lock);
      if (result !== 0) deviceFiles.unblockGroup(device);
      return result;
    },
  },
};

/**
 * A device's file can be used before it is bound.
 * @source no known occurrence: Linux 6.6, drivers/vfio/vfio_main.c, vfio_device_fops_read(), without its test
 */
export const accessWithoutBind: Defect<Spec> = {
  breaks: [
    { rule: calls.accessContract, in: vectors.bindingADevice },
    { rule: devices.accessedWhileOpen, in: vectors.bindingADevice },
  ],
  instead: {
    access: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const df = file.df;
      if (df !== null) df.device.driver.access(df.device);
      putLater(file.refs);
      return 0;
    },
  },
};

/**
 * Opening the file of a device that is being unregistered is taken for success.
 * @source no known occurrence: Linux 6.6, drivers/vfio/device_cdev.c, vfio_device_fops_cdev_open(), without its test
 */
export const openedWhileGoing: Defect<Spec> = {
  breaks: [{ rule: calls.openCdevContract, in: cdevs.bindRacesRemove }],
  instead: {
    openCdev: (device, fd) => {
      if (!getUnlessZero(device.registration)) return 0;
      const df = alloc<DeviceFile>({ device, group: null });
      const file = alloc<OpenFile>({ df, refs: 1 });
      fd.file = file;
      return 0;
    },
  },
};

/**
 * Closing what is closed is taken for success.
 * @source no known occurrence: what close(2) is said to do by callers who ignore its result
 */
export const closesTwice: Defect<Spec> = {
  breaks: [{ rule: calls.closeContract, in: vectors.tellingAMachine }],
  instead: {
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};
