/** What is known of groups today and follows from other rules. */
import { always, type Facts } from '../language.ts';
import { groupOutside } from './vfio-groups.ts';

export const facts: Facts = {
  R135: {
    says: 'Unregistering a device asks its user for it every ten seconds for as long as it takes, and has no way to make the user close it.',
    source: 'Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()',
    sure: 'read',
    from: [always.everyWaitEnds],
  },
  R107: {
    says: "A group is locked before its device's set, and that before what opening the device needs.",
    source: 'Linux 6.12, drivers/vfio/group.c, vfio_df_group_open()',
    sure: 'read',
    from: [groupOutside, always.noLockCycle],
  },
};
