/** A put that is left to a work item, as was proposed for the drivers in January 2023. No kernel has it. */
import { alloc, type Exports, free, get, type Module, type Owns, put, type Runs, type Work } from '../language.ts';
import { driverModule } from './drivers.ts';
import type { Kvm } from './kvm.ts';

/** All that the work item needs, copied out of the device, which may be gone by then. */
export interface DeferredPut {
  readonly kvm: Kvm;
  /** The function is the driver's, whose module must not go before it has run. */
  readonly putKvm: typeof driverPutsKvm;
  readonly pinned: Module | null;
  work: Work;
}

/**
 * A put that is to come owns the reference that it is going to put, and pins the module whose function it is.
 * @source kvm mailing list, January 2023, Gunthorpe on "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "pretty common to run the final part of
 * 'put' from a workqueue"
 */
export const deferredPutOwns: Owns<DeferredPut> = { kvm: kvm => kvm.users, pinned: module => module.pins };

export const deferredPutRuns: Runs<DeferredPut> = { work: later => putNow(later) };

/** The driver's own code is there as long as its module is. */
export const driverExports: Exports = { module: driverModule, symbols: [driverPutsKvm] };

/** Make ready for a put that a work item will do. Done when the machine is got, so that closing cannot fail for want of memory. */
export function newDeferredPut(kvm: Kvm): DeferredPut {
  get(driverModule.pins);
  return alloc<DeferredPut>({ kvm, putKvm: driverPutsKvm, pinned: driverModule });
}

/** What the work item does. */
export function putNow(later: DeferredPut): void {
  later.putKvm(later.kvm);
  dropDeferredPut(later);
}

/** Nothing is left to put. */
export function dropDeferredPut(later: DeferredPut): void {
  const module = later.pinned;
  free(later);
  if (module !== null) put(module.pins);
}

/** The driver's function. */
export function driverPutsKvm(kvm: Kvm): void {
  put(kvm.users);
}
