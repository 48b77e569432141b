/** Programs that mean nothing, with every action in every place: for comparing what runs programs. For tests. */
import * as fc from 'fast-check';
import type { Predicate, Rule } from '../model.ts';
import { type Action, type Call, type Contract, END, type Program, type Slot, type Target, type Value } from '../program.ts';
import { constant, field, head, objectType, slot, type TinyNode, type TinyThread, tiny, variable } from './tiny-program.ts';

const POOL = 2;
const slots: readonly Slot[] = [
  { name: 'one', max: POOL, type: 'Thing', word: false },
  { name: 'other', max: POOL, type: 'Thing', word: false },
  { name: 'visited', max: 3, type: null, word: false },
  { name: 'value', max: 3, type: null, word: false },
  { name: 'flag', max: 1, type: null, word: false },
];
const VISITED = 2,
  VALUE = 3,
  FLAG = 4;

const thing = (initial: number) =>
  objectType(
    'Thing',
    [
      field('mutex', 'mutex', 4),
      field('spin', 'spinlock', 4),
      field('rw', 'rwlock', 4),
      field('sem', 'rwsem', 4),
      field('refs', 'refcount', 3),
      field('value', 'number', 3),
      field('flag', 'boolean', 1),
      field('to', 'pointer', POOL, 'Thing'),
      field('set', 'set', 3, 'Thing'),
      field('srcu', 'srcu', 0),
      field('rcu', 'rcu', 0),
      field('work', 'work', 2),
      field('queue', 'work-queue', 0),
      field('wait', 'wait-queue', 4),
      field('entry', 'wait-entry', POOL),
      field('busy', 'flag', 4),
      field('done', 'completion', 1),
      field('fixed', 'number', 3, null, true),
    ],
    initial,
    POOL,
  );

const object: fc.Arbitrary<Value> = fc.oneof(
  { weight: 20, arbitrary: fc.constant(constant(1)) },
  { weight: 3, arbitrary: fc.constant(constant(2)) },
  { weight: 20, arbitrary: fc.constantFrom(slot(0), slot(1)) },
  { weight: 1, arbitrary: fc.constant(constant(0)) },
);
const on = (name: string): fc.Arbitrary<Target> => object.map(of => ({ object: of, type: 'Thing', field: name }));
const lockable = fc.constantFrom('mutex', 'spin', 'wait').chain(on);
const readerWriter = fc.constantFrom('rw', 'sem').chain(on);
const domain = fc.constantFrom('srcu', 'rcu').chain(on);
const pointerSlot = fc.constantFrom(0, 1);
const small: fc.Arbitrary<Value> = fc.oneof(fc.integer({ min: 0, max: 3 }).map(constant), fc.constantFrom(slot(VALUE), slot(FLAG)));
const condition: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(slot(0), slot(1), slot(VALUE), slot(FLAG)),
  fc
    .tuple(fc.constantFrom('===', '!==', '<', '<=', '>', '>=', '&&', '||'), small, small)
    .map(([operator, a, b]): Value => ({ kind: 'operator', operator, of: [a, b] })),
);

const step: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), target: on('to'), slot: pointerSlot }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read'), target: on('value'), slot: fc.constant(VALUE) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('read'), target: on('value'), slot: fc.constant(VALUE), once: fc.constant(VISITED) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('write'), target: on('to'), value: fc.constantFrom(constant(0), slot(0), slot(1)) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write'), target: on('value'), value: small }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('add', 'remove'), target: on('set'), member: object }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('has'), target: on('set'), member: object, slot: fc.constant(FLAG) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('next'), target: on('set'), visited: fc.constant(VISITED), slot: pointerSlot }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pick'), target: on('set'), slot: pointerSlot }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('lock'), target: lockable, irq: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlock'), target: lockable, irq: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lock'), target: on('rw'), irq: fc.constant(false) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlock'), target: readerWriter, irq: fc.constant(false) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('read-lock', 'read-unlock'), target: readerWriter }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('write-lock', 'write-lock-queued'), target: on('sem') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('try-lock'), target: lockable, slot: fc.constant(FLAG) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('enter', 'grace-begin', 'grace-end'), target: domain }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('exit'), target: domain }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('get', 'put'), target: on('refs') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get-unless-zero'), target: on('refs'), slot: fc.constant(FLAG) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('alloc'),
      type: fc.constant('Thing'),
      fields: fc.record({ refs: fc.constantFrom(constant(0), constant(1)), fixed: small, to: fc.constantFrom(constant(1), slot(0)) }),
      slot: pointerSlot,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put-later'), target: on('refs'), later: fc.constant(VISITED) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('next-later'), type: fc.constant('Thing'), later: fc.constant(VISITED), slot: pointerSlot }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('assert-sole'), object, type: fc.constant('Thing') }) },
  { weight: 1, arbitrary: fc.constant<Action>({ kind: 'call-null', field: 'Thing.to' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('free'), object, type: fc.constant('Thing') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('queue'),
      target: on('work'),
      on: fc.option(on('queue'), { nil: null }),
      slot: fc.constant(FLAG),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('flush-begin', 'flush-end', 'cancel-end'), target: on('work') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('cancel-begin'), target: on('work'), slot: fc.constantFrom(FLAG, -1) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('flush-queue-begin', 'flush-queue-end'), target: on('queue') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('link'),
      target: on('wait'),
      entry: on('entry'),
      exclusive: fc.boolean(),
      slot: fc.constantFrom(FLAG, -1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('unlink'), target: on('wait'), entry: on('entry') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('next-entry'),
      target: on('wait'),
      entryType: fc.constant('Thing'),
      entryField: fc.constant('entry'),
      visited: fc.constant(VISITED),
      slot: pointerSlot,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('wait-prepare', 'wait-finish', 'wake-all'), target: on('wait') }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('wait-sleep'), target: on('wait'), timeout: fc.boolean(), slot: fc.constantFrom(FLAG, -1) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('flag-take', 'flag-free'), target: on('busy') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('complete'), target: on('done') }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait-done'), target: on('done'), timeout: fc.boolean(), slot: fc.constantFrom(FLAG, -1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('queue-after-grace'), target: on('work'), domain, slot: fc.constantFrom(FLAG, -1) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('fget'), target: on('to'), slot: pointerSlot }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('close-fd'), target: on('to'), slot: pointerSlot }) },
  { weight: 1, arbitrary: fc.constant<Action>({ kind: 'bug' }) },
);
const between: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('set'), slot: fc.constantFrom(VALUE), value: small }),
  fc.record({ kind: fc.constant('set'), slot: fc.constantFrom(VISITED), value: fc.constant(constant(0)) }),
  fc.record({ kind: fc.constant('branch'), when: condition }),
  fc.record({ kind: fc.constant('read-constant'), target: on('fixed'), slot: fc.constant(VALUE) }),
  fc.record({ kind: fc.constant('assert-held'), target: fc.oneof(lockable, readerWriter, domain) }),
);

/** Nodes that are no step go forward only, so that every loop has a step in it. */
const body = (length: number): fc.Arbitrary<TinyNode[]> =>
  fc.tuple(
    ...Array.from({ length }, (_, index) => {
      const anywhere = fc.oneof(
        { weight: 6, arbitrary: fc.constant(index + 1) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: length }) },
      );
      const end = (to: number): number => (to >= length ? END : to);
      const later = fc.integer({ min: index + 1, max: length });
      return fc.oneof(
        { weight: 5, arbitrary: fc.record({ action: step, next: anywhere.map(end), otherwise: anywhere.map(end) }) },
        { weight: 2, arbitrary: fc.record({ action: between, next: fc.constant(index + 1).map(end), otherwise: later.map(end) }) },
        {
          weight: 1,
          arbitrary: fc.record({
            action: fc.record({
              kind: fc.constant('choose'),
              alternatives: fc.tuple(anywhere.map(end), later.map(end)),
              byCaller: fc.boolean(),
            }),
          }),
        },
      );
    }),
  );

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

const rules: fc.Arbitrary<Rule[]> = fc
  .tuple(
    looks(variable('object', 'Thing')),
    looks(variable('object', 'Thing')),
    looks(variable('thing', 'Thing')),
    looks(variable('thing', 'Thing')),
    looks(variable('x', 'Thing')),
    fc.constantFrom('write', 'put', 'lock', 'queue', 'exit', 'read-lock', 'write-lock'),
  )
  .map(([read, write, when, then, first, verb]): Rule[] => [
    {
      ...head('guarded'),
      kind: 'guards',
      type: 'Thing',
      fields: { value: { read: [read], write: [write, read] }, set: { read: [write], write: [] }, to: null },
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
        { write: 'value', put: 'refs', lock: 'mutex', queue: 'work', exit: 'srcu', 'read-lock': 'sem', 'write-lock': 'sem' }[verb] ?? '',
      object: 'thing',
      over: [
        { name: 'thing', type: 'Thing' },
        { name: 'x', type: 'Thing' },
      ],
      when: first,
      then,
    },
  ]);

const contract: fc.Arbitrary<Contract> = fc
  .tuple(
    looks(variable('thing', 'Thing')),
    fc.oneof(looks(variable('thing', 'Thing')), fc.constant<Predicate>({ kind: 'constant', value: true })),
    fc.option(looks(variable('thing', 'Thing')), { nil: null }),
  )
  .map(([first, second, ensures]) => ({
    rule: 'contract',
    operation: 'act',
    parameters: [{ name: 'thing', type: 'Thing' }],
    fails: [
      { errno: 'EBUSY', value: 1, when: first },
      { errno: 'EINVAL', value: 2, when: second },
    ],
    ensures,
  }));

/** A call around a body: what leaves the body returns. The argument is read before the call, so that it is in a slot of its own. */
function called(nodes: readonly TinyNode[], result: Value): TinyThread {
  const last = nodes.length + 2;
  const shift = (to: number | undefined): number => (to === undefined || to === END ? last : to + 2);
  const inside = nodes.map((node): TinyNode => {
    if (!('action' in node)) return node;
    const action: Action =
      node.action.kind === 'choose' ? { ...node.action, alternatives: node.action.alternatives.map(shift) } : node.action;
    return { action, next: shift(node.next), otherwise: shift(node.otherwise), call: 0 };
  });
  const call: Call = {
    operation: 'act',
    name: 'act',
    arguments: [{ value: slot(5), type: 'Thing', word: false }],
    result: { type: null, word: true },
    contract: 0,
  };
  return {
    slots: [...slots, { name: 'argument', max: POOL, type: 'Thing', word: false }],
    calls: [call],
    nodes: [
      { kind: 'read', target: { object: constant(1), type: 'Thing', field: 'to' }, slot: 5 },
      { action: { kind: 'call', call: 0 }, call: 0 },
      ...inside,
      { action: { kind: 'return', call: 0, result }, call: 0 },
    ],
  };
}

function worker(instance: number, nodes: readonly TinyNode[]): TinyThread {
  const target: Target = { object: constant(instance), type: 'Thing', field: 'work' };
  const shift = (to: number | undefined): number => (to === undefined || to === END ? nodes.length + 1 : to + 1);
  return {
    slots,
    work: { type: 'Thing', instance, field: 'work' },
    nodes: [
      { kind: 'take', target },
      ...nodes.map((node): TinyNode => {
        if (!('action' in node)) return node;
        const action: Action =
          node.action.kind === 'choose' ? { ...node.action, alternatives: node.action.alternatives.map(shift) } : node.action;
        return { action, next: shift(node.next), otherwise: shift(node.otherwise) };
      }),
      { action: { kind: 'done', target }, next: 0 },
    ],
  };
}

/** Two threads, one of them in a call with a contract or in an interrupt, and a worker for each of two objects. */
export const randomProgram: fc.Arbitrary<Program> = fc
  .record({
    bodies: fc.tuple(body(4), body(5)),
    run: body(2),
    rules,
    contract,
    initial: fc.constantFrom(1, 2),
    result: fc.constantFrom(constant(0), constant(1), slot(FLAG), slot(VALUE)),
    context: fc.constantFrom('task' as const, 'hardirq' as const),
    call: fc.boolean(),
    cells: fc.record({
      'Thing#1.refs': fc.integer({ min: 0, max: 2 }),
      'Thing#1.to': fc.integer({ min: 0, max: 1 }),
      'Thing#1.set': fc.integer({ min: 0, max: 1 }),
      'Thing#1.fixed': fc.integer({ min: 0, max: 3 }),
    }),
  })
  .map(({ bodies: [first, second], run, rules, contract, initial, result, context, call, cells }) => {
    const program = tiny({
      name: 'random',
      types: [thing(initial)],
      cells: initial === 2 ? { ...cells, 'Thing#2.refs': 1, 'Thing#2.fixed': 1 } : cells,
      rules,
      contracts: [contract],
      words: ['EBUSY', 'EINVAL'],
      waitQueues: [1, 2].map(instance => ({ type: 'Thing', instance, field: 'wait' })),
      onQueue: { 'Thing.queue': ['Thing.work'] },
      threads: [call ? called(first, result) : { slots, nodes: first }, { slots, context, nodes: second }, worker(1, run), worker(2, run)],
    });
    // With objects in their slots the threads come farther.
    return {
      ...program,
      initial: { ...program.initial, threads: program.initial.threads.map(thread => ({ ...thread, slots: { 0: 1, 1: initial } })) },
    };
  });
