/**
 * The notifier chain of an IOMMU group, by which VFIO heard of devices that came and went, until Linux 5.18. Its callbacks run in the reading side of the
 * chain's semaphore. A callback keeps the VFIO group by a reference, which may be the last.
 */
import {
  alloc,
  free,
  getUnlessZero,
  type NotifierBlock,
  type NotifierChain,
  notify,
  put,
  queue,
  type RefCount,
  type Runs,
  register,
  unregister,
  type Work,
} from '../language.ts';

/** Devices that the IOMMU cannot tell apart. */
export interface IommuGroup {
  chain: NotifierChain<'added'>;
}

/** VFIO's own group, which listens. */
export interface ListeningGroup {
  readonly iommuGroup: IommuGroup;
  refs: RefCount;
  block: NotifierBlock<'added'>;
  release: Work;
}

export const listeningGroupRuns: Runs<ListeningGroup> = {
  refs: group => lastReference(group),
  block: (group, event) => deviceCame(group, event),
  release: group => releaseListening(group),
};

/** A group that listens. */
export function listenTo(iommuGroup: IommuGroup): ListeningGroup {
  const group = alloc<ListeningGroup>({ iommuGroup, refs: 1 });
  register(iommuGroup.chain, group.block);
  return group;
}

/** A device was added to the IOMMU group. The VFIO group is kept meanwhile, if it is not going. */
export function deviceCame(group: ListeningGroup, _event: 'added'): void {
  if (!getUnlessZero(group.refs)) return;
  put(group.refs);
}

/** The last reference is gone. Its callback may be running, so unregistering is left to a work item. */
export function lastReference(group: ListeningGroup): void {
  queue(group.release);
}

/** Unregister, which waits for the callbacks, and free. */
export function releaseListening(group: ListeningGroup): void {
  unregister(group.iommuGroup.chain, group.block);
  free(group);
}

/** The IOMMU tells of a device. */
export function addToIommuGroup(iommuGroup: IommuGroup): void {
  notify(iommuGroup.chain, 'added');
}

/** Who has the group lets go of it. */
export function putListening(group: ListeningGroup): void {
  put(group.refs);
}
