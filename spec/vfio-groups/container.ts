/** Containers: groups are attached, a driver of the IOMMU is chosen, groups are detached. */
import {
  alloc,
  anyOf,
  assertHeld,
  bug,
  type Descriptor,
  fget,
  free,
  get,
  lock,
  put,
  type Runs,
  unlock,
  writeLock,
  writeUnlock,
} from '../language.ts';
import { claimDmaOwner, releaseDmaOwner } from './iommu.ts';
import type { Container, Group, OpenFile } from './vfio-groups.ts';

export const containerRuns: Runs<Container> = { users: container => freeContainer(container) };

/** Neither a file nor a group has it any more. */
export function freeContainer(container: Container): void {
  free(container);
}

/** A container without groups (`open("/dev/vfio/vfio")`). */
export function createContainer(): Descriptor<OpenFile> {
  const container = alloc<Container>({ users: 1 });
  const file = alloc<OpenFile>({ container, group: null, df: null, refs: 1 });
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
}

/** Attach a group to a container (`VFIO_GROUP_SET_CONTAINER`). */
export function setContainer(
  fd: Descriptor<OpenFile>,
  containerFd: Descriptor<OpenFile>,
): 0 | 'EBADF' | 'EBADFD' | 'EINVAL' | 'ENODEV' | 'EPERM' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  const result = setContainerOf(group, containerFd);
  put(file.refs);
  return result;
}

/** As `setContainer`, with the group's file looked up. */
export function setContainerOf(group: Group, containerFd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBADFD' | 'EINVAL' | 'ENODEV' | 'EPERM' {
  const file = fget(containerFd);
  if (file === null) return 'EBADF';
  lock(group.lock);
  const result = attachFile(group, file);
  unlock(group.lock);
  put(file.refs);
  return result;
}

/** As `setContainer`, with both files looked up and the group locked. */
export function attachFile(group: Group, file: OpenFile): 0 | 'EBADFD' | 'EINVAL' | 'ENODEV' | 'EPERM' {
  if (group.container !== null) return 'EINVAL';
  if (!group.isRegistered) return 'ENODEV';
  const container = file.container;
  if (container === null) return 'EBADFD';
  return attach(group, container);
}

/** Own the group's DMA, and let it use the container's mappings (`vfio_container_attach_group`). */
export function attach(group: Group, container: Container): 0 | 'EINVAL' | 'EPERM' {
  assertHeld(group.lock);
  writeLock(container.lock);
  const claimed = claimDmaOwner(group.iommuGroup);
  if (claimed !== 0) {
    writeUnlock(container.lock);
    return claimed;
  }
  const served = !container.hasIommu || group.iommuGroup.fits;
  if (!served) {
    releaseDmaOwner(group.iommuGroup);
    writeUnlock(container.lock);
    return 'EINVAL';
  }
  group.container = container;
  group.containerUsers = 1;
  container.groups.add(group);
  get(container.users);
  writeUnlock(container.lock);
  return 0;
}

/** The reverse. Without groups a container has no privilege, so the driver goes with the last (`vfio_group_detach_container`). */
export function detach(group: Group): void {
  assertHeld(group.lock);
  const container = group.container;
  if (container === null) bug();
  if (group.containerUsers !== 1) bug();
  writeLock(container.lock);
  releaseDmaOwner(group.iommuGroup);
  group.container = null;
  group.containerUsers = 0;
  container.groups.delete(group);
  const other = anyOf(container.groups);
  if (other === null) container.hasIommu = false;
  writeUnlock(container.lock);
  put(container.users);
}

/** Detach a group whose device is not open (`VFIO_GROUP_UNSET_CONTAINER`). */
export function unsetContainer(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EBUSY' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const group = file.group;
  if (group === null) bug();
  lock(group.lock);
  const result = detachUnused(group);
  unlock(group.lock);
  put(file.refs);
  return result;
}

/** As `unsetContainer`, with the group locked. */
export function detachUnused(group: Group): 0 | 'EBUSY' | 'EINVAL' {
  if (group.container === null) return 'EINVAL';
  if (group.containerUsers !== 1) return 'EBUSY';
  detach(group);
  return 0;
}

/** Choose the driver of the IOMMU (`VFIO_SET_IOMMU`). Only a group gives the privilege to do so. */
export function setIommu(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const container = file.container;
  if (container === null) bug();
  writeLock(container.lock);
  const result = chooseDriver(container);
  writeUnlock(container.lock);
  put(file.refs);
  return result;
}

/** As `setIommu`, with the container locked: the driver has to serve all groups that are there. */
export function chooseDriver(container: Container): 0 | 'EINVAL' {
  const first = anyOf(container.groups);
  if (first === null) return 'EINVAL';
  if (container.hasIommu) return 'EINVAL';
  for (const group of container.groups) {
    if (!group.iommuGroup.fits) return 'EINVAL';
  }
  container.hasIommu = true;
  return 0;
}

/** Map memory for DMA; without a driver there is nobody to do it (`VFIO_IOMMU_MAP_DMA`). */
export function mapDma(fd: Descriptor<OpenFile>): 0 | 'EBADF' | 'EINVAL' {
  const file = fget(fd);
  if (file === null) return 'EBADF';
  const container = file.container;
  if (container === null) bug();
  const works = container.hasIommu;
  put(file.refs);
  return works ? 0 : 'EINVAL';
}
