/** The smallest situations in which the rules are put to the test. */
import { bug, type Descriptor, maybe, type Scenario, waitEvent } from '../language.ts';
import { bindIommufd, openCdev } from './cdev.ts';
import { createContainer, mapDma, setContainer, setIommu, unsetContainer } from './container.ts';
import { accessDevice, close, createGroup, createNumber, getDeviceFd, getStatus, groupWith, openGroup } from './group.ts';
import { bindHostDriver, unbindHostDriver } from './iommu.ts';
import { unregister } from './unregister.ts';
import type { Group, OpenFile } from './vfio-groups.ts';

/** An open group that is attached to a container with a driver. */
export function attached(group: Group, container: Descriptor<OpenFile>): Descriptor<OpenFile> {
  const fd = createNumber();
  openGroup(group, fd);
  setContainer(fd, container);
  setIommu(container);
  return fd;
}

/** A group that is open and attached to a container with a driver. */
export function attachedGroup() {
  const group = createGroup();
  const container = createContainer();
  const fd = attached(group, container);
  return { group, container, fd };
}

/** A group that is open, and attached to nothing. */
export function openedGroup() {
  const group = createGroup();
  const container = createContainer();
  const fd = createNumber();
  openGroup(group, fd);
  return { group, container, fd };
}

/** One process uses one group from beginning to end. */
export const oneGroup: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const container = createContainer();
  const fd = createNumber();
  const deviceFd = createNumber();
  stays(group, container, fd, deviceFd);
  thread(() => {
    openGroup(group, fd);
    getStatus(fd);
    setContainer(fd, container);
    setIommu(container);
    mapDma(container);
    getDeviceFd(fd, deviceFd);
    accessDevice(deviceFd);
    close(fd);
    close(deviceFd);
    close(container);
  });
};

/** Two open one group. */
export const twoOpeners: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const one = createNumber();
  const other = createNumber();
  stays(group, one, other);
  thread(() => {
    openGroup(group, one);
    close(one);
  });
  thread(() => {
    openGroup(group, other);
    close(other);
  });
};

/** A device is opened while its group is detached. */
export const openRacesUnset: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  stays(group, container, fd, deviceFd);
  thread(() => {
    getDeviceFd(fd, deviceFd);
    accessDevice(deviceFd);
    close(deviceFd);
  });
  thread(() => {
    unsetContainer(fd);
    mapDma(container);
    setContainer(fd, container);
  });
};

/** The group's file is closed while a device of it is opened and closed; whose file is the last is open. */
export const closeGroupFirst: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  const other = createNumber();
  getDeviceFd(fd, deviceFd);
  stays(group, container, fd, deviceFd, other);
  thread(() => {
    getDeviceFd(fd, other);
    close(fd);
    close(other);
  });
  thread(() => {
    accessDevice(deviceFd);
    close(deviceFd);
  });
};

/** Two groups share a container; one leaves while the other's device is in use. */
export const twoGroupsInOneContainer: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const other = createGroup();
  const container = createContainer();
  const fd = attached(group, container);
  const otherFd = createNumber();
  const deviceFd = createNumber();
  openGroup(other, otherFd);
  stays(group, other, container, fd, otherFd, deviceFd);
  thread(() => {
    getDeviceFd(fd, deviceFd);
    close(deviceFd);
    unsetContainer(fd);
  });
  thread(() => {
    setContainer(otherFd, container);
    close(otherFd);
    close(container);
  });
};

/** A group that no driver of a container can serve is attached, before or after the driver is chosen. */
export const groupThatDoesNotFit: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const odd = groupWith(false);
  const container = createContainer();
  const fd = createNumber();
  const oddFd = createNumber();
  openGroup(group, fd);
  openGroup(odd, oddFd);
  stays(group, odd, container, fd, oddFd);
  thread(() => {
    setContainer(fd, container);
    setIommu(container);
    unsetContainer(fd);
  });
  thread(() => {
    setContainer(oddFd, container);
    unsetContainer(oddFd);
    bindHostDriver(odd);
  });
};

/** A driver of the kernel is bound to another device of the group while the group is attached and used. */
export const hostDriverRaces: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = openedGroup();
  const deviceFd = createNumber();
  stays(group, container, fd, deviceFd);
  thread(() => {
    getStatus(fd);
    setContainer(fd, container);
    setIommu(container);
    getDeviceFd(fd, deviceFd);
    close(deviceFd);
    unsetContainer(fd);
  });
  thread(() => {
    bindHostDriver(group);
    unbindHostDriver(group);
  });
};

/** A device is opened by its own file and through its group, and a driver of the kernel wants the other device. */
export const groupAndDevice: Scenario = ({ thread, stays }) => {
  // Too many states for a vector, so not begun by a call that is offered.
  const group = groupWith(true);
  const fd = createNumber();
  const container = createContainer();
  const cdev = createNumber();
  stays(group, fd, container, cdev);
  thread(() => {
    openGroup(group, fd);
    setContainer(fd, container);
    close(fd);
  });
  thread(() => {
    openCdev(group, cdev);
    accessDevice(cdev);
    bindIommufd(cdev);
    accessDevice(cdev);
    close(cdev);
  });
  thread(() => {
    if (maybe()) bindHostDriver(group);
  });
};

/** Two files of one device are bound, one of them twice. */
export const bindTwice: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const one = createNumber();
  const other = createNumber();
  openCdev(group, one);
  openCdev(group, other);
  stays(group, one, other);
  thread(() => {
    bindIommufd(one);
    close(one);
  });
  thread(() => {
    bindIommufd(other);
    bindIommufd(other);
    close(other);
  });
};

/** A device is unregistered while somebody opens and uses it. */
export const unregisterRacesOpen: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  const late = createNumber();
  stays(group, container, fd, deviceFd, late);
  thread(() => {
    getDeviceFd(fd, deviceFd);
    accessDevice(deviceFd);
    close(deviceFd);
    setContainer(fd, container);
    getStatus(fd);
    close(fd);
  });
  thread(() => {
    unregister(group);
    openGroup(group, late);
  });
};

/** A device is unregistered whose user heeds only the second request. */
export const userHeedsSecondRequest: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  getDeviceFd(fd, deviceFd);
  const device = group.device;
  stays(group, container, fd, deviceFd);
  thread(() => {
    waitEvent(device.requests, () => device.asked);
    device.asked = false;
    waitEvent(device.requests, () => device.asked);
    close(deviceFd);
  });
  thread(() => unregister(group));
};

/** A group is attached to two containers at once. */
export const twoContainers: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const one = createContainer();
  const two = createContainer();
  const fd = createNumber();
  openGroup(group, fd);
  stays(group, one, two, fd);
  thread(() => setContainer(fd, one));
  thread(() => {
    setContainer(fd, two);
    close(fd);
  });
};

/** The container's file is closed before the group that is attached to it. */
export const closeContainerFirst: Scenario = ({ thread, stays }) => {
  const { group, container, fd } = attachedGroup();
  stays(group, fd, container);
  thread(() => close(container));
  thread(() => close(fd));
};

/** A device's own file cannot be bound, because a driver of the kernel has the other device of its group. */
export const bindFails: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const cdev = createNumber();
  const fd = createNumber();
  openCdev(group, cdev);
  bindHostDriver(group);
  stays(group, cdev, fd);
  thread(() => {
    bindIommufd(cdev);
    accessDevice(cdev);
    close(cdev);
    // What has failed does not stand in the way of what comes after it.
    if (openGroup(group, fd) !== 0) bug();
  });
};
