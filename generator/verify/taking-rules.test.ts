/** Rules about what is taken while something else goes on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('rules about taking');

const store = `/** A store with a door, a shelf and a till. */
import {
  alloc, lock, tryLock, unlock,
  type Defect, type GuardedBy, type Innermost, type Interface, type Mutex, type NestedOrder, type ReadOnce, type Scenario, type SpinLock, type TakesOnly,
} from '../language.ts';
import * as shop from './shop.ts';

/** A store. */
export interface Store { door: Mutex; shelf: Mutex; back: Mutex; till: SpinLock; owner: Clerk | null; sold: boolean }
/** Works there. */
export interface Clerk { readonly old: boolean }

/**
 * Who owns the store is guarded by its door, what is sold by the till.
 * @source our own example
 */
export const storeGuards: GuardedBy<Store> = { owner: store => store.door, sold: store => store.till };
/**
 * The shelf is inside the door and is left before it.
 * @source our own example
 */
export const shelfInside: NestedOrder<[Store]> = store => [store.door, store.shelf];
/**
 * Nothing is taken at the till.
 * @source our own example
 */
export const tillIsInnermost: Innermost<Store> = store => store.till;
/**
 * Selling takes only the till.
 * @source our own example
 */
export const sellTakesTill: TakesOnly<typeof sell> = store => [store.till];
/**
 * Who owns the store is asked once.
 * @source our own example
 */
export const ownerReadOnce: ReadOnce<Store> = store => store.owner;

/** Sell something. */
export function sell(store: Store): void {
  lock(store.till);
  store.sold = true;
  unlock(store.till);
}
/** Walk through. */
export function visit(store: Store): void {
  lock(store.back);
  unlock(store.back);
  lock(store.door);
  lock(store.shelf);
  sell(store);
  const owner = store.owner;
  if (owner !== null) store.owner = null;
  unlock(store.shelf);
  unlock(store.door);
}

/** What customers do. */
export const calls: Interface = { visit, sell };

/** Two customers. */
export const twoCustomers: Scenario = ({ thread, stays }) => {
  const owner = alloc<Clerk>({ old: true });
  const store = alloc<Store>({ owner });
  const other = alloc<Clerk>({ old: true });
  stays(store, owner, other);
  thread(() => visit(store));
  thread(() => {
    sell(store);
    sell(store);
  });
};

/** The door is left first. */
export const leavesDoorFirst: Defect<typeof shop> = {
  breaks: [{ rule: shelfInside, in: twoCustomers }],
  instead: { visit: store => { lock(store.door); lock(store.shelf); unlock(store.door); unlock(store.shelf); } },
};
/** Tries the shelf at the till. */
export const triesAtTill: Defect<typeof shop> = {
  breaks: [{ rule: tillIsInnermost, in: twoCustomers }, { rule: sellTakesTill, in: twoCustomers }],
  instead: { sell: store => { lock(store.till); if (tryLock(store.back)) unlock(store.back); unlock(store.till); } },
};
/** Asks who owns it twice. */
export const asksTwice: Defect<typeof shop> = {
  breaks: [{ rule: ownerReadOnce, in: twoCustomers }],
  instead: { visit: store => { lock(store.door); if (store.owner !== null) askAgain(store); unlock(store.door); } },
};
/** Asks again. */
export function askAgain(store: Store): void {
  if (store.owner === null) return;
  store.owner = null;
}
`;

const system = systemOf(store);

test('a spec that keeps them passes', () => {
  assert.equal(broken(system, 'twoCustomers'), []);
  allAgree(system, 'twoCustomers');
});

test('a lock that is let go before what is inside it breaks the nested order', () => {
  assert.equal(broken(system, 'twoCustomers', 'leavesDoorFirst'), ['shelfInside']);
  allAgree(system, 'twoCustomers', 'leavesDoorFirst');
});

test('a lock tried inside the innermost one breaks that rule, and that of a call which takes only some', () => {
  assert.equal(broken(system, 'twoCustomers', 'triesAtTill'), ['sellTakesTill', 'tillIsInnermost']);
  // The call is offered, but the one that visit makes is seen by nobody outside.
  allAgree(system, 'twoCustomers', 'triesAtTill', ['sellTakesTill']);
});

test('a field that a call reads again, in a function that it calls, breaks the rule of reading once', () => {
  assert.equal(broken(system, 'twoCustomers', 'asksTwice'), ['ownerReadOnce']);
  allAgree(system, 'twoCustomers', 'asksTwice');
});

test.run();
