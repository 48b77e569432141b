/** Calls that return what they must not: the checks of each, left out or turned round. User space sees these; the vectors are there to find them. */
import { alloc, assertHeld, bug, closeFd, type Defect, fget, guard, lock, maybe, put, readLock, readUnlock, unlock } from '../language.ts';
import * as contexts from './context.ts';
import * as devices from './devices.ts';
import * as files from './files.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as large from './groups-2011.large.scenarios.ts';
import * as questions from './groups-2011.questions.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

/**
 * The result is zero to begin with, and the branch for too little memory leaves it so: user space takes a group for open that is not.
 * @source no known occurrence: the slip of vfio_group_get_device_fd() as posted in November 2011 (`noMatchIsSuccess`), in vfio_group_open()
 */
export const noMemoryIsSuccess: Defect<Spec> = {
  breaks: [{ rule: contracts.openGroupContract, in: scenarios.oneGroup }],
  instead: {
    openGroup: (bus, id, to) => {
      lock(vfio.lock);
      const group = devices.findGroup(bus, id);
      if (group === null) {
        unlock(vfio.lock);
        return 'ENODEV';
      }
      if (group.iommu === null) {
        if (maybe()) {
          unlock(vfio.lock);
          return 0;
        }
        contexts.newIommu(group);
      }
      group.files += 1;
      unlock(vfio.lock);
      to.file = alloc<groups.OpenFile>({ group, iommu: null, device: null, grantedTo: null, refs: 1 });
      return 0;
    },
  },
};

/**
 * Whose context it is belongs to being in use: who may not have it is told that it is busy, and waits for what will not come.
 * @source no known occurrence: vfio_group_unl_ioctl() as posted in November 2011 has a gate of its own for it, before everything else
 */
export const foreignIsBusy: Defect<Spec> = {
  breaks: [{ rule: contracts.getIommuFdContract, in: scenarios.anotherProcess }],
  instead: {
    grantIommu: (task, group, to) => {
      using _ = guard(vfio.lock);
      const iommu = files.contextOf(group);
      if (files.isForeign(task, iommu) || !groups.isViable(iommu)) return 'EBUSY';
      const opens = !iommu.isOpen;
      if (opens) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      if (maybe()) {
        if (opens) contexts.closeContext(iommu);
        return 'ENOMEM';
      }
      to.file = alloc<groups.OpenFile>({ group: null, iommu, device: null, grantedTo: task, refs: 1 });
      iommu.files += 1;
      return 0;
    },
  },
};

/**
 * The gate stands before the calls of a group and not before those of a context: who was passed the file maps memory of its own for another's devices.
 * @source no known occurrence: the gate that vfio_group_unl_ioctl() as posted in November 2011 has, left out of the context's calls
 */
export const anyoneMaps: Defect<Spec> = {
  breaks: [{ rule: contracts.mapDmaContract, in: scenarios.anotherProcess }],
  instead: {
    mapDma: (_task, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const iommu = file.iommu;
      if (iommu === null) bug();
      lock(iommu.gate);
      iommu.mapped = true;
      unlock(iommu.gate);
      put(file.refs);
      return 0;
    },
  },
};

/**
 * Reading from a device that was taken away is taken for success, as if it had answered.
 * @source no known occurrence: hardware that is gone answers with all bits set, and code that passes that on sees no error
 */
export const takenDeviceAnswers: Defect<Spec> = {
  breaks: [{ rule: contracts.accessDeviceContract, in: going.userKeepsDevice }],
  instead: {
    accessDevice: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const device = file.device;
      if (device === null) bug();
      readLock(vfio.accesses);
      const data = device.data;
      if (data !== null) {
        lock(data.lock);
        if (data.opens === 0) bug();
        unlock(data.lock);
      }
      readUnlock(vfio.accesses);
      put(file.refs);
      return 0;
    },
  },
};

/**
 * Closing what is closed is taken for success.
 * @source no known occurrence: what close(2) is said to do by callers who ignore its result
 */
export const closesTwice: Defect<Spec> = {
  breaks: [{ rule: contracts.closeContract, in: questions.mergeOneWithAnOpenDevice }],
  instead: {
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};

/**
 * A group that is not merged is given a new context, and loses the one that it had.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_unmerge(), without its test for the group itself: no known occurrence
 */
export const unmergesAlone: Defect<Spec> = {
  breaks: [{ rule: contracts.unmergeContract, in: scenarios.groupsThatDoNotFit }],
  instead: {
    unmergeGroup: (task, group) => {
      assertHeld(vfio.lock);
      const iommu = files.contextOf(group);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (groups.devicesInUse(group)) return 'EBUSY';
      if (maybe()) return 'ENOMEM';
      contexts.detachGroup(group);
      iommu.groups.delete(group);
      contexts.newIommu(group);
      contexts.tryDissolve(iommu);
      return 0;
    },
  },
};

/**
 * A group leaves its set while one of its devices is open: the device has no context any more, and its user does not know.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_unmerge(), without its test for open devices: no known occurrence
 */
export const unmergesWhileOpen: Defect<Spec> = {
  breaks: [
    { rule: contracts.unmergeContract, in: large.removalFromMergedSet },
    { rule: rules.usedOnlyWhileOpen, in: large.removalFromMergedSet },
  ],
  instead: {
    unmergeGroup: (task, group) => {
      assertHeld(vfio.lock);
      const iommu = files.contextOf(group);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (!groups.isMerged(group)) return 'EINVAL';
      if (maybe()) return 'ENOMEM';
      contexts.detachGroup(group);
      iommu.groups.delete(group);
      contexts.newIommu(group);
      contexts.tryDissolve(iommu);
      return 0;
    },
  },
};

/**
 * A device that no IOMMU knows is put into a group of number zero, with all others of its kind: none of them is kept from reaching any memory.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, on devices without a group id, which are ignored
 */
export const noGroupIsGroupZero: Defect<Spec> = {
  breaks: [{ rule: contracts.plugContract, in: going.deviceWithoutGroup }],
  instead: {
    addDevice: dev => {
      using _ = guard(dev.lock);
      using __ = guard(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (dev.vfio !== null) return 0;
      if (maybe()) {
        group.tainted = true;
        return 'ENOMEM';
      }
      const device = alloc<groups.VfioDevice>({ dev, group });
      group.devices.add(device);
      dev.vfio = device;
      return 0;
    },
    delDevice: dev => {
      using _ = guard(vfio.lock);
      dev.isAnnounced = false;
      const device = dev.vfio;
      if (device === null) return;
      device.isGone = true;
      devices.removeIfLeft(device);
    },
  },
};
