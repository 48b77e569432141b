import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { END, type Program, type State } from '../program.ts';
import { at, constant, field, objectType, plainSlot, slot, tiny, write } from '../tiny/tiny-program.ts';
import { abBa, claim, eachMember, underMutex, useAfterFree, withoutMutex, workAndFlush } from '../tiny/tiny-programs.ts';
import { explore } from './explore.ts';

/** Threads that have nothing to do with each other, each writing to an object of its own. */
function apart(threads: number, steps: number): Program {
  const box = objectType('Box', [field('value', 'number', 1)], threads, threads);
  const nodes = (instance: number) => Array.from({ length: steps }, () => write(at('Box', 'value', constant(instance)), 0));
  return tiny({ name: 'apart', types: [box], threads: Array.from({ length: threads }, (_, index) => ({ nodes: nodes(index + 1) })) });
}

const test = suite('explorer');

test('two threads under a mutex have 13 states', () => {
  // Whoever takes the lock first goes to its end before the other begins: two lines of six steps each, from the first state on.
  const found = explore(underMutex());
  assert.is(found.states, 13);
  assert.is(found.transitions, 12);
  assert.is(found.depth, 6);
  assert.ok(found.complete);
  assert.equal(found.witnesses, []);
});

test('threads apart from each other have the product of their places, however far the table has to grow', () => {
  const found = explore(apart(5, 6));
  assert.is(found.states, 7 ** 5);
  assert.is(found.transitions, 5 * 6 * 7 ** 4);
  assert.is(found.depth, 30);
});

test('a deadlock is found in the state that nobody leaves, and in no state where all have ended', () => {
  const found = explore(abBa());
  const deadlock = found.witnesses.find(({ kind }) => kind === 'deadlock');
  assert.is(deadlock?.rule, 'always.everyWaitEnds');
  assert.is(deadlock?.count, 1);
  assert.equal(found.path(deadlock?.state ?? -1), [
    { thread: 0, node: 0, alternative: 0 },
    { thread: 1, node: 0, alternative: 0 },
  ]);
});

test('the witness of a step says who takes which node in which state', () => {
  const found = explore(useAfterFree());
  const freed = found.witnesses.find(({ rule }) => rule === 'always.neverTouchedAfterFree');
  assert.ok(freed);
  assert.equal([freed.kind, freed.fatal, freed.step], ['step', true, { thread: 1, node: 1, alternative: 0 }]);
  // Allocated, published, read, taken back, freed.
  assert.is(found.path(freed.state).length, 5);
  assert.is(found.state(freed.state).alive['Data#1'] ?? 0, 0);
});

test('a finding that is not fatal does not cut the path', () => {
  const broken = explore(withoutMutex()).witnesses.find(({ rule }) => rule === 'boxGuards');
  assert.is(broken?.fatal, false);
  // T2 writes whatever of its four places T1 is at.
  assert.is(broken?.count, 4);
});

test('a state rule is broken by a state, without a step', () => {
  const rule = explore(claim()).witnesses.find(({ kind }) => kind === 'state');
  assert.equal([rule?.rule, rule?.step], ['takenOnlyUnderLock', null]);
});

test('quiescence is judged where all have ended and nothing is pending', () => {
  const asked: State[] = [];
  const found = explore(workAndFlush(), {
    quiescence: state => {
      asked.push(state);
      return [{ rule: 'always.quietAtTheEnd', detail: '', fatal: false, objects: {} }];
    },
  });
  assert.is(asked.length, 1);
  assert.equal(
    asked.map(({ threads }) => threads.map(({ node }) => node)),
    [[END, 0]],
  );
  assert.equal(
    found.witnesses.map(({ kind, rule, count }) => [kind, rule, count]),
    [['rest', 'always.quietAtTheEnd', 1]],
  );
  assert.equal(found.state(found.witnesses[0]?.state ?? -1), asked[0]);
});

test('the room that is given is not exceeded, and what does not fit is no error', () => {
  const found = explore(apart(5, 6), { maxStates: 1000, edges: true });
  assert.ok(found.states <= 1000);
  assert.not(found.complete);
  // What is counted was judged: whole depths, of which the next would not have fitted.
  assert.is(found.path(found.states - 1).length, found.depth);
  assert.is(explore(apart(5, 6), { maxStates: found.states + 1 }).states, found.states);
  assert.is(found.edges, undefined);
});

test('room for all states and no more is enough', () => {
  assert.ok(explore(underMutex(), { maxStates: 13 }).complete);
  assert.not(explore(underMutex(), { maxStates: 12 }).complete);
});

test('edges tell every transition once, from each state to where the step leads', () => {
  const found = explore(eachMember(), { edges: true });
  const { edges } = found;
  assert.ok(edges);
  assert.is(edges.from.length, found.transitions);
  const first = [...edges.from].flatMap((from, index) =>
    from === 0 ? [[edges.thread[index], edges.node[index], edges.alternative[index]]] : [],
  );
  assert.equal(first, [
    [0, 0, 1],
    [0, 0, 2],
  ]);
});

test('a node that no step goes through is not covered', () => {
  const found = explore(eachMember());
  assert.ok(found.covered(0, 2));
  assert.not(found.covered(0, 4));
});

test('exploring twice gives the same', () => {
  const [one, other] = [explore(useAfterFree(), { edges: true }), explore(useAfterFree(), { edges: true })];
  assert.equal(one.edges, other.edges);
  assert.equal(one.witnesses, other.witnesses);
});

test('a loop without a step is refused with its place', () => {
  const box = objectType('Box', [field('value', 'number', 1)]);
  const endless = tiny({
    name: 'spins',
    types: [box],
    threads: [
      {
        slots: [plainSlot('value')],
        nodes: [
          { kind: 'read', target: at('Box', 'value'), slot: 0 },
          { action: { kind: 'jump' }, next: 1 },
        ],
      },
    ],
  });
  assert.throws(() => explore(endless), /^tiny\.ts:2:1 jump: the loop around this has no step in it$/);
});

test('a loop whose turns can be counted beforehand needs no step', () => {
  const box = objectType('Box', [field('value', 'number', 3)]);
  const again = { kind: 'operator', operator: '<', of: [slot(0), constant(3)] } as const;
  const program = tiny({
    name: 'counts',
    types: [box],
    threads: [
      {
        slots: [plainSlot('turn', 3)],
        nodes: [
          write(at('Box', 'value'), 0),
          { kind: 'set', slot: 0, value: constant(0) },
          { kind: 'set', slot: 0, value: { kind: 'operator', operator: '+', of: [slot(0), constant(1)] } },
          { action: { kind: 'branch', when: again }, next: 2, otherwise: 4 },
          { kind: 'write', target: at('Box', 'value'), value: slot(0) },
        ],
      },
    ],
  });
  const found = explore(program);
  assert.is(found.states, 3);
  assert.is(found.state(2).cells['Box#1.value'], 3);
});

test('a value beyond the bound of its field is a finding with its way', () => {
  const counted = objectType('Counted', [field('refs', 'refcount', 1)]);
  const program = tiny({
    name: 'many',
    types: [counted],
    cells: { 'Counted#1.refs': 1 },
    threads: [{ nodes: [{ kind: 'get', target: at('Counted', 'refs') }] }],
  });
  const [only] = explore(program).witnesses;
  assert.equal([only?.rule, only?.fatal, only?.step?.node], ['always.valuesInBounds', true, 0]);
});

test.run();
