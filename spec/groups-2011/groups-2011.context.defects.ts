/** What goes wrong when a context is opened and closed, and when a group goes that somebody has open. */
import { always, anyOf, assertHeld, bug, type Defect, free, lock, put, unlock } from '../language.ts';
import * as contexts from './context.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

/**
 * The owner of a context is remembered by its address only. When it has ended, another process may get that address, and the context with it.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_open_iommu(), "iommu->mm = current->mm"
 * @fact D326
 * @sure candidate
 */
export const ownerNotKept: Defect<Spec> = {
  breaks: [{ rule: rules.ownerIsAlive, in: scenarios.ownerEndsFirst }],
  instead: {
    iommuOwns: {},
    openContext: (task, iommu) => {
      assertHeld(vfio.lock);
      if (!groups.isViable(iommu)) return 'EBUSY';
      if (iommu.isOpen) bug();
      iommu.isOpen = true;
      iommu.owner = task;
      for (const group of iommu.groups) {
        if (!contexts.attachGroup(group)) {
          contexts.closeContext(iommu);
          return 'EFAULT';
        }
      }
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
  },
};

/**
 * The mappings stay when the context is closed: who opens it next finds another's memory mapped.
 * @source no known occurrence: __vfio_close_iommu() as posted in November 2011 unmaps everything first
 */
export const mappingsStay: Defect<Spec> = {
  breaks: [{ rule: rules.mappedOnlyWhileOpen, in: scenarios.oneGroup }],
  instead: {
    closeContext: iommu => {
      assertHeld(vfio.lock);
      if (!iommu.isOpen) return;
      for (const group of iommu.groups) contexts.detachGroup(group);
      iommu.isOpen = false;
      const owner = iommu.owner;
      if (owner === null) bug();
      iommu.owner = null;
      put(owner.users);
    },
  },
};

/**
 * The devices stay attached when the context is closed, to a domain that goes with it.
 * @source no known occurrence: __vfio_close_iommu() as posted in November 2011 detaches every device before it frees the domain
 */
export const devicesStayAttached: Defect<Spec> = {
  breaks: [
    { rule: rules.attachedWhileOpen, in: scenarios.oneGroup },
    { rule: rules.detachedWithoutContext, in: scenarios.oneGroup },
  ],
  instead: {
    closeContext: iommu => {
      assertHeld(vfio.lock);
      if (!iommu.isOpen) return;
      lock(iommu.gate);
      iommu.mapped = false;
      unlock(iommu.gate);
      iommu.isOpen = false;
      const owner = iommu.owner;
      if (owner === null) bug();
      iommu.owner = null;
      put(owner.users);
    },
  },
};

/**
 * The owner is put when the context is closed, and not forgotten: nobody else may have the context, and its address may be another's by then.
 * @source no known occurrence: __vfio_close_iommu() as posted in November 2011, "iommu->mm = NULL"
 */
export const ownerStays: Defect<Spec> = {
  breaks: [{ rule: rules.ownedWhileOpen, in: scenarios.oneGroup }],
  instead: {
    closeContext: iommu => {
      assertHeld(vfio.lock);
      if (!iommu.isOpen) return;
      for (const group of iommu.groups) contexts.detachGroup(group);
      lock(iommu.gate);
      iommu.mapped = false;
      unlock(iommu.gate);
      iommu.isOpen = false;
      const owner = iommu.owner;
      if (owner === null) bug();
      put(owner.users);
    },
  },
};

/**
 * A group whose last device goes is removed although a file of it is open.
 * @source no known occurrence: vfio_group_del_dev() as posted in November 2011 asks for open files, which it can do because they are counted
 */
export const emptyGroupGoesWhileOpen: Defect<Spec> = {
  breaks: [
    { rule: rules.openFilesKeepTheirObject, in: going.unplugAfterClose },
    { rule: always.neverTouchedAfterFree, in: going.unplugAfterClose },
  ],
  instead: {
    removeIfEmpty: group => {
      assertHeld(vfio.lock);
      if (group.tainted) return;
      const any = anyOf(group.devices);
      if (any !== null) return;
      const iommu = group.iommu;
      if (iommu !== null) {
        iommu.groups.delete(group);
        group.iommu = null;
        contexts.tryDissolve(iommu);
      }
      vfio.groups.delete(group);
      free(group);
    },
  },
};
