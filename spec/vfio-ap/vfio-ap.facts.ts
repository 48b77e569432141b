/** What is known of vfio_ap and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { queueOwns } from './queue.ts';
import { mdevOwns, updateLocks } from './vfio-ap.ts';

export const facts: Facts = {
  R208: {
    says: 'What is released is the lock of the machine that was locked, although the device may have none any more.',
    source: 'Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, release_update_locks_for_kvm()',
    sure: 'candidate',
    from: [always.locksBalance, always.freedWhenIdle, updateLocks],
  },
  R212: {
    says: 'A device puts its machine after it has released all locks, or the machine may end with its own lock held.',
    source: 'Linux 4400270ec034, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_unset_kvm()',
    sure: 'read',
    from: [always.freedWhenIdle, always.neverTouchedAfterFree],
  },
  R220: {
    says: 'Before a device is freed, every queue has been told that it has no device any more.',
    source: 'Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_remove()',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R221: {
    says: 'A device is there until it is removed, and removing it waits for all who have it open.',
    source:
      's390 mailing list, July 2021, Pasic and Krowiak on "replace open coded locks for VFIO_GROUP_NOTIFY_SET_KVM notification", second point',
    sure: 'read',
    from: [always.neverTouchedAfterFree, always.everyWaitEnds],
  },
  R222: {
    says: 'A queue has at most one registration for interrupts and one pinned page, and gives each back once, also where getting the second fails.',
    source: 'Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_irq_enable() and vfio_ap_free_aqic_resources()',
    sure: 'read',
    from: [queueOwns, always.referencesBalance, always.quietAtTheEnd],
  },
  R224: {
    says: 'Devices without a machine are on the list like any other: who goes through it asks before following the pointer.',
    source: 'Linux d50346801b4f, "s390/vfio-ap: Fix dereference matrix_mdev->kvm without checking for NULL"',
    sure: 'read',
    from: [always.nullNeverFollowed],
  },
  R504: {
    says: 'The driver removes a device after it has released it for everyone who had it open.',
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()',
    sure: 'read',
    from: [always.neverTouchedAfterFree],
  },
  R510: {
    says: 'The eventfd that a device was given is given back when another takes its place, when it is taken away, and at the latest when the device is closed.',
    source: 'Linux 6.12, drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_set_request_irq(); our own reading that closing has to do it',
    sure: 'candidate',
    from: [mdevOwns, always.referencesBalance, always.quietAtTheEnd],
  },
};
