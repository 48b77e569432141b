/** What goes wrong when a device is taken from user space. */
import { always, type Defect, get, lock, put, unlock, waitEvent } from '../language.ts';
import * as unregistering from './unregister.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';

/**
 * The user is asked once. If it misses that, or does not mind the first time, nobody asks again.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev(), which asks every ten seconds
 */
export const asksOnce: Defect<Spec> = {
  breaks: [{ rule: always.everyWaitEnds, in: scenarios.userHeedsSecondRequest }],
  instead: {
    unregister: group => {
      const device = group.device;
      lock(group.deviceLock);
      group.devices.delete(device);
      unlock(group.deviceLock);
      put(device.registration);
      unregistering.askUser(device);
      waitEvent(device.released, () => device.registration.count === 0);
      unregistering.removeGroup(group);
    },
  },
};

/** The group is forgotten while its device is open. */
export const doesNotWaitForUsers: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.unregisterRacesOpen }],
  instead: {
    unregister: group => {
      const device = group.device;
      lock(group.deviceLock);
      group.devices.delete(device);
      unlock(group.deviceLock);
      put(device.registration);
      unregistering.removeGroup(group);
    },
  },
};

/** The device is given out although its unregistering has begun: its count has been zero. */
export const lookUpDoesNotTry: Defect<Spec> = {
  breaks: [{ rule: always.neverResurrected, in: scenarios.unregisterRacesOpen }],
  instead: {
    lookUp: group => {
      const device = group.device;
      get(device.registration);
      return device;
    },
  },
};

/** A group that VFIO has given up stays attached, and its DMA stays user space's. */
export const unregisteredStaysAttached: Defect<Spec> = {
  breaks: [{ rule: rules.unregisteredIsDetached, in: scenarios.unregisterRacesOpen }],
  instead: {
    removeGroup: group => {
      lock(group.lock);
      group.isRegistered = false;
      unlock(group.lock);
    },
  },
};
