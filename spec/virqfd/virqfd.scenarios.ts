/** Smallest situations in which the rules are put to the test. */
import { bug, lock, type Scenario, unlock } from '../language.ts';
import { close, createEventfd, readCount, signal } from './eventfd.ts';
import {
  askMasked,
  clearTrigger,
  clearUnmask,
  closeDevice,
  disableInterrupt,
  isMasked,
  lower,
  openDevice,
  setTrigger,
  setUnmask,
} from './interrupt.ts';
import { load, unload } from './virqfd.ts';

/** A signal unmasks, when the device asks no more. */
export const signalUnmasks: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  askMasked(device);
  lower(device);
  stays(device, fd);
  thread(() => {
    signal(fd);
    lock(device.igate);
    const interrupt = device.interrupt;
    if (interrupt === null) bug();
    if (isMasked(interrupt)) bug();
    unlock(device.igate);
  });
};

/** A signal triggers, if the device still asks; what unmasks waits for that when it is taken away. */
export const signalTriggers: Scenario = ({ thread, choose, stays }) => {
  load();
  const device = openDevice();
  const trigger = createEventfd();
  const fd = createEventfd();
  setTrigger(device, trigger);
  askMasked(device);
  stays(device, trigger, fd);
  thread(() => {
    choose(
      () => {
        setUnmask(device, fd);
        signal(fd);
      },
      // It makes no difference if it is signalled first.
      () => {
        signal(fd);
        setUnmask(device, fd);
      },
    );
    clearUnmask(device);
    if (readCount(trigger) !== 1) bug();
    if (readCount(fd) !== 'EAGAIN') bug();
  });
};

/** When the eventfd that unmasked is closed, its place is free. */
export const closedLeavesPlace: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  const other = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(device, fd, other);
  thread(() => {
    close(fd);
    if (setUnmask(device, other) !== 0) bug();
  });
};

/** When the only device is closed, the module can be unloaded; before it cannot. */
export const moduleGoesLast: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(fd);
  thread(() => {
    if (unload() === 0) bug();
    closeDevice(device);
    if (unload() !== 0) bug();
  });
};

/** The eventfd that unmasks is closed while it is taken away. */
export const closeRacesDisable: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(device, fd);
  thread(() => close(fd));
  thread(() => clearUnmask(device));
};

/** The eventfd that unmasks is closed while the interrupt is taken down. */
export const closeRacesTakeDown: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(device, fd);
  thread(() => close(fd));
  thread(() => disableInterrupt(device));
};

/** The place is taken again while the eventfd that had it is closed. */
export const placeTakenAgain: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  const other = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(device, fd, other);
  thread(() => close(fd));
  thread(() => setUnmask(device, other));
};

/** It is unmasked by the eventfd while the interrupt is taken down, and the device still asks. */
export const unmaskRacesTakeDown: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const trigger = createEventfd();
  const fd = createEventfd();
  setTrigger(device, trigger);
  setUnmask(device, fd);
  askMasked(device);
  stays(device, trigger, fd);
  thread(() => signal(fd));
  thread(() => disableInterrupt(device));
};

/** As before, and only the trigger is taken away; nobody else has it. */
export const unmaskRacesClear: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const trigger = createEventfd();
  const fd = createEventfd();
  setTrigger(device, trigger);
  setUnmask(device, fd);
  askMasked(device);
  close(trigger);
  stays(device, trigger, fd);
  thread(() => signal(fd));
  thread(() => clearTrigger(device));
};

/**
 * One eventfd triggers and unmasks: every signal calls for another one. As long as the device asks, the work item goes round and round (our own reading), so at last
 * it asks no more.
 */
export const oneForBoth: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  setTrigger(device, fd);
  setUnmask(device, fd);
  askMasked(device);
  stays(device, fd);
  thread(() => signal(fd));
  thread(() => lower(device));
  thread(() => close(fd));
};

/** One sets the place while another signals, and clears it again. */
export const setRacesClear: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  stays(device, fd);
  thread(() => setUnmask(device, fd));
  thread(() => {
    signal(fd);
    clearUnmask(device);
  });
};

/** The device is closed and the module unloaded, while the eventfd that unmasked is closed. */
export const unloadRacesClose: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(fd);
  thread(() => close(fd));
  thread(() => {
    closeDevice(device);
    unload();
  });
};

/** As before, and whoever unloads the module does not know of the device. */
export const unloadAtAnyTime: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  setUnmask(device, fd);
  stays(fd);
  thread(() => close(fd));
  thread(() => closeDevice(device));
  thread(() => unload());
};

/** Everything at once: an unmasking and the end of its eventfd, another trigger, and the end of the interrupt. */
export const allAtOnce: Scenario = ({ thread, stays }) => {
  load();
  const device = openDevice();
  const trigger = createEventfd();
  const other = createEventfd();
  const fd = createEventfd();
  setTrigger(device, trigger);
  setUnmask(device, fd);
  askMasked(device);
  stays(device, trigger, other, fd);
  thread(() => {
    signal(fd);
    close(fd);
  });
  thread(() => setTrigger(device, other));
  thread(() => disableInterrupt(device));
};
