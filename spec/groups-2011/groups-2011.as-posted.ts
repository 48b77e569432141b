/** The code under review, function by function; each of its mistakes alone is in the other files of defects. */
import {
  alloc,
  always,
  assertHeld,
  bug,
  type Defect,
  fget,
  free,
  guard,
  lock,
  maybe,
  put,
  unlock,
  waitEvent,
  wakeAll,
} from '../language.ts';
import * as contexts from './context.ts';
import * as devices from './devices.ts';
import * as files from './files.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';
import * as merging from './merge.ts';

/** Whether nobody uses the set that the device is in, asked with the lock taken for it. */
function isRemovableAsPosted(device: groups.VfioDevice): boolean {
  using _ = guard(vfio.lock);
  return devices.isRemovable(device);
}

/** Count one file less, and see what that leaves. The counter and the context were found without the lock. */
function doRelease(file: groups.OpenFile, iommu: groups.Iommu): void {
  lock(vfio.lock);
  const group = file.group;
  const device = file.device;
  if (group !== null) group.files -= 1;
  else if (device !== null) device.files -= 1;
  else iommu.files -= 1;
  const dissolved = contexts.tryDissolve(iommu);
  unlock(vfio.lock);
  if (dissolved) wakeAll(vfio.releaseQueue);
}

/**
 * As posted, but unmerging is as agreed, without an argument, and groups are told apart by their bus.
 *
 * Both merge scenarios of the review go as its author answers: the context that a merge leaves open keeps the merged set from being merged again.
 * Once it was used and closed, a merged group is accepted. Everything that the code gets wrong but for the warnings in its own comments (hot add, waiting
 * for ever) and the driver's release, which was turned round later, is our own reading, confirmed by nobody.
 * @source drivers/vfio/vfio_main.c as posted in November 2011
 * @fact D301, D302, D303, D304, D305, D306, D308, D312, D313, D315, D317, D318, D319, D322, D323, D324, D325, D326
 * @sure candidate
 */
export const asPosted: Defect<Spec> = {
  breaks: [
    { rule: rules.openOnlyWhileUsed, in: scenarios.oneGroup },
    { rule: rules.driverLetsGoFirst, in: scenarios.oneGroup },
    { rule: groups.groupGuards, in: scenarios.oneGroup },
    { rule: rules.onlyTheOwnerIsGranted, in: scenarios.ownerEnds },
    { rule: rules.ownerIsAlive, in: scenarios.ownerEndsFirst },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesClose },
    { rule: always.neverTakenTwice, in: scenarios.mergeRacesClose },
    { rule: rules.contextIsAlive, in: scenarios.mergeOneThatWasUsed },
    { rule: contracts.getDeviceFdContract, in: scenarios.groupsThatDoNotFit },
    { rule: rules.noOtherDriverWhileInUse, in: going.hotAdd },
    { rule: rules.attachedWhileOpen, in: going.hotAdd },
    { rule: always.everyWaitEnds, in: going.userKeepsDevice },
    { rule: always.everyWaitEnds, in: scenarios.unmergeRacesRemoval },
    { rule: always.conditionNeverSleeps, in: going.userHeeds },
    { rule: always.bugNeverReached, in: going.unplugWhileOpen },
    { rule: rules.emptyGroupsGo, in: going.unplugAfterClose },
  ],
  instead: {
    iommuOwns: {},
    // Users of a device look at its driver's data without a lock: it is not taken while they have the device open.
    vfioDeviceGuards: {
      ...groups.vfioDeviceGuards,
      data: { read: device => [vfio.lock, device.files > 0], write: () => vfio.lock },
    },

    openContext: (task, iommu) => {
      assertHeld(vfio.lock);
      if (!groups.isViable(iommu)) return 'EBUSY';
      if (iommu.isOpen) bug();
      iommu.isOpen = true;
      for (const group of iommu.groups) {
        if (!contexts.attachGroup(group)) {
          contexts.closeContext(iommu);
          return 'EFAULT';
        }
      }
      iommu.owner = task;
      return 0;
    },
    closeContext: iommu => {
      assertHeld(vfio.lock);
      if (!iommu.isOpen) return;
      for (const group of iommu.groups) contexts.detachGroup(group);
      lock(iommu.gate);
      iommu.mapped = false;
      unlock(iommu.gate);
      iommu.isOpen = false;
      iommu.owner = null;
    },

    releaseFile: file => {
      const device = file.device;
      const group = file.group;
      if (device !== null) {
        doRelease(file, files.contextOf(device.group));
        const data = device.data;
        if (data === null) bug();
        files.driverPut(data);
      } else if (group !== null) {
        doRelease(file, files.contextOf(group));
      } else {
        const iommu = file.iommu;
        if (iommu !== null) doRelease(file, iommu);
      }
      free(file);
    },

    grantIommu: (task, group, to) => {
      if (files.isForeign(task, files.contextOf(group))) return 'EPERM';
      using _ = guard(vfio.lock);
      const iommu = files.contextOf(group);
      if (!iommu.isOpen) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      if (maybe()) return 'ENOMEM';
      to.file = alloc<groups.OpenFile>({ group: null, iommu, device: null, grantedTo: task, refs: 1 });
      iommu.files += 1;
      return 0;
    },
    grantDevice: (task, group, dev, to) => {
      if (files.isForeign(task, files.contextOf(group))) return 'EPERM';
      const iommu = files.contextOf(group);
      using _ = guard(vfio.lock);
      const opens = !iommu.isOpen;
      if (opens) {
        const result = contexts.openContext(task, iommu);
        if (result !== 0) return result;
      }
      const device = files.findDevice(iommu, dev);
      if (device === null) return opens ? 0 : 'ENODEV';
      const data = device.data;
      if (data === null) return 'EFAULT';
      return files.openFileOf(task, device, data, to);
    },
    accessDevice: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const device = file.device;
      if (device === null) bug();
      const data = device.data;
      if (data === null) bug();
      lock(data.lock);
      if (data.opens === 0) bug();
      unlock(data.lock);
      put(file.refs);
      return 0;
    },

    mergeFile: (task, group, incomingFd) => {
      if (files.isForeign(task, files.contextOf(group))) return 'EPERM';
      using _ = guard(vfio.lock);
      const file = fget(incomingFd);
      if (file === null) return 'EBADF';
      const incoming = file.group;
      const result = incoming === null ? 'EINVAL' : mergeAsPosted(task, group, incoming);
      put(file.refs);
      return result;
    },
    unmerge: (task, fd) => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const group = file.group;
      if (group === null) bug();
      const result = files.isForeign(task, files.contextOf(group)) ? 'EPERM' : unmergeAsPosted(group);
      put(file.refs);
      return result;
    },

    addDevice: dev => {
      if (dev.groupId === 0) return 'ENODEV';
      using _ = guard(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (dev.vfio !== null) return 0;
      if (maybe()) return 'ENOMEM';
      const device = alloc<groups.VfioDevice>({ dev, group });
      group.devices.add(device);
      dev.vfio = device;
      const iommu = group.iommu;
      if (iommu === null) return 0;
      const isOpen = iommu.isOpen;
      if (isOpen) contexts.attachDevice(device);
      return 0;
    },
    delDevice: dev => {
      if (dev.groupId === 0) return;
      using _ = guard(vfio.lock);
      dev.isAnnounced = false;
      const device = dev.vfio;
      if (device === null) return;
      if (device.files > 0) bug();
      device.attached = false;
      devices.removeDevice(device);
    },
    unbind: dev => {
      const device = devices.vfioDeviceOf(dev);
      const data = devices.takeWhenFree(device);
      free(data);
    },
    takeWhenFree: device => {
      for (;;) {
        waitEvent(vfio.releaseQueue, () => isRemovableAsPosted(device));
        lock(vfio.lock);
        if (devices.isRemovable(device)) break;
        unlock(vfio.lock);
      }
      const data = device.data;
      if (data === null) bug();
      device.data = null;
      unlock(vfio.lock);
      return data;
    },
  },
};

/** Merging, with the lock held and both files found. */
function mergeAsPosted(task: groups.Task, group: groups.Group, incoming: groups.Group): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' {
  if (group === incoming) return 'EINVAL';
  const old = files.contextOf(incoming);
  if (old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
  const tried = contexts.openContext(task, old);
  if (tried !== 0) return tried;
  const iommu = files.contextOf(group);
  const opens = !iommu.isOpen;
  if (opens) {
    const opened = contexts.openContext(task, iommu);
    if (opened !== 0) return opened;
  }
  const fits = groups.isCoherent(iommu) === groups.isCoherent(old);
  contexts.closeContext(old);
  if (!fits) {
    if (opens) contexts.closeContext(iommu);
    return 'EINVAL';
  }
  if (!contexts.attachGroup(incoming)) return 'EFAULT';
  merging.move(incoming, old, iommu);
  return 0;
}

/** Leaving a set. Nobody is woken. */
function unmergeAsPosted(group: groups.Group): 0 | 'EBUSY' | 'EINVAL' | 'ENOMEM' {
  if (maybe()) return 'ENOMEM';
  using _ = guard(vfio.lock);
  const iommu = files.contextOf(group);
  if (!groups.isMerged(group)) return 'EINVAL';
  if (groups.devicesInUse(group)) return 'EBUSY';
  contexts.detachGroup(group);
  iommu.groups.delete(group);
  contexts.newIommu(group);
  return 0;
}
