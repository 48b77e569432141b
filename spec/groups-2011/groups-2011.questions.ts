/** What the review of November 2011 asked, each as a scenario with the answer that its author gave. */
import { bug, type Scenario } from '../language.ts';
import { accessDevice, close, getDeviceFd, getIommuFd, mapDma } from './files.ts';
import { threeOpenGroups, twoOpenGroups, unused, user } from './groups-2011.setup.ts';
import { merge, unmerge } from './merge.ts';

/**
 * "merge_grp(A,B), create_grp(C), merge_grp(C,B) ... this works, right?" No, but merging C into B does.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, scenario 1
 */
export const mergeOneThatIsMerged: Scenario = ({ thread, stays }) => {
  const { bus, one, two, three, task, a, b, c } = threeOpenGroups();
  stays(bus, one, two, three, task, a, b, c);
  thread(() => {
    const first = merge(task, a, b);
    if (first === 0) {
      if (merge(task, c, b) !== 'EINVAL') bug();
      const second = merge(task, b, c);
      // The IOMMU may refuse; nothing else stands in the way.
      if (second !== 0 && second !== 'EFAULT') bug();
    }
    close(a);
    close(b);
    close(c);
  });
};

/**
 * "fd_x = get_dev_fd(B,x), merge_grp(A,B)": no, a device of B is open, but merging A into B is supported. Then "merge_grp(A,C)": yes. "get_dev_fd(C,x)": yes,
 * and "if x is the same in both cases, you'll get 2 different file descriptors".
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, scenario 2
 */
export const mergeOneWithAnOpenDevice: Scenario = ({ thread, stays }) => {
  const { bus, one, two, three, task, a, b, c } = threeOpenGroups();
  const deviceFd = unused();
  const sameAgain = unused();
  getDeviceFd(task, b, two, deviceFd);
  stays(bus, one, two, three, task, a, b, c, deviceFd, sameAgain);
  thread(() => {
    if (merge(task, a, b) !== 'EINVAL') bug();
    const around = merge(task, b, a);
    if (around !== 0 && around !== 'EFAULT') bug();
    if (around === 0) {
      const third = merge(task, a, c);
      if (third !== 0 && third !== 'EFAULT') bug();
      if (third === 0) {
        const again = getDeviceFd(task, c, two, sameAgain);
        close(deviceFd);
        if (again === 0) {
          if (accessDevice(sameAgain) !== 0) bug();
          close(sameAgain);
        }
      }
    }
    close(deviceFd);
  });
};

/**
 * "After you've merged B into A, you can close the file descriptor for B and access all of the devices for the merged group from A."
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core
 */
export const closeTheMergedGroup: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const deviceFd = unused();
  merge(task, a, b);
  stays(bus, one, two, task, a, b, deviceFd);
  thread(() => close(b));
  thread(() => {
    const result = getDeviceFd(task, a, two, deviceFd);
    if (result !== 0 && result !== 'EFAULT' && result !== 'ENOMEM') bug();
    if (result === 0) {
      if (accessDevice(deviceFd) !== 0) bug();
      close(deviceFd);
    }
    close(a);
  });
};

/**
 * "A group is 'inuse' if: a) group refcnt > 0?" No: with only its own file open, its mappings are gone and another process may have it. But a merged set
 * stays merged.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "if you close all devices and the iommu, keeping the group open"
 */
export const onlyTheGroupIsOpen: Scenario = ({ thread, stays }) => {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const other = user();
  const iommuFd = unused();
  const deviceFd = unused();
  const spare = unused();
  merge(task, a, b);
  getIommuFd(task, a, iommuFd);
  mapDma(task, iommuFd);
  getDeviceFd(task, b, one, deviceFd);
  stays(bus, one, two, task, other, a, b, iommuFd, deviceFd, spare);
  thread(() => {
    if (getIommuFd(other, b, spare) !== 'EPERM') bug();
    close(iommuFd);
    close(deviceFd);
    if (unmerge(other, b) === 'EINVAL') bug();
    if (getIommuFd(other, a, iommuFd) === 'EPERM') bug();
    close(iommuFd);
    close(a);
    close(b);
  });
};
