/** The smallest situations in which the rules are put to the test. Those that answer a question of the review are in groups-2011.questions.ts. */
import { alloc, type Scenario } from '../language.ts';
import { exit } from './context.ts';
import { addDevice, probe, unbindDriver } from './devices.ts';
import { accessDevice, close, getDeviceFd, getIommuFd, mapDma, openGroup } from './files.ts';
import { allowRequests, boundDevice, oneOpenGroup, opened, threeOpenGroups, twoOpenGroups, unused, user } from './groups-2011.setup.ts';
import type { Bus, Device } from './groups-2011.ts';
import { merge, unmerge } from './merge.ts';

// ---- Using groups

/** One process uses one group from beginning to end. */
export const oneGroup: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  const task = user();
  const fd = unused();
  const iommuFd = unused();
  const deviceFd = unused();
  stays(bus, dev, task, fd, iommuFd, deviceFd);
  thread(() => {
    openGroup(bus, 1, fd);
    getIommuFd(task, fd, iommuFd);
    mapDma(task, iommuFd);
    getDeviceFd(task, fd, dev, deviceFd);
    accessDevice(deviceFd);
    close(deviceFd);
    close(iommuFd);
    close(fd);
  });
};

/** A process passes its group's file on and ends; another one finds the context open or closed. */
export const ownerEnds: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  const other = user();
  const iommuFd = unused();
  const deviceFd = unused();
  stays(bus, dev, other, fd, iommuFd, deviceFd);
  thread(() => {
    getIommuFd(task, fd, iommuFd);
    close(iommuFd);
    exit(task);
  });
  thread(() => {
    getDeviceFd(other, fd, dev, deviceFd);
    accessDevice(deviceFd);
    close(deviceFd);
  });
};

/** A process passes its files on and ends while its context is open. Who has the files may not use it, but can close it. */
export const ownerEndsFirst: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  const other = user();
  const iommuFd = unused();
  const deviceFd = unused();
  getIommuFd(task, fd, iommuFd);
  stays(bus, dev, other, fd, iommuFd, deviceFd);
  thread(() => exit(task));
  thread(() => {
    mapDma(other, iommuFd);
    close(iommuFd);
    getDeviceFd(other, fd, dev, deviceFd);
    close(deviceFd);
  });
};

// ---- Merging

/** Two processes, or two threads of one, merge two groups in both directions at once. */
export const mergeBothWays: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const deviceFd = unused();
  stays(bus, one, two, task, a, b, deviceFd);
  thread(() => {
    merge(task, a, b);
    close(a);
  });
  thread(() => {
    merge(task, b, a);
    getDeviceFd(task, b, one, deviceFd);
    close(deviceFd);
    close(b);
  });
};

/** As the first scenario of the review, but the merged set was used in between, so that its context has been closed. */
export const mergeOneThatWasUsed: Scenario = ({ thread, stays }) => {
  const { bus, one, two, three, task, a, b, c } = threeOpenGroups();
  const iommuFd = unused();
  merge(task, a, b);
  getIommuFd(task, a, iommuFd);
  close(iommuFd);
  stays(bus, one, two, three, task, a, b, c, iommuFd);
  thread(() => merge(task, c, b));
  thread(() => getIommuFd(task, a, iommuFd));
};

/** A group is merged while a device of it is opened, by the same process. */
export const mergeRacesGetDevice: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const deviceFd = unused();
  stays(bus, one, two, task, a, b, deviceFd);
  thread(() => merge(task, a, b));
  thread(() => {
    getDeviceFd(task, b, two, deviceFd);
    close(deviceFd);
  });
};

/** A group with two open files is merged by one while the other is closed. */
export const mergeRacesClose: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const otherB = opened(bus, 2);
  stays(bus, one, two, task, a, b, otherB);
  thread(() => {
    merge(task, a, b);
    close(a);
  });
  thread(() => {
    close(otherB);
    close(b);
  });
};

/** A group is taken out of a merged set that is in use while its device is wanted back. */
export const unmergeRacesRemoval: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  allowRequests();
  const iommuFd = unused();
  merge(task, a, b);
  getIommuFd(task, a, iommuFd);
  mapDma(task, iommuFd);
  stays(bus, one, two, task, a, b, iommuFd);
  thread(() => {
    unmerge(task, b);
    close(b);
  });
  thread(() => unbindDriver(two));
};

/** The last open group of three is taken out of their set. */
export const unmergeTheOpenOne: Scenario = ({ thread, stays }) => {
  const { bus, one, two, three, task, a, b, c } = threeOpenGroups();
  merge(task, a, b);
  merge(task, a, c);
  stays(bus, one, two, three, task, a, b, c);
  thread(() => close(a));
  thread(() => {
    close(b);
    unmerge(task, c);
    close(c);
  });
};

// ---- Refusals

/** Groups whose devices differ in how they snoop caches, or sit on two buses, and a file that is no group's. */
export const groupsThatDoNotFit: Scenario = ({ thread, choose, stays }) => {
  const bus = alloc<Bus>({});
  const otherBus = alloc<Bus>({});
  const one = boundDevice(bus, 1);
  const incoherent = alloc<Device>({ bus, groupId: 2, coherent: false, driver: 'none', preset: 'none' });
  addDevice(incoherent);
  probe(incoherent, 'vfio');
  const elsewhere = boundDevice(otherBus, 3);
  const task = user();
  const a = opened(bus, 1);
  const b = opened(bus, 2);
  const c = opened(otherBus, 3);
  const iommuFd = unused();
  const closed = unused();
  getIommuFd(task, a, iommuFd);
  stays(bus, otherBus, one, incoherent, elsewhere, task, a, b, c, iommuFd, closed);
  thread(() => {
    choose(
      () => merge(task, a, b),
      () => merge(task, b, a),
      () => merge(task, a, c),
      () => merge(task, a, a),
      () => merge(task, b, iommuFd),
      () => merge(task, b, closed),
      () => merge(task, closed, b),
      () => unmerge(task, b),
      () => getDeviceFd(task, b, one, closed),
    );
  });
};

/** Two processes, one of which has the context; what the other may not. */
export const anotherProcess: Scenario = ({ thread, choose, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const other = user();
  const iommuFd = unused();
  const otherFd = unused();
  getIommuFd(task, a, iommuFd);
  stays(bus, one, two, task, other, a, b, iommuFd, otherFd);
  thread(() => {
    choose(
      () => getIommuFd(other, a, otherFd),
      () => getDeviceFd(other, a, one, otherFd),
      () => merge(other, a, b),
      () => unmerge(other, a),
      () => mapDma(other, iommuFd),
    );
  });
  thread(() => close(iommuFd));
};

/** A device is not VFIO's any more while its group is opened, merged and used. */
export const deviceLeavesVfio: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const deviceFd = unused();
  stays(bus, one, two, task, a, b, deviceFd);
  thread(() => {
    merge(task, a, b);
    getDeviceFd(task, a, one, deviceFd);
    close(deviceFd);
  });
  thread(() => {
    unbindDriver(one);
    probe(one, 'other');
  });
};

/** A set is in use when one of its devices is pulled out, and another that was kept is wanted. */
export const setNoLongerViable: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const one = boundDevice(bus, 1);
  const two = boundDevice(bus, 1);
  const task = user();
  const fd = opened(bus, 1);
  const iommuFd = unused();
  const deviceFd = unused();
  getIommuFd(task, fd, iommuFd);
  stays(bus, one, two, task, fd, iommuFd, deviceFd);
  thread(() => unbindDriver(one));
  thread(() => {
    getDeviceFd(task, fd, two, deviceFd);
    close(deviceFd);
  });
};
