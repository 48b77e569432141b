import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Predicate, Rule } from '../model.ts';
import { at, constant, field, head, objectType, seen, tiny, variable } from '../tiny/tiny-program.ts';
import { claim, withoutMutex } from '../tiny/tiny-programs.ts';
import { explainFalse } from './explain-predicate.ts';
import { startOf, successors } from './interpret.ts';

const test = suite('explaining a predicate');

test('each part of a false invariant has its value, and a part that occurs twice has one line', () => {
  const program = claim();
  const [rule] = program.rules;
  const state = { ...startOf(program), cells: { 'Box#1.taken': 1 } };
  if (!rule) throw new Error('claim has no rule');
  assert.equal(explainFalse(program, state, rule, { box: 'Box#1' }, null), [
    { text: 'box.taken', value: 'true' },
    { text: 'held(box.lock)', value: 'false' },
  ]);
});

test('a guard is judged for the thread of the event', () => {
  const program = withoutMutex();
  const [rule] = program.rules;
  const state = successors(program, startOf(program)).find(({ step }) => step.thread === 0)?.state;
  if (!rule || !state) throw new Error('withoutMutex cannot begin');
  assert.equal(explainFalse(program, state, rule, { object: 'Box#1' }, 0), [{ text: 'object.lock held by this thread', value: 'true' }]);
  assert.equal(explainFalse(program, state, rule, { object: 'Box#1' }, 1), [{ text: 'object.lock held by this thread', value: 'false' }]);
});

test('pointers, words, sets and members are given by name', () => {
  const item = objectType('Item', [field('state', 'word', 2), field('next', 'pointer', 2, 'Item')], 2, 2);
  const bag = objectType('Bag', [field('items', 'set', 3, 'Item')]);
  const program = tiny({
    name: 'named',
    types: [item, bag],
    words: ['idle', 'busy'],
    cells: { 'Item#1.state': 1, 'Item#1.next': 2, 'Item#2.state': 2, 'Bag#1.items': 3 },
    threads: [{ nodes: [{ kind: 'pick', target: at('Bag', 'items', constant(1)), slot: -1 }] }],
  });
  const seenField = (name: string, type: string, what: string): Predicate => ({
    kind: 'field',
    field: seen(name, type, what),
    text: `${name}.${what}`,
  });
  const compare = (operator: '===' | '!==', ...of: Predicate[]): Predicate => ({ kind: 'operator', operator, of, text: operator });
  const rule: Rule = {
    ...head('allIdle'),
    kind: 'invariant',
    over: [
      { name: 'bag', type: 'Bag' },
      { name: 'item', type: 'Item' },
    ],
    when: compare('===', seenField('item', 'Item', 'next'), variable('item', 'Item')),
    then: {
      kind: 'quantified',
      every: true,
      set: seen('bag', 'Bag', 'items'),
      type: 'Item',
      variable: 'one',
      text: 'every(bag.items, idle)',
      condition: compare('===', seenField('one', 'Item', 'state'), { kind: 'constant', value: 'idle' }),
    },
  };
  assert.equal(explainFalse(program, startOf(program), rule, { bag: 'Bag#1', item: 'Item#1' }, null), [
    { text: 'item.next', value: 'Item#2' },
    { text: 'item', value: 'Item#1' },
    { text: 'every(bag.items, idle)', value: 'false' },
    { text: 'one.state of Item#2', value: 'busy' },
  ]);
});

test.run();
