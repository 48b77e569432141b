/** The context of a set of groups: opened by its first user, closed after its last. */
import { alloc, assertHeld, bug, free, get, lock, maybe, put, type Runs, unlock } from '../language.ts';
import { type Group, groupsInUse, type Iommu, inUse, isViable, type Task, type VfioDevice, vfio } from './groups-2011.ts';

export const taskRuns: Runs<Task> = { users: task => freeTask(task) };

/** Nobody remembers the address space any more. */
export function freeTask(task: Task): void {
  free(task);
}

/** A process ends. Files that it has passed on stay open. */
export function exit(task: Task): void {
  put(task.users);
}

/** Give a group a context of its own, empty and closed. */
export function newIommu(group: Group): void {
  assertHeld(vfio.lock);
  const iommu = alloc<Iommu>({});
  iommu.groups.add(group);
  group.iommu = iommu;
}

/** Attach the devices of all members; all or none (`__vfio_open_iommu`). No caller opens it twice. */
export function openContext(task: Task, iommu: Iommu): 0 | 'EBUSY' | 'EFAULT' {
  assertHeld(vfio.lock);
  if (!isViable(iommu)) return 'EBUSY';
  if (iommu.isOpen) bug();
  iommu.isOpen = true;
  get(task.users);
  iommu.owner = task;
  for (const group of iommu.groups) {
    if (!attachGroup(group)) {
      closeContext(iommu);
      return 'EFAULT';
    }
  }
  return 0;
}

/** Unmap everything, detach every device (`__vfio_close_iommu`). */
export function closeContext(iommu: Iommu): void {
  assertHeld(vfio.lock);
  if (!iommu.isOpen) return;
  for (const group of iommu.groups) detachGroup(group);
  lock(iommu.gate);
  iommu.mapped = false;
  unlock(iommu.gate);
  iommu.isOpen = false;
  const owner = iommu.owner;
  if (owner === null) bug();
  iommu.owner = null;
  put(owner.users);
}

/** Attach all devices of a group, or none. */
export function attachGroup(group: Group): boolean {
  for (const device of group.devices) {
    if (!attachDevice(device)) {
      detachGroup(group);
      return false;
    }
  }
  return true;
}

/** Let the device's DMA go through its context. The IOMMU may refuse. */
export function attachDevice(device: VfioDevice): boolean {
  if (maybe()) return false;
  device.attached = true;
  return true;
}

/** Detach all devices of a group that are attached. */
export function detachGroup(group: Group): void {
  for (const device of group.devices) device.attached = false;
}

/** Close a context that nobody uses, and take the set apart if no group of it is open either. False if it is in use (`__vfio_try_dissolve_iommu`). */
export function tryDissolve(iommu: Iommu): boolean {
  assertHeld(vfio.lock);
  if (inUse(iommu)) return false;
  closeContext(iommu);
  if (groupsInUse(iommu)) return true;
  for (const group of iommu.groups) {
    iommu.groups.delete(group);
    group.iommu = null;
  }
  free(iommu);
  return true;
}
