import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Thread } from '../program.ts';
import { at, constant, field, objectType, plainSlot, pointerSlot, slot, type TinyThread, tiny } from '../tiny/tiny-program.ts';
import { liveness, reachable } from './liveness.ts';

function threadOf(thread: TinyThread, contract = false): Thread {
  const [made] = tiny({
    name: 'one',
    types: [objectType('Box', [field('to', 'pointer', 1, 'Box'), field('set', 'set', 1, 'Box')])],
    threads: [thread],
    contracts: contract
      ? [{ rule: 'contract', operation: 'act', parameters: [{ name: 'box', type: 'Box' }], fails: [], ensures: null }]
      : [],
  }).threads;
  if (made === undefined) throw new Error('no thread was made');
  return made;
}
const live = (thread: Thread): number[][] => liveness(thread).map(set => [...set].sort());

const test = suite('liveness');

test('a slot is live from where it is given a value to its last use, also as the object of a target', () => {
  assert.equal(
    live(
      threadOf({
        slots: [pointerSlot('one', 'Box'), pointerSlot('other', 'Box')],
        nodes: [
          { kind: 'read', target: at('Box', 'to'), slot: 0 },
          { kind: 'read', target: at('Box', 'to', slot(0)), slot: 1 },
          { kind: 'write', target: at('Box', 'to'), value: slot(1) },
        ],
      }),
    ),
    [[], [0], [1]],
  );
});

test('a loop keeps alive what its next turn reads', () => {
  assert.equal(
    live(
      threadOf({
        slots: [plainSlot('visited', 1), pointerSlot('member', 'Box'), plainSlot('kept')],
        nodes: [
          { action: { kind: 'next', target: at('Box', 'set'), visited: 0, slot: 1 }, next: 1, otherwise: 2 },
          { action: { kind: 'write', target: at('Box', 'to'), value: slot(1) }, next: 0 },
          { kind: 'write', target: at('Box', 'to'), value: slot(2) },
        ],
      }),
    ),
    [[0, 2], [0, 1, 2], [2]],
  );
});

test('the arguments of a call with a contract are live at every place inside it', () => {
  const call = (contract: number): TinyThread => ({
    slots: [pointerSlot('box', 'Box')],
    calls: [
      {
        operation: 'act',
        name: 'act',
        arguments: [{ value: slot(0), type: 'Box', word: false }],
        result: { type: null, word: false },
        contract,
      },
    ],
    nodes: [
      { kind: 'read', target: at('Box', 'to'), slot: 0 },
      { action: { kind: 'call', call: 0 }, call: 0 },
      { action: { kind: 'write', target: at('Box', 'to'), value: constant(0) }, call: 0 },
      { action: { kind: 'return', call: 0, result: constant(0) }, call: 0 },
    ],
  });
  assert.equal(live(threadOf(call(0), true)), [[], [0], [0], [0]]);
  assert.equal(live(threadOf(call(-1))), [[], [0], [], []]);
});

test('what is after a node that cannot be reached is not reached', () => {
  assert.equal(
    reachable(threadOf({ nodes: [{ action: { kind: 'jump' }, next: 2 }, { kind: 'bug' }, { kind: 'bug' }, { kind: 'bug' }] })),
    [0, 2],
  );
});

test.run();
