/** A flag with a wait queue that is used as a lock, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('flags used as locks');

const shed = `/** A shed with one key on a hook; who takes the key hangs a flag out. */
import {
  alloc, assertHeld, lock, unlock, waitEventUnlocked, wakeAll,
  type AtEvery, type Defect, type FlagLock, type GuardedBy, type Invariant, type LockOrder, type Mutex, type Scenario, type WaitQueue, always, implies,
} from '../language.ts';
import * as shop from './shop.ts';

/** A shed. */
export interface Shed { door: Mutex; tools: Mutex; busy: FlagLock; waiting: WaitQueue; spades: boolean }

/**
 * The door's lock guards the flag; the flag guards what is inside.
 * @source our own example
 */
export const shedGuards: GuardedBy<Shed> = { busy: shed => shed.door, spades: { read: shed => shed.busy, write: shed => shed.tools } };
/**
 * Who has the flag takes the tools, never the other way round.
 * @source our own example
 */
export const toolsInside: LockOrder<[Shed]> = shed => [shed.busy, shed.tools];
/**
 * Spades move only while the flag is out.
 * @source our own example
 */
export const movedWhileBusy: AtEvery<{ shed: Shed }> = {
  event: ({ shed }) => { shed.spades = true; },
  then: ({ shed }, past) => shed.busy === 'taken' && past.holds(shed.busy),
};
/**
 * With the door open or not, spades out means that the flag is out.
 * @source our own example
 */
export const spadesMeanBusy: Invariant<{ shed: Shed }> = ({ shed }) => implies(shed.spades, shed.busy !== 'free');

/** Waits until the flag is in, and hangs it out. */
export function take(shed: Shed): void {
  lock(shed.door);
  waitEventUnlocked(shed.waiting, () => shed.busy === 'free', shed.door);
  shed.busy = 'taken';
  unlock(shed.door);
}
/** Takes it in. */
export function leave(shed: Shed): void {
  lock(shed.door);
  shed.busy = 'free';
  unlock(shed.door);
  wakeAll(shed.waiting);
}
/** Moves the spades out and in. */
export function move(shed: Shed): void {
  assertHeld(shed.busy);
  lock(shed.tools);
  shed.spades = true;
  shed.spades = false;
  unlock(shed.tools);
}
/** A visit. */
export function visit(shed: Shed): void {
  take(shed);
  move(shed);
  leave(shed);
}

/** Two visitors. */
export const twoVisitors: Scenario = ({ thread, stays }) => {
  const shed = alloc<Shed>({});
  stays(shed);
  thread(() => visit(shed));
  thread(() => visit(shed));
};

/** Nobody looks whether the flag is out. */
export const neverLooks: Defect<typeof shop> = {
  breaks: [{ rule: always.flagTakenWhenFree, in: twoVisitors }],
  instead: { take: shed => { lock(shed.door); shed.busy = 'taken'; unlock(shed.door); } },
};
/** The flag is forgotten. */
export const neverTaken: Defect<typeof shop> = {
  breaks: [{ rule: always.releasedByHolder, in: twoVisitors }],
  instead: { take: shed => { lock(shed.door); unlock(shed.door); } },
};
/** Looks without the door's lock. */
export const takenUnlocked: Defect<typeof shop> = {
  breaks: [{ rule: shop.shedGuards, in: twoVisitors }],
  instead: { leave: shed => { shed.busy = 'free'; wakeAll(shed.waiting); } },
};
/** Waits for the flag with the tools in hand. */
export const waitsWithTools: Defect<typeof shop> = {
  breaks: [{ rule: toolsInside, in: twoVisitors }, { rule: always.noLockCycle, in: twoVisitors }],
  instead: {
    visit: shed => {
      lock(shed.tools);
      take(shed);
      unlock(shed.tools);
      move(shed);
      leave(shed);
    },
  },
};
/** Never takes it in again. */
export const neverLeaves: Defect<typeof shop> = {
  breaks: [{ rule: always.locksBalance, in: twoVisitors }, { rule: always.everyWaitEnds, in: twoVisitors }],
  instead: { leave: shed => { lock(shed.door); unlock(shed.door); wakeAll(shed.waiting); } },
};
`;

test('explorer, interpreter and oracle agree on a flag used as a lock', () => {
  const system = systemOf(shed);
  assert.equal(broken(system, 'twoVisitors'), []);
  allAgree(system, 'twoVisitors');
  allAgree(system, 'twoVisitors', 'neverLooks');
  allAgree(system, 'twoVisitors', 'neverTaken');
  allAgree(system, 'twoVisitors', 'takenUnlocked');
  allAgree(system, 'twoVisitors', 'waitsWithTools');
});

test('each mistake with a flag is found by the rule that is meant', () => {
  const system = systemOf(shed);
  const variants = ['neverLooks', 'neverTaken', 'takenUnlocked', 'waitsWithTools', 'neverLeaves'];
  assert.equal(
    variants.map(variant => {
      const found = broken(system, 'twoVisitors', variant);
      const own = system.variants.find(({ name }) => name === variant);
      return own?.breaks.every(({ rule }) => found.includes(rule)) ? variant : `${variant}: ${found.join(' ')}`;
    }),
    variants,
  );
});

test('what is written to a flag has to be seen', () => {
  const { said } = readText(shed.replace("shed.busy = 'taken';\n  unlock", 'const word = shed.busy;\n  shed.busy = word;\n  unlock'));
  assert.match(said, 'flag-without-constant');
  assert.match(readText(shed.replace('alloc<Shed>({})', "alloc<Shed>({ busy: 'taken' })")).said, 'flag-without-constant');
  assert.match(readText(shed.replace("shed.busy !== 'free')", 'shed.busy === shed.busy)')).said, 'primitive-as-value');
});

test.run();
