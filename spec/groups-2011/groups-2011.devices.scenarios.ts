/** Devices come, are wanted by drivers, and go: the smallest situations. */
import { alloc, lock, maybe, type Scenario, unlock, waitEvent } from '../language.ts';
import { addDevice, plug, presetDriver, probe, setPatience, unbindDriver, unplug } from './devices.ts';
import { accessDevice, close, getDeviceFd, getIommuFd, openGroup } from './files.ts';
import { allowRequests, boundDevice, deviceOf, newDevice, oneOpenGroup, opened, unused, user } from './groups-2011.setup.ts';
import { type Bus, type Task, vfio } from './groups-2011.ts';

// ---- Devices come

/** A device appears in a group that is in use, and another driver wants it. The user may leave at any moment. */
export const hotAdd: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  const added = newDevice(bus, 1);
  const iommuFd = unused();
  const deviceFd = unused();
  getIommuFd(task, fd, iommuFd);
  stays(bus, dev, added, task, fd, iommuFd, deviceFd);
  thread(() => {
    plug(added);
    probe(added, 'vfio');
  });
  thread(() => probe(added, 'other'));
  thread(() => {
    getDeviceFd(task, fd, added, deviceFd);
    close(deviceFd);
    close(iommuFd);
    close(fd);
  });
};

/** A device appears in a group that is in use; something else has decided about its driver, or is about to. */
export const hotAddPreset: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  const added = newDevice(bus, 1);
  const iommuFd = unused();
  getIommuFd(task, fd, iommuFd);
  stays(bus, dev, added, task, fd, iommuFd);
  thread(() => {
    plug(added);
    probe(added, 'other');
  });
  thread(() => {
    lock(vfio.lock);
    presetDriver(added, 'other');
    unlock(vfio.lock);
  });
};

/** Groups of two buses have one number. One is in use, the other's device belongs to another driver. */
export const sameNumberOnTwoBuses: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const otherBus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  const added = newDevice(otherBus, 1);
  const task = user();
  const fd = unused();
  const iommuFd = unused();
  stays(bus, otherBus, dev, added, task, fd, iommuFd);
  thread(() => {
    openGroup(bus, 1, fd);
    getIommuFd(task, fd, iommuFd);
    close(iommuFd);
    close(fd);
  });
  thread(() => {
    plug(added);
    probe(added, 'other');
    unplug(added);
  });
};

/** A device that is behind no IOMMU comes and goes; VFIO has nothing to do with it. */
export const deviceWithoutGroup: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = newDevice(bus, 0);
  stays(bus, dev);
  thread(() => {
    plug(dev);
    probe(dev, 'other');
    unplug(dev);
  });
};

/** A device may fail to be added while the only other one of its group is pulled out and put back. */
export const anotherIsReplaced: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = newDevice(bus, 1);
  const added = newDevice(bus, 1);
  addDevice(dev);
  stays(bus, dev, added, vfio);
  thread(() => plug(added));
  thread(() => {
    unplug(dev);
    plug(dev);
  });
};

/** Two devices appear on one bus; one makes a new group, the group of the other is there. */
export const twoDevicesAppear: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  const added = newDevice(bus, 1);
  const alone = newDevice(bus, 2);
  stays(bus, dev, added, alone);
  thread(() => plug(added));
  thread(() => {
    probe(alone, 'vfio');
    plug(alone);
  });
};

// ---- Devices go

/** A device is wanted back from a user who closes it when asked. */
export const userHeeds: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  allowRequests();
  const deviceFd = unused();
  getDeviceFd(task, fd, dev, deviceFd);
  const device = deviceOf(deviceFd);
  stays(bus, dev, task, fd, deviceFd);
  thread(() => {
    waitEvent(vfio.requestQueue, () => device.asked);
    close(deviceFd);
    close(fd);
  });
  thread(() => unbindDriver(dev));
};

/** A device is wanted back from a user who goes on using it, and may keep it. Afterwards another driver wants it. */
export const userKeepsDevice: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  allowRequests();
  const iommuFd = unused();
  const deviceFd = unused();
  getIommuFd(task, fd, iommuFd);
  getDeviceFd(task, fd, dev, deviceFd);
  stays(bus, dev, task, fd, iommuFd, deviceFd);
  thread(() => {
    accessDevice(deviceFd);
    if (maybe()) return;
    close(deviceFd);
    close(iommuFd);
  });
  thread(() => {
    unbindDriver(dev);
    probe(dev, 'other');
  });
};

/** A device is pulled out while it is open; its group has no other. */
export const unplugWhileOpen: Scenario = ({ thread, stays }) => {
  const { bus, dev, task, fd } = oneOpenGroup();
  allowRequests();
  const deviceFd = unused();
  stays(bus, dev, task, fd, deviceFd);
  thread(() => {
    getDeviceFd(task, fd, dev, deviceFd);
    accessDevice(deviceFd);
    close(deviceFd);
    close(fd);
  });
  thread(() => unplug(dev));
};

/** The only device of a group is pulled out while nothing but the group's file is open. */
export const unplugAfterClose: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  const fd = opened(bus, 1);
  stays(bus, dev, fd);
  thread(() => {
    unbindDriver(dev);
    unplug(dev);
  });
  thread(() => close(fd));
};

/** A device that nobody uses is taken from its driver while it is pulled out. */
export const unbindRacesUnplug: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  stays(bus, dev);
  thread(() => unbindDriver(dev));
  thread(() => unplug(dev));
};

/** A process without rights, and an administrator, say how long removal waits. */
export const whoMaySayHowLong: Scenario = ({ thread, stays }) => {
  const task = user();
  const admin = alloc<Task>({ users: 1, isAdmin: true });
  stays(task, admin, vfio);
  thread(() => setPatience(task, 2));
  thread(() => setPatience(admin, 1));
};
