/** Rules that only a variant has or brings back, counted loops that are left early, and references owned by a pointer to a function. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('variants, loops and owners');

const mill = `/** A mill grinds up to three sacks. */
import {
  alloc, always, lock, unlock, symbolGet, symbolPut,
  type Defect, type Exports, type GuardedBy, type Innermost, type LockOrder, type Module, type Mutex, type Natural, type Owns, type Scenario, type Settled, type Variant,
} from '../language.ts';
import * as shop from './shop.ts';

/** A mill. */
export interface Mill { lock: Mutex; inner: Mutex; ground: Natural; sacks: Natural; miller: typeof grind | null; guest: Guest | null }
/** Nobody comes in these scenarios. */
export interface Guest { readonly fee: Natural }
/** The module of the miller. */
export declare const millModule: Module;
/** What it offers. */
export const millExports: Exports = { module: millModule, symbols: [grind] };

/**
 * Under the lock.
 * @source our own example
 */
export const millGuards: GuardedBy<Mill> = { ground: mill => mill.lock, sacks: mill => mill.lock, miller: mill => mill.lock, guest: mill => mill.lock };
/** A hired miller stays. */
export const millOwns: Owns<Mill> = { miller: () => millModule.pins };
/**
 * Never more than two.
 * @source our own example
 */
export const atMostTwo: Settled<{ mill: Mill }> = ({ mill }) => mill.ground <= 2;
/**
 * Inner is inside.
 * @source our own example
 */
export const innerInside: LockOrder<[Mill]> = mill => [mill.lock, mill.inner];
/**
 * Only where a variant says so.
 * @source our own example
 */
export const lockIsInnermost: Innermost<Mill> = mill => mill.lock;

/** One sack. */
export function grind(mill: Mill): void { mill.ground += 1; }
/** Grinds until the sacks are used up; the second is skipped if it is the last. */
export function work(mill: Mill, guest: Guest | null): void {
  lock(mill.lock);
  mill.guest = guest;
  lock(mill.inner);
  unlock(mill.inner);
  for (let round = 0; round < 3; round += 1) {
    const left = mill.sacks;
    if (left === 0) break;
    mill.sacks = left - 1;
    if (left === 2) continue;
    const miller = mill.miller;
    if (miller !== null) miller(mill);
  }
  unlock(mill.lock);
}
/** Hires the miller. */
export function hire(mill: Mill): void {
  lock(mill.lock);
  mill.miller = symbolGet(grind);
  unlock(mill.lock);
}

/** Two workers. */
export const twoWork: Scenario = ({ thread, stays }) => {
  const mill = alloc<Mill>({});
  stays(mill);
  mill.sacks = 3;
  hire(mill);
  thread(() => work(mill, null));
  thread(() => work(mill, null));
};
/** Hired twice. */
export const hiring: Scenario = ({ thread, stays }) => {
  const mill = alloc<Mill>({});
  stays(mill);
  thread(() => hire(mill));
};
/** The miller is pinned and forgotten. */
export const pinned: Defect<typeof shop> = {
  breaks: [{ rule: always.referencesBalance, in: hiring }],
  instead: { hire: mill => { const miller = symbolGet(grind); lock(mill.lock); mill.miller = null; unlock(mill.lock); if (miller !== null) return; symbolPut(grind); } },
};
/** Nothing is taken inside. */
export const strict: Variant<typeof shop> = { also: [lockIsInnermost], instead: { millGuards: shop.millGuards } };
/** With a weaker rule. */
export const lax: Variant<typeof shop> = { instead: { atMostTwo: ({ mill }) => mill.ground <= 7 } };
/** Brings it back. */
export const laxNoMore: Variant<typeof shop> = { of: lax, instead: { atMostTwo: shop.atMostTwo, grind: mill => { mill.ground += 3; } } };
`;

test('counted loops can be left early, and a round cut short', () => {
  const system = systemOf(mill);
  assert.equal(broken(system, 'twoWork'), []);
  allAgree(system, 'twoWork');
});

test('a rule that a variant adds does not hold in the base', () => {
  const system = systemOf(mill);
  assert.not.ok(system.rules.some(({ name }) => name === 'lockIsInnermost'));
  assert.equal(broken(system, 'twoWork', 'strict'), ['lockIsInnermost']);
});

test('a variant brings a rule of the base back by its name', () => {
  const system = systemOf(mill);
  assert.equal(broken(system, 'twoWork', 'lax'), []);
  assert.equal(broken(system, 'twoWork', 'laxNoMore'), ['atMostTwo']);
});

test('a field that points to a function may own a reference on a declared object', () => {
  const system = systemOf(mill);
  assert.equal(broken(system, 'hiring'), []);
  assert.equal(broken(system, 'hiring', 'pinned'), ['always.referencesBalance']);
  const wrong = mill
    .replace('() => millModule.pins', '() => wrongModule.pins')
    .replace('/** A hired', 'const wrongModule: Module = millModule;\n/** A hired');
  assert.match(readText(wrong).said, 'neither what the field points to nor a declared object');
});

test.run();
