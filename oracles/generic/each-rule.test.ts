import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, PlaceKind } from '../event.ts';
import { enter, exit, free, grace, line, lock, nested, put, type Step, together, unlock } from '../predict/testdata/steps.ts';
import { createGenericOracle } from './oracle.ts';
import { type GenericName, genericNames } from './rules.ts';

const test = suite('each rule without a spec');
const places: Readonly<Record<string, PlaceKind>> = {
  'A.m': 'mutex',
  'B.m': 'mutex',
  'A.spin': 'spinlock',
  'D.srcu': 'srcu',
  'Q.queue': 'wait-queue',
};

const alloc = (refs: number): readonly Step[] => line('x', { kind: 'alloc', object: 'A#1', fields: { refs } });
const write = (thread: string): readonly Step[] => line(thread, { kind: 'write', field: 'A#1.field', value: 1 });
const get = (thread: string): readonly Step[] => line(thread, { kind: 'get', counter: 'A#1.refs' });
const queued = line('x', { kind: 'queue', work: 'A#1.work', on: null, queued: true });
const run = (...inside: readonly (readonly Step[])[]): readonly Step[] => [
  ...line('w', { kind: 'run-begin', work: 'A#1.work' }),
  ...inside.flat(),
  ...line('w', { kind: 'run-end', work: 'A#1.work' }),
];
const flush = (thread: string): readonly Step[] =>
  together(thread, { kind: 'flush-begin', work: 'A#1.work' }, { kind: 'flush-end', work: 'A#1.work' });
const link = line('x', { kind: 'link', queue: 'Q#1.queue', entry: 'A#1.entry', exclusive: false, linked: true });
const callback = line('y', { kind: 'callback', queue: 'Q#1.queue', entry: 'A#1.entry' });
/** A release that takes `B#1.m`. */
const release = (object: string): readonly Step[] => [
  ...line('x', { kind: 'alloc', object, fields: { refs: 1 } }),
  ...put('x', `${object}.refs`),
  ...nested('x', 'B#1.m'),
  ...free('x', object),
];

/** A trace that breaks this rule and no other, and one that differs little and breaks none. */
const cases: Readonly<Record<GenericName, { readonly broken: readonly (readonly Step[])[]; readonly near: readonly (readonly Step[])[] }>> =
  {
    nullNeverFollowed: {
      broken: [line('x', { kind: 'read', field: 'B#1.to', value: null }), line('x', { kind: 'null-followed', field: 'A.field' })],
      near: [line('x', { kind: 'read', field: 'B#1.to', value: null })],
    },
    neverTouchedAfterFree: { broken: [alloc(1), free('x', 'A#1'), write('y')], near: [alloc(1), write('y'), free('x', 'A#1')] },
    freedWhenIdle: { broken: [queued, free('x', 'A#1')], near: [queued, run(free('w', 'A#1'))] },
    freedAfterGrace: {
      broken: [enter('x', 'D#1.srcu'), write('x'), free('y', 'A#1'), exit('x', 'D#1.srcu')],
      near: [enter('x', 'D#1.srcu'), write('x'), exit('x', 'D#1.srcu'), free('y', 'A#1')],
    },
    graceWaitsForReaders: {
      broken: [enter('x', 'D#1.srcu'), grace('y', 'D#1.srcu'), exit('x', 'D#1.srcu')],
      near: [
        line('y', { kind: 'grace-begin', domain: 'D#1.srcu' }),
        enter('x', 'D#1.srcu'),
        line('y', { kind: 'grace-end', domain: 'D#1.srcu' }),
        exit('x', 'D#1.srcu'),
      ],
    },
    neverResurrected: {
      broken: [alloc(1), put('x', 'A#1.refs'), get('y')],
      near: [alloc(1), put('x', 'A#1.refs'), line('y', { kind: 'get-unless-zero', counter: 'A#1.refs', got: false })],
    },
    referencesBalance: {
      broken: [alloc(1), put('x', 'A#1.refs'), put('y', 'A#1.refs')],
      near: [alloc(2), put('x', 'A#1.refs'), put('y', 'A#1.refs')],
    },
    lastPutTakesNoHeldLock: {
      broken: [
        release('A#1'),
        line('x', { kind: 'alloc', object: 'A#2', fields: { refs: 1 } }),
        lock('x', 'B#1.m'),
        put('x', 'A#2.refs'),
        unlock('x', 'B#1.m'),
      ],
      near: [release('A#1'), line('x', { kind: 'alloc', object: 'A#2', fields: { refs: 1 } }), nested('x', 'B#1.m'), put('x', 'A#2.refs')],
    },
    releasedByHolder: {
      broken: [lock('x', 'A#1.m'), unlock('y', 'A#1.m')],
      near: [lock('x', 'A#1.m'), lock('x', 'B#1.m'), unlock('x', 'A#1.m'), unlock('x', 'B#1.m')],
    },
    neverTakenTwice: {
      broken: [lock('x', 'A#1.m'), line('x', { kind: 'want', lock: 'A#1.m' })],
      near: [lock('x', 'A#1.m'), line('x', { kind: 'tried', lock: 'A#1.m', got: false })],
    },
    locksBalance: {
      broken: [
        line('x', { kind: 'call', call: 'f', arguments: [] }),
        lock('x', 'A#1.m'),
        line('x', { kind: 'return', call: 'f', result: 0 }),
      ],
      near: [
        line('x', { kind: 'call', call: 'f', arguments: [] }),
        nested('x', 'A#1.m'),
        line('x', { kind: 'return', call: 'f', result: 0 }),
      ],
    },
    noLockCycle: {
      broken: [nested('x', 'A#1.m', 'B#1.m'), nested('y', 'B#1.m', 'A#1.m')],
      near: [nested('x', 'A#1.m', 'B#1.m'), nested('x', 'B#1.m', 'A#1.m')],
    },
    irqLocksKeepIrqsOff: {
      broken: [nested('x', 'A#1.spin'), line('i', { kind: 'thread-start', context: 'hardirq' }), nested('i', 'A#1.spin')],
      near: [
        together('x', { kind: 'want', lock: 'A#1.spin', irq: true }, { kind: 'got', lock: 'A#1.spin', irq: true }),
        unlock('x', 'A#1.spin'),
        line('i', { kind: 'thread-start', context: 'hardirq' }),
        nested('i', 'A#1.spin'),
      ],
    },
    neverSleepsInAtomic: {
      broken: [nested('x', 'A#1.spin', 'B#1.m')],
      near: [nested('x', 'B#1.m', 'A#1.spin')],
    },
    everyWaitEnds: {
      broken: [enter('x', 'D#1.srcu'), line('x', { kind: 'grace-begin', domain: 'D#1.srcu' })],
      near: [enter('x', 'D#1.srcu'), line('x', { kind: 'grace-begin', domain: 'D#2.srcu' })],
    },
    neverFlushesItself: {
      broken: [run(flush('w'))],
      near: [run(line('w', { kind: 'flush-begin', work: 'A#2.work' }), line('w', { kind: 'flush-end', work: 'A#2.work' }))],
    },
    callbackWhileLinked: {
      broken: [link, callback],
      near: [link, lock('y', 'Q#1.queue'), callback, unlock('y', 'Q#1.queue')],
    },
    heldWhereAsserted: {
      broken: [line('x', { kind: 'assert-held', lock: 'A#1.m' })],
      near: [lock('x', 'A#1.m'), line('x', { kind: 'assert-held', lock: 'A#1.m' }), unlock('x', 'A#1.m')],
    },
    soleWhereAsserted: {
      broken: [line('x', { kind: 'assert-sole', object: 'A#1' }), write('y')],
      near: [write('y'), line('x', { kind: 'assert-sole', object: 'A#1' }), write('x')],
    },
    quietAtTheEnd: {
      broken: [queued, line('x', { kind: 'quiesce', stays: ['A#1'] })],
      near: [queued, run(), line('x', { kind: 'quiesce', stays: ['A#1'] })],
    },
    bugNeverReached: { broken: [line('x', { kind: 'bug' })], near: [write('x')] },
  };

const found = (parts: readonly (readonly Step[])[]): readonly string[] => {
  const oracle = createGenericOracle({ places });
  return parts
    .flat()
    .flatMap(([thread, event], index) => [...oracle.event({ ...event, seq: index + 1, thread } as Event)])
    .map(({ rule }) => rule);
};

for (const name of genericNames) {
  test(`${name} alone rejects a trace`, () => assert.equal([...new Set(found(cases[name].broken))], [`always.${name}`]));
  test(`${name} accepts one that differs little`, () => assert.equal(found(cases[name].near), []));
}

test.run();
