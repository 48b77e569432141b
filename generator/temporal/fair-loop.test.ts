import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore } from '../explore/explore.ts';
import { canonical, startOf, successors } from '../interpret/interpret.ts';
import { type Call, END, type Program, type State, type Step } from '../program.ts';
import { at, field, lock, objectType, plainSlot, slot, type TinyNode, type TinyThread, tiny, unlock, write } from '../tiny/tiny-program.ts';
import { abBa, eachMember, underMutex, workAndFlush } from '../tiny/tiny-programs.ts';
import { type FairLoop, fairLoop } from './fair-loop.ts';
import { mayRunForEver } from './may-run-for-ever.ts';

const test = suite('fair loops');

const pair = objectType('Pair', [field('a', 'spinlock', 2), field('b', 'spinlock', 2), field('stop', 'boolean', 1)]);
const call: Call = { operation: 'take', name: 'take', arguments: [], result: { type: null, word: false }, contract: -1 };

/** A call: takes one lock, tries the other, and on failure gives the first back and begins again. */
function tryBoth(outer: string, inner: string): TinyThread {
  const inCall = (action: TinyNode): TinyNode => ('action' in action ? { ...action, call: 0 } : { action, call: 0 });
  return {
    slots: [plainSlot('got')],
    calls: [call],
    nodes: [
      inCall({ kind: 'call', call: 0 }),
      inCall(lock(at('Pair', outer))),
      inCall({ kind: 'try-lock', target: at('Pair', inner), slot: 0 }),
      inCall({ action: { kind: 'branch', when: slot(0) }, next: 6, otherwise: 4 }),
      inCall({ action: unlock(at('Pair', outer)), next: 1 }),
      inCall({ action: { kind: 'jump' }, next: 1 }),
      inCall(unlock(at('Pair', inner))),
      inCall(unlock(at('Pair', outer))),
      inCall({ kind: 'return', call: 0, result: { kind: 'constant', value: 0 } }),
    ],
  };
}

const opposite = (): Program => tiny({ name: 'opposite', types: [pair], threads: [tryBoth('a', 'b'), tryBoth('b', 'a')] });
const alike = (): Program => tiny({ name: 'alike', types: [pair], threads: [tryBoth('a', 'b'), tryBoth('a', 'b')] });

/** Reads a flag again and again until another thread has set it. */
function spinning(setter: readonly TinyNode[], extra: Partial<TinyThread> = {}): Program {
  return tiny({
    name: 'spinning',
    types: [pair],
    threads: [
      {
        slots: [plainSlot('stop')],
        calls: [call],
        nodes: [
          { action: { kind: 'call', call: 0 }, call: 0 },
          { action: { kind: 'read', target: at('Pair', 'stop'), slot: 0 }, call: 0 },
          { action: { kind: 'branch', when: slot(0) }, next: 3, otherwise: 1, call: 0 },
          { action: { kind: 'return', call: 0, result: slot(0) }, call: 0 },
        ],
      },
      { nodes: setter, ...extra },
    ],
  });
}

function loopOf(program: Program): FairLoop | null {
  const exploration = explore(program, { edges: true });
  const { edges } = exploration;
  if (edges === undefined) throw new Error('exploring gave no edges');
  return fairLoop(program, { ...exploration, edges });
}

/** The state after these steps, by the interpreter, which knows nothing of the search. */
function after(program: Program, state: State, steps: readonly Step[]): State {
  return steps.reduce((before, step) => {
    const taken = successors(program, before).find(
      one => one.step.thread === step.thread && one.step.node === step.node && one.step.alternative === step.alternative,
    );
    if (taken?.state == null) throw new Error(`thread ${step.thread} cannot take node ${step.node}`);
    return taken.state;
  }, state);
}

test('two calls that take two locks in opposite order, and back off, can go round for ever', () => {
  const program = opposite();
  const found = loopOf(program);
  assert.ok(found);
  assert.is(found.how, 'call');
  const entry = after(program, startOf(program), found.path);
  assert.is(canonical(after(program, entry, found.loop)), canonical(entry), 'the loop comes back to where it began');
  assert.equal([...new Set(found.loop.map(({ thread }) => thread))].sort(), [0, 1], 'both go on');
});

test('in the same order one of them always gets through, and a thread that is never let go on is no fair run', () => {
  // The outer lock keeps the inner one free: nobody ever fails to get it.
  assert.is(loopOf(alike()), null);
});

test('a call that waits for a flag ends if the thread that sets it is owed its turn', () => {
  assert.is(loopOf(spinning([write(at('Pair', 'stop'), 1)])), null);
});

test('a call that waits for a flag that nobody sets does not end', () => {
  const found = loopOf(spinning([]));
  assert.ok(found);
  assert.equal([found.thread, found.how, found.loop.length], [0, 'call', 1]);
});

test('the environment owes nothing: a choice that decides whether the flag is set need not come out so', () => {
  const setter: TinyNode[] = [
    { action: { kind: 'choose', alternatives: [0, 1], byCaller: false } },
    { action: write(at('Pair', 'stop'), 1), next: END },
  ];
  assert.is(loopOf(spinning(setter))?.thread, 0);
});

test('a lock that another takes again and again is given to who waits for it', () => {
  const program = tiny({
    name: 'handedOver',
    types: [pair],
    threads: [
      { nodes: [lock(at('Pair', 'a')), { action: unlock(at('Pair', 'a')), next: 0 }] },
      { nodes: [lock(at('Pair', 'a')), unlock(at('Pair', 'a'))] },
    ],
  });
  assert.is(loopOf(program), null);
});

test('a lock that is never free is given to nobody', () => {
  const program = tiny({
    name: 'kept',
    types: [pair],
    threads: [
      { nodes: [lock(at('Pair', 'a')), { action: write(at('Pair', 'stop'), 1), next: 1 }] },
      { nodes: [lock(at('Pair', 'a')), unlock(at('Pair', 'a'))] },
    ],
  });
  const found = loopOf(program);
  assert.equal([found?.thread, found?.how], [1, 'wait']);
  assert.equal(
    found?.loop.map(({ thread }) => thread),
    [0],
  );
});

test('of rounds with a lock that is free on some of them, one on which it never is counts', () => {
  // Either it keeps the lock and goes round inside, or it lets go and takes it again.
  const program = tiny({
    name: 'mayKeep',
    types: [pair],
    threads: [
      {
        nodes: [
          lock(at('Pair', 'a')),
          { action: { kind: 'choose', alternatives: [2, 3], byCaller: false } },
          { action: write(at('Pair', 'stop'), 1), next: 1 },
          { action: unlock(at('Pair', 'a')), next: 0 },
        ],
      },
      { nodes: [lock(at('Pair', 'a')), unlock(at('Pair', 'a'))] },
    ],
  });
  const found = loopOf(program);
  assert.equal([found?.thread, found?.how], [1, 'wait']);
  assert.equal([...new Set(found?.loop.map(({ node }) => node))].sort(), [1, 2]);
});

test('work that queues itself again and again comes to its end each time', () => {
  const items = objectType('Item', [field('work', 'work', 1)]);
  const program = tiny({
    name: 'requeues',
    types: [items],
    threads: [
      { nodes: [{ kind: 'queue', target: at('Item', 'work'), on: null, slot: -1 }] },
      {
        work: { type: 'Item', instance: 1, field: 'work' },
        nodes: [
          { kind: 'take', target: at('Item', 'work') },
          { kind: 'queue', target: at('Item', 'work'), on: null, slot: -1 },
          { action: { kind: 'done', target: at('Item', 'work') }, next: 0 },
        ],
      },
    ],
  });
  assert.ok(mayRunForEver(program));
  assert.is(loopOf(program), null);
});

test('by its shape: code without a way back ends, work that nobody queues for ever ends, a loop over a set ends', () => {
  for (const program of [underMutex(), abBa(), workAndFlush(), eachMember()]) {
    assert.not(mayRunForEver(program), program.scenario);
    assert.is(loopOf(program), null, program.scenario);
  }
  for (const program of [opposite(), alike(), spinning([])]) assert.ok(mayRunForEver(program), program.scenario);
});

test.run();
