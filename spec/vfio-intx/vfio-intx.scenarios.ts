/** Smallest situations in which the rules are put to the test. */
import type { Descriptor, Scenario } from '../language.ts';
import { close, closedDescriptor, createEventfd, type EventfdFile, write } from './eventfd.ts';
import { raise } from './irq-line.ts';
import { createDevice, disable, type PciDevice, setTrigger, setUnmask, writeCommand } from './vfio-intx.ts';

/** A device whose interrupt is set up, and the eventfd that it signals. */
export function newDevice(canMask: boolean): { device: PciDevice; trigger: Descriptor<EventfdFile> } {
  const device = createDevice(canMask);
  const trigger = createEventfd();
  setTrigger(device, trigger);
  return { device, trigger };
}

/** An interrupt comes while user space gives another eventfd and closes the first. */
export const triggerReplaced: Scenario = ({ thread, interrupt, stays }) => {
  const { device, trigger } = newDevice(true);
  const other = createEventfd();
  device.asserts = true;
  stays(device, device.line, trigger, other);
  interrupt(() => raise(device.line));
  thread(() => {
    setTrigger(device, other);
    close(trigger);
    disable(device);
  });
};

/** The guest masks and unmasks while user space takes the interrupt down. */
export const maskedWhileTakenDown: Scenario = ({ thread, stays }) => {
  const { device, trigger } = newDevice(true);
  stays(device, device.line, trigger);
  thread(() => {
    writeCommand(device, true);
    writeCommand(device, false);
  });
  thread(() => disable(device));
};

/** The interrupt is unmasked by an eventfd, and is pending still, while it is taken down. */
export const unmaskedWhileTakenDown: Scenario = ({ thread, stays }) => {
  const { device, trigger } = newDevice(true);
  const unmask = createEventfd();
  setUnmask(device, unmask);
  device.asserts = true;
  raise(device.line);
  stays(device, device.line, trigger, unmask);
  thread(() => write(unmask));
  thread(() => {
    setTrigger(device, null);
    close(trigger);
    disable(device);
  });
};

/** A device that cannot mask is set up while its guest wants no interrupts, gets some, and is unmasked. One interrupt comes meanwhile. */
export const enabledWhileMasked: Scenario = ({ thread, interrupt, stays }) => {
  const device = createDevice(false);
  const trigger = createEventfd();
  writeCommand(device, true);
  stays(device, device.line, trigger);
  interrupt(() => raise(device.line));
  thread(() => {
    if (setTrigger(device, trigger) === 0) {
      writeCommand(device, false);
      disable(device);
    }
    close(trigger);
  });
};

/** A device that cannot mask interrupts, is masked by its guest, and unmasked by an eventfd. */
export const maskedAtTheLine: Scenario = ({ thread, interrupt, stays }) => {
  const { device, trigger } = newDevice(false);
  const unmask = createEventfd();
  setUnmask(device, unmask);
  stays(device, device.line, trigger, unmask);
  interrupt(() => raise(device.line));
  thread(() => write(unmask));
  thread(() => {
    writeCommand(device, true);
    disable(device);
  });
};

/** What is refused: an eventfd that is closed, one to unmask before there is an interrupt, and a second. */
export const refused: Scenario = ({ thread, stays }) => {
  const device = createDevice(true);
  const trigger = createEventfd();
  const closed = closedDescriptor();
  stays(device, device.line, trigger, closed);
  thread(() => {
    setUnmask(device, trigger);
    setTrigger(device, closed);
    if (setTrigger(device, trigger) === 0) {
      setTrigger(device, closed);
      setUnmask(device, closed);
      setUnmask(device, trigger);
      setUnmask(device, trigger);
    }
    disable(device);
    close(trigger);
  });
};
