/** More small programs made by hand: one for each way that a verb can be broken, and for waits that end in unusual ways. */
import type { Action, Program, Target } from '../program.ts';
import {
  at,
  constant,
  field,
  head,
  lock,
  objectType,
  plainSlot,
  pointerSlot,
  seen,
  slot,
  type TinyNode,
  type TinyThread,
  tiny,
  unlock,
  variable,
  write,
} from './tiny-program.ts';

const work = at('Job', 'work');
const job = () => objectType('Job', [field('work', 'work', 1), field('ran', 'boolean', 1)]);
const worker = (...nodes: TinyNode[]): TinyThread => ({
  work: { type: 'Job', instance: 1, field: 'work' },
  nodes: [{ kind: 'take', target: work }, ...nodes, { action: { kind: 'done', target: work }, next: 0 }],
});
const queueIt: Action = { kind: 'queue', target: work, on: null, slot: -1 };

/** T1 queues twice; T2 flushes; T3 cancels. A run that is cancelled has ended for T2, too. */
export function cancelAndFlush(): Program {
  return tiny({
    name: 'cancelAndFlush',
    types: [job()],
    threads: [
      { nodes: [queueIt, queueIt] },
      {
        nodes: [
          { kind: 'flush-begin', target: work },
          { kind: 'flush-end', target: work },
        ],
      },
      {
        slots: [plainSlot('removed')],
        nodes: [
          { kind: 'cancel-begin', target: work, slot: 0 },
          { kind: 'cancel-end', target: work },
        ],
      },
      worker(write(at('Job', 'ran'), 1)),
    ],
  });
}

/** The run frees its own object; who flushes it does not touch what is freed. */
export function runFreesItself(): Program {
  return tiny({
    name: 'runFreesItself',
    types: [job()],
    stays: [],
    threads: [
      { nodes: [queueIt, { kind: 'flush-begin', target: work }, { kind: 'flush-end', target: work }] },
      worker({ kind: 'free', object: constant(1), type: 'Job' }),
    ],
  });
}

/** A run that waits for its own end; `how` says by which verb. */
export function flushesItself(how: 'flush-begin' | 'cancel-begin' | 'flush-queue-begin'): Program {
  const queue = at('Module', 'queue');
  const wait: Action =
    how === 'flush-queue-begin'
      ? { kind: how, target: queue }
      : how === 'cancel-begin'
        ? { kind: how, target: work, slot: -1 }
        : { kind: how, target: work };
  return tiny({
    name: `itself: ${how}`,
    types: [job(), objectType('Module', [field('queue', 'work-queue', 0)])],
    onQueue: { 'Module.queue': ['Job.work'] },
    threads: [{ nodes: [{ kind: 'queue', target: work, on: queue, slot: -1 }] }, worker(wait)],
  });
}

/** Waits for all that is on a work queue: two items of one type, queued by another thread. */
export function flushQueue(): Program {
  const queue = at('Module', 'queue');
  const of = (instance: number) => at('Job', 'work', constant(instance));
  const queued = (instance: number): Action => ({ kind: 'queue', target: of(instance), on: queue, slot: -1 });
  const runner = (instance: number): TinyThread => ({
    work: { type: 'Job', instance, field: 'work' },
    nodes: [
      { kind: 'take', target: of(instance) },
      { action: { kind: 'done', target: of(instance) }, next: 0 },
    ],
  });
  return tiny({
    name: 'flushQueue',
    types: [objectType('Job', [field('work', 'work', 1)], 2, 2), objectType('Module', [field('queue', 'work-queue', 0)])],
    onQueue: { 'Module.queue': ['Job.work'] },
    threads: [
      { nodes: [queued(1), { kind: 'flush-queue-begin', target: queue }, { kind: 'flush-queue-end', target: queue }] },
      { nodes: [queued(2)] },
      runner(1),
      runner(2),
    ],
  });
}

/** What is freed while something in it, or around it, is in use. */
export function freedInUse(what: 'lock' | 'work' | 'entry' | 'queue' | 'set' | 'reader' | 'counter'): Program {
  const box = objectType(
    'Box',
    [
      field('lock', 'mutex', 1),
      field('work', 'work', 1),
      field('entry', 'wait-entry', 2),
      field('wait', 'wait-queue', 1),
      field('srcu', 'srcu', 1),
      field('refs', 'refcount', 1),
    ],
    2,
    2,
  );
  const bag = objectType('Bag', [field('boxes', 'set', 3, 'Box')]);
  const own = (name: string) => at('Box', name);
  const other = (name: string) => at('Box', name, constant(2));
  const linked = (queue: Target, entry: Target): TinyNode[] => [
    lock(queue),
    { kind: 'link', target: queue, entry, exclusive: false, slot: -1 },
  ];
  const before: Readonly<Record<typeof what, readonly TinyNode[]>> = {
    lock: [lock(own('lock'))],
    work: [{ kind: 'queue', target: own('work'), on: null, slot: -1 }],
    entry: linked(other('wait'), own('entry')),
    queue: linked(own('wait'), other('entry')),
    set: [{ kind: 'add', target: at('Bag', 'boxes'), member: constant(1) }],
    reader: [{ kind: 'enter', target: own('srcu') }],
    counter: [],
  };
  const drop: TinyNode[] = what === 'counter' ? [] : [{ kind: 'put', target: own('refs') }];
  return tiny({
    name: `freed in use: ${what}`,
    types: [box, bag],
    cells: { 'Box#1.refs': 1, 'Box#2.refs': 1 },
    waitQueues: [
      { type: 'Box', instance: 1, field: 'wait' },
      { type: 'Box', instance: 2, field: 'wait' },
    ],
    threads: [{ nodes: [...before[what], ...drop, { kind: 'free', object: constant(1), type: 'Box' }] }],
  });
}

/** A counter that is used after it has reached 0; `how` says by which verb. The first two are broken. */
export function counterAtZero(how: 'get' | 'put' | 'get-unless-zero'): Program {
  const refs = at('Box', 'refs');
  const again: Action = how === 'get-unless-zero' ? { kind: how, target: refs, slot: 0 } : { kind: how, target: refs };
  return tiny({
    name: `at zero: ${how}`,
    types: [objectType('Box', [field('refs', 'refcount', 2)])],
    cells: { 'Box#1.refs': 1 },
    threads: [{ slots: [plainSlot('got')], nodes: [{ kind: 'put', target: refs }, again] }],
  });
}

/** Lets go of what it does not hold. */
export function notHeld(how: 'unlock' | 'exit'): Program {
  const box = objectType('Box', [field('lock', 'mutex', 2), field('srcu', 'srcu', 1)]);
  const letGo: Action = how === 'exit' ? { kind: 'exit', target: at('Box', 'srcu') } : unlock(at('Box', 'lock'));
  return tiny({
    name: `not held: ${how}`,
    types: [box],
    threads: [{ nodes: [{ kind: 'assert-held', target: at('Box', 'lock') }, letGo] }],
  });
}

/** Waits for a grace period inside a read section of the domain: of srcu it never ends, and of rcu it sleeps in atomic context as well. */
export function graceInside(kind: 'srcu' | 'rcu'): Program {
  const domain = at('Box', 'domain');
  return tiny({
    name: `grace inside ${kind}`,
    types: [objectType('Box', [field('domain', kind, 1)])],
    threads: [
      {
        nodes: [
          { kind: 'enter', target: domain },
          { kind: 'grace-begin', target: domain },
        ],
      },
    ],
  });
}

/** A reader with nested sections; who waits began in between, or not. A second reader comes later and is not waited for. */
export function nestedSections(): Program {
  const domain = at('Box', 'srcu');
  const enter: Action = { kind: 'enter', target: domain };
  const exit: Action = { kind: 'exit', target: domain };
  return tiny({
    name: 'nestedSections',
    types: [objectType('Box', [field('srcu', 'srcu', 2)])],
    threads: [
      { nodes: [enter, enter, exit, exit] },
      { nodes: [enter, exit] },
      {
        nodes: [
          { kind: 'grace-begin', target: domain },
          { kind: 'grace-end', target: domain },
        ],
      },
    ],
  });
}

/** An interrupt tries a lock, and takes a mutex that it may have to sleep for. */
export function interrupt(): Program {
  const box = objectType('Box', [field('spin', 'spinlock', 2), field('lock', 'mutex', 2)]);
  return tiny({
    name: 'interrupt',
    types: [box],
    threads: [
      { nodes: [lock(at('Box', 'spin')), unlock(at('Box', 'spin'))] },
      {
        context: 'hardirq',
        slots: [plainSlot('got')],
        nodes: [
          { kind: 'try-lock', target: at('Box', 'spin'), slot: 0 },
          { action: { kind: 'branch', when: slot(0) }, next: 2, otherwise: 3 },
          unlock(at('Box', 'spin')),
          lock(at('Box', 'lock')),
          unlock(at('Box', 'lock')),
        ],
      },
    ],
  });
}

/** A sleep that nobody ends but its time; afterwards the environment says whether it tries again, and a rule looks at every write. */
export function timedSleep(): Program {
  const gate = objectType('Gate', [field('wait', 'wait-queue', 2), field('late', 'boolean', 1), field('lock', 'mutex', 1)]);
  const wait = at('Gate', 'wait');
  return tiny({
    name: 'timedSleep',
    types: [gate],
    waitQueues: [{ type: 'Gate', instance: 1, field: 'wait' }],
    threads: [
      {
        slots: [plainSlot('timedOut')],
        nodes: [
          { kind: 'wait-prepare', target: wait },
          { kind: 'wait-sleep', target: wait, timeout: true, slot: 0 },
          { kind: 'wait-finish', target: wait },
          { kind: 'write', target: at('Gate', 'late'), value: slot(0) },
          { kind: 'choose', alternatives: [0, 5], byCaller: false },
          { kind: 'wake-all', target: wait },
        ],
      },
    ],
    rules: [
      {
        ...head('lateOnlyUnderLock'),
        kind: 'at-every',
        verb: 'write',
        type: 'Gate',
        field: 'late',
        object: 'gate',
        over: [{ name: 'other', type: 'Gate' }],
        when: { kind: 'operator', operator: '===', of: [variable('gate', 'Gate'), variable('other', 'Gate')], text: 'gate === other' },
        then: { kind: 'holds', lock: seen('gate', 'Gate', 'lock'), text: 'past.holds(gate.lock)' },
      },
    ],
  });
}

/** Two threads each try to link an exclusive entry of their own to one queue; a thread that succeeds takes it off again. A settled rule looks on. */
export function exclusiveEntries(): Program {
  const event = objectType('Event', [field('wait', 'wait-queue', 2), field('count', 'number', 2)]);
  const waiter = objectType('Waiter', [field('entry', 'wait-entry', 1)], 2, 2);
  const wait = at('Event', 'wait');
  const thread = (instance: number): TinyThread => {
    const entry = at('Waiter', 'entry', constant(instance));
    return {
      slots: [plainSlot('linked')],
      nodes: [
        lock(wait),
        { kind: 'link', target: wait, entry, exclusive: true, slot: 0 },
        { action: { kind: 'branch', when: slot(0) }, next: 3, otherwise: -1 },
        lock(wait),
        { kind: 'unlink', target: wait, entry },
      ],
    };
  };
  const onQueue = (name: string) => ({ kind: 'on-queue' as const, entry: seen(name, 'Waiter', 'entry'), text: `isOnQueue(${name}.entry)` });
  return tiny({
    name: 'exclusiveEntries',
    types: [event, waiter],
    waitQueues: [{ type: 'Event', instance: 1, field: 'wait' }],
    threads: [thread(1), thread(2)],
    rules: [
      {
        ...head('noEntryWhileFree'),
        kind: 'settled',
        over: [
          { name: 'event', type: 'Event' },
          { name: 'waiter', type: 'Waiter' },
        ],
        busy: { kind: 'held', lock: seen('event', 'Event', 'wait'), text: 'held(event.wait)' },
        when: null,
        then: { kind: 'operator', operator: '!', of: [onQueue('waiter')], text: '!isOnQueue(waiter.entry)' },
      },
    ],
  });
}

/** A pointer that owns a reference is dropped, and the reference is not put. */
export function lostReference(): Program {
  const file = objectType('File', [field('refs', 'refcount', 3)]);
  const holder = objectType('Holder', [field('file', 'pointer', 1, 'File')], 1, 1, { file: 'refs' });
  return tiny({
    name: 'lostReference',
    types: [file, holder],
    cells: { 'File#1.refs': 1, 'Holder#1.file': 1 },
    threads: [
      {
        slots: [pointerSlot('file', 'File')],
        nodes: [{ kind: 'read', target: at('Holder', 'file'), slot: 0 }, write(at('Holder', 'file'), 0)],
      },
    ],
  });
}

/** Allocates something that nobody frees, and ends inside a read section with a lock held. */
export function leftBehind(): Program {
  const data = objectType('Data', [field('value', 'number', 1)], 0);
  const box = objectType('Box', [field('lock', 'mutex', 1), field('srcu', 'srcu', 1)]);
  return tiny({
    name: 'leftBehind',
    types: [data, box],
    threads: [
      {
        nodes: [
          { kind: 'alloc', type: 'Data', fields: {}, slot: -1 },
          lock(at('Box', 'lock')),
          { kind: 'enter', target: at('Box', 'srcu') },
        ],
      },
    ],
  });
}

/** What the setup has begun and the threads only end: an exclusive entry on a queue is taken off, a pending run is run, another one cancelled. */
export function begunBefore(): Program {
  const event = objectType('Event', [field('wait', 'wait-queue', 2)]);
  const waiter = objectType('Waiter', [field('entry', 'wait-entry', 1)]);
  const wait = at('Event', 'wait');
  const good = tiny({
    name: 'begunBefore',
    types: [event, waiter, job(), objectType('Other', [field('work', 'work', 1)])],
    waitQueues: [{ type: 'Event', instance: 1, field: 'wait' }],
    cells: { 'Waiter#1.entry': 1, 'Job#1.work': 1, 'Other#1.work': 1 },
    threads: [
      {
        nodes: [
          lock(wait),
          { kind: 'unlink', target: wait, entry: at('Waiter', 'entry') },
          { kind: 'cancel-begin', target: at('Other', 'work'), slot: -1 },
          { kind: 'cancel-end', target: at('Other', 'work') },
        ],
      },
      worker(write(at('Job', 'ran'), 1)),
    ],
  });
  return { ...good, initial: { ...good.initial, exclusive: { 'Waiter#1.entry': 1 } } };
}

export const tinyCorners: readonly Program[] = [
  cancelAndFlush(),
  runFreesItself(),
  flushesItself('flush-begin'),
  flushesItself('cancel-begin'),
  flushesItself('flush-queue-begin'),
  flushQueue(),
  freedInUse('lock'),
  freedInUse('work'),
  freedInUse('entry'),
  freedInUse('queue'),
  freedInUse('set'),
  freedInUse('reader'),
  freedInUse('counter'),
  counterAtZero('get'),
  counterAtZero('put'),
  counterAtZero('get-unless-zero'),
  notHeld('unlock'),
  notHeld('exit'),
  graceInside('srcu'),
  graceInside('rcu'),
  nestedSections(),
  interrupt(),
  timedSleep(),
  exclusiveEntries(),
  lostReference(),
  leftBehind(),
  begunBefore(),
];
