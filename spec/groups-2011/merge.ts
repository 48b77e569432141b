/** Merging groups, and taking one out again. */
import { assertHeld, bug, type Descriptor, fget, free, guard, lock, maybe, put, unlock, wakeAll } from '../language.ts';
import { attachGroup, closeContext, detachGroup, newIommu, openContext, tryDissolve } from './context.ts';
import { contextOf, isForeign } from './files.ts';
import { devicesInUse, type Group, type Iommu, isCoherent, isMerged, type OpenFile, type Task, vfio } from './groups-2011.ts';

/** Let the incoming group share this group's context (`VFIO_GROUP_MERGE`). */
export function merge(
  task: Task,
  fd: Descriptor<OpenFile>,
  incomingFd: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = mergeFile(task, group, incomingFd);
  put(file.refs);
  return result;
}

/** As `merge`, with the first file looked up. The second is looked up and put without the lock, which its release takes. */
export function mergeFile(
  task: Task,
  group: Group,
  incomingFd: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  const file = fget(incomingFd);
  if (file === null) return 'EBADF';
  const incoming = file.group;
  const result = incoming === null ? 'EINVAL' : mergeGroups(task, group, incoming);
  put(file.refs);
  return result;
}

/** As `merge`, with both files looked up. */
export function mergeGroups(task: Task, group: Group, incoming: Group): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' | 'EPERM' {
  using _ = guard(vfio.lock);
  if (group === incoming) return 'EINVAL';
  const iommu = contextOf(group);
  const old = contextOf(incoming);
  if (isForeign(task, iommu)) return 'EPERM';
  if (isMerged(incoming) || old.isOpen || group.bus !== incoming.bus) return 'EINVAL';
  return mergeChecked(task, iommu, incoming, old);
}

/** The two can be merged as far as can be told without opening them. */
export function mergeChecked(task: Task, iommu: Iommu, incoming: Group, old: Iommu): 0 | 'EBUSY' | 'EFAULT' | 'EINVAL' {
  // What the incoming devices' domain can do is known only when they are attached to one.
  const tried = openContext(task, old);
  if (tried !== 0) return tried;
  const opens = !iommu.isOpen;
  if (opens) {
    const opened = openContext(task, iommu);
    if (opened !== 0) {
      closeContext(old);
      return opened;
    }
  }
  const fits = isCoherent(iommu) === isCoherent(old);
  closeContext(old);
  const result = !fits ? 'EINVAL' : attachGroup(incoming) ? 0 : 'EFAULT';
  if (result === 0) move(incoming, old, iommu);
  // Without users it would stay open for nobody.
  if (opens) closeContext(iommu);
  return result;
}

/** From its own context to that of the set. */
export function move(group: Group, from: Iommu, to: Iommu): void {
  assertHeld(vfio.lock);
  from.groups.delete(group);
  to.groups.add(group);
  group.iommu = to;
  free(from);
}

/** Give the group a context of its own again (`VFIO_GROUP_UNMERGE`, without an argument as agreed). */
export function unmerge(task: Task, fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' | 'ENOMEM' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  lock(vfio.lock);
  const result = unmergeGroup(task, group);
  unlock(vfio.lock);
  // A device of the group may be removable now, although the set it was in is in use.
  if (result === 0) wakeAll(vfio.releaseQueue);
  put(file.refs);
  return result;
}

/** As `unmerge`, under the lock. */
export function unmergeGroup(task: Task, group: Group): 0 | 'EBUSY' | 'EINVAL' | 'ENOMEM' | 'EPERM' {
  assertHeld(vfio.lock);
  const iommu = contextOf(group);
  if (isForeign(task, iommu)) return 'EPERM';
  if (!isMerged(group)) return 'EINVAL';
  if (devicesInUse(group)) return 'EBUSY';
  if (maybe()) return 'ENOMEM';
  detachGroup(group);
  iommu.groups.delete(group);
  newIommu(group);
  // Nobody may be left who has the rest open.
  tryDissolve(iommu);
  return 0;
}
