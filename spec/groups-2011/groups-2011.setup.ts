/** What the scenarios begin with. */
import { alloc, bug, type Descriptor } from '../language.ts';
import { exit } from './context.ts';
import { addDevice, probe, setPatience } from './devices.ts';
import { openGroup } from './files.ts';
import type { Bus, Device, Group, OpenFile, Task, VfioDevice } from './groups-2011.ts';

/** A device that VFIO's driver has. */
export function boundDevice(bus: Bus, groupId: Group['id']): Device {
  const dev = alloc<Device>({ bus, groupId, coherent: true, driver: 'none', preset: 'none' });
  addDevice(dev);
  probe(dev, 'vfio');
  return dev;
}

/** A device that is not on its bus yet. */
export function newDevice(bus: Bus, groupId: Group['id']): Device {
  return alloc<Device>({ bus, groupId, coherent: true, driver: 'none', preset: 'none' });
}

/** An open file of a group. */
export function opened(bus: Bus, id: Group['id']): Descriptor<OpenFile> {
  const fd = unused();
  openGroup(bus, id, fd);
  return fd;
}

/** A number under which nothing is open yet. */
export function unused(): Descriptor<OpenFile> {
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file: null });
}

/** A process without rights. */
export function user(): Task {
  return alloc<Task>({ users: 1, isAdmin: false });
}

/** A process that has one group open, whose one device VFIO's driver has. */
export function oneOpenGroup() {
  const bus = alloc<Bus>({});
  const dev = boundDevice(bus, 1);
  const task = user();
  const fd = opened(bus, 1);
  return { bus, dev, task, fd };
}

/** A process that has two groups open, each with one device. */
export function twoOpenGroups() {
  const bus = alloc<Bus>({});
  const one = boundDevice(bus, 1);
  const two = boundDevice(bus, 2);
  const task = user();
  const a = opened(bus, 1);
  const b = opened(bus, 2);
  return { bus, one, two, task, a, b };
}

/** A process that has three groups open, each with one device. */
export function threeOpenGroups() {
  const { bus, one, two, task, a, b } = twoOpenGroups();
  const three = boundDevice(bus, 3);
  const c = opened(bus, 3);
  return { bus, one, two, three, task, a, b, c };
}

/** The device of an open file. */
export function deviceOf(fd: Descriptor<OpenFile>): VfioDevice {
  const file = fd.file;
  if (file === null) bug();
  const device = file.device;
  if (device === null) bug();
  return device;
}

/** Removal may ask twice before it takes a device. */
export function allowRequests(): void {
  const admin = alloc<Task>({ users: 1, isAdmin: true });
  setPatience(admin, 2);
  exit(admin);
}
