/** Kernels in the field, as user space sees them. What goes on inside the older ones, and wrong, is in vfio-device.linux-*.ts. */
import { absent, type Profile } from '../language.ts';
import type { Spec } from './vfio-device.linux-6.2.ts';

/**
 * Linux 6.1 answers the same calls with the same errnos in the same states. It has no files of a device's own, so an adapter of it does not offer `openCdev`
 * and `bind`, and is given no vector with them. A call that hangs, as some of it may there, gives no answer.
 * @source Linux 6.1, drivers/vfio/vfio_main.c, vfio_group_fops_open(), vfio_group_ioctl_set_container() and vfio_group_get_device_fd(); virt/kvm/vfio.c,
 * kvm_vfio_group_add() and kvm_vfio_group_del()
 */
export const seenFromOutside_6_1: Profile<Spec> = {
  profile: 'linux-6.1',
  instead: {
    openCdevContract: absent,
    bindContract: absent,
    bindingADevice: absent,
    boundMeanwhile: absent,
    tellingAMachineOfADevice: absent,
    // Nothing in these differs.
    usedWhileFileTakenAway: absent,
    usedWhileBound: absent,
    everythingCloses: absent,
    bindTwice: absent,
    bindTwiceUntold: absent,
    bindTwiceSameVm: absent,
    twoWaysIn: absent,
    bindAgain: absent,
    bindRacesRemove: absent,
    attachedForAProcess: absent,
    twoGroupsOneSet: absent,
    twoOpenersTwoVms: absent,
    twoFilesAndTheGroup: absent,
    createRacesClose: absent,
    devicesAreWalked: absent,
    moduleGoes: absent,
    unloadsAfterwards: absent,
    driversUnload: absent,
    putRacesClearThroughGroup: absent,
    putRacesClearThroughCdev: absent,
    theDiffThroughGroup: absent,
    theDiffThroughCdev: absent,
    deviceClosedLast: absent,
    groupTakenAwayFirst: absent,
    deviceOutlivesVm: absent,
    openRacesClose: absent,
    usedWhileGroupTakenAway: absent,
    givenWhileOpened: absent,
    givenToAnother: absent,
    secondForOneVm: absent,
    secondCryptoUser: absent,
    twoOpeners: absent,
    withoutVm: absent,
    openRacesRemove: absent,
    openRacesProbe: absent,
  },
};
