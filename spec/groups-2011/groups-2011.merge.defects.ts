/** What goes wrong when groups are merged and taken apart. */
import { always, assertHeld, type Defect, fget, free, guard, maybe, put } from '../language.ts';
import * as contexts from './context.ts';
import * as files from './files.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as questions from './groups-2011.questions.ts';
import * as rules from './groups-2011.rules.ts';
import * as scenarios from './groups-2011.scenarios.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';
import * as merging from './merge.ts';

/**
 * Whether the incoming group is alone is not asked: only it is moved, and the context that the others of its set still point to is freed. The code under
 * review asks only for a closed context. Its author's answer to scenario 1 is right by chance, while the merge has left the context open.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge(), against "is a singular group" in the review
 * @fact D301
 * @sure candidate
 */
export const incomingNeedNotBeAlone: Defect<Spec> = {
  breaks: [
    { rule: rules.contextIsAlive, in: questions.mergeOneThatIsMerged },
    { rule: always.bugNeverReached, in: questions.mergeOneThatIsMerged },
    { rule: contracts.mergeContract, in: scenarios.mergeOneThatWasUsed },
    { rule: always.neverTouchedAfterFree, in: scenarios.mergeOneThatWasUsed },
  ],
  instead: {
    mergeGroups: (task, group, incoming) => {
      using _ = guard(vfio.lock);
      if (group === incoming) return 'EINVAL';
      const iommu = files.contextOf(group);
      const old = files.contextOf(incoming);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (iommu === old || old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
      return merging.mergeChecked(task, iommu, incoming, old);
    },
  },
};

/**
 * Whether anything of the incoming group is open is not asked: its context is exchanged under an open device.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "can't leave an attack window"
 * @fact D316
 */
export const incomingMayBeOpen: Defect<Spec> = {
  breaks: [
    { rule: always.bugNeverReached, in: questions.mergeOneWithAnOpenDevice },
    { rule: rules.usedOnlyWhileOpen, in: questions.mergeOneWithAnOpenDevice },
  ],
  instead: {
    mergeGroups: (task, group, incoming) => {
      using _ = guard(vfio.lock);
      if (group === incoming) return 'EINVAL';
      const iommu = files.contextOf(group);
      const old = files.contextOf(incoming);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (groups.isMerged(incoming) || group.bus !== incoming.bus) return 'EINVAL';
      contexts.closeContext(old);
      return merging.mergeChecked(task, iommu, incoming, old);
    },
  },
};

/**
 * A merge that fails half-way leaves the contexts open that it has opened, for nobody.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge(), the second and the third "goto out" after __vfio_open_iommu()
 * @fact D305
 * @sure candidate
 */
export const failedMergeLeavesContextsOpen: Defect<Spec> = {
  breaks: [{ rule: rules.openOnlyWhileUsed, in: scenarios.mergeRacesClose }],
  instead: {
    mergeChecked: (task, iommu, incoming, old) => {
      const tried = contexts.openContext(task, old);
      if (tried !== 0) return tried;
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
      if (opens) contexts.closeContext(iommu);
      return 0;
    },
  },
};

/**
 * A merge that succeeds leaves the context open that it has opened, although nobody uses it. Then nothing keeps its devices from leaving VFIO's driver:
 * they are removable, as the context is not in use, and stay attached to it.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge()
 * @fact D324
 * @sure candidate
 */
export const mergeLeavesContextOpen: Defect<Spec> = {
  breaks: [{ rule: rules.openOnlyWhileUsed, in: scenarios.mergeRacesClose }],
  instead: {
    mergeChecked: (task, iommu, incoming, old) => {
      const tried = contexts.openContext(task, old);
      if (tried !== 0) return tried;
      const opens = !iommu.isOpen;
      if (opens) {
        const opened = contexts.openContext(task, iommu);
        if (opened !== 0) {
          contexts.closeContext(old);
          return opened;
        }
      }
      const fits = groups.isCoherent(iommu) === groups.isCoherent(old);
      contexts.closeContext(old);
      const result = !fits ? 'EINVAL' : contexts.attachGroup(incoming) ? 0 : 'EFAULT';
      if (result === 0) merging.move(incoming, old, iommu);
      else if (opens) contexts.closeContext(iommu);
      return result;
    },
  },
};

/**
 * The incoming group's file is put under the lock that its release takes. It is the last reference if its descriptor was closed meanwhile. Files were
 * released at once until Linux 3.6; since then the release is put off until the call returns, and this is no longer wrong.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge(), "fput(file)" before mutex_unlock()
 * @fact D325
 * @sure candidate
 */
export const putsFileUnderLock: Defect<Spec> = {
  breaks: [
    { rule: always.neverTakenTwice, in: scenarios.mergeRacesClose },
    { rule: always.lastPutTakesNoHeldLock, in: scenarios.mergeRacesClose },
  ],
  instead: {
    mergeFile: (task, group, incomingFd) => {
      using _ = guard(vfio.lock);
      const file = fget(incomingFd);
      if (file === null) return 'EBADF';
      const incoming = file.group;
      const result = incoming === null ? 'EINVAL' : mergeLocked(task, group, incoming);
      put(file.refs);
      return result;
    },
  },
};

/** As `mergeGroups`, for a caller who holds the lock. */
function mergeLocked(task: groups.Task, group: groups.Group, incoming: groups.Group): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  assertHeld(vfio.lock);
  if (group === incoming) return 'EINVAL';
  const iommu = files.contextOf(group);
  const old = files.contextOf(incoming);
  if (files.isForeign(task, iommu)) return 'EPERM';
  if (groups.isMerged(incoming) || old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
  return merging.mergeChecked(task, iommu, incoming, old);
}

/**
 * The group is freed of its set, but the others are not looked at: if none of them is open they stay merged, with a context that nobody will close.
 * @source drivers/vfio/vfio_main.c of December 2011, vfio_group_unmerge(); our own reading
 * @sure candidate
 */
export const unmergeForgetsTheRest: Defect<Spec> = {
  breaks: [{ rule: rules.mergedOnlyWhileOpen, in: scenarios.unmergeTheOpenOne }],
  instead: {
    unmergeGroup: (task, group) => {
      assertHeld(vfio.lock);
      const iommu = files.contextOf(group);
      if (files.isForeign(task, iommu)) return 'EPERM';
      if (!groups.isMerged(group)) return 'EINVAL';
      if (groups.devicesInUse(group)) return 'EBUSY';
      if (maybe()) return 'ENOMEM';
      contexts.detachGroup(group);
      iommu.groups.delete(group);
      contexts.newIommu(group);
      return 0;
    },
  },
};

/**
 * When a set falls apart its groups keep their pointers to the context, which is freed. The code under review does not do that.
 * @source no known occurrence: drivers/vfio/vfio_main.c as posted in November 2011, __vfio_try_dissolve_iommu(), gives each group a context of its own again
 */
export const dissolvingForgetsTheGroups: Defect<Spec> = {
  breaks: [
    { rule: rules.contextIsAlive, in: scenarios.mergeRacesClose },
    { rule: rules.contextIsAlive, in: scenarios.oneGroup },
  ],
  instead: {
    tryDissolve: iommu => {
      assertHeld(vfio.lock);
      if (groups.inUse(iommu)) return false;
      contexts.closeContext(iommu);
      if (!groups.groupsInUse(iommu)) free(iommu);
      return true;
    },
  },
};

/**
 * The set falls apart when nothing uses its context, although groups of it are open: what was merged has to be merged again after every use.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "look at the group refcnt", which rules it out
 */
export const dissolvesOpenGroups: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: questions.onlyTheGroupIsOpen }],
  instead: {
    tryDissolve: iommu => {
      assertHeld(vfio.lock);
      if (groups.inUse(iommu)) return false;
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

/**
 * The incoming group is told its new context, and the context is not told its new group: what it does for all members it does not do for this one.
 * @source no known occurrence: __vfio_group_set_iommu() as posted in November 2011 does both
 */
export const movedOnOneSide: Defect<Spec> = {
  breaks: [{ rule: rules.pointersAgree, in: questions.closeTheMergedGroup }],
  instead: {
    move: (group, from, to) => {
      assertHeld(vfio.lock);
      from.groups.delete(group);
      group.iommu = to;
      free(from);
    },
  },
};
