/** Rules that mean nothing, one of every kind, for the objects of `random-actions.ts`. For tests. */
import * as fc from 'fast-check';
import type { Predicate, Rule } from '../model.ts';
import type { Contract } from '../program.ts';
import { head, variable } from './tiny-program.ts';

const seenField = (of: Predicate, name: string) => ({ of, type: 'Thing', field: name });
const looks = (of: Predicate): fc.Arbitrary<Predicate> => {
  const through: Predicate = { kind: 'field', field: seenField(of, 'to'), text: 'x.to' };
  const flat: readonly Predicate[] = [
    {
      kind: 'operator',
      operator: '<',
      of: [
        { kind: 'field', field: seenField(of, 'value'), text: 'x.value' },
        { kind: 'constant', value: 2 },
      ],
      text: 'x.value < 2',
    },
    { kind: 'live', type: 'Thing', of: through, text: 'isLive(x.to)' },
    { kind: 'operator', operator: '===', of: [through, { kind: 'constant', value: null }], text: 'x.to === null' },
    {
      kind: 'operator',
      operator: '===',
      of: [
        { kind: 'field', field: seenField(through, 'fixed'), text: 'x.to.fixed' },
        { kind: 'field', field: seenField(of, 'fixed'), text: 'x.fixed' },
      ],
      text: 'x.to.fixed === x.fixed',
    },
    { kind: 'queued', work: seenField(of, 'work'), text: 'isQueued(x.work)' },
    { kind: 'on-queue', entry: seenField(of, 'entry'), text: 'isOnQueue(x.entry)' },
    { kind: 'has', set: seenField(of, 'set'), member: through, text: 'x.set.has(x.to)' },
    { kind: 'holds', lock: seenField(of, 'mutex'), text: 'holds(x.mutex)' },
    { kind: 'holds', lock: seenField(through, 'srcu'), text: 'holds(x.to.srcu)' },
    { kind: 'holds', lock: seenField(of, 'sem'), text: 'holds(x.sem)' },
    { kind: 'holds', lock: seenField(of, 'rw'), toWrite: true, text: 'holds(x.rw)' },
    { kind: 'held', lock: seenField(of, 'sem'), toWrite: true, text: 'held(x.sem)' },
    { kind: 'held', lock: seenField(of, 'rw'), text: 'held(x.rw)' },
    { kind: 'held', lock: seenField(of, 'spin'), text: 'held(x.spin)' },
    { kind: 'held', lock: seenField(of, 'rcu'), text: 'held(x.rcu)' },
    { kind: 'held', lock: seenField(of, 'busy'), text: "x.busy === 'taken'" },
    { kind: 'held', lock: seenField(of, 'chain'), toWrite: true, text: 'held(x.chain)' },
    { kind: 'on-queue', entry: seenField(of, 'block'), text: 'isOnQueue(x.block)' },
    { kind: 'field', field: seenField(of, 'done'), text: 'x.done' },
    {
      kind: 'operator',
      operator: '===',
      of: [{ kind: 'field', field: seenField(of, 'user'), text: 'x.user' }, { kind: 'current' }],
      text: 'x.user === current',
    },
    ...[true, false].map(
      (every): Predicate => ({
        kind: 'quantified',
        every,
        set: seenField(of, 'set'),
        type: 'Thing',
        variable: 'member',
        text: 'quantified',
        condition: { kind: 'operator', operator: '!==', of: [variable('member', 'Thing'), through], text: 'member !== x.to' },
      }),
    ),
  ];
  const one = fc.constantFrom(...flat);
  return fc.oneof(
    one,
    one.map((of): Predicate => ({ kind: 'operator', operator: '!', of: [of], text: '!' })),
    fc
      .tuple(fc.constantFrom('&&', '||'), one, one)
      .map(([operator, a, b]): Predicate => ({ kind: 'operator', operator, of: [a, b], text: operator })),
  );
};

/** A rule of every kind. */
export const rules: fc.Arbitrary<Rule[]> = fc
  .tuple(
    looks(variable('object', 'Thing')),
    looks(variable('object', 'Thing')),
    looks(variable('thing', 'Thing')),
    looks(variable('thing', 'Thing')),
    looks(variable('x', 'Thing')),
    looks(variable('argument', 'Thing')),
    fc.constantFrom('write', 'put', 'lock', 'queue', 'exit', 'read-lock', 'write-lock', 'flag-take', 'complete'),
  )
  .map(([read, write, when, then, first, argument, verb]): Rule[] => [
    {
      ...head('guarded'),
      kind: 'guards',
      type: 'Thing',
      fields: {
        value: { read: [read], write: [write, read] },
        set: { read: [write], write: [] },
        busy: { read: [], write: [read] },
        to: null,
      },
    },
    {
      ...head('order'),
      kind: 'order',
      classes: ['Thing.srcu', 'run of Thing.work', 'Thing.mutex', 'Thing.sem', 'Thing.rw', 'Thing.spin', 'Thing.wait', 'Thing.rcu'],
      nested: false,
    },
    { ...head('exception'), kind: 'order-exception', outer: 'Thing.spin', inner: 'Thing.mutex' },
    { ...head('invariant'), kind: 'invariant', over: [{ name: 'thing', type: 'Thing' }], when, then },
    {
      ...head('settled'),
      kind: 'settled',
      over: [
        { name: 'thing', type: 'Thing' },
        { name: 'x', type: 'Thing' },
      ],
      busy: first,
      when: null,
      then,
    },
    { ...head('nested'), kind: 'order', classes: ['Thing.sem', 'Thing.spin', 'Thing.rcu', 'Thing.mutex'], nested: true },
    { ...head('innermost'), kind: 'innermost', lock: 'Thing.sem' },
    { ...head('takesOnly'), kind: 'takes-only', operation: 'act', classes: ['Thing.spin', 'Thing.srcu'] },
    { ...head('readOnce'), kind: 'read-once', type: 'Thing', field: 'value' },
    {
      ...head('atEvery'),
      kind: 'at-every',
      verb,
      type: 'Thing',
      field:
        {
          write: 'value',
          put: 'refs',
          lock: 'mutex',
          queue: 'work',
          exit: 'srcu',
          'read-lock': 'sem',
          'write-lock': 'sem',
          'flag-take': 'busy',
          complete: 'done',
        }[verb] ?? '',
      object: 'thing',
      over: [
        { name: 'thing', type: 'Thing' },
        { name: 'x', type: 'Thing' },
      ],
      when: first,
      then,
    },
    {
      ...head('atCalls'),
      kind: 'at-every',
      verb: 'called',
      type: '',
      field: 'act',
      object: '',
      given: ['argument'],
      over: [{ name: 'argument', type: 'Thing' }],
      when: null,
      then: argument,
    },
    { ...head('ends'), kind: 'ends', operation: 'act', parameters: [{ name: 'argument', type: 'Thing' }], given: argument, within: null },
  ]);

export const contract: fc.Arbitrary<Contract> = fc
  .tuple(
    looks(variable('thing', 'Thing')),
    fc.oneof(looks(variable('thing', 'Thing')), fc.constant<Predicate>({ kind: 'constant', value: true })),
    fc.option(looks(variable('thing', 'Thing')), { nil: null }),
    fc.option(fc.constantFrom([], ['Thing.value'], ['Thing.refs', 'Thing.set']), { nil: null }),
  )
  .map(([first, second, ensures, mayLeave]) => ({
    rule: 'contract',
    operation: 'act',
    parameters: [{ name: 'thing', type: 'Thing' }],
    fails: [
      { errno: 'EBUSY', value: 1, when: first },
      { errno: 'EINVAL', value: 2, when: second },
    ],
    ensures,
    ...(mayLeave === null ? {} : { mayLeave }),
  }));
