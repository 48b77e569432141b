/** Calls that return what they must not: the checks of each, left out. User space sees these; the vectors are there to find them. */
import { alloc, closeFd, type Defect, fget, put } from '../language.ts';
import * as containers from './container.ts';
import * as groups from './group.ts';
import * as iommus from './iommu.ts';
import * as calls from './vfio-groups.calls.ts';
import * as large from './vfio-groups.large.scenarios.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import type { DeviceFile, OpenFile } from './vfio-groups.ts';
import * as vectors from './vfio-groups.vectors.ts';

/**
 * A group that has no container is detached, and user space is told that it worked.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_unset_container(), "!group->container" is EINVAL
 */
export const detachesNothing: Defect<Spec> = {
  breaks: [{ rule: calls.unsetContainerContract, in: vectors.attachAndDetach }],
  instead: {
    detachUnused: group => {
      if (group.container === null) return 0;
      if (group.containerUsers !== 1) return 'EBUSY';
      containers.detach(group);
      return 0;
    },
  },
};

/**
 * A group whose driver has gone has a status: that of one which can be attached.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_get_status(), asks for the IOMMU group, which goes with the last device
 */
export const goneGroupHasStatus: Defect<Spec> = {
  breaks: [{ rule: calls.getStatusContract, in: scenarios.unregisterRacesOpen }],
  instead: {
    statusOf: group => {
      if (group.container !== null) return 3;
      return iommus.isDmaOwned(group.iommuGroup) ? 0 : 1;
    },
  },
};

/**
 * Opening the file of a device that is being unregistered is taken for success.
 * @source no known occurrence: Linux 6.12, drivers/vfio/device_cdev.c, vfio_device_fops_cdev_open(), without its test
 */
export const openedWhileGoing: Defect<Spec> = {
  breaks: [{ rule: calls.openCdevContract, in: large.everybodyWantsTheGroup }],
  instead: {
    openCdev: (group, to) => {
      const device = groups.lookUp(group);
      if (device === null) return 0;
      const df = alloc<DeviceFile>({ group, device, isCdev: true });
      to.file = alloc<OpenFile>({ container: null, group: null, df, refs: 1 });
      return 0;
    },
  },
};

/**
 * A device's own file can be read and written before it is bound.
 * @source no known occurrence: Linux 6.12, drivers/vfio/vfio_main.c, vfio_device_fops_read(), without its test
 */
export const accessWithoutBind: Defect<Spec> = {
  breaks: [{ rule: calls.accessDeviceContract, in: scenarios.bindFails }],
  instead: {
    accessDevice: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      put(file.refs);
      return 0;
    },
  },
};

/**
 * A driver is chosen for a container without groups: whoever can open the file has it.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_ioctl_set_iommu(), without "The container is designed to be an unprivileged interface"
 */
export const driverWithoutGroups: Defect<Spec> = {
  breaks: [
    { rule: calls.setIommuContract, in: vectors.attachAndDetach },
    { rule: rules.driverNeedsGroup, in: vectors.attachAndDetach },
  ],
  instead: {
    chooseDriver: container => {
      if (container.hasIommu) return 'EINVAL';
      for (const group of container.groups) {
        if (!group.iommuGroup.fits) return 'EINVAL';
      }
      container.hasIommu = true;
      return 0;
    },
  },
};

/**
 * Mapping for a container without a driver is taken for success: nothing is mapped.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_fops_unl_ioctl(), where no driver leaves EINVAL in place
 */
export const mapsForNobody: Defect<Spec> = {
  breaks: [{ rule: calls.mapDmaContract, in: vectors.attachAndDetach }],
  instead: {
    mapDma: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      put(file.refs);
      return 0;
    },
  },
};

/**
 * Closing what is closed is taken for success.
 * @source no known occurrence: what close(2) is said to do by callers who ignore its result
 */
export const closesTwice: Defect<Spec> = {
  breaks: [{ rule: calls.closeContract, in: vectors.openTheDevice }],
  instead: {
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};
