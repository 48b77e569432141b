import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Thread } from '../program.ts';
import { at, field, lock, objectType, plainSlot, slot, type TinyNode, tiny, unlock } from '../tiny/tiny-program.ts';
import { deepest, mayHold } from './may-hold.ts';

function threadOf(nodes: readonly TinyNode[]): Thread {
  const [thread] = tiny({
    name: 'one',
    types: [objectType('Box', [field('lock', 'mutex'), field('srcu', 'srcu')])],
    threads: [{ slots: [plainSlot('taken')], nodes }],
  }).threads;
  if (thread === undefined) throw new Error('no thread was made');
  return thread;
}
const held = (thread: Thread, name: string): number[] => mayHold(thread).map(at => at.get(name) ?? 0);

const test = suite('what a thread may hold');

test('a lock is held from the step after lock to unlock', () => {
  assert.equal(held(threadOf([lock(at('Box', 'lock')), { kind: 'bug' }]), 'Box.lock'), [0, 1]);
  assert.equal(held(threadOf([lock(at('Box', 'lock')), unlock(at('Box', 'lock')), { kind: 'call', call: 0 }]), 'Box.lock'), [0, 1, 0]);
});

test('what is held on one way to a node may be held there', () => {
  assert.equal(
    held(
      threadOf([
        { kind: 'try-lock', target: at('Box', 'lock'), slot: 0 },
        { action: { kind: 'branch', when: slot(0) }, next: 2, otherwise: 3 },
        unlock(at('Box', 'lock')),
        { kind: 'call', call: 0 },
      ]),
      'Box.lock',
    ),
    [0, 1, 1, 1],
  );
});

test('sections that nest are counted, the last one too', () => {
  const enter: TinyNode = { kind: 'enter', target: at('Box', 'srcu') };
  const thread = threadOf([enter, enter]);
  assert.is(deepest(thread, mayHold(thread), 'Box.srcu'), 2);
});

test('sections that are opened in a loop and never closed are counted up to a bound', () => {
  const thread = threadOf([{ action: { kind: 'enter', target: at('Box', 'srcu') }, next: 0 }]);
  assert.is(deepest(thread, mayHold(thread), 'Box.srcu'), 7);
});

test.run();
