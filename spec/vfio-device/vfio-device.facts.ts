/** What is known and is no rule or defect with a name of its own. */
import { always, type Facts } from '../language.ts';
import { deferredPutOwns } from './deferred-put.ts';
import { deviceFileOwns } from './device-file.ts';
import { openingOrder } from './group.ts';
import { kvmGlobalsGuards, kvmGuards, kvmOwns } from './kvm.ts';
import { kvmVfioOwns } from './kvm-vfio.ts';
import { unregisteringEnds } from './registration.ts';
import { bindContract } from './vfio-device.calls.ts';
import { deviceOwns, devicesVmIsAlive, putFunctionComesWithVm, vmOnlyWhileOpen } from './vfio-device.ts';

export const facts: Facts = {
  R111: {
    says: 'A machine is not put, where that may be the last time, under a lock that its end takes.',
    source: 'kvm mailing list, January 2023, "[PATCH v3 1/1] vfio: remove VFIO_GROUP_NOTIFY_SET_KVM"; Linux 51cdc8bc120e',
    sure: 'read',
    from: [always.lastPutTakesNoHeldLock, openingOrder],
  },
  R117: {
    says: 'A get that fails gives back the pin that was taken for it, and the device opens without a machine.',
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe()',
    sure: 'read',
    from: [always.referencesBalance, putFunctionComesWithVm],
  },
  R119: {
    says: 'An open that fails leaves the machine of the device alone, unless it was itself the first to open.',
    source: 'Linux 6.12, drivers/vfio/group.c, vfio_df_group_open()',
    sure: 'read',
    from: [deviceOwns, vmOnlyWhileOpen, devicesVmIsAlive, bindContract],
  },
  R123: {
    says: 'The count of openers does not go below zero.',
    source: 'Linux 982ddd59ed97, "vfio: Prevent open_count decrement to negative"',
    sure: 'read',
    from: [always.valuesInBounds],
  },
  R131: {
    says: 'kvm-vfio holds each file that it was given by one reference, from its add until its delete or the end of the machine.',
    source: 'Linux 6.12, virt/kvm/vfio.c, kvm_vfio_file_add()',
    sure: 'read',
    from: [kvmVfioOwns, always.referencesBalance],
  },
  R132: {
    says: 'The reference of an open file is taken before its descriptor is installed.',
    source: 'Linux 6.12, virt/kvm/kvm_main.c, kvm_ioctl_create_device(); CVE-2019-6974',
    sure: 'read',
    from: [always.neverResurrected, always.neverTouchedAfterFree],
  },
  R134: {
    says: "A machine's device is taken off its list, then those who walk the list are waited for, then it is released.",
    source: 'Linux 6.12, virt/kvm/kvm_main.c, kvm_device_release()',
    sure: 'read',
    from: [kvmGuards, always.neverTouchedAfterFree],
  },
  R137: {
    says: 'A machine pins the module that it lives by as long as anybody holds a reference to it.',
    source: 'Linux 5f6de5cbebee, "KVM: Prevent module exit until all VMs are freed"',
    sure: 'read',
    from: [kvmOwns, always.bugNeverReached],
  },
  R138: {
    says: 'Putting a machine may sleep, so it is not done in atomic context.',
    source: 'Linux 6.12, virt/kvm/kvm_main.c, kvm_destroy_vm()',
    sure: 'read',
    from: [always.neverSleepsInAtomic, kvmGlobalsGuards],
  },
  R141: {
    says: 'When user space has closed all its files nothing keeps a machine, also one whose kvm-vfio holds the file of a device.',
    source: 'Linux 6.6, virt/kvm/vfio.c, kvm_vfio_release()',
    sure: 'candidate',
    from: [always.bugNeverReached, always.quietAtTheEnd, deviceFileOwns],
  },
  R142: {
    says: 'A device that is open keeps its machine until its last close, also after its group was taken from the machine.',
    source: 'kvm mailing list, February 2025, Ryabinin on the reference that VFIO holds to a machine',
    sure: 'read',
    from: [deviceOwns, devicesVmIsAlive],
  },
  R143: {
    says: 'A put that is left to a work item carries its own copy of the machine, of the function that puts and of the pin, and keeps the pin until the item has run; nobody waits for the item under a lock that the end of the machine takes.',
    source:
      'kvm mailing list, January 2023, Gunthorpe on "vfio: remove VFIO_GROUP_NOTIFY_SET_KVM", "pretty common to run the final part of \'put\' from a workqueue"',
    sure: 'read',
    from: [deferredPutOwns, always.neverTouchedAfterFree, always.everyWaitEnds],
  },
  R144: {
    says: 'The lock of the borrowed pointer belongs to the path, group or file; what is common to both mentions neither.',
    source: 'kvm mailing list, February 2023, Williamson on v3 and v4 of "vfio: fix deadlock between group lock and kvm lock"',
    sure: 'read',
    undecided:
      'It is about how the code is divided. Code divided otherwise does the same; where it does not, `getsWhatTheGroupHas` shows it.',
  },
  R501: {
    says: 'A symbol that was got is put once, after the last call through the pointer.',
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_put_kvm()',
    sure: 'read',
    from: [deviceOwns, always.referencesBalance, always.bugNeverReached],
  },
  R502: {
    says: 'A symbol that could not be got leaves no pin behind.',
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_get_kvm_safe()',
    sure: 'read',
    from: [always.referencesBalance],
  },
  R503: {
    says: 'The function that puts is pinned no later than the machine is got. Since a machine pins its module that is more than is needed.',
    source: 'kvm mailing list, January 2023, v2 and v4 of "vfio: fix potential deadlock on vfio group lock"; Linux 5f6de5cbebee',
    sure: 'read',
    from: [putFunctionComesWithVm, kvmOwns],
  },
  R505: {
    says: 'A callback of a notifier chain does not unregister from its chain, nor take what is held around registering.',
    source: 'Linux 811642d8d8a8 and f16bd3dda2c8',
    sure: 'read',
    from: [always.neverTakenTwice, always.noLockCycle],
  },
  R508: {
    says: 'A device of a machine refuses calls from another address space, and after the end of the machine.',
    source: 'Linux ddba91801aeb, virt/kvm/kvm_main.c, kvm_device_ioctl()',
    sure: 'read',
    undecided: 'Address spaces are not in this system: nothing here depends on which process calls.',
  },
  R509: {
    says: "A device is freed when nobody has it open or registered, and not under its set's lock.",
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_release()',
    sure: 'read',
    from: [unregisteringEnds, always.freedWhenIdle, always.neverTouchedAfterFree],
  },

  D113: {
    says: 'In the first version of February 2023 the machine is got after the IOMMU is set up, and the caller clears what the core has set.',
    source: 'kvm mailing list, February 2023, v1 of "vfio: fix deadlock between group lock and kvm lock"',
    sure: 'read',
    undecided: 'No interleaving goes wrong: what is done first does not look at the machine, and the caller holds the same lock.',
  },
  D129: {
    says: 'A kvm-vfio that could not be given a descriptor is destroyed by a function that it does not have.',
    source: 'Linux 5.18.15, "KVM: Don\'t null dereference ops->destroy"',
    sure: 'read',
    undecided: 'One thread and no state: a test for null that is missing, which the types of a spec do not let be missing.',
  },
  D137: {
    says: 'Unregistering the parent of mediated devices that was registered half follows a null pointer.',
    source: 'Linux stable changelog, mdev_unregister_parent()',
    sure: 'read',
    undecided: 'One thread and no state that is shared: only the title of the change is known.',
  },
  D139: {
    says: 'vfio_pin_pages() keeps its group when it fails.',
    source: 'Linux 5.9.2 changelog',
    sure: 'read',
    undecided: 'References to groups are not in this system. One such leak is that of `refusalKeepsVm`.',
  },
};
