/** Situations with enough groups and threads to surprise. */
import type { Scenario } from '../language.ts';
import { bindIommufd, openCdev } from './cdev.ts';
import { createContainer, setContainer, setIommu, unsetContainer } from './container.ts';
import { close, createGroup, createNumber, getDeviceFd, groupWith, openGroup } from './group.ts';
import { bindHostDriver } from './iommu.ts';
import { unregister } from './unregister.ts';
import { attached } from './vfio-groups.scenarios.ts';

/** Two groups move between two containers while a device of one is open, and the containers are closed. */
export const twoGroupsTwoContainers: Scenario = ({ thread, stays }) => {
  // Too many states for a vector, so not begun by a call that is offered.
  const group = groupWith(true);
  const other = createGroup();
  const one = createContainer();
  const two = createContainer();
  const fd = attached(group, one);
  const otherFd = createNumber();
  const deviceFd = createNumber();
  openGroup(other, otherFd);
  stays(group, other, one, two, fd, otherFd, deviceFd);
  thread(() => {
    getDeviceFd(fd, deviceFd);
    unsetContainer(fd);
    close(deviceFd);
    setContainer(fd, two);
  });
  thread(() => {
    setContainer(otherFd, two);
    setIommu(two);
    unsetContainer(otherFd);
    setContainer(otherFd, one);
  });
  thread(() => {
    close(one);
    close(two);
  });
};

/** A group is opened, its device is bound by its own file, a driver of the kernel is bound, and VFIO's driver goes. */
export const everybodyWantsTheGroup: Scenario = ({ thread, stays }) => {
  const group = createGroup();
  const container = createContainer();
  const fd = createNumber();
  const cdev = createNumber();
  stays(group, container, fd, cdev);
  thread(() => {
    openGroup(group, fd);
    setContainer(fd, container);
    close(fd);
  });
  thread(() => {
    openCdev(group, cdev);
    bindIommufd(cdev);
    close(cdev);
  });
  thread(() => {
    bindHostDriver(group);
    unregister(group);
  });
};
