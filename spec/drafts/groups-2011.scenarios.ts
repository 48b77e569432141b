/** Situations in which the rules of groups are put to the test. */
import { alloc, closeFd, maybe, type Scenario } from '../language.ts';
import {
  addDevice,
  type Bus,
  type Device,
  type DeviceFile,
  type File,
  type Group,
  type GroupFile,
  getDeviceFd,
  getIommuFd,
  merge,
  openGroup,
  probe,
  unbind,
  vfio,
} from './groups-2011.ts';

/** An open group with one device that VFIO drives. */
export function openedGroup(id: number, bus: Bus): Group {
  const group = alloc<Group>({ id, bus });
  group.devices.add(alloc<Device>({ group, driver: 'vfio' }));
  vfio.groups.add(group);
  openGroup(group);
  return group;
}

/** A group is merged while its file is closed, and a third group comes. */
export const mergeRacesClose: Scenario = ({ user, process, descriptor, stays }) => {
  const qemu = process();
  const bus = alloc<Bus>({});
  const a = openedGroup(1, bus);
  const b = openedGroup(2, bus);
  const c = openedGroup(3, bus);
  stays(a, b, c);
  const fdOfB = descriptor<File>(alloc<GroupFile>({ kind: 'group', group: b, refs: 1 }));
  user(qemu, () => {
    merge(a, fdOfB);
    getIommuFd(a);
  });
  user(qemu, () => merge(c, fdOfB));
  user(qemu, () => closeFd(fdOfB));
};

/** A device goes while its user keeps it. */
export const userKeepsDevice: Scenario = ({ thread, user, process, descriptor, stays }) => {
  const bus = alloc<Bus>({});
  const group = openedGroup(1, bus);
  stays(group);
  for (const device of group.devices) {
    getDeviceFd(group, device);
    const fd = descriptor<File>(alloc<DeviceFile>({ kind: 'device', device, refs: 1 }));
    user(process(), () => {
      if (maybe()) closeFd(fd);
    });
    thread(() => unbind(device));
  }
};

/** A device appears in a group that is in use, and another driver wants it. */
export const hotAdd: Scenario = ({ thread, stays }) => {
  const bus = alloc<Bus>({});
  const group = openedGroup(1, bus);
  stays(group);
  getIommuFd(group);
  const added = alloc<Device>({ group, driver: 'none' });
  thread(() => addDevice(bus, added));
  thread(() => probe(added, 'other'));
};
