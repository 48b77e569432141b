/** Rules that calls end, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('rules that calls end');

const inn = `/** An innkeeper waits until the last guest has gone. */
import {
  alloc, always, lock, maybe, seconds, unlock, waitEventTimeout, waitEventUnlocked, wakeAll,
  type Defect, type Ends, type GuardedBy, type Mutex, type Scenario, type WaitQueue,
} from '../language.ts';
import * as shop from './shop.ts';

/** An inn. */
export interface Inn { lock: Mutex; leaving: WaitQueue; guest: boolean }
/**
 * All under the lock.
 * @source our own example
 */
export const innGuards: GuardedBy<Inn> = { guest: inn => inn.lock };
/**
 * The inn closes within an hour, if the guest goes.
 * @source our own example
 */
export const closingEnds: Ends<typeof close> = { within: seconds(3600), given: inn => !inn.guest };
/**
 * A guest's leaving ends.
 * @source our own example
 */
export const leavingEnds: Ends<typeof leave> = {};

/** Ask again and again. */
export function close(inn: Inn): void {
  for (;;) {
    lock(inn.lock);
    const how = waitEventTimeout(inn.leaving, () => !inn.guest, seconds(10), inn.lock);
    unlock(inn.lock);
    if (how === 'woken') break;
  }
}
/** Go. */
export function leave(inn: Inn): void {
  lock(inn.lock);
  inn.guest = false;
  unlock(inn.lock);
  wakeAll(inn.leaving);
}
/** The guest goes, or not. */
export const guestMayGo: Scenario = ({ thread, stays }) => {
  const inn = alloc<Inn>({});
  inn.guest = true;
  stays(inn);
  thread(() => close(inn));
  thread(() => { if (maybe()) leave(inn); });
};
/** Sleeps once, for ever. */
export const noTimeout: Defect<typeof shop> = {
  breaks: [{ rule: closingEnds, in: guestMayGo }],
  instead: {
    close: inn => { lock(inn.lock); waitEventUnlocked(inn.leaving, () => !inn.guest, inn.lock); unlock(inn.lock); },
    leave: inn => { lock(inn.lock); inn.guest = false; unlock(inn.lock); },
  },
};
/** Asks for ever. */
export const neverSatisfied: Defect<typeof shop> = {
  breaks: [{ rule: closingEnds, in: guestMayGo }],
  instead: { close: inn => { for (;;) { lock(inn.lock); const guest = inn.guest; unlock(inn.lock); if (guest && !guest) break; } } },
};
/** The guest cannot find the door. */
export const lostGuest: Defect<typeof shop> = {
  breaks: [{ rule: leavingEnds, in: guestMayGo }, { rule: always.everyWaitEnds, in: guestMayGo }],
  instead: { leave: inn => { for (;;) { lock(inn.lock); const guest = inn.guest; unlock(inn.lock); if (!guest) break; } } },
};
`;

test('a call that the environment keeps from ending is not broken', () => {
  const system = systemOf(inn);
  assert.equal(broken(system, 'guestMayGo'), []);
  allAgree(system, 'guestMayGo');
});

test('a call that does not end although all that is owed is done breaks the rule', () => {
  const system = systemOf(inn);
  assert.equal(broken(system, 'guestMayGo', 'noTimeout'), ['always.everyWaitEnds', 'closingEnds']);
  assert.ok(broken(system, 'guestMayGo', 'neverSatisfied').includes('closingEnds'));
});

test('a call that goes round for ever breaks its own rule, and that every wait ends', () => {
  assert.equal(broken(systemOf(inn), 'guestMayGo', 'lostGuest'), ['always.everyWaitEnds', 'leavingEnds']);
});

test.run();
