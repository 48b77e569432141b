import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, PlaceKind } from '../event.ts';
import { createGenericOracle } from '../generic/oracle.ts';
import type { Finding } from '../verdict.ts';
import { createPredictor } from './predictor.ts';
import { type Bare, enter, exit, free, got, grace, line, lock, nested, put, type Step, start, together, unlock } from './testdata/steps.ts';

const test = suite('prediction');
const places: Readonly<Record<string, PlaceKind>> = { 'A.m': 'mutex', 'B.m': 'mutex', 'C.m': 'mutex', 'G.m': 'mutex', 'D.srcu': 'srcu' };

function predict(steps: readonly Step[]): readonly Finding[] {
  const predictor = createPredictor({ places });
  for (const [index, [thread, event]] of steps.entries()) predictor?.event({ ...event, seq: index + 1, thread } as Event);
  return predictor?.end().findings.map(({ finding }) => finding) ?? [];
}
/** The reordering as a trace of its own. */
function observedIn(events: readonly Event[]): readonly string[] {
  const oracle = createGenericOracle({ places });
  return events
    .flatMap(event => [...oracle.event(event)])
    .filter(({ strength }) => strength === 'observed')
    .map(({ rule }) => rule);
}
/** What is observed in the trace itself is not predicted; what is predicted is observed in the reordering, at its end, and nowhere before. */
const predicts = (name: string, rule: string, ...parts: readonly (readonly Step[])[]) =>
  test(name, () => {
    const steps = parts.flat();
    const original = steps.map(([thread, event], index): Event => ({ ...event, seq: index + 1, thread }) as Event);
    assert.equal(observedIn(original), [], 'the trace itself shows it');
    const findings = predict(steps);
    assert.equal(
      findings.map(one => `${one.rule} ${one.strength}`),
      [`always.${rule} predicted`],
    );
    const events = findings[0]?.reordering?.events ?? [];
    assert.equal(observedIn(events), [`always.${rule}`]);
    assert.equal(observedIn(events.slice(0, -1)), []);
    // Every thread does what it did, from its beginning, in its order.
    for (const thread of new Set(events.map(one => one.thread))) {
      const own = events.filter(one => one.thread === thread).map(({ seq, ...rest }) => rest);
      const was = original.filter(one => one.thread === thread).map(({ seq, ...rest }) => rest);
      assert.equal(own, was.slice(0, own.length));
    }
  });
const silent = (name: string, ...parts: readonly (readonly Step[])[]) =>
  test(name, () =>
    assert.equal(
      predict(parts.flat()).map(({ detail }) => detail),
      [],
    ),
  );

const xy = start('x', 'y');
const xyz = start('x', 'y', 'z');
predicts('two threads that invert the order', 'everyWaitEnds', xy, nested('x', 'A#1.m', 'B#1.m'), nested('y', 'B#1.m', 'A#1.m'));
predicts(
  'three threads in a ring',
  'everyWaitEnds',
  xyz,
  nested('x', 'A#1.m', 'B#1.m'),
  nested('y', 'B#1.m', 'C#1.m'),
  nested('z', 'C#1.m', 'A#1.m'),
);
silent('a gate lock excludes it', xy, nested('x', 'G#1.m', 'A#1.m', 'B#1.m'), nested('y', 'G#1.m', 'B#1.m', 'A#1.m'));
silent('other instances of the classes', xy, nested('x', 'A#1.m', 'B#1.m'), nested('y', 'B#2.m', 'A#1.m'));
silent(
  'a thread that is made after the other one did it',
  nested('x', 'A#1.m', 'B#1.m'),
  line('x', { kind: 'fork', other: 'y' }),
  nested('y', 'B#1.m', 'A#1.m'),
);
silent(
  'a thread that waited for the other one',
  start('x', 'y'),
  nested('x', 'A#1.m', 'B#1.m'),
  line('x', { kind: 'thread-end' }),
  line('y', { kind: 'join', other: 'x' }),
  nested('y', 'B#1.m', 'A#1.m'),
);
silent(
  'an order that a flag enforces',
  xy,
  nested('x', 'A#1.m', 'B#1.m'),
  line('x', { kind: 'write', field: 'A#1.ready', value: true }),
  line('y', { kind: 'read', field: 'A#1.ready', value: true }),
  nested('y', 'B#1.m', 'A#1.m'),
);
predicts(
  'the second time, where the first is kept apart by a flag',
  'everyWaitEnds',
  xy,
  nested('x', 'A#1.m', 'B#1.m'),
  line('x', { kind: 'write', field: 'A#1.ready', value: true }),
  line('y', { kind: 'read', field: 'A#1.ready', value: true }),
  nested('x', 'A#1.m', 'B#1.m'),
  nested('y', 'B#1.m', 'A#1.m'),
);
predicts(
  'a release by a third thread, without which a lock could not be taken on the way',
  'everyWaitEnds',
  xyz,
  lock('z', 'C#1.m'),
  line('z', { kind: 'write', field: 'A#1.ready', value: true }),
  line('x', { kind: 'read', field: 'A#1.ready', value: true }),
  nested('x', 'A#1.m', 'B#1.m'),
  unlock('z', 'C#1.m'),
  nested('y', 'C#1.m'),
  nested('y', 'B#1.m', 'A#1.m'),
);
predicts(
  'a second run of a work item, which begins when the first has ended',
  'everyWaitEnds',
  xyz,
  line('z', { kind: 'queue', work: 'C#1.work', on: null, queued: true }),
  line('x', { kind: 'run-begin', work: 'C#1.work' }),
  line('x', { kind: 'run-end', work: 'C#1.work' }),
  line('z', { kind: 'queue', work: 'C#1.work', on: null, queued: true }),
  line('y', { kind: 'run-begin', work: 'C#1.work' }),
  nested('y', 'A#1.m', 'B#1.m'),
  line('y', { kind: 'run-end', work: 'C#1.work' }),
  nested('z', 'B#1.m', 'A#1.m'),
);
predicts(
  'a grace period under a lock that a reader takes',
  'everyWaitEnds',
  xy,
  enter('x', 'D#1.srcu'),
  nested('x', 'A#1.m'),
  exit('x', 'D#1.srcu'),
  lock('y', 'A#1.m'),
  grace('y', 'D#1.srcu'),
  unlock('y', 'A#1.m'),
);
silent(
  'a grace period outside it',
  xy,
  enter('x', 'D#1.srcu'),
  nested('x', 'A#1.m'),
  exit('x', 'D#1.srcu'),
  nested('y', 'A#1.m'),
  grace('y', 'D#1.srcu'),
);
const workTakesLock: readonly Step[] = [
  ...line('x', { kind: 'queue', work: 'C#1.work', on: null, queued: true }),
  ...line('y', { kind: 'run-begin', work: 'C#1.work' }),
  ...nested('y', 'A#1.m'),
  ...line('y', { kind: 'run-end', work: 'C#1.work' }),
];
const flush = (thread: string): readonly Step[] =>
  together(thread, { kind: 'flush-begin', work: 'C#1.work' }, { kind: 'flush-end', work: 'C#1.work' });
predicts(
  'a flush under a lock that the work takes',
  'everyWaitEnds',
  xy,
  workTakesLock,
  lock('x', 'A#1.m'),
  flush('x'),
  unlock('x', 'A#1.m'),
);
silent('a flush before the lock is taken', xy, workTakesLock, flush('x'), nested('x', 'A#1.m'));
silent(
  'a lock under which the work is queued that it takes',
  xy,
  lock('x', 'A#1.m'),
  line('x', { kind: 'queue', work: 'C#1.work', on: null, queued: true }),
  unlock('x', 'A#1.m'),
  line('y', { kind: 'run-begin', work: 'C#1.work' }),
  nested('y', 'A#1.m'),
  line('y', { kind: 'run-end', work: 'C#1.work' }),
);

const made = (count: number): readonly Step[] => line('main', { kind: 'alloc', object: 'A#1', fields: { refs: count } });
const use = (thread: string): readonly Step[] => line(thread, { kind: 'read', field: 'A#1.size', value: 0 });
const get = (thread: string): readonly Step[] => line(thread, { kind: 'get', counter: 'A#1.refs' });
predicts(
  'a touch after the own put',
  'neverTouchedAfterFree',
  made(2),
  xy,
  put('x', 'A#1.refs'),
  use('x'),
  put('y', 'A#1.refs'),
  free('y', 'A#1'),
);
silent('a touch before it', made(2), xy, use('x'), put('x', 'A#1.refs'), put('y', 'A#1.refs'), free('y', 'A#1'));
predicts('a free that waits for nobody', 'neverTouchedAfterFree', made(1), xy, use('x'), free('y', 'A#1'));
predicts(
  'a free without a grace period',
  'neverTouchedAfterFree',
  made(1),
  xy,
  enter('x', 'D#1.srcu'),
  line('x', { kind: 'next', set: 'D#1.list', member: 'A#1' }),
  use('x'),
  exit('x', 'D#1.srcu'),
  line('y', { kind: 'remove', set: 'D#1.list', member: 'A#1' }),
  free('y', 'A#1'),
);
silent(
  'a free after a grace period',
  made(1),
  xy,
  enter('x', 'D#1.srcu'),
  line('x', { kind: 'next', set: 'D#1.list', member: 'A#1' }),
  use('x'),
  exit('x', 'D#1.srcu'),
  line('y', { kind: 'remove', set: 'D#1.list', member: 'A#1' }),
  grace('y', 'D#1.srcu'),
  free('y', 'A#1'),
);
predicts(
  'a free under the lock under which others use it',
  'neverTouchedAfterFree',
  made(1),
  xy,
  lock('x', 'G#1.m'),
  use('x'),
  unlock('x', 'G#1.m'),
  lock('y', 'G#1.m'),
  free('y', 'A#1'),
  unlock('y', 'G#1.m'),
);
silent(
  'a free under the lock under which others look for it first',
  made(1),
  xy,
  lock('x', 'G#1.m'),
  line('x', { kind: 'read', field: 'G#1.first', value: 'A#1' }),
  use('x'),
  unlock('x', 'G#1.m'),
  lock('y', 'G#1.m'),
  line('y', { kind: 'write', field: 'G#1.first', value: null }),
  free('y', 'A#1'),
  unlock('y', 'G#1.m'),
);
predicts(
  'an unlock after the put that lets another one free the lock',
  'freedWhenIdle',
  made(2),
  xy,
  lock('x', 'A#1.m'),
  put('x', 'A#1.refs'),
  unlock('x', 'A#1.m'),
  put('y', 'A#1.refs'),
  free('y', 'A#1'),
);
predicts('a get that nothing keeps before the last put', 'neverResurrected', made(1), xy, get('x'), put('y', 'A#1.refs'));
predicts(
  'two puts of which the first could have been the last',
  'referencesBalance',
  made(1),
  xyz,
  get('x'),
  put('y', 'A#1.refs'),
  put('z', 'A#1.refs'),
);
silent('a get by who has a reference', made(2), xy, get('x'), put('y', 'A#1.refs'), put('x', 'A#1.refs'), put('x', 'A#1.refs'));
silent(
  'a reference that is handed over',
  made(1),
  xy,
  get('x'),
  line('x', { kind: 'write', field: 'G#1.given', value: 'A#1' }),
  line('y', { kind: 'read', field: 'G#1.given', value: 'A#1' }),
  put('y', 'A#1.refs'),
);
silent(
  'a try-lock that fails tells that the lock was held',
  made(1),
  xy,
  lock('x', 'G#1.m'),
  use('x'),
  line('y', { kind: 'tried', lock: 'G#1.m', got: false }),
  unlock('x', 'G#1.m'),
  got('y', 'G#1.m'),
  unlock('y', 'G#1.m'),
);
const sleeps = (thread: string): readonly Step[] =>
  together(thread, { kind: 'wait-prepare', queue: 'C#1.queue' }, { kind: 'read', field: 'C#1.ready', value: false });
const isWoken = (thread: string): readonly Step[] =>
  together(thread, { kind: 'wait-sleep', queue: 'C#1.queue', result: 'woken' }, { kind: 'wait-finish', queue: 'C#1.queue' });
const wakes = (thread: string): readonly Step[] =>
  together(thread, { kind: 'write', field: 'C#1.ready', value: true }, { kind: 'wake-all', queue: 'C#1.queue' });
test('a sleeper with a lock in hand that its waker wants first', () => {
  const [one, ...more] = predict([
    ...xy,
    ...nested('y', 'A#1.m'),
    ...lock('x', 'A#1.m'),
    ...sleeps('x'),
    ...wakes('y'),
    ...isWoken('x'),
    ...unlock('x', 'A#1.m'),
  ]);
  assert.equal([one?.rule, one?.strength, more.length], ['always.everyWaitEnds', 'possible', 0]);
  assert.equal(
    one?.reordering?.events?.slice(-4).map(({ thread, kind }) => `${thread} ${kind}`),
    ['x got', 'x wait-prepare', 'x read', 'y want'],
  );
});
silent(
  'a sleeper whose waker takes the lock only later',
  xy,
  lock('x', 'A#1.m'),
  sleeps('x'),
  wakes('y'),
  isWoken('x'),
  unlock('x', 'A#1.m'),
  nested('y', 'A#1.m'),
);
test('a completion that is waited for with a lock in hand', () => {
  const [one] = predict([
    ...xy,
    ...nested('y', 'A#1.m'),
    ...line('y', { kind: 'complete', completion: 'C#1.done' }),
    ...lock('x', 'A#1.m'),
    ...line('x', { kind: 'wait-done', completion: 'C#1.done', result: 'done' }),
    ...unlock('x', 'A#1.m'),
  ]);
  assert.equal([one?.rule, one?.strength], ['always.everyWaitEnds', 'possible']);
});
test('a put under a lock that the release takes, and that could have been the last', () => {
  const releases = (thread: string): readonly Step[] => [...put(thread, 'A#1.refs'), ...nested(thread, 'G#1.m'), ...free(thread, 'A#1')];
  const [one, ...more] = predict([
    ...made(2),
    ...xy,
    ...lock('x', 'G#1.m'),
    ...put('x', 'A#1.refs'),
    ...unlock('x', 'G#1.m'),
    ...releases('y'),
  ]);
  assert.equal([one?.rule, one?.strength, more.length], ['always.lastPutTakesNoHeldLock', 'possible', 0]);
  assert.equal(
    one?.reordering?.events?.slice(-2).map(({ thread, kind }) => `${thread} ${kind}`),
    ['y put', 'x put'],
  );
});
predicts(
  'a get that is followed by the own put',
  'neverResurrected',
  made(1),
  xy,
  get('x'),
  use('x'),
  put('x', 'A#1.refs'),
  put('y', 'A#1.refs'),
  free('y', 'A#1'),
);
predicts(
  'a grace period that comes too early',
  'neverTouchedAfterFree',
  made(1),
  xy,
  enter('x', 'D#1.srcu'),
  line('x', { kind: 'next', set: 'D#1.list', member: 'A#1' }),
  use('x'),
  exit('x', 'D#1.srcu'),
  grace('y', 'D#1.srcu'),
  line('y', { kind: 'remove', set: 'D#1.list', member: 'A#1' }),
  free('y', 'A#1'),
);
test('what is far apart is found as long as a window has both', () => {
  const nothing = Array.from({ length: 200 }, (): readonly Step[] => nested('main', 'C#1.m')).flat();
  const found = (window: number): readonly [number, boolean] => {
    const predictor = createPredictor({ places, window });
    const steps = [...xy, ...nothing, ...nested('x', 'A#1.m', 'B#1.m'), ...nothing, ...nested('y', 'B#1.m', 'A#1.m'), ...nothing];
    for (const [index, [thread, event]] of steps.entries()) predictor?.event({ ...event, seq: index + 1, thread } as Event);
    const { findings = [], beyond = false } = predictor?.end() ?? {};
    return [findings.length, beyond];
  };
  // And it says whether the trace is longer than that.
  assert.equal(
    [found(3000), found(1500), found(300)],
    [
      [1, false],
      [1, true],
      [0, true],
    ],
  );
});
test('a trace that does not show what is read is not taken in another order', () =>
  assert.is(createPredictor({ places, observes: ['want', 'got', 'released'] satisfies Bare['kind'][] }), null));

test.run();
