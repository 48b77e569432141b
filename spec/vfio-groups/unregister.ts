/** A driver gives its device up: user space is asked for it, again and again, and never made to. */
import { assertHeld, type Duration, type Ends, lock, put, type Runs, seconds, unlock, waitEventTimeout, wakeAll } from '../language.ts';
import { detach } from './container.ts';
import type { Device, Group } from './vfio-groups.ts';

/**
 * Unregistering a device ends when its user closes it, however often it has to be asked; nothing makes the user.
 * @source Linux 6.12, drivers/vfio/vfio_main.c, vfio_unregister_group_dev()
 * @fact R135
 */
export const unregisteringEnds: Ends<typeof unregister> = {};

export const deviceRuns: Runs<Device> = { registration: device => releaseDevice(device) };

/** How long a user is given before it is asked again. */
export const askEvery: Duration = seconds(10);

/** Nobody has the device, or looks it up. */
export function releaseDevice(device: Device): void {
  wakeAll(device.released);
}

/** Take the device from user space (`vfio_unregister_group_dev`). There is no end to the asking. */
export function unregister(group: Group): void {
  const device = group.device;
  lock(group.deviceLock);
  group.devices.delete(device);
  unlock(group.deviceLock);
  put(device.registration);
  for (;;) {
    if (device.registration.count === 0) break;
    askUser(device);
    waitEventTimeout(device.released, () => device.registration.count === 0, askEvery);
  }
  removeGroup(group);
}

/** Tell the user that the device is wanted back (`VFIO_PCI_REQ_IRQ_INDEX`). */
export function askUser(device: Device): void {
  device.asked = true;
  wakeAll(device.requests);
}

/** The last device has gone, so nothing in the group is in use. Who has it open can do nothing with it any more. */
export function removeGroup(group: Group): void {
  lock(group.lock);
  forgetGroup(group);
  unlock(group.lock);
}

/** As `removeGroup`, with the group locked. */
export function forgetGroup(group: Group): void {
  assertHeld(group.lock);
  if (group.container !== null) detach(group);
  group.isRegistered = false;
}
