/** Actions that mean nothing, each of them in every place, on objects with a field of every kind. For tests. */
import * as fc from 'fast-check';
import { type Action, END, type Slot, type Target, type Value } from '../program.ts';
import { constant, field, objectType, slot, type TinyNode } from './tiny-program.ts';

export const POOL = 2;
export const slots: readonly Slot[] = [
  { name: 'one', max: POOL, type: 'Thing', word: false },
  { name: 'other', max: POOL, type: 'Thing', word: false },
  { name: 'visited', max: 3, type: null, word: false },
  { name: 'value', max: 3, type: null, word: false },
  { name: 'flag', max: 1, type: null, word: false },
  { name: 'owner', max: 4, type: null, word: false },
];
const VISITED = 2,
  OWNER = 5;
export const VALUE = 3,
  FLAG = 4;

/** An object with a field of every kind. */
export const thing = (initial: number) =>
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
      field('entry', 'wait-entry', 2 * POOL),
      field('chain', 'rwsem', 4),
      field('block', 'wait-entry', 2 * POOL),
      field('user', 'pointer', POOL, 'Process'),
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
const readerWriter = fc.constantFrom('rw', 'sem', 'chain').chain(on);
const fair = fc.constantFrom('sem', 'chain').chain(on);
/** A wait queue with callbacks, or a notifier chain. */
const queue = fc.constantFrom(['wait', 'entry'], ['chain', 'block']);
const domain = fc.constantFrom('srcu', 'rcu').chain(on);
const pointerSlot = fc.constantFrom(0, 1);
const small: fc.Arbitrary<Value> = fc.oneof(fc.integer({ min: 0, max: 3 }).map(constant), fc.constantFrom(slot(VALUE), slot(FLAG)));
const condition: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(slot(0), slot(1), slot(VALUE), slot(FLAG), slot(OWNER)),
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
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read'), target: on('busy'), slot: fc.constant(OWNER) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('write'), target: on('user'), value: fc.integer({ min: 0, max: POOL }).map(constant) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('called'), of: fc.constant('act'), with: fc.tuple(object) }) },
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
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('write-lock', 'write-lock-queued'), target: fair }) },
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
    arbitrary: queue.chain(([name = '', entry = '']) =>
      fc.record({
        kind: fc.constant('link'),
        target: on(name),
        entry: on(entry),
        exclusive: name === 'wait' ? fc.boolean() : fc.constant(false),
        slot: fc.constantFrom(FLAG, -1),
      }),
    ),
  },
  {
    weight: 6,
    arbitrary: queue.chain(([name = '', entry = '']) => fc.record({ kind: fc.constant('unlink'), target: on(name), entry: on(entry) })),
  },
  {
    weight: 6,
    arbitrary: queue.chain(([name = '', entry = '']) =>
      fc.record({
        kind: fc.constant('next-entry'),
        target: on(name),
        entryType: fc.constant('Thing'),
        entryField: fc.constant(entry),
        visited: fc.constant(VISITED),
        slot: pointerSlot,
      }),
    ),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('wait-prepare', 'wait-finish', 'wake-all'), target: on('wait') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('wait-sleep'),
      target: on('wait'),
      timeout: fc.boolean(),
      slot: fc.constantFrom(FLAG, -1),
      flags: fc.constantFrom([], ['Thing.busy']),
    }),
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
  fc.record({ kind: fc.constant('set'), slot: fc.constant(0), value: fc.constant(slot(1)) }),
  fc.record({ kind: fc.constant('branch'), when: condition }),
  fc.record({ kind: fc.constant('read-constant'), target: on('fixed'), slot: fc.constant(VALUE) }),
  // As of the module whose code is used.
  fc.record({ kind: fc.constant('read-constant'), target: on('refs'), slot: fc.constant(-1) }),
  fc.record({ kind: fc.constant('assert-held'), target: fc.oneof(lockable, readerWriter, domain) }),
);

/** Nodes that are no step go forward only, so that every loop has a step in it. */
export const body = (length: number): fc.Arbitrary<TinyNode[]> =>
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
