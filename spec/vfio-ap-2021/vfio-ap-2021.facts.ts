/** What is known of vfio_ap in 2021 and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { interceptOrder, mdevGuards } from './vfio-ap-2021.ts';

export const facts: Facts = {
  R212: {
    says: 'The machine is not put before its own lock is released.',
    source:
      's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", the order of the added lines',
    sure: 'candidate',
    from: [always.freedWhenIdle],
  },
  R213: {
    says: 'A device that is released stops being notified first, and detaches from its machine afterwards.',
    source:
      's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", first point',
    sure: 'read',
    from: [always.referencesBalance, always.quietAtTheEnd],
  },
  R215: {
    says: 'The flag that a machine is being changed is raised, tested and lowered under the lock of the driver, lowered by who raised it with a wake-up on every path, and not waited for under a lock that its owner takes.',
    source: 'Linux 0cc00c8d4050; s390 mailing list, March 2021, Pasic on "fix circular lockdep when setting/clearing crypto masks"',
    sure: 'read',
    from: [mdevGuards, interceptOrder, always.noLockCycle, always.everyWaitEnds],
  },
  R504: {
    says: 'The driver removes a device after it has released it for everyone who had it open.',
    source:
      's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", second point',
    sure: 'read',
    from: [always.neverTouchedAfterFree, always.everyWaitEnds],
  },
};
