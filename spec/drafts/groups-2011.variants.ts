/** What the code of 2011 did, and what was proposed. */
import { always, assertHeld, type Defect, fget, free, guard, put, waitEvent } from '../language.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

type Spec = typeof groups & typeof contracts & typeof scenarios;

/**
 * Merging does not ask whether the incoming group is alone: its old set keeps a freed context.
 * @source kvm mailing list, November 2011, review of the VFIO group core, "singular group"
 */
export const incomingNeedNotBeAlone: Defect<Spec> = {
  breaks: [
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesClose },
    { rule: contracts.mergeContract, in: scenarios.mergeRacesClose },
  ],
  instead: {
    mergeGroups: (group, incoming) => {
      using _ = guard(vfio.lock);
      const iommu = group.iommu;
      const old = incoming.iommu;
      if (iommu === null || old === null || iommu === old) return 'EINVAL';
      if (groups.isForeign(iommu)) return 'EPERM';
      if (old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
      if (!groups.isViable(iommu) || !groups.isViable(old)) return 'EBUSY';
      iommu.groups.add(incoming);
      incoming.iommu = iommu;
      free(old);
      return 0;
    },
  },
};

/** The incoming group's file is put under vfio.lock, which its release takes. */
export const putsFileUnderLock: Defect<Spec> = {
  breaks: [{ rule: always.lastPutTakesNoHeldLock, in: scenarios.mergeRacesClose }],
  instead: {
    merge: (group, fd) => {
      using _ = guard(vfio.lock);
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const result = file.kind === 'group' ? groups.mergeGroups(group, file.group) : 'EINVAL';
      put(file.refs);
      return result;
    },
  },
};

/** Removal waits for the users, for ever if need be. */
export const removalWaitsForEver: Defect<Spec> = {
  breaks: [{ rule: groups.removalEnds, in: scenarios.userKeepsDevice }],
  instead: {
    unbind: device => {
      waitEvent(vfio.releaseQueue, () => groups.isRemovable(device));
      using _ = guard(vfio.lock);
      device.driver = 'none';
    },
  },
};

/** A device that appears in a group in use is only warned about. */
export const hotAddIsOnlyWarnedAbout: Defect<Spec> = {
  breaks: [
    { rule: groups.inUseMeansViable, in: scenarios.hotAdd },
    { rule: groups.attachedWhileOpen, in: scenarios.hotAdd },
  ],
  instead: {
    addDevice: (bus, device) => {
      using _ = guard(bus.notifierLock);
      using __ = guard(vfio.lock);
      device.group.devices.add(device);
      return 0;
    },
  },
};

/** The file's context is looked up before the lock is taken. */
export const contextReadBeforeLock: Defect<Spec> = {
  breaks: [
    { rule: groups.groupGuards, in: scenarios.mergeRacesClose },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesClose },
  ],
  instead: {
    releaseFile: file => {
      const iommu = groups.iommuOf(file);
      {
        using _ = guard(vfio.lock);
        if (file.kind === 'group') file.group.files -= 1;
        if (iommu !== null) groups.dissolve(iommu);
      }
      free(file);
    },
  },
};

/** The group keeps pointing to a context that is freed. */
export const dissolveForgets: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.mergeRacesClose }],
  instead: {
    dissolve: iommu => {
      assertHeld(vfio.lock);
      if (groups.inUse(iommu)) return;
      if (iommu.isOpen) groups.closeContext(iommu);
      if (!groups.groupsInUse(iommu)) free(iommu);
    },
  },
};
