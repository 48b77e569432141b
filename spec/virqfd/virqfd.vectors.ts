/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Scenario } from '../language.ts';
import { close, createEventfd, openOtherFile, readCount, signal } from './eventfd.ts';
import { askMasked, clearTrigger, clearUnmask, disableInterrupt, lower, openDevice, setTrigger, setUnmask } from './interrupt.ts';
import { load } from './virqfd.ts';

/** The device asks; it is unmasked by an eventfd, which waits for nobody: only when that is taken away again is it sure what came of it. */
export const unmaskedByEventfd: Scenario = ({ thread, choose, stays }) => {
  load();
  const device = openDevice();
  const trigger = createEventfd();
  const fd = createEventfd();
  setTrigger(device, trigger);
  setUnmask(device, fd);
  askMasked(device);
  stays(device, trigger, fd);
  thread(() => {
    choose(
      () => lower(device),
      () => signal(fd),
      () => clearTrigger(device),
    );
    choose(
      () => signal(fd),
      () => clearUnmask(device),
      () => close(fd),
    );
    clearUnmask(device);
    readCount(trigger);
    readCount(fd);
  });
};

/** The place is set and cleared, and its eventfd closed. */
export const onePlace: Scenario = ({ thread, choose, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  clearTrigger(device);
  stays(device, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => setUnmask(device, fd),
        () => clearUnmask(device),
        () => close(fd),
        () => readCount(fd),
        () => disableInterrupt(device),
      );
    }
  });
};

/** Arguments that are wrong. */
export const wrongArguments: Scenario = ({ thread, choose, stays }) => {
  load();
  const device = openDevice();
  const bare = openDevice();
  const trigger = createEventfd();
  const other = openOtherFile();
  const closed = createEventfd();
  close(closed);
  clearTrigger(device);
  stays(device, bare, trigger, other, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => setTrigger(device, trigger),
        () => setTrigger(device, other),
        () => setTrigger(bare, closed),
        () => setUnmask(device, closed),
        () => setUnmask(device, other),
        () => setUnmask(bare, trigger),
        () => clearUnmask(bare),
        () => clearUnmask(device),
        () => askMasked(bare),
        () => disableInterrupt(bare),
        () => signal(closed),
        () => close(closed),
      );
    }
  });
};

/** Two callers, one place. */
export const twoCallers: Scenario = ({ thread, choose, stays }) => {
  load();
  const device = openDevice();
  const fd = createEventfd();
  const other = createEventfd();
  clearTrigger(device);
  stays(device, fd, other);
  thread(() => setUnmask(device, fd));
  thread(() => {
    choose(
      () => setUnmask(device, other),
      () => clearUnmask(device),
      () => close(fd),
      () => disableInterrupt(device),
    );
  });
};
