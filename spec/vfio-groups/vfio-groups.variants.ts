/** Older kernels, whose behaviour tests must accept. */
import { absent, type Profile } from '../language.ts';
import * as containers from './container.ts';
import { hasDriver, isAttached, isServed } from './vfio-groups.calls.ts';
import type { Spec } from './vfio-groups.spec.ts';

/**
 * In Linux 6.1 what is no container is refused with another errno. A device has no file of its own there, so an adapter of it does not offer `openCdev`,
 * and is given no vector with it. Each open file of a device counts as a user of the container, where later only the first does; no call shows that.
 * @source Linux 6.1, drivers/vfio/vfio_main.c, vfio_group_ioctl_set_container() and vfio_device_open()
 */
export const linux_6_1: Profile<Spec> = {
  profile: 'linux-6.1',
  instead: {
    // Large, and nothing in them differs.
    twoGroupsTwoContainers: absent,
    everybodyWantsTheGroup: absent,
    groupAndDevice: absent,

    setContainerContract: {
      fails: {
        EBADF: (fd, container) => fd.file === null || container.file === null,
        EBADFD: () => false,
        EINVAL: (fd, container) =>
          isAttached(fd) || (container.file !== null && container.file.container === null) || (hasDriver(container) && !isServed(fd)),
        ENODEV: fd => fd.file !== null && fd.file.group !== null && !fd.file.group.isRegistered,
        EPERM: fd => fd.file !== null && fd.file.group !== null && fd.file.group.iommuGroup.ownerCount > 0,
      },
    },
    attachFile: (group, file) => {
      if (group.container !== null) return 'EINVAL';
      if (!group.isRegistered) return 'ENODEV';
      const container = file.container;
      if (container === null) return 'EINVAL';
      return containers.attach(group, container);
    },
  },
};
