/** What goes wrong when files are opened and released. */
import { alloc, always, assertHeld, bug, type Defect, free, guard, lock, maybe, unlock, wakeAll } from '../language.ts';
import * as contexts from './context.ts';
import * as files from './files.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as questions from './groups-2011.questions.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

/** The context of a file, as a caller without the lock finds it. */
function contextOfFile(file: groups.OpenFile): groups.Iommu | null {
  const group = file.group;
  if (group !== null) return group.iommu;
  const device = file.device;
  if (device !== null) return device.group.iommu;
  return file.iommu;
}

/**
 * Which context the file belongs to is looked up before the lock is taken; a merge frees it meanwhile.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_release(): an argument of vfio_do_release(), which locks
 * @fact D302
 * @sure candidate
 */
export const releaseReadsContextFirst: Defect<Spec> = {
  breaks: [
    { rule: groups.groupGuards, in: scenarios.mergeRacesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesClose },
  ],
  instead: {
    releaseFile: file => {
      const device = file.device;
      if (device !== null) files.driverRelease(device);
      const iommu = contextOfFile(file);
      if (iommu === null) bug();
      lock(vfio.lock);
      if (device !== null) device.files -= 1;
      const group = file.group;
      if (group !== null) group.files -= 1;
      if (device === null && group === null) iommu.files -= 1;
      const dissolved = contexts.tryDissolve(iommu);
      unlock(vfio.lock);
      if (dissolved) wakeAll(vfio.releaseQueue);
      free(file);
    },
  },
};

/**
 * The context in which a device is looked for is read before the lock is taken; a merge frees it meanwhile.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd(), the initialisation of iommu
 * @fact D303
 * @sure candidate
 */
export const getDeviceReadsContextFirst: Defect<Spec> = {
  breaks: [
    { rule: groups.groupGuards, in: scenarios.mergeBothWays },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesGetDevice },
  ],
  instead: {
    grantDevice: (task, group, dev, to) => {
      const iommu = files.contextOf(group);
      using _ = guard(vfio.lock);
      if (files.isForeign(task, iommu)) return 'EPERM';
      return files.grantDeviceOf(task, iommu, dev, to);
    },
  },
};

/**
 * Whose context it is is asked before the lock is taken: by the time that a file is given it is another's, or freed.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_unl_ioctl(), "Below commands are restricted once the mm is set"
 * @fact D304
 * @sure candidate
 */
export const ownerAskedBeforeLock: Defect<Spec> = {
  breaks: [
    { rule: groups.groupGuards, in: scenarios.ownerEnds },
    { rule: groups.iommuGuards, in: scenarios.ownerEnds },
    { rule: rules.onlyTheOwnerIsGranted, in: scenarios.ownerEnds },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesGetDevice },
  ],
  instead: {
    grantDevice: (task, group, dev, to) => {
      if (files.isForeign(task, files.contextOf(group))) return 'EPERM';
      using _ = guard(vfio.lock);
      return files.grantDeviceOf(task, files.contextOf(group), dev, to);
    },
  },
};

/**
 * A device is looked for where the context is open or was opened now; that none was found is forgotten when the opening has succeeded.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd(): the result of __vfio_open_iommu() is in ret when the loop ends
 * @fact D322
 * @sure candidate
 */
export const noMatchIsSuccess: Defect<Spec> = {
  breaks: [{ rule: contracts.getDeviceFdContract, in: scenarios.groupsThatDoNotFit }],
  instead: {
    grantDeviceOf: (task, iommu, dev, to) => {
      if (!groups.isViable(iommu)) return 'EBUSY';
      const opens = !iommu.isOpen;
      if (opens) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      const device = files.findDevice(iommu, dev);
      if (device === null) {
        if (opens) contexts.closeContext(iommu);
        return opens ? 0 : 'ENODEV';
      }
      const data = device.data;
      if (data === null) bug();
      const result = files.openFileOf(task, device, data, to);
      if (result !== 0 && opens) contexts.closeContext(iommu);
      return result;
    },
  },
};

/**
 * A call that opens the context and then fails leaves it open, for nobody.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_iommu_fd() and vfio_group_get_device_fd(), the label out
 * @fact D312
 * @sure candidate
 */
export const failureLeavesContextOpen: Defect<Spec> = {
  breaks: [{ rule: rules.openOnlyWhileUsed, in: scenarios.oneGroup }],
  instead: {
    grantIommu: (task, group, to) => {
      using _ = guard(vfio.lock);
      const iommu = files.contextOf(group);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (!groups.isViable(iommu)) return 'EBUSY';
      if (!iommu.isOpen) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      if (maybe()) return 'ENOMEM';
      to.file = alloc<groups.OpenFile>({ group: null, iommu, device: null, grantedTo: task, refs: 1 });
      iommu.files += 1;
      return 0;
    },
  },
};

/**
 * That the context is open is taken for a proof that every device is VFIO's. It was so when it was opened.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd()
 * @fact D324
 * @sure candidate
 */
export const openContextProvesViability: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: going.hotAdd },
    { rule: contracts.getDeviceFdContract, in: scenarios.setNoLongerViable },
  ],
  instead: {
    grantDeviceOf: (task, iommu, dev, to) => {
      const device = files.findDevice(iommu, dev);
      if (device === null) return 'ENODEV';
      const opens = !iommu.isOpen;
      if (opens) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      const data = device.data;
      if (data === null) bug();
      const result = files.openFileOf(task, device, data, to);
      if (result !== 0 && opens) contexts.closeContext(iommu);
      return result;
    },
  },
};

/**
 * The driver lets go of a device after it was counted down: removal has seen that nobody has it open, and has freed what the driver looks at.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_device_release(); turned round in early 2012
 * @fact D306
 */
export const driverReleasedLast: Defect<Spec> = {
  breaks: [
    { rule: rules.driverLetsGoFirst, in: scenarios.oneGroup },
    { rule: groups.vfioDeviceGuards, in: scenarios.oneGroup },
    { rule: always.neverTouchedAfterFree, in: going.userHeeds },
  ],
  instead: {
    releaseFile: file => {
      lock(vfio.lock);
      const dissolved = files.uncount(file);
      unlock(vfio.lock);
      if (dissolved) wakeAll(vfio.releaseQueue);
      const device = file.device;
      if (device !== null) {
        const data = device.data;
        if (data !== null) files.driverPut(data);
      }
      free(file);
    },
  },
};

/**
 * Both files of a device that was opened twice count as one, and the first that is closed ends the use of the other.
 * @source no known occurrence: drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd(), counts every descriptor
 */
export const deviceCountedOnce: Defect<Spec> = {
  breaks: [
    { rule: rules.twoFilesCountTwice, in: questions.mergeOneWithAnOpenDevice },
    { rule: rules.openFilesAreCounted, in: questions.mergeOneWithAnOpenDevice },
  ],
  instead: {
    openFileOf: (task, device, data, to) => {
      if (!files.driverGet(data)) return 'EFAULT';
      if (maybe()) {
        files.driverPut(data);
        return 'ENOMEM';
      }
      to.file = alloc<groups.OpenFile>({ group: null, iommu: null, device, grantedTo: task, refs: 1 });
      device.files = 1;
      return 0;
    },
    uncount: file => {
      assertHeld(vfio.lock);
      const device = file.device;
      if (device === null) return false;
      device.files = 0;
      return contexts.tryDissolve(files.contextOf(device.group));
    },
  },
};

/**
 * An open group counts as use of its context, so that the power that comes with the context stays when its files are closed.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "(2) a group is 'inuse' if: a) group refcnt > 0", refused there
 */
export const openGroupIsUse: Defect<Spec> = {
  breaks: [
    { rule: rules.openOnlyWhileUsed, in: questions.onlyTheGroupIsOpen },
    { rule: always.bugNeverReached, in: questions.onlyTheGroupIsOpen },
  ],
  instead: {
    tryDissolve: iommu => {
      assertHeld(vfio.lock);
      if (groups.inUse(iommu)) return false;
      if (groups.groupsInUse(iommu)) return true;
      contexts.closeContext(iommu);
      for (const group of iommu.groups) {
        iommu.groups.delete(group);
        group.iommu = null;
      }
      free(iommu);
      return true;
    },
  },
};
