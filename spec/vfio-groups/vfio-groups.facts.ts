/** What is known of groups today and follows from other rules. */
import { always, type Facts } from '../language.ts';
import { groupOutside } from './vfio-groups.ts';

export const facts: Facts = {
  R107: {
    says: "A group is locked before its device's set, and that before what opening the device needs.",
    source: 'Linux 6.12, drivers/vfio/group.c, vfio_df_group_open()',
    sure: 'read',
    from: [groupOutside, always.noLockCycle],
  },
};
