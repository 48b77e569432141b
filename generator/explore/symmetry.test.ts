/** What objects and threads may change places, and what keeps them from it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Predicate, Rule } from '../model.ts';
import { type Action, END, type Program } from '../program.ts';
import { at, constant, field, head, objectType, plainSlot, pointerSlot, slot, tiny, variable, write } from '../tiny/tiny-program.ts';
import { compareReductions } from '../verify/compare-reductions.ts';
import { symmetries } from './symmetry.ts';

const test = suite('symmetry');

const modes = [{ order: false }];
const box = objectType('Box', [field('value', 'number', 1), field('busy', 'flag', 4), field('next', 'pointer', 2, 'Box')], 2, 2);
const valueOf = (name: string): Predicate => ({
  kind: 'field',
  field: { of: variable(name, 'Box'), type: 'Box', field: 'value' },
  text: `${name}.value`,
});
const asked: Rule = {
  ...head('asked'),
  kind: 'at-every',
  verb: 'called',
  type: '',
  field: 'look',
  object: '',
  given: ['box'],
  over: [{ name: 'box', type: 'Box' }],
  when: null,
  then: { kind: 'operator', operator: '!', of: [valueOf('box')], text: '!box.value' },
};
const fills = (one: number) => ({ nodes: [write(at('Box', 'value', constant(one)), 1)] });

/** Two threads that each fill a box of their own, and one that calls a function with the first box. */
function called(rules: readonly Rule[]): Program {
  const look: Action = { kind: 'called', of: 'look', with: [constant(1)] };
  return tiny({ name: 'called', types: [box], rules, threads: [fills(1), fills(2), { nodes: [look] }] });
}

test('a box that a function is called with stays where it is, if a rule asks for it', () => {
  assert.is(symmetries(called([])).length, 1);
  assert.is(symmetries(called([asked])).length, 0);
  const compared = compareReductions(called([asked]), { modes, maxStates: 100 });
  assert.equal(compared?.broken, ['step asked']);
  assert.equal(compared?.differences, []);
});

/** Two threads that each try to take the flag of one box, and find out who has it. `kept`: they know for longer than that one step. */
function owners(kept: boolean): Program {
  const on = at('Box', 'busy');
  const thread = {
    slots: [plainSlot('owner', 3), plainSlot('taken')],
    nodes: [
      { kind: 'read', target: on, slot: 0 } as const,
      { kind: 'set', slot: 1, value: { kind: 'operator', operator: '&&', of: [slot(0), constant(1)] } } as const,
      ...(kept ? [write(at('Box', 'value'), 1)] : []),
      { action: { kind: 'branch', when: kept ? slot(0) : slot(1) }, next: END } as const,
      { kind: 'flag-take', target: on } as const,
      { kind: 'flag-free', target: on } as const,
    ],
  };
  return tiny({ name: 'owners', types: [box], threads: [thread, thread] });
}

test('who knows the owner of a flag while others run is not taken for another', () => {
  assert.is(symmetries(owners(false)).length, 1);
  assert.is(symmetries(owners(true)).length, 0);
  for (const kept of [false, true]) assert.equal(compareReductions(owners(kept), { modes, maxStates: 1000 })?.differences, []);
});

test('boxes that a rule puts in an order keep their places', () => {
  const first: Rule = {
    ...head('first'),
    kind: 'invariant',
    over: [
      { name: 'a', type: 'Box' },
      { name: 'b', type: 'Box' },
    ],
    when: valueOf('a'),
    then: { kind: 'operator', operator: '<=', of: [variable('a', 'Box'), variable('b', 'Box')], text: 'a <= b' },
  };
  const filled = (rules: readonly Rule[]): Program => tiny({ name: 'filled', types: [box], rules, threads: [fills(1), fills(2)] });
  assert.is(symmetries(filled([])).length, 1);
  assert.is(symmetries(filled([first])).length, 0);
});

/** Each of two calls changes its box, or gets a pointer to the other, and fails; half of the time it has put that back. */
function leavesSomething(): Program {
  const call = (own: number, other: number) => ({
    slots: [pointerSlot('box', 'Box', 2)],
    calls: [{ operation: 'act', name: 'act', arguments: [], result: { type: null, word: true }, contract: 0 }],
    nodes: [
      { action: { kind: 'call', call: 0 } as const, call: 0 },
      { action: { kind: 'choose', alternatives: [2, 3], byCaller: false } as const, call: 0 },
      { action: { kind: 'write', target: at('Box', 'next', constant(own)), value: constant(other) } as const, call: 0 },
      { action: write(at('Box', 'value', constant(own)), 1), call: 0 },
      { action: { kind: 'choose', alternatives: [5, 6], byCaller: false } as const, call: 0 },
      { action: write(at('Box', 'value', constant(own)), 0), call: 0 },
      { action: { kind: 'return', call: 0, result: constant(1) } as const, call: 0 },
    ],
  });
  return tiny({
    name: 'leavesSomething',
    types: [box],
    words: ['EBUSY'],
    contracts: [
      {
        rule: 'putsBack',
        operation: 'act',
        parameters: [],
        fails: [{ errno: 'EBUSY', value: 1, when: { kind: 'constant', value: true } }],
        ensures: null,
        mayLeave: [],
      },
    ],
    threads: [call(1, 2), call(2, 1)],
  });
}

test('what a call has left changed changes places with its thread and its object', () => {
  const compared = compareReductions(leavesSomething(), { modes, maxStates: 10_000 });
  assert.equal(compared?.broken, ['step putsBack']);
  assert.equal(compared?.differences, []);
  const [reduced] = compared?.reduced ?? [];
  assert.is(reduced?.symmetries, 1);
  assert.ok((reduced?.states ?? 0) < (compared?.states ?? 0) * 0.6, `${reduced?.states} of ${compared?.states}`);
});

test.run();
