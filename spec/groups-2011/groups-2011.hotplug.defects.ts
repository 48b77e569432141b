/** What goes wrong when a device comes. */
import { alloc, always, assertHeld, type Defect, guard, lock, maybe, unlock, writeLock, writeUnlock } from '../language.ts';
import * as contexts from './context.ts';
import * as devices from './devices.ts';
import * as contracts from './groups-2011.contracts.ts';
import * as going from './groups-2011.devices.scenarios.ts';
import * as rules from './groups-2011.rules.ts';
import type { Spec } from './groups-2011.spec.ts';
import * as groups from './groups-2011.ts';
import { vfio } from './groups-2011.ts';

/**
 * A device that appears in a group in use is attached and warned about, and any driver may have it.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_add_dev(), "XXX How to prevent other drivers from claiming?"
 * @fact D313
 */
export const hotAddOnlyWarns: Defect<Spec> = {
  breaks: [{ rule: rules.noOtherDriverWhileInUse, in: going.hotAdd }],
  instead: {
    keepForVfio: device => {
      contexts.attachDevice(device);
    },
  },
};

/**
 * That the IOMMU refuses a device that appears in a group in use is not looked at: the group goes on, with a device whose DMA does not go through its context.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_add_dev(), the call of __vfio_iommu_attach_dev()
 * @fact D318
 * @sure candidate
 */
export const attachErrorIgnored: Defect<Spec> = {
  breaks: [{ rule: rules.attachedWhileOpen, in: going.hotAdd }],
  instead: {
    keepForVfio: device => {
      if (device.dev.driver !== 'none') {
        device.group.tainted = true;
        return;
      }
      const kept = devices.presetDriver(device.dev, 'vfio');
      contexts.attachDevice(device);
      if (kept !== 0) device.group.tainted = true;
    },
  },
};

/**
 * A driver is preset although one is already.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "what if multiple drivers decide to preinit the device ?"
 * @fact D505
 */
export const presetTwice: Defect<Spec> = {
  breaks: [
    { rule: rules.presetOnce, in: going.hotAddPreset },
    { rule: contracts.presetDriverContract, in: going.hotAddPreset },
  ],
  instead: {
    presetDriver: (dev, driver) => {
      assertHeld(vfio.lock);
      dev.preset = driver;
      return 0;
    },
  },
};

/**
 * A driver is preset for every device that appears, in use or not: other drivers never get what users do not have.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "we only want to intervene if the iommu is inuse", which rules it out
 */
export const presetAlways: Defect<Spec> = {
  breaks: [{ rule: rules.presetOnlyIfInUse, in: going.hotAdd }],
  instead: {
    addDevice: dev => {
      if (dev.groupId === 0) return 'ENODEV';
      using _ = guard(dev.lock);
      using __ = guard(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (dev.vfio !== null) return 0;
      if (maybe()) {
        group.tainted = true;
        return 'ENOMEM';
      }
      const device = alloc<groups.VfioDevice>({ dev, group });
      group.devices.add(device);
      dev.vfio = device;
      devices.keepForVfio(device);
      return 0;
    },
  },
};

/**
 * Where the preset driver is not there any more, the others are asked after all. It was asked in the review and not answered: while the group is in use
 * it undoes what presetting is for.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "fallback to 'match' if preinit driver disappeared?"
 */
export const fallsBackToMatching: Defect<Spec> = {
  breaks: [
    { rule: rules.noOtherDriverWhileInUse, in: going.hotAdd },
    { rule: contracts.probeContract, in: going.hotAdd },
  ],
  instead: {
    isKept: dev => {
      // VFIO's driver may have been unloaded.
      if (maybe()) return false;
      using _ = guard(vfio.lock);
      if (dev.preset !== 'vfio') return false;
      const device = dev.vfio;
      if (device === null) return false;
      const iommu = device.group.iommu;
      return iommu !== null && groups.inUse(iommu);
    },
  },
};

/**
 * A device that cannot be added leaves its group as it was, so that the group may be given to users with a device in it that nobody watches.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_add_dev(); that the group be tainted was agreed in the review
 * @fact R319
 */
export const failureDoesNotTaint: Defect<Spec> = {
  breaks: [{ rule: rules.unknownDeviceTaints, in: going.hotAdd }],
  instead: {
    addDevice: dev => {
      if (dev.groupId === 0) return 'ENODEV';
      using _ = guard(dev.lock);
      using __ = guard(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (dev.vfio !== null) return 0;
      if (maybe()) return 'ENOMEM';
      const device = alloc<groups.VfioDevice>({ dev, group });
      group.devices.add(device);
      dev.vfio = device;
      const iommu = group.iommu;
      if (iommu !== null && groups.inUse(iommu)) devices.keepForVfio(device);
      return 0;
    },
  },
};

/**
 * Groups are told apart by their number alone: a device joins the group that has its number on another bus.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_lookup_dev(); the adding of devices warned of it and refused
 * @fact D314
 */
export const numberAlone: Defect<Spec> = {
  breaks: [{ rule: rules.devicesAreInTheirGroup, in: going.sameNumberOnTwoBuses }],
  instead: {
    findGroup: (_bus, id) => {
      for (const group of vfio.groups) {
        if (group.id === id) return group;
      }
      return null;
    },
  },
};

/**
 * A path of failure returns with the lock held; whoever wants it next waits for ever.
 * @source drivers/vfio/vfio.c of early 2012, vfio_add_group_dev()
 * @fact D309
 * @sure candidate
 */
export const returnsWithLock: Defect<Spec> = {
  breaks: [
    { rule: always.locksBalance, in: going.hotAdd },
    { rule: always.everyWaitEnds, in: going.hotAdd },
  ],
  instead: {
    addDevice: dev => {
      if (dev.groupId === 0) return 'ENODEV';
      using _ = guard(dev.lock);
      lock(vfio.lock);
      dev.isAnnounced = true;
      const known = devices.findGroup(dev.bus, dev.groupId);
      const group = known === null ? devices.createGroup(dev.bus, dev.groupId) : known;
      if (dev.vfio === null) {
        if (maybe()) {
          group.tainted = true;
          return 'ENOMEM';
        }
        const device = alloc<groups.VfioDevice>({ dev, group });
        group.devices.add(device);
        dev.vfio = device;
        const iommu = group.iommu;
        if (iommu !== null && groups.inUse(iommu)) devices.keepForVfio(device);
      }
      unlock(vfio.lock);
      return 0;
    },
  },
};

/**
 * A new group asks, under VFIO's lock, to be told of its devices. Who tells of the device of another group holds the notifier and wants the lock. In early
 * 2012 the driver's probe, not the bus, made the group.
 * @source drivers/vfio/vfio.c of early 2012, __vfio_create_group(), "XXX lockdep bug here"
 * @fact D310
 */
export const registersUnderLock: Defect<Spec> = {
  breaks: [
    { rule: rules.notifierOutside, in: going.twoDevicesAppear },
    { rule: always.everyWaitEnds, in: going.twoDevicesAppear },
  ],
  instead: {
    createGroup: (bus, id) => {
      assertHeld(vfio.lock);
      const group = alloc<groups.Group>({ bus, id });
      writeLock(bus.notifier);
      vfio.groups.add(group);
      writeUnlock(bus.notifier);
      return group;
    },
    probe: (dev, driver) => {
      using _ = guard(dev.lock);
      if (dev.driver !== 'none') return 'EBUSY';
      if (driver === 'vfio') {
        lock(vfio.lock);
        const known = devices.findGroup(dev.bus, dev.groupId);
        if (known === null) devices.createGroup(dev.bus, dev.groupId);
        unlock(vfio.lock);
      }
      const bound = driver === 'other' || devices.bind(dev);
      if (!bound) return 'EINVAL';
      dev.driver = driver;
      return 0;
    },
  },
};
