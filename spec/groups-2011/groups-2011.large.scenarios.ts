/** Situations with enough groups and threads to surprise. */
import { alloc, type Scenario } from '../language.ts';
import { plug, probe, unbindDriver } from './devices.ts';
import { close, getDeviceFd, getIommuFd } from './files.ts';
import { allowRequests, boundDevice, newDevice, opened, twoOpenGroups, unused, user } from './groups-2011.setup.ts';
import type { Bus } from './groups-2011.ts';
import { merge, unmerge } from './merge.ts';

/** Four groups are merged from both ends at once: into the first, and into the last. */
export const fourGroupsBothWays: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const one = boundDevice(bus, 1);
  const two = boundDevice(bus, 2);
  const three = boundDevice(bus, 3);
  const four = boundDevice(bus, 4);
  const task = user();
  const a = opened(bus, 1);
  const b = opened(bus, 2);
  const c = opened(bus, 3);
  const d = opened(bus, 4);
  stays(bus, one, two, three, four, task, a, b, c, d);
  thread(() => {
    merge(task, a, b);
    merge(task, a, c);
    merge(task, a, d);
  });
  thread(() => {
    merge(task, d, c);
    merge(task, d, b);
    merge(task, d, a);
  });
};

/** Two merged groups are used and taken apart while a device of one is wanted back. */
export const removalFromMergedSet: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  allowRequests();
  const iommuFd = unused();
  const deviceFd = unused();
  merge(task, a, b);
  getIommuFd(task, b, iommuFd);
  stays(bus, one, two, task, a, b, iommuFd, deviceFd);
  thread(() => {
    getDeviceFd(task, a, two, deviceFd);
    close(iommuFd);
    close(deviceFd);
    close(a);
  });
  thread(() => {
    unmerge(task, b);
    close(b);
  });
  thread(() => unbindDriver(two));
};

/** A device appears in a group, and another driver wants it, while the group is merged into one that is in use. */
export const hotAddWhileMerging: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const added = newDevice(bus, 2);
  const iommuFd = unused();
  getIommuFd(task, a, iommuFd);
  stays(bus, one, two, added, task, a, b, iommuFd);
  thread(() => {
    merge(task, a, b);
    close(b);
    close(iommuFd);
  });
  thread(() => plug(added));
  thread(() => probe(added, 'other'));
};
