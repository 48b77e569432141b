/** What must be true of contexts, groups and devices, whoever does what. */
import { type AtEvery, type Invariant, implies, isLive, type LockOrder, type Settled, some } from '../language.ts';
import {
  type Bus,
  type Device,
  type Group,
  groupsInUse,
  type Iommu,
  inUse,
  isMerged,
  type OpenFile,
  type VfioDevice,
  type VfioPci,
  vfio,
} from './groups-2011.ts';

// ---- The context

/**
 * A context is open only while it is in use: by its own file or by a device, not by a group's file.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "the reference count on the group is irrelevant"
 * @fact R301, R303, R325, R329
 */
export const openOnlyWhileUsed: Settled<{ iommu: Iommu }> = ({ iommu }) => implies(iommu.isOpen, inUse(iommu));

/**
 * A context that is in use is open.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "can I destroy the mapping context, detach devices and free the domain"
 * @fact R301, R304
 */
export const usedOnlyWhileOpen: Settled<{ iommu: Iommu }> = ({ iommu }) => implies(inUse(iommu), iommu.isOpen);

/**
 * A device is attached exactly while the context of its group is open, unless it was taken from its users or taints its group.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_open_iommu() and __vfio_close_iommu()
 * @fact R303, R304, R310
 */
export const attachedWhileOpen: Settled<{ device: VfioDevice; iommu: Iommu }> = ({ device, iommu }) =>
  implies(device.group.iommu === iommu && !device.revoked && !device.group.tainted, device.attached === iommu.isOpen);

/**
 * The device of a group without a context is not attached to anything.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_iommu_detach_dev(), BUG_ON
 * @fact R303
 */
export const detachedWithoutContext: Settled<{ device: VfioDevice }> = ({ device }) =>
  implies(device.group.iommu === null, !device.attached);

/**
 * Mappings are gone when the context is closed.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_close_iommu(), vfio_iommu_unmapall()
 * @fact R303
 */
export const mappedOnlyWhileOpen: Settled<{ iommu: Iommu }> = ({ iommu }) => implies(iommu.mapped, iommu.isOpen);

/**
 * A context has an owner exactly while it is open.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_close_iommu(), "iommu->mm = NULL"
 * @fact R303
 */
export const ownedWhileOpen: Settled<{ iommu: Iommu }> = ({ iommu }) => iommu.isOpen === (iommu.owner !== null);

/**
 * The address that callers are compared with is that of a live address space: no other can have it.
 * @source our own reading of __vfio_open_iommu() as posted in November 2011
 * @fact R331
 * @sure candidate
 */
export const ownerIsAlive: Invariant<{ iommu: Iommu }> = ({ iommu }) => implies(iommu.owner !== null, isLive(iommu.owner));

/**
 * Files of a context and of its devices are given to its owner only.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_unl_ioctl(), "Below commands are restricted once the mm is set"
 * @fact R305
 */
export const onlyTheOwnerIsGranted: Settled<{ file: OpenFile; iommu: Iommu }> = ({ file, iommu }) =>
  implies(
    isLive(file) && (file.iommu === iommu || (file.device !== null && file.device.group.iommu === iommu)),
    file.grantedTo === iommu.owner,
  );

// ---- Merged sets

/**
 * A group and the context that it points to know of each other.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, __vfio_group_set_iommu()
 * @fact R312
 */
export const pointersAgree: Settled<{ group: Group; iommu: Iommu }> = ({ group, iommu }) =>
  (group.iommu === iommu) === iommu.groups.has(group);

/**
 * The context that a group points to has not been freed.
 * @source our own reading of vfio_group_merge() as posted in November 2011, "kfree(old_iommu)"
 * @fact R308, R312
 * @sure candidate
 */
export const contextIsAlive: Invariant<{ group: Group }> = ({ group }) => implies(group.iommu !== null, isLive(group.iommu));

/**
 * A set stays merged only while one of its groups is open or its context is in use.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "automatically tear apart merged groups"
 * @fact R302
 */
export const mergedOnlyWhileOpen: Settled<{ group: Group; iommu: Iommu }> = ({ group, iommu }) =>
  implies(group.iommu === iommu && isMerged(group), groupsInUse(iommu) || inUse(iommu));

// ---- Files

/**
 * Every open file counts, on what it is a file of.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_do_release()
 * @fact R301, R311
 */
export const openFilesAreCounted: Settled<{ file: OpenFile }> = ({ file }) =>
  implies(
    isLive(file),
    (file.group === null || file.group.files > 0) &&
      (file.iommu === null || file.iommu.files > 0) &&
      (file.device === null || file.device.files > 0),
  );

/**
 * A device that was opened twice is counted twice.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "you'll get 2 different file descriptors backed by the same device"
 * @fact R314
 */
export const twoFilesCountTwice: Settled<{ one: OpenFile; other: OpenFile; device: VfioDevice }> = ({ one, other, device }) =>
  implies(isLive(one) && isLive(other) && one !== other && one.device === device && other.device === device, device.files > 1);

/**
 * What a file is open on has not been freed, though other files of the merged set were closed.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "you can close the file descriptor for B"
 * @fact R311
 */
export const openFilesKeepTheirObject: Invariant<{ file: OpenFile }> = ({ file }) =>
  implies(
    isLive(file),
    (file.group === null || isLive(file.group)) &&
      (file.iommu === null || isLive(file.iommu)) &&
      (file.device === null || isLive(file.device)),
  );

/**
 * The driver has let go of a device before nobody has it open.
 * @source drivers/vfio/vfio.c of early 2012, vfio_device_release(): the driver's release before vfio_do_release(), the other way round than in November 2011
 * @fact R322
 */
export const driverLetsGoFirst: Settled<{ device: VfioDevice; data: VfioPci }> = ({ device, data }) =>
  implies(device.data === data && device.files === 0, data.opens === 0);

// ---- Devices

/**
 * Two groups differ in their number or in their bus.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "matched by the {groupid, bus} pair"
 * @fact R315
 */
export const groupsAreDistinct: Invariant<{ one: Group; other: Group }> = ({ one, other }) =>
  implies(one.id === other.id && one.bus === other.bus, one === other);

/**
 * A device is in the group of its bus and number.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "matched by the {groupid, bus} pair"
 * @fact R315
 */
export const devicesAreInTheirGroup: Invariant<{ device: VfioDevice }> = ({ device }) =>
  device.group.bus === device.dev.bus && device.group.id === device.dev.groupId;

/**
 * No other driver has a device of a context that is in use, unless VFIO could not help it and has tainted the group.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "it would not be acceptable for this device to get assigned to a non vfio driver"
 * @fact R306, R316, R319, R329
 */
export const noOtherDriverWhileInUse: Settled<{ device: VfioDevice; iommu: Iommu }> = ({ device, iommu }) =>
  implies(device.group.iommu === iommu && inUse(iommu) && !device.group.tainted, device.dev.driver !== 'other');

/**
 * Where nothing is in use, any driver may have the device: VFIO presets none.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "we only want to intervene if the iommu is inuse"
 * @fact R317
 */
export const presetOnlyIfInUse: AtEvery<{ dev: Device }> = {
  event: ({ dev }) => {
    dev.preset = 'vfio';
  },
  then: ({ dev }) => implies(dev.vfio !== null, dev.vfio !== null && dev.vfio.group.iommu !== null && inUse(dev.vfio.group.iommu)),
};

/**
 * A device's driver is preset once.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "make such API reject calls on devices that already have a preinit driver"
 * @fact R318, R507
 */
export const presetOnce: AtEvery<{ dev: Device }> = {
  event: ({ dev }) => {
    dev.preset = 'vfio';
  },
  then: ({ dev }) => dev.preset === 'none',
};

/**
 * A group is tainted while one of its devices is there and VFIO could not add it.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "mark the group tainted so it's effectively never viable"
 * @fact R319
 */
export const unknownDeviceTaints: Settled<{ dev: Device; group: Group }> = ({ dev, group }) =>
  implies(dev.isAnnounced && dev.vfio === null && dev.bus === group.bus && dev.groupId === group.id, group.tainted);

/**
 * A group without devices that nobody has open is gone, unless it is tainted.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_del_dev(); that the last close must do it too is our own reading
 * @fact R330
 * @sure candidate
 */
export const emptyGroupsGo: Settled<{ group: Group }> = ({ group }) =>
  implies(
    vfio.groups.has(group) && group.files === 0 && !group.tainted,
    some(group.devices, device => device.group === group),
  );

/**
 * Users are asked before a device is taken from them, unless the administrator has no patience.
 * @source kvm mailing list, November 2011, Benvenuti and Williamson on the VFIO group core, "signal the removal"
 * @fact R320, R506
 */
export const askedBeforeRevoked: AtEvery<{ device: VfioDevice }> = {
  event: ({ device }) => {
    device.revoked = true;
  },
  then: ({ device }) => vfio.patience === 0 || device.asked,
};

// ---- Order of locks

/**
 * The notifier of a bus is outermost: a device comes and goes inside it. A driver is bound under the device's lock, VFIO's lock is inside that.
 * @source drivers/vfio/vfio.c of early 2012, "XXX lockdep bug here, holding vfio.lock, acquiring rwsem on notifier"
 * @fact R327
 */
export const notifierOutside: LockOrder<[Bus, Device, Iommu]> = (bus, dev, iommu) => [bus.notifier, dev.lock, vfio.lock, iommu.gate];

/**
 * The driver is called under VFIO's lock, and in a read section of its data; removal waits for those under the device's lock, which is outside.
 * @source drivers/vfio/vfio_main.c as posted in November 2011, vfio_group_get_device_fd()
 */
export const driverInside: LockOrder<[VfioPci]> = pci => [vfio.lock, pci.lock];
