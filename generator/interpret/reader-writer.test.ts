import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Program } from '../program.ts';
import {
  changesSides,
  freedWhileRead,
  readersAndWriter,
  readersInBothOrders,
  readsNot,
  readsTwice,
  sleepsUnderRwLock,
  spinningSides,
} from '../tiny/tiny-locks.ts';
import { exploreSlowly } from './explore-slowly.ts';

const test = suite('reader-writer locks');

const broken = (program: Program): string[] => Object.keys(exploreSlowly(program).findings).sort();
function clean(program: Program): void {
  const { findings, stuck, cut } = exploreSlowly(program);
  assert.equal({ findings, stuck, cut }, { findings: {}, stuck: 0, cut: 0 });
}

test('readers share, a writer is alone, and all come through', () => {
  clean(readersAndWriter());
  clean(spinningSides());
});

test('a reader of a fair lock does not read it again, of a spinning one it may', () => {
  assert.equal(broken(readsTwice('rwsem')), ['always.neverTakenTwice']);
  clean(readsTwice('rwlock'));
});

test('nobody takes the other side of a lock that it has', () => {
  for (const from of ['read', 'write'] as const)
    for (const kind of ['rwsem', 'rwlock'] as const) assert.equal(broken(changesSides(from, kind)), ['always.neverTakenTwice']);
});

test('two readers that take a mutex in both orders deadlock only if a writer waits between them', () => {
  const { stuck } = exploreSlowly(readersInBothOrders(true));
  assert.ok(stuck > 0);
  // T1 reads and wants the mutex, T2 has the mutex and wants to read: both may read.
  clean(readersInBothOrders(false));
});

test('an rwlock is atomic context, an rwsem sleeps', () => {
  assert.equal(broken(sleepsUnderRwLock()), ['always.neverSleepsInAtomic']);
});

test('the read side is released by its reader, and keeps the object from being freed', () => {
  assert.equal(broken(readsNot()), ['always.releasedByHolder']);
  assert.ok(broken(freedWhileRead()).includes('always.freedWhenIdle'));
});

test.run();
