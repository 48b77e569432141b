/** Situations in which the rules of the VM reference are put to the test. */
import { alloc, get, type Scenario } from '../language.ts';
import { closeVm, createVm, type VmFile } from './kvm.ts';
import {
  addFile,
  apDriver,
  bind,
  closeDeviceFile,
  closeKvmVfio,
  closeThroughGroup,
  type Device,
  type DeviceFile,
  type DeviceSet,
  type Driver,
  type Group,
  type GroupFile,
  type KvmVfio,
  openThroughGroup,
  pciDriver,
} from './vfio-device.ts';

/** A VM with one group, which has one device. */
export function assigned(driver: Driver): { vm: VmFile; kv: KvmVfio; file: GroupFile; device: Device } {
  const vm = createVm();
  get(vm.kvm.users);
  const kv = alloc<KvmVfio>({ kvm: vm.kvm });
  vm.kvm.devices.add(kv);
  const file = alloc<GroupFile>({ group: alloc<Group>({ hasIommu: true }), refs: 1 });
  const device = alloc<Device>({ group: file.group, set: alloc<DeviceSet>({}), driver, registration: 1 });
  addFile(kv, file);
  return { vm, kv, file, device };
}

/** The VM goes first, the device last. */
export const deviceOutlivesVm: Scenario = ({ thread, stays }) => {
  const { vm, kv, device } = assigned(apDriver);
  stays(device);
  openThroughGroup(device);
  closeVm(vm);
  closeKvmVfio(kv);
  thread(() => closeThroughGroup(device));
};

/** A device is opened while kvm-vfio closes, and the VM with it. */
export const openRacesClose: Scenario = ({ thread, stays }) => {
  const { vm, kv, device } = assigned(apDriver);
  stays(device);
  thread(() => closeKvmVfio(kv));
  thread(() => closeVm(vm));
  thread(() => {
    if (openThroughGroup(device) === 0) closeThroughGroup(device);
  });
};

/** A device that has a group is opened by its own file, for another VM. */
export const twoWaysIn: Scenario = ({ thread, stays }) => {
  const { vm, kv, device } = assigned(pciDriver);
  const other = createVm();
  stays(vm, kv, device, other);
  get(device.registration);
  const file = alloc<DeviceFile>({ device, kvm: other.kvm });
  thread(() => {
    bind(file);
    closeDeviceFile(file);
  });
  thread(() => {
    if (openThroughGroup(device) === 0) closeThroughGroup(device);
  });
};
