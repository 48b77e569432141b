import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, PlaceKind } from '../event.ts';
import { createGenericOracle } from './oracle.ts';

type Bare = Event extends infer One ? (One extends Event ? Omit<One, 'seq' | 'thread'> : never) : never;
type Line = readonly [thread: string, event: Bare];

const places: Readonly<Record<string, PlaceKind>> = {
  'A.mutex': 'mutex',
  'B.mutex': 'mutex',
  'C.mutex': 'mutex',
  'G.mutex': 'mutex',
  'A.spin': 'spinlock',
  'A.rwsem': 'rw-semaphore',
  'A.rwlock': 'rw-lock',
  'B.rwlock': 'rw-lock',
  'A.sem': 'semaphore',
  'A.queue': 'wait-queue',
  'A.rcu': 'rcu',
  'A.srcu': 'srcu',
};

function judge(lines: readonly Line[]) {
  const oracle = createGenericOracle({ places });
  const findings = lines.flatMap(([thread, event], at) => [...oracle.event({ ...event, seq: at + 1, thread } as Event)]);
  return { findings, rules: findings.map(({ rule, strength }) => `${rule.slice('always.'.length)} ${strength}`), report: oracle.end() };
}
const silent = (name: string, ...lines: readonly (readonly Line[])[]) =>
  test(name, () => {
    const { findings } = judge(lines.flat());
    assert.equal(
      findings.map(({ rule, detail }) => `${rule}: ${detail}`),
      [],
    );
  });
const finds = (name: string, expected: readonly string[], ...lines: readonly (readonly Line[])[]) =>
  test(name, () => assert.equal(judge(lines.flat()).rules, expected));

const lock = (thread: string, name: string, more: { readonly mode?: 'read' | 'recursive-read'; readonly irq?: boolean } = {}): Line[] => [
  [thread, { kind: 'want', lock: name, ...more }],
  [thread, { kind: 'got', lock: name, ...more }],
];
const unlock = (thread: string, name: string): Line[] => [[thread, { kind: 'released', lock: name }]];
const nested = (thread: string, ...names: readonly string[]): Line[] => [
  ...names.flatMap(name => lock(thread, name)),
  ...[...names].reverse().flatMap(name => unlock(thread, name)),
];
const start = (thread: string, context: 'task' | 'hardirq' | 'worker'): Line[] => [[thread, { kind: 'thread-start', context }]];
const enter = (thread: string, domain: string): Line[] => [[thread, { kind: 'enter', domain }]];
const exit = (thread: string, domain: string): Line[] => [[thread, { kind: 'exit', domain }]];
const grace = (thread: string, domain: string): Line[] => [
  [thread, { kind: 'grace-begin', domain }],
  [thread, { kind: 'grace-end', domain }],
];
const alloc = (thread: string, object: string, fields: Readonly<Record<string, number>> = {}): Line[] => [
  [thread, { kind: 'alloc', object, fields }],
];
const free = (thread: string, object: string): Line[] => [[thread, { kind: 'free', object }]];
const write = (thread: string, field: string): Line[] => [[thread, { kind: 'write', field, value: 1 }]];
const put = (thread: string, counter: string): Line[] => [[thread, { kind: 'put', counter }]];

silent(
  'locks released out of order are fine',
  lock('x', 'A#1.mutex'),
  lock('x', 'B#1.mutex'),
  unlock('x', 'A#1.mutex'),
  unlock('x', 'B#1.mutex'),
);
silent(
  'a loop of try-locks against the order is fine',
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  lock('y', 'B#1.mutex'),
  [['y', { kind: 'tried', lock: 'A#1.mutex', got: false }]],
  unlock('y', 'B#1.mutex'),
  lock('y', 'B#1.mutex'),
  [['y', { kind: 'tried', lock: 'A#1.mutex', got: true }]],
  unlock('y', 'A#1.mutex'),
  unlock('y', 'B#1.mutex'),
);
silent(
  'an inversion under one common lock is fine',
  nested('x', 'G#1.mutex', 'A#1.mutex', 'B#1.mutex'),
  nested('y', 'G#1.mutex', 'B#1.mutex', 'A#1.mutex'),
);
finds(
  'an inversion under two locks of one class is not',
  ['noLockCycle possible'],
  nested('x', 'G#1.mutex', 'A#1.mutex', 'B#1.mutex'),
  nested('y', 'G#2.mutex', 'B#1.mutex', 'A#1.mutex'),
);
silent(
  'one thread alone cannot deadlock with itself by order',
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  nested('x', 'B#1.mutex', 'A#1.mutex'),
);
finds(
  'two threads that invert the order can deadlock',
  ['noLockCycle possible'],
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  nested('y', 'B#1.mutex', 'A#1.mutex'),
);
finds(
  'three threads in a ring can deadlock',
  ['noLockCycle possible'],
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  nested('y', 'B#1.mutex', 'C#1.mutex'),
  nested('z', 'C#1.mutex', 'A#1.mutex'),
);
silent(
  'orders of threads of which one ends before the other is made are fine',
  [['main', { kind: 'fork', other: 'x' }]],
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  [
    ['x', { kind: 'thread-end' }],
    ['main', { kind: 'join', other: 'x' }],
    ['main', { kind: 'fork', other: 'y' }],
  ],
  nested('y', 'B#1.mutex', 'A#1.mutex'),
);
finds(
  'those of threads that were made one after another are not',
  ['noLockCycle possible'],
  [['main', { kind: 'fork', other: 'x' }]],
  nested('x', 'A#1.mutex', 'B#1.mutex'),
  [['main', { kind: 'fork', other: 'y' }]],
  nested('y', 'B#1.mutex', 'A#1.mutex'),
);
silent(
  'locks of one class in one order are fine',
  nested('x', 'A#1.mutex', 'A#2.mutex'),
  nested('y', 'A#1.mutex', 'A#2.mutex'),
  nested('y', 'A#2.mutex', 'A#3.mutex'),
);
finds(
  'locks of one class in both orders are not',
  ['noLockCycle possible'],
  nested('x', 'A#1.mutex', 'A#2.mutex'),
  nested('y', 'A#2.mutex', 'A#1.mutex'),
);

const recursive = { mode: 'recursive-read' } as const;
const reading = { mode: 'read' } as const;
const readBoth = (thread: string, first: string, second: string, mode: typeof recursive | typeof reading): Line[] => [
  ...lock(thread, first, mode),
  ...lock(thread, second, mode),
  ...unlock(thread, second),
  ...unlock(thread, first),
];
silent(
  'nested recursive readers are fine',
  lock('x', 'A#1.rwlock', recursive),
  lock('x', 'A#1.rwlock', recursive),
  unlock('x', 'A#1.rwlock'),
  unlock('x', 'A#1.rwlock'),
);
finds(
  'a nested reader of a kind that queues behind writers can wait for itself',
  ['neverTakenTwice possible'],
  lock('x', 'A#1.rwsem', reading),
  lock('x', 'A#1.rwsem', reading),
);
silent(
  'recursive readers in both orders are fine',
  readBoth('x', 'A#1.rwlock', 'B#1.rwlock', recursive),
  readBoth('y', 'B#1.rwlock', 'A#1.rwlock', recursive),
);
finds(
  'plain readers in both orders are not',
  ['noLockCycle possible'],
  readBoth('x', 'A#1.rwlock', 'B#1.rwlock', reading),
  readBoth('y', 'B#1.rwlock', 'A#1.rwlock', reading),
);
silent('nested read sections are fine', enter('x', 'A#1.srcu'), enter('x', 'A#1.srcu'), exit('x', 'A#1.srcu'), exit('x', 'A#1.srcu'));
finds(
  'a grace period under a lock that a reader takes can deadlock',
  ['noLockCycle possible'],
  enter('x', 'A#1.srcu'),
  nested('x', 'B#1.mutex'),
  exit('x', 'A#1.srcu'),
  lock('y', 'B#1.mutex'),
  grace('y', 'A#1.srcu'),
  unlock('y', 'B#1.mutex'),
);
finds(
  'a deadlock is seen when the last of its waits begins',
  ['noLockCycle possible', 'everyWaitEnds observed'],
  lock('x', 'A#1.mutex'),
  lock('y', 'B#1.mutex'),
  [
    ['x', { kind: 'want', lock: 'B#1.mutex' }],
    ['y', { kind: 'want', lock: 'A#1.mutex' }],
  ],
);

silent('a semaphore may be released by another thread', lock('x', 'A#1.sem'), unlock('y', 'A#1.sem'));
finds('a mutex may not', ['releasedByHolder observed'], lock('x', 'A#1.mutex'), unlock('y', 'A#1.mutex'));
finds('a lock is released once', ['releasedByHolder observed'], nested('x', 'A#1.mutex'), unlock('x', 'A#1.mutex'));
finds('a read section is left once', ['releasedByHolder observed'], enter('x', 'A#1.srcu'), exit('x', 'A#1.srcu'), exit('x', 'A#1.srcu'));
finds('a lock is not waited for by its holder', ['neverTakenTwice observed'], lock('x', 'A#1.mutex'), [
  ['x', { kind: 'want', lock: 'A#1.mutex' }],
]);
finds(
  'a call ends with the locks it began with',
  ['locksBalance observed'],
  [['x', { kind: 'call', call: 'f', arguments: [] }]],
  lock('x', 'A#1.mutex'),
  [['x', { kind: 'return', call: 'f', result: 0 }]],
);
finds('a thread ends without locks', ['locksBalance observed'], lock('x', 'A#1.mutex'), [['x', { kind: 'thread-end' }]]);

finds('a mutex is not waited for under a spinlock', ['neverSleepsInAtomic observed'], lock('x', 'A#1.spin'), lock('x', 'A#1.mutex'));
finds('nor in a plain read section', ['neverSleepsInAtomic observed'], enter('x', 'A#1.rcu'), lock('x', 'A#1.mutex'));
finds('nor in an interrupt', ['neverSleepsInAtomic observed'], start('i', 'hardirq'), lock('i', 'A#1.mutex'));
silent('it may be in a sleepable read section', enter('x', 'A#1.srcu'), lock('x', 'A#1.mutex'));
finds(
  'a lock of an interrupt is not taken with interrupts on',
  ['irqLocksKeepIrqsOff possible'],
  nested('x', 'A#1.spin'),
  start('i', 'hardirq'),
  nested('i', 'A#1.spin'),
);
silent(
  'it may be with interrupts off',
  lock('x', 'A#1.spin', { irq: true }),
  unlock('x', 'A#1.spin'),
  start('i', 'hardirq'),
  nested('i', 'A#1.spin'),
);

finds('no get at zero', ['neverResurrected observed'], alloc('x', 'A#1', { refs: 1 }), put('x', 'A#1.refs'), [
  ['y', { kind: 'get', counter: 'A#1.refs' }],
]);
finds('no put at zero', ['referencesBalance observed'], alloc('x', 'A#1', { refs: 1 }), put('x', 'A#1.refs'), put('x', 'A#1.refs'));
silent('a counter whose value was never seen is not judged', put('x', 'A#1.refs'), put('x', 'A#1.refs'));
const releaseTaking = (thread: string, object: string, name: string): Line[] => [
  ...alloc(thread, object, { refs: 1 }),
  ...put(thread, `${object}.refs`),
  ...nested(thread, name),
  ...free(thread, object),
];
finds(
  'a last put under a lock that another release took',
  ['lastPutTakesNoHeldLock possible'],
  releaseTaking('x', 'A#1', 'B#1.mutex'),
  alloc('x', 'A#2', { refs: 1 }),
  lock('x', 'B#1.mutex'),
  put('x', 'A#2.refs'),
);
silent(
  'a put that is not the last may be made under it',
  releaseTaking('x', 'A#1', 'B#1.mutex'),
  alloc('x', 'A#2', { refs: 2 }),
  lock('x', 'B#1.mutex'),
  put('x', 'A#2.refs'),
);
finds('no touch after free', ['neverTouchedAfterFree observed'], alloc('x', 'A#1'), free('x', 'A#1'), write('y', 'A#1.field'));
silent('memory that is used again is a new object', alloc('x', 'A#1'), free('x', 'A#1'), alloc('x', 'A#2'), write('x', 'A#2.field'));
finds(
  'no free with a lock inside held',
  ['freedWhenIdle observed', 'neverTouchedAfterFree observed'],
  lock('x', 'A#1.mutex'),
  free('x', 'A#1'),
  unlock('x', 'A#1.mutex'),
);
finds(
  'no free of pending work',
  ['freedWhenIdle observed'],
  [['x', { kind: 'queue', work: 'A#1.work', on: null, queued: true }]],
  free('x', 'A#1'),
);
silent('a work function may free what it is part of', start('w', 'worker'), [
  ['x', { kind: 'queue', work: 'A#1.work', on: null, queued: true }],
  ['w', { kind: 'run-begin', work: 'A#1.work' }],
  ['w', { kind: 'free', object: 'A#1' }],
  ['w', { kind: 'run-end', work: 'A#1.work' }],
]);
finds(
  'a work function does not flush itself',
  ['neverFlushesItself observed'],
  [
    ['w', { kind: 'run-begin', work: 'A#1.work' }],
    ['w', { kind: 'flush-begin', work: 'A#1.work' }],
  ],
);
finds(
  'no flush under a lock that the work takes',
  ['noLockCycle possible'],
  [['w', { kind: 'run-begin', work: 'A#1.work' }]],
  nested('w', 'B#1.mutex'),
  [['w', { kind: 'run-end', work: 'A#1.work' }]],
  lock('x', 'B#1.mutex'),
  [['x', { kind: 'flush-begin', work: 'A#1.work' }]],
);
finds(
  'what a reader used is not freed before it left',
  ['freedAfterGrace possible'],
  enter('x', 'B#1.srcu'),
  write('x', 'A#1.field'),
  free('y', 'A#1'),
);
silent(
  'what it used under a lock may be',
  enter('x', 'B#1.srcu'),
  lock('x', 'B#1.mutex'),
  write('x', 'A#1.field'),
  unlock('x', 'B#1.mutex'),
  free('y', 'A#1'),
);
finds(
  'a grace period waits for the readers from before it',
  ['graceWaitsForReaders observed'],
  enter('x', 'A#1.srcu'),
  grace('y', 'A#1.srcu'),
);
silent('and not for those that came after', [['y', { kind: 'grace-begin', domain: 'A#1.srcu' }]], enter('x', 'A#1.srcu'), [
  ['y', { kind: 'grace-end', domain: 'A#1.srcu' }],
]);
const linkEntry: Line[] = [['x', { kind: 'link', queue: 'A#1.queue', entry: 'B#1.entry', exclusive: false, linked: true }]];
const callback: Line[] = [['y', { kind: 'callback', queue: 'A#1.queue', entry: 'B#1.entry' }]];
silent('a callback runs under its queue', linkEntry, lock('y', 'A#1.queue'), callback, unlock('y', 'A#1.queue'));
finds('and not without its lock', ['callbackWhileLinked observed'], linkEntry, callback);
finds(
  'and not after its entry was taken off',
  ['callbackWhileLinked observed'],
  linkEntry,
  [['x', { kind: 'unlink', queue: 'A#1.queue', entry: 'B#1.entry' }]],
  lock('y', 'A#1.queue'),
  callback,
);
finds('a callback does not take the lock of its queue', ['neverTakenTwice observed'], linkEntry, lock('y', 'A#1.queue'), callback, [
  ['y', { kind: 'want', lock: 'A#1.queue' }],
]);
finds('a lock that a function needs is held', ['heldWhereAsserted observed'], lock('x', 'A#1.mutex'), [
  ['y', { kind: 'assert-held', lock: 'A#1.mutex' }],
]);
finds(
  'nobody else touches what a thread has to itself',
  ['soleWhereAsserted observed'],
  [['x', { kind: 'assert-sole', object: 'A#1' }]],
  write('x', 'A#1.field'),
  write('y', 'A#1.field'),
);
silent(
  'a put whose release is put off may be made under what the release takes',
  releaseTaking('x', 'A#1', 'B#1.mutex'),
  alloc('x', 'A#2', { refs: 1 }),
  lock('x', 'B#1.mutex'),
  [['x', { kind: 'put-later', counter: 'A#2.refs' }]],
);
finds('nothing is left behind', ['quietAtTheEnd observed'], lock('x', 'A#1.mutex'), [['y', { kind: 'quiesce', stays: ['A#1'] }]]);

test('a finding is the same for other names of threads and objects', () => {
  const renamed = (thread: string, first: string, second: string) =>
    judge([...nested(thread, first, second), ...nested(`${thread}2`, second, first)]).rules;
  assert.equal(renamed('x', 'A#1.mutex', 'B#1.mutex'), renamed('other', 'C#7.mutex', 'G#9.mutex'));
});
test('a trace that does not show releases holds nothing for ever', () => {
  const oracle = createGenericOracle({ places, observes: ['want', 'got'] });
  const lines = [...lock('x', 'A#1.mutex'), ...lock('x', 'B#1.mutex'), ...lock('y', 'B#1.mutex'), ...lock('y', 'A#1.mutex')];
  const findings = lines.flatMap(([thread, event], at) => [...oracle.event({ ...event, seq: at + 1, thread } as Event)]);
  assert.equal(findings, []);
  assert.is(oracle.end().verdict, 'inconclusive');
});
test('a story tells who did what before, in order', () => {
  const [finding] = judge([...nested('x', 'A#1.mutex', 'B#1.mutex'), ...nested('y', 'B#1.mutex', 'A#1.mutex')]).findings;
  assert.equal(
    finding?.story?.map(({ event, thread }) => `${event} ${thread}`),
    ['2 x', '3 x', '8 y', '9 y'],
  );
});

silent('looking up a descriptor is a get of its file', [
  ['x', { kind: 'alloc', object: 'File#1', fields: { refs: 1 } }],
  ['x', { kind: 'fget', field: 'Fd#1.file', file: 'File#1' }],
  ['x', { kind: 'put', counter: 'File#1.refs' }],
  ['y', { kind: 'close-fd', field: 'Fd#1.file', file: 'File#1' }],
  ['y', { kind: 'put', counter: 'File#1.refs' }],
]);
finds(
  'a file that was looked up once is put twice',
  ['referencesBalance observed'],
  [
    ['x', { kind: 'alloc', object: 'File#1', fields: { refs: 1 } }],
    ['x', { kind: 'fget', field: 'Fd#1.file', file: 'File#1' }],
    ['x', { kind: 'put', counter: 'File#1.refs' }],
    ['x', { kind: 'put', counter: 'File#1.refs' }],
    ['y', { kind: 'put', counter: 'File#1.refs' }],
  ],
);

test.run();
