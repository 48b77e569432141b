/** Locks that an interrupt takes, in a spec; and what a variant may not exchange. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { broken, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('locks in interrupts');

const bell = `/** A bell that an interrupt rings, and that its owner counts. */
import {
  alloc, always, lock, lockIrq, unlock, unlockIrq, wake, addWaitEntry, removeWaitEntry, implies,
  type Defect, type GuardedBy, type Invariant, type Natural, type Runs, type Scenario, type SpinLock, type Variant, type WaitEntry, type WaitQueue,
} from '../language.ts';
import * as shop from './shop.ts';

/** A bell. */
export interface Bell { lock: SpinLock; heard: SpinLock; rung: Natural; wait: WaitQueue; entry: WaitEntry<'ring'> }
/**
 * Counted under its lock.
 * @source our own example
 */
export const bellGuards: GuardedBy<Bell> = { rung: bell => bell.lock };
export const bellRuns: Runs<Bell> = { entry: bell => hear(bell) };
/**
 * It is counted.
 * @source our own example
 */
export const counted: Invariant<{ bell: Bell }> = ({ bell }) => implies(bell.rung > 0, bell.rung < 3);
/** The interrupt. */
export function ring(bell: Bell): void {
  lock(bell.lock);
  bell.rung += 1;
  unlock(bell.lock);
  wake(bell.wait, 'ring');
}
/** Called back, under the queue's lock. */
export function hear(bell: Bell): void {
  lock(bell.heard);
  unlock(bell.heard);
}
/** The owner. */
export function count(bell: Bell): void {
  lockIrq(bell.lock);
  lock(bell.heard);
  bell.rung += 1;
  unlock(bell.heard);
  unlockIrq(bell.lock);
}
/** The owner listens. */
export function listen(bell: Bell): void {
  addWaitEntry(bell.wait, bell.entry);
  removeWaitEntry(bell.wait, bell.entry);
}
/** It rings while it is counted. */
export const rungWhileCounted: Scenario = ({ thread, interrupt, stays }) => {
  const bell = alloc<Bell>({});
  stays(bell);
  interrupt(() => ring(bell));
  thread(() => {
    count(bell);
    listen(bell);
  });
};
/** Counted with interrupts on. */
export const interruptsOn: Defect<typeof shop> = {
  breaks: [{ rule: always.irqLocksKeepIrqsOff, in: rungWhileCounted }],
  instead: {
    count: bell => {
      lock(bell.lock);
      bell.rung += 1;
      unlock(bell.lock);
    },
  },
};
/** The lock that the callback takes, with interrupts on. */
export const calledBack: Defect<typeof shop> = {
  breaks: [{ rule: always.irqLocksKeepIrqsOff, in: rungWhileCounted }],
  instead: {
    count: bell => {
      lock(bell.heard);
      unlock(bell.heard);
    },
  },
};
/** The lock that no interrupt takes. */
export const ofItsOwn: Variant<typeof shop> = { instead: { hear: () => undefined, count: bell => { lock(bell.heard); unlock(bell.heard); } } };
`;
const rule = 'always.irqLocksKeepIrqsOff';

test('what an interrupt takes is taken with interrupts off, by itself or inside such a lock', () => {
  const system = systemOf(bell);
  assert.not.ok(broken(system, 'rungWhileCounted').includes(rule));
  assert.ok(broken(system, 'rungWhileCounted', 'interruptsOn').includes(rule));
});

test('so is what a callback takes that the interrupt wakes, and nothing else', () => {
  const system = systemOf(bell);
  assert.ok(broken(system, 'rungWhileCounted', 'calledBack').includes(rule));
  assert.not.ok(broken(system, 'rungWhileCounted', 'ofItsOwn').includes(rule));
});

test('a scenario is left out by a variant, not exchanged', () => {
  const exchanged = `${bell}/** Another. */\nexport const other: Variant<typeof shop> = { instead: { rungWhileCounted: ({ thread }) => thread(() => count(alloc<Bell>({}))) } };\n`;
  assert.match(readText(exchanged).said, 'scenario-exchanged');
});

test.run();
