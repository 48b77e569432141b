/** What scenarios begin with. */
import type { Descriptor } from '../language.ts';
import { createDeviceOf, createGroup, type Driver } from './drivers.ts';
import { type Group, openGroup, setContainer } from './group.ts';
import { createVm } from './kvm.ts';
import { addFile, createKvmVfio } from './kvm-vfio.ts';
import { freeDescriptor, type OpenFile } from './open-file.ts';
import type { Device } from './vfio-device.ts';

/** A registered device in a group of its own. */
export function newDevice(driver: Driver): { group: Group; device: Device } {
  const group = createGroup();
  const device = createDeviceOf(group, driver);
  return { group, device };
}

/** A machine with its kvm-vfio. */
export function newVm(): { vm: Descriptor<OpenFile>; kv: Descriptor<OpenFile> } {
  const vm = createVm();
  const kv = freeDescriptor();
  createKvmVfio(vm, kv);
  return { vm, kv };
}

/** A device whose group is open, has a container, and belongs to a machine by its kvm-vfio. */
export function assigned(driver: Driver): {
  vm: Descriptor<OpenFile>;
  kv: Descriptor<OpenFile>;
  group: Group;
  device: Device;
  groupFd: Descriptor<OpenFile>;
} {
  const { vm, kv } = newVm();
  const { group, device } = newDevice(driver);
  const groupFd = freeDescriptor();
  openGroup(group, groupFd);
  setContainer(groupFd);
  addFile(kv, groupFd);
  return { vm, kv, group, device, groupFd };
}
