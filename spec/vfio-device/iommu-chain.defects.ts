/** What must not be done in a callback of a notifier chain. */
import { alloc, always, type Defect, type Scenario } from '../language.ts';
import * as chains from './iommu-chain.ts';
import { addToIommuGroup, type IommuGroup, listenTo, putListening } from './iommu-chain.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';

/** A device is added while the group that listens is let go. */
export const addedWhileLetGo: Scenario = ({ thread, stays }) => {
  const iommuGroup = alloc<IommuGroup>({});
  const group = listenTo(iommuGroup);
  stays(iommuGroup);
  thread(() => addToIommuGroup(iommuGroup));
  thread(() => putListening(group));
};

/**
 * The last reference unregisters at once. Where a callback has it, the callback waits for itself.
 * @source Linux 811642d8d8a8, the code before it
 * @fact D132, D503
 */
export const unregistersInCallback: Defect<Spec> = {
  breaks: [{ rule: always.neverTakenTwice, in: addedWhileLetGo }],
  instead: { lastReference: group => chains.releaseListening(group) },
};
