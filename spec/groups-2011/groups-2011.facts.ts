/** What is known of groups and follows from other rules, or cannot be decided here. */
import { always, type Facts } from '../language.ts';
import { vfioDeviceGuards } from './groups-2011.ts';

export const facts: Facts = {
  R323: {
    says: 'Removal looks at no field of a device after it has released the lock that keeps the device.',
    source: 'drivers/vfio/vfio_main.c of December 2011, vfio_unbind_dev(): our own reading',
    sure: 'candidate',
    from: [vfioDeviceGuards, always.neverTouchedAfterFree],
  },
  R324: {
    says: 'A notifier that is registered while a group is made is unregistered on every failure after that.',
    source: 'drivers/vfio/vfio.c of early 2012, __vfio_create_group(): our own reading',
    sure: 'candidate',
    undecided:
      'In 2011 the bus has one notifier for all groups, registered when the bus driver is loaded; a group has none of its own. Where one has, a group that is freed while it is registered breaks always.freedWhenIdle.',
  },
  R332: {
    says: "No file of a group, a context or a device is put under VFIO's lock, which its release takes.",
    source: 'drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_merge(): our own reading',
    sure: 'candidate',
    from: [always.lastPutTakesNoHeldLock, always.neverTakenTwice],
  },
  R333: {
    says: 'Whatever makes a device removable wakes those who wait for that. These are the release of a file and unmerging, and nothing else: what a failed merge closes nobody used, and a device that is deleted was not open.',
    source: 'drivers/vfio/vfio_main.c as posted in November 2011, vfio_do_release() and vfio_group_unmerge(): our own reading',
    sure: 'candidate',
    from: [always.everyWaitEnds],
  },
  D311: {
    says: 'A group whose making fails is freed with its notifier registered, and the notifier is called.',
    source: 'drivers/vfio/vfio.c of early 2012, __vfio_create_group(), the failure of device_create(): our own reading',
    sure: 'candidate',
    undecided: 'As R324: the groups of 2011 have no notifier of their own.',
  },
};
