import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Program } from '../program.ts';
import {
  begunBefore,
  cancelAndFlush,
  counterAtZero,
  exclusiveEntries,
  flushesItself,
  flushQueue,
  freedInUse,
  graceInside,
  interrupt,
  leftBehind,
  lostReference,
  nestedSections,
  notHeld,
  runFreesItself,
  timedSleep,
  tinyCorners,
} from '../tiny/tiny-corners.ts';
import {
  abBa,
  claim,
  descriptorUnderSpinlock,
  eachMember,
  gracePeriod,
  noGracePeriod,
  putToZero,
  sleepAndWake,
  takenTwice,
  tinyPrograms,
  underMutex,
  useAfterFree,
  wakeCallback,
  withoutMutex,
  workAndFlush,
} from '../tiny/tiny-programs.ts';
import { exploreSlowly } from './explore-slowly.ts';

const test = suite('slow exploration');

function counts(program: Program): [states: number, transitions: number] {
  const { states, transitions } = exploreSlowly(program);
  return [states, transitions];
}
function broken(program: Program): string[] {
  return Object.keys(exploreSlowly(program).findings).sort();
}
function clean(program: Program): void {
  const { findings, stuck, cut } = exploreSlowly(program);
  assert.equal({ findings, stuck, cut }, { findings: {}, stuck: 0, cut: 0 });
}

test('two threads under a mutex have 13 states: 12 pairs of places, one of them with either value', () => {
  assert.equal(counts(underMutex()), [13, 12]);
  clean(underMutex());
});

test('AB-BA has 19 pairs of places that can be reached, one of them a deadlock', () => {
  const { states, stuck } = exploreSlowly(abBa());
  assert.equal([states, stuck], [19, 1]);
});

test('two puts in either order, and a free after the last, have 6 states', () => {
  assert.equal(counts(putToZero()), [6, 6]);
  clean(putToZero());
});

test('a work item and who flushes it have 11 states', () => {
  assert.equal(counts(workAndFlush()), [11, 13]);
  clean(workAndFlush());
});

test('two members are visited in two orders, and one of them is picked', () => {
  assert.equal(counts(eachMember()), [10, 10]);
  clean(eachMember());
});

test('waiting for the grace period saves the reader, and not waiting does not', () => {
  clean(gracePeriod());
  assert.equal(broken(noGracePeriod()), ['always.neverTouchedAfterFree']);
});

test('a callback runs only while its entry is on the queue', () => clean(wakeCallback()));

test('a wake-up before the flag is set is lost, and one after it is not', () => {
  clean(sleepAndWake());
  assert.is(exploreSlowly(sleepAndWake(true)).stuck, 1);
});

test('what was freed is not touched, and null is not followed', () => {
  assert.equal(broken(useAfterFree()), ['always.neverTouchedAfterFree', 'always.nullNeverFollowed']);
});

test('a guard, an order and a mutex taken twice are each found, and nothing else is', () => {
  assert.equal(broken(withoutMutex()), ['boxGuards']);
  assert.equal(broken(abBa()), ['aOutsideB']);
  assert.equal(broken(takenTwice()), ['always.neverTakenTwice']);
});

test('a call that never looks breaks its contract, and one that looks does not', () => {
  assert.not(broken(claim()).includes('claimContract'));
  assert.ok(broken(claim('succeed')).includes('claimContract'));
});

test("the last put of a descriptor's file frees it, whoever makes it", () => {
  assert.equal(broken(descriptorUnderSpinlock()), ['always.neverSleepsInAtomic']);
});

test('a run that is cancelled has ended for who flushes it', () => clean(cancelAndFlush()));
test('a flush of the work queue waits for every item on it', () => clean(flushQueue()));
test('nested read sections end one by one, and later ones are not waited for', () => clean(nestedSections()));

test('who flushes a run that frees its object touches it before, not after', () => {
  const { findings, stuck } = exploreSlowly(runFreesItself());
  assert.equal(Object.keys(findings), ['always.neverTouchedAfterFree']);
  assert.is(stuck, 0);
});

test('a run that waits for itself is found at once', () => {
  for (const how of ['flush-begin', 'cancel-begin', 'flush-queue-begin'] as const)
    assert.equal(broken(flushesItself(how)), ['always.neverFlushesItself'], how);
});

test('what is freed in use is found, and why is said', () => {
  const why = (what: Parameters<typeof freedInUse>[0]) => exploreSlowly(freedInUse(what)).findings['always.freedWhenIdle']?.first.detail;
  assert.is(why('lock'), 'Box#1 is freed while Box#1.lock is held');
  assert.is(why('work'), 'Box#1 is freed while Box#1.work is pending');
  assert.is(why('entry'), 'Box#1 is freed while Box#1.entry is on a wait queue');
  assert.is(why('queue'), 'Box#1 is freed while Box#2.entry is on Box#1.wait');
  assert.is(why('set'), 'Box#1 is freed while it is in Bag#1.boxes');
  assert.is(why('reader'), 'Box#1 is freed while a read section of Box#1.srcu is open');
  assert.is(why('counter'), 'Box#1 is freed while Box#1.refs is 1');
});

test('a counter at 0 stays there', () => {
  assert.equal(broken(counterAtZero('get')), ['always.neverResurrected']);
  assert.equal(broken(counterAtZero('put')), ['always.referencesBalance']);
  clean(counterAtZero('get-unless-zero'));
});

test('letting go of what is not held cuts the path, claiming to hold it does not', () => {
  for (const how of ['unlock', 'exit'] as const)
    assert.equal(broken(notHeld(how)), ['always.heldWhereAsserted', 'always.releasedByHolder'], how);
});

test('a grace period inside a read section never ends, and in an rcu section it must not even be waited for', () => {
  assert.equal(broken(graceInside('srcu')), ['always.everyWaitEnds']);
  assert.equal(broken(graceInside('rcu')), ['always.everyWaitEnds', 'always.neverSleepsInAtomic']);
});

test('an interrupt may try a lock, and may not sleep for one', () => assert.equal(broken(interrupt()), ['always.neverSleepsInAtomic']));

test('a timed sleep ends by itself, and a rule at every write sees both choices of what comes after', () => {
  const { findings, stuck, cut } = exploreSlowly(timedSleep());
  assert.equal([Object.keys(findings), stuck, cut], [['lateOnlyUnderLock'], 0, 0]);
  assert.equal(findings['lateOnlyUnderLock']?.first.objects, { gate: 'Gate#1', other: 'Gate#1' });
});

test('a queue never has two exclusive entries, and a settled rule is not judged while its lock is held', () => {
  exploreSlowly(exclusiveEntries(), ({ cells }) => assert.ok((cells['Waiter#1.entry'] ?? 0) + (cells['Waiter#2.entry'] ?? 0) <= 1));
  assert.equal(broken(exclusiveEntries()), ['noEntryWhileFree']);
});

test('at rest, what is left behind and a reference without an owner are found', () => {
  assert.is(exploreSlowly(leftBehind()).findings['always.quietAtTheEnd']?.count, 3);
  assert.is(
    exploreSlowly(lostReference()).findings['always.referencesBalance']?.first.detail,
    'File#1.refs is 1 and should be 0: nobody owns it',
  );
});

test('what was begun before the first thread can be ended by the threads', () => {
  // Five places of the one thread; of the worker four: pending, writing, ending, idle.
  assert.equal(counts(begunBefore()), [20, 31]);
  clean(begunBefore());
});

test('every tiny program has a name of its own', () => {
  assert.ok(tinyPrograms.length > tinyCorners.length);
  assert.is(new Set(tinyPrograms.map(({ scenario }) => scenario)).size, tinyPrograms.length);
});

test.run();
