/** Work that runs one item at a time, and work that waits for a grace period, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('work in order, and after grace');

const mill = `/** Sacks are ground one after the other; a sack that is read about is burnt only when its readers have gone. */
import {
  alloc, always, cancel, flushQueue, free, queue, queueAfterGrace, readLock, readUnlock, unguarded,
  type Defect, type GuardedBy, type Invariant, type Natural, type OrderedWorkQueue, type RcuDomain, type Runs, type Scenario, type Work, implies,
} from '../language.ts';
import * as shop from './shop.ts';

/** The mill. */
export interface Mill { stone: OrderedWorkQueue; readers: RcuDomain; sack: Sack | null; grinding: Natural }
/** The one mill. */
export declare const mill: Mill;
/** A sack. */
export interface Sack { grind: Work; burn: Work; ground: boolean }

/**
 * The mill's pointer is published.
 * @source our own example
 */
export const millGuards: GuardedBy<Mill> = { sack: unguarded, grinding: unguarded };
/**
 * Nobody looks at what is ground.
 * @source our own example
 */
export const sackGuards: GuardedBy<Sack> = { ground: unguarded };
/** Ground, or burnt. */
export const sackRuns: Runs<Sack> = { grind: sack => grind(sack), burn: sack => free(sack) };
/**
 * One at a time.
 * @source our own example
 */
export const oneAtATime: Invariant<{ one: Mill }> = ({ one }) => one.grinding <= 1;
/**
 * The first is done before the second.
 * @source our own example
 */
export const inOrder: Invariant<{ one: Sack; other: Sack; at: Mill }> = ({ one, other, at }) =>
  implies(at.sack === one && other !== one && other.ground, one.ground);
/** Under the stone. */
export function grind(sack: Sack): void {
  mill.grinding += 1;
  sack.ground = true;
  mill.grinding -= 1;
}
/** Reads about the sack. */
export function look(): boolean {
  readLock(mill.readers);
  const sack = mill.sack;
  const ground = sack !== null && sack.ground;
  readUnlock(mill.readers);
  return ground;
}
/** Takes it away. */
export function burn(): void {
  const sack = mill.sack;
  if (sack === null) return;
  mill.sack = null;
  queueAfterGrace(mill.readers, sack.burn);
}
/** One, then the other. */
export function both(first: Sack, second: Sack): void {
  queue(first.grind, mill.stone);
  queue(second.grind, mill.stone);
  flushQueue(mill.stone);
}

/** Two sacks, and one is called off. */
export const twoSacks: Scenario = ({ thread, stays }) => {
  const first = alloc<Sack>({});
  const second = alloc<Sack>({});
  mill.sack = first;
  stays(first, second);
  thread(() => both(first, second));
};
/** The first is called off while others wait. */
export const calledOff: Scenario = ({ thread, stays }) => {
  const first = alloc<Sack>({});
  const second = alloc<Sack>({});
  const third = alloc<Sack>({});
  stays(first, second, third);
  thread(() => both(first, second));
  thread(() => { queue(third.grind, mill.stone); cancel(first.grind); });
};
/** Burnt while it is looked at. */
export const burntWhileRead: Scenario = ({ thread }) => {
  mill.sack = alloc<Sack>({});
  thread(() => look());
  thread(() => look());
  thread(() => burn());
};
/** Burnt at once. */
export const burntAtOnce: Defect<typeof shop> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: burntWhileRead }],
  instead: { burn: () => {
    const sack = mill.sack;
    if (sack === null) return;
    mill.sack = null;
    queue(sack.burn);
  } },
};
/** In the wrong order. */
export const wrongOrder: Defect<typeof shop> = {
  breaks: [{ rule: inOrder, in: twoSacks }],
  instead: { both: (first, second) => { queue(second.grind, mill.stone); queue(first.grind, mill.stone); flushQueue(mill.stone); } },
};
`;

test('items of an ordered queue run one at a time and in the order queued', () => {
  const system = systemOf(mill);
  for (const scenario of ['twoSacks', 'calledOff', 'burntWhileRead']) {
    assert.equal(broken(system, scenario), [], scenario);
    allAgree(system, scenario);
  }
  assert.equal(broken(system, 'twoSacks', 'wrongOrder'), ['inOrder']);
  allAgree(system, 'twoSacks', 'wrongOrder');
});

test('on a queue that is not ordered they run side by side', () => {
  const system = systemOf(mill.replaceAll('OrderedWorkQueue', 'WorkQueue'));
  assert.ok(broken(system, 'twoSacks').includes('oneAtATime'));
});

test('work that waits for a grace period runs when the readers have left', () => {
  const system = systemOf(mill);
  assert.ok(broken(system, 'burntWhileRead', 'burntAtOnce').includes('always.neverTouchedAfterFree'));
  allAgree(system, 'burntWhileRead', 'burntAtOnce');
});

test.run();
