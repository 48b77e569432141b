/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Scenario } from '../language.ts';
import { bindIommufd, openCdev } from './cdev.ts';
import { createContainer, mapDma, setContainer, setIommu, unsetContainer } from './container.ts';
import { accessDevice, close, createGroup, createNumber, getDeviceFd, getStatus, openGroup } from './group.ts';
import { bindHostDriver, unbindHostDriver } from './iommu.ts';
import { attachedGroup, openedGroup } from './vfio-groups.scenarios.ts';

// ---- One caller

/** One group and one container, three calls. */
export const attachAndDetach: Scenario = ({ thread, choose, stays }) => {
  const { group, container, fd } = openedGroup();
  stays(group, container, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => setContainer(fd, container),
        () => unsetContainer(fd),
        () => setIommu(container),
        () => mapDma(container),
        () => getStatus(fd),
        () => close(fd),
        () => close(container),
      );
    }
  });
};

/** One attached group and its device, three calls. */
export const openTheDevice: Scenario = ({ thread, choose, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  stays(group, container, fd, deviceFd);
  thread(() => {
    getDeviceFd(fd, deviceFd);
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => unsetContainer(fd),
        () => setContainer(fd, container),
        () => accessDevice(deviceFd),
        () => mapDma(container),
        () => close(deviceFd),
        () => close(fd),
        () => close(container),
      );
    }
    getStatus(fd);
  });
};

/** A device cannot be opened before its group is attached and a driver is chosen; another group may share the container. */
export const openTooEarly: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const other = createGroup();
  const container = createContainer();
  const fd = createNumber();
  const otherFd = createNumber();
  const deviceFd = createNumber();
  openGroup(group, fd);
  openGroup(other, otherFd);
  stays(group, other, container, fd, otherFd, deviceFd);
  thread(() => {
    choose(
      () => setContainer(fd, container),
      () => setContainer(otherFd, container),
      () => setIommu(container),
    );
    choose(
      () => setIommu(container),
      () => setContainer(fd, container),
      () => unsetContainer(otherFd),
    );
    getDeviceFd(fd, deviceFd);
    mapDma(container);
  });
};

/** A group has one opener at a time. */
export const openTwice: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const container = createContainer();
  const one = createNumber();
  const other = createNumber();
  openGroup(group, one);
  stays(group, container, one, other);
  thread(() => {
    choose(
      () => openGroup(group, other),
      () => close(one),
      () => setContainer(one, container),
    );
    choose(
      () => openGroup(group, other),
      () => close(one),
    );
    setContainer(other, container);
    getStatus(other);
  });
};

/** What is attached to a group is no container. */
export const attachToOther: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const other = createGroup();
  const container = createContainer();
  const fd = createNumber();
  const otherFd = createNumber();
  const closed = createNumber();
  openGroup(group, fd);
  openGroup(other, otherFd);
  stays(group, other, container, fd, otherFd, closed);
  thread(() => {
    choose(
      () => setContainer(fd, otherFd),
      () => setContainer(fd, fd),
      () => setContainer(fd, closed),
      () => setContainer(closed, container),
    );
    getStatus(fd);
  });
};

/** A driver of the kernel and user space want the same group. */
export const hostDriverOrUser: Scenario = ({ thread, choose, stays }) => {
  const { group, container, fd } = openedGroup();
  stays(group, container, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => bindHostDriver(group),
        () => unbindHostDriver(group),
        () => setContainer(fd, container),
        () => unsetContainer(fd),
        () => getStatus(fd),
      );
    }
  });
};

/** A group and its device's own file exclude each other. */
export const groupOrItsDevice: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const fd = createNumber();
  const cdev = createNumber();
  const other = createNumber();
  openCdev(group, cdev);
  openCdev(group, other);
  stays(group, fd, cdev, other);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => openGroup(group, fd),
        () => close(fd),
        () => bindIommufd(cdev),
        () => bindIommufd(other),
        () => accessDevice(cdev),
        () => close(cdev),
        () => bindHostDriver(group),
      );
    }
  });
};

// ---- Several callers at once

/** Two attach one group, or one attaches what the other detaches. */
export const twoAttach: Scenario = ({ thread, choose, stays }) => {
  const group = createGroup();
  const container = createContainer();
  const other = createContainer();
  const fd = createNumber();
  openGroup(group, fd);
  stays(group, container, other, fd);
  thread(() => {
    choose(
      () => setContainer(fd, container),
      () => unsetContainer(fd),
    );
  });
  thread(() => {
    choose(
      () => setContainer(fd, other),
      () => unsetContainer(fd),
      () => bindHostDriver(group),
    );
    getStatus(fd);
  });
};

/** A device is opened while its group is detached, or a driver of the kernel is bound. */
export const openWhileDetaching: Scenario = ({ thread, choose, stays }) => {
  const { group, container, fd } = attachedGroup();
  const deviceFd = createNumber();
  stays(group, container, fd, deviceFd);
  thread(() => getDeviceFd(fd, deviceFd));
  thread(() => {
    choose(
      () => unsetContainer(fd),
      () => bindHostDriver(group),
      () => close(container),
    );
    getStatus(fd);
  });
};

/** A group is opened while its device's own file is bound. */
export const groupAndDeviceAtOnce: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const fd = createNumber();
  const cdev = createNumber();
  openCdev(group, cdev);
  stays(group, fd, cdev);
  thread(() => openGroup(group, fd));
  thread(() => {
    bindIommufd(cdev);
    accessDevice(cdev);
  });
};
