/** What goes wrong with containers. */
import { always, anyOf, assertHeld, bug, type Defect, get, guard, lock, put, unlock, writeLock, writeUnlock } from '../language.ts';
import * as containers from './container.ts';
import * as iommus from './iommu.ts';
import * as calls from './vfio-groups.calls.ts';
import * as rules from './vfio-groups.rules.ts';
import * as scenarios from './vfio-groups.scenarios.ts';
import type { Spec } from './vfio-groups.spec.ts';
import type { Container } from './vfio-groups.ts';
import * as objects from './vfio-groups.ts';

/**
 * A group leaves its container although its device is open.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_unset_container(), without its test
 */
export const unsetWhileOpen: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.openRacesUnset }],
  instead: {
    detachUnused: group => {
      if (group.container === null) return 'EINVAL';
      containers.detach(group);
      return 0;
    },
  },
};

/**
 * A group is attached a second time, and forgets its first container, which keeps counting it.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_group_ioctl_set_container(), without its test
 */
export const attachedTwice: Defect<Spec> = {
  breaks: [
    { rule: rules.containerKnowsItsGroups, in: scenarios.twoContainers },
    { rule: calls.setContainerContract, in: scenarios.twoContainers },
  ],
  instead: {
    attachFile: (group, file) => {
      if (!group.isRegistered) return 'ENODEV';
      const container = file.container;
      if (container === null) return 'EBADFD';
      return containers.attach(group, container);
    },
    claimDmaOwner: group => {
      using _ = guard(group.mutex);
      if (group.hostUses) return 'EPERM';
      group.ownerCount = 1;
      group.isClaimed = true;
      return 0;
    },
  },
};

/**
 * The container's driver stays when its last group has left: whoever still has the container maps memory for nobody, without the right to.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_group_detach_container(), without "Detaching the last group deprivileges a container"
 */
export const driverOutlivesGroups: Defect<Spec> = {
  breaks: [{ rule: rules.driverNeedsGroup, in: scenarios.openRacesUnset }],
  instead: {
    detach: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      if (group.containerUsers !== 1) bug();
      writeLock(container.lock);
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      writeUnlock(container.lock);
      put(container.users);
    },
  },
};

/**
 * An attached group does not keep its container, which goes with its file.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group(), "Get a reference on the container"
 */
export const groupDoesNotKeepContainer: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.closeContainerFirst }],
  instead: {
    groupOwns: { devices: device => device.registration, keptFile: file => file.refs },
    attach: (group, container) => {
      assertHeld(group.lock);
      writeLock(container.lock);
      const claimed = iommus.claimDmaOwner(group.iommuGroup);
      if (claimed === 0) {
        group.container = container;
        group.containerUsers = 1;
        container.groups.add(group);
      }
      writeUnlock(container.lock);
      return claimed;
    },
    detach: group => {
      assertHeld(group.lock);
      const container: Container | null = group.container;
      if (container === null) bug();
      writeLock(container.lock);
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      const other = anyOf(container.groups);
      if (other === null) container.hasIommu = false;
      writeUnlock(container.lock);
    },
  },
};

/**
 * A device is opened without asking for the group's container.
 * @source no known occurrence: Linux 6.12, drivers/vfio/group.c, vfio_df_group_open(), without vfio_group_has_iommu()
 */
export const openWithoutContainer: Defect<Spec> = {
  breaks: [
    { rule: calls.getDeviceFdContract, in: scenarios.openRacesUnset },
    { rule: rules.openDeviceKeepsContainer, in: scenarios.openRacesUnset },
  ],
  instead: {
    openLocked: (_group, device) => {
      using _ = guard(device.setLock);
      device.openCount += 1;
      return 0;
    },
    closeThrough: df => {
      const device = df.device;
      using _ = guard(df.group.lock);
      using __ = guard(device.setLock);
      device.openCount -= 1;
    },
  },
};

/**
 * A detached group goes on being counted as a user of the container that it has not any more.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_group_detach_container(), "group->container_users = 0"
 */
export const usersStay: Defect<Spec> = {
  breaks: [{ rule: rules.usersNeedContainer, in: scenarios.openRacesUnset }],
  instead: {
    detach: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      if (group.containerUsers !== 1) bug();
      writeLock(container.lock);
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      container.groups.delete(group);
      const other = anyOf(container.groups);
      if (other === null) container.hasIommu = false;
      writeUnlock(container.lock);
      put(container.users);
    },
  },
};

/**
 * A group is attached under its own lock and not under the container's, in which another is looking for a driver that serves all.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_container_attach_group(), down_write()
 */
export const attachedWithoutContainerLock: Defect<Spec> = {
  breaks: [
    { rule: objects.containerGuards, in: scenarios.groupThatDoesNotFit },
    { rule: rules.driverNeedsGroup, in: scenarios.groupThatDoesNotFit },
  ],
  instead: {
    attach: (group, container) => {
      assertHeld(group.lock);
      const claimed = iommus.claimDmaOwner(group.iommuGroup);
      if (claimed !== 0) return claimed;
      const served = !container.hasIommu || group.iommuGroup.fits;
      if (!served) {
        iommus.releaseDmaOwner(group.iommuGroup);
        return 'EINVAL';
      }
      group.container = container;
      group.containerUsers = 1;
      container.groups.add(group);
      get(container.users);
      return 0;
    },
    detach: group => {
      assertHeld(group.lock);
      const container = group.container;
      if (container === null) bug();
      iommus.releaseDmaOwner(group.iommuGroup);
      group.container = null;
      group.containerUsers = 0;
      container.groups.delete(group);
      const other = anyOf(container.groups);
      if (other === null) container.hasIommu = false;
      put(container.users);
    },
  },
};

/**
 * Who chooses a driver locks each group of the container to ask whether it can be served, inside the container's lock. Attaching takes the two the
 * other way round.
 * @source no known occurrence: Linux 6.12, drivers/vfio/container.c, vfio_ioctl_set_iommu(), looks at the groups under the container's lock alone
 */
export const groupsLockedInContainer: Defect<Spec> = {
  breaks: [
    { rule: objects.containerInside, in: scenarios.groupThatDoesNotFit },
    { rule: always.everyWaitEnds, in: scenarios.groupThatDoesNotFit },
  ],
  instead: {
    chooseDriver: container => {
      const first = anyOf(container.groups);
      if (first === null) return 'EINVAL';
      if (container.hasIommu) return 'EINVAL';
      for (const group of container.groups) {
        lock(group.lock);
        const fits = group.iommuGroup.fits;
        unlock(group.lock);
        if (!fits) return 'EINVAL';
      }
      container.hasIommu = true;
      return 0;
    },
  },
};
