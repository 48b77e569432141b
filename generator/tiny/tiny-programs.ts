/** Small programs made by hand, each about one idea, with counts that a person can work out on paper. For tests. */
import type { Predicate } from '../model.ts';
import { type Contract, END, type Program, type Thread } from '../program.ts';
import { tinyCorners } from './tiny-corners.ts';
import { tinyLater } from './tiny-later.ts';
import { tinyLocks } from './tiny-locks.ts';
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
  write,
} from './tiny-program.ts';

/** Two threads, each: lock, write, unlock. The field is guarded by the lock. */
export function underMutex(): Program {
  const box = objectType('Box', [field('lock', 'mutex', 2), field('value', 'number', 3)]);
  const holdsLock: Predicate = { kind: 'holds', lock: seen('object', 'Box', 'lock'), text: 'object.lock' };
  const nodes = (value: number) => [lock(at('Box', 'lock')), write(at('Box', 'value'), value), unlock(at('Box', 'lock'))];
  return tiny({
    name: 'underMutex',
    types: [box],
    threads: [{ nodes: nodes(1) }, { nodes: nodes(2) }],
    rules: [{ ...head('boxGuards'), kind: 'guards', type: 'Box', fields: { value: { read: [holdsLock], write: [holdsLock] } } }],
  });
}

/** As `underMutex`, but the second thread writes without the lock, once. */
export function withoutMutex(): Program {
  const good = underMutex();
  const [first] = good.threads;
  if (!first) throw new Error('underMutex has no thread');
  const second: Thread = {
    ...first,
    name: 'T2',
    nodes: first.nodes.filter(({ action }) => action.kind === 'write').map(node => ({ ...node, next: END, otherwise: END })),
  };
  return { ...good, scenario: 'withoutMutex', threads: [first, second] };
}

/** T1 takes A, then B; T2 takes B, then A; each lets go of both. The declared order is A outside B. */
export function abBa(): Program {
  const pair = objectType('Pair', [field('a', 'mutex', 2), field('b', 'mutex', 2)]);
  const nodes = (outer: string, inner: string) => [
    lock(at('Pair', outer)),
    lock(at('Pair', inner)),
    unlock(at('Pair', inner)),
    unlock(at('Pair', outer)),
  ];
  return tiny({
    name: 'abBa',
    types: [pair],
    threads: [{ nodes: nodes('a', 'b') }, { nodes: nodes('b', 'a') }],
    rules: [{ ...head('aOutsideB'), kind: 'order', classes: ['Pair.a', 'Pair.b'], nested: false }],
  });
}

/** Takes a mutex that it holds already. */
export function takenTwice(): Program {
  return tiny({
    name: 'takenTwice',
    types: [objectType('Box', [field('lock', 'mutex', 1)])],
    threads: [{ nodes: [lock(at('Box', 'lock')), lock(at('Box', 'lock'))] }],
  });
}

/** Two threads put one of two references; whoever puts the last frees. */
export function putToZero(): Program {
  const counted = objectType('Counted', [field('refs', 'refcount', 2)]);
  const nodes: TinyNode[] = [
    { action: { kind: 'put', target: at('Counted', 'refs') }, next: END, otherwise: 1 },
    { kind: 'free', object: constant(1), type: 'Counted' },
  ];
  return tiny({ name: 'putToZero', types: [counted], cells: { 'Counted#1.refs': 2 }, threads: [{ nodes }, { nodes }], stays: [] });
}

/** A reader looks at a flag twice inside its section; a writer sets the flag, waits for the grace period, and frees. */
export function gracePeriod(): Program {
  const domain = objectType('Domain', [field('srcu', 'srcu', 2)]);
  const data = objectType('Data', [field('value', 'number', 1)]);
  const pointer = objectType('Pointer', [field('to', 'pointer', 1, 'Data')]);
  const reader: TinyThread = {
    slots: [pointerSlot('data', 'Data'), plainSlot('value')],
    nodes: [
      { kind: 'enter', target: at('Domain', 'srcu') },
      { kind: 'read', target: at('Pointer', 'to'), slot: 0 },
      { action: { kind: 'branch', when: slot(0) }, next: 3, otherwise: 4 },
      { kind: 'read', target: at('Data', 'value', slot(0)), slot: 1 },
      { kind: 'exit', target: at('Domain', 'srcu') },
    ],
  };
  const writer: TinyThread = {
    nodes: [
      write(at('Pointer', 'to'), 0),
      { kind: 'grace-begin', target: at('Domain', 'srcu') },
      { kind: 'grace-end', target: at('Domain', 'srcu') },
      { kind: 'free', object: constant(1), type: 'Data' },
    ],
  };
  return tiny({
    name: 'gracePeriod',
    types: [domain, data, pointer],
    cells: { 'Pointer#1.to': 1 },
    threads: [reader, writer],
    stays: ['Domain#1', 'Pointer#1'],
  });
}

/** As `gracePeriod`, but the writer does not wait. */
export function noGracePeriod(): Program {
  const good = gracePeriod();
  const [reader, writer] = good.threads;
  if (!reader || !writer) throw new Error('gracePeriod lacks a thread');
  const nodes = writer.nodes.map(node => (node.action.kind === 'write' ? { ...node, next: writer.nodes.length - 1 } : node));
  return { ...good, scenario: 'noGracePeriod', threads: [reader, { ...writer, nodes }] };
}

/** T1 queues a work item, waits for it, and reads what it wrote. */
export function workAndFlush(): Program {
  const job = objectType('Job', [field('work', 'work', 1), field('ran', 'boolean', 1)]);
  const user: TinyThread = {
    slots: [plainSlot('queued'), plainSlot('ran')],
    nodes: [
      { kind: 'queue', target: at('Job', 'work'), on: null, slot: 0 },
      { kind: 'flush-begin', target: at('Job', 'work') },
      { kind: 'flush-end', target: at('Job', 'work') },
      { kind: 'read', target: at('Job', 'ran'), slot: 1 },
      { action: { kind: 'branch', when: slot(1) }, next: END, otherwise: 5 },
      { kind: 'bug' },
    ],
  };
  const worker: TinyThread = {
    work: { type: 'Job', instance: 1, field: 'work' },
    nodes: [
      { kind: 'take', target: at('Job', 'work') },
      write(at('Job', 'ran'), 1),
      { action: { kind: 'done', target: at('Job', 'work') }, next: 0 },
    ],
  };
  return tiny({ name: 'workAndFlush', types: [job], threads: [user, worker] });
}

/** T1 links an entry and later unlinks it; T2 wakes the queue. The callback writes a flag of the entry's object under the queue's lock. */
export function wakeCallback(): Program {
  const event = objectType('Event', [field('wait', 'wait-queue', 2)]);
  const waiter = objectType('Waiter', [field('entry', 'wait-entry', 1), field('called', 'boolean', 1)]);
  const wait = at('Event', 'wait');
  const entry = at('Waiter', 'entry');
  const linker: TinyThread = {
    slots: [plainSlot('linked')],
    nodes: [
      lock(wait),
      { kind: 'link', target: wait, entry, exclusive: true, slot: 0 },
      lock(wait),
      { kind: 'unlink', target: wait, entry },
      { kind: 'free', object: constant(1), type: 'Waiter' },
    ],
  };
  const waker: TinyThread = {
    slots: [plainSlot('visited'), pointerSlot('waiter', 'Waiter')],
    nodes: [
      lock(wait),
      {
        action: { kind: 'next-entry', target: wait, entryType: 'Waiter', entryField: 'entry', visited: 0, slot: 1 },
        next: 2,
        otherwise: 3,
      },
      { action: { kind: 'write', target: at('Waiter', 'called', slot(1)), value: constant(1) }, next: 1 },
      unlock(wait),
    ],
  };
  return tiny({
    name: 'wakeCallback',
    types: [event, waiter],
    threads: [linker, waker],
    waitQueues: [{ type: 'Event', instance: 1, field: 'wait' }],
    stays: ['Event#1'],
  });
}

/** Allocates, publishes, takes back and frees; the other thread reads what is published. */
export function useAfterFree(): Program {
  const data = objectType('Data', [field('value', 'number', 3)], 0);
  const pointer = objectType('Pointer', [field('to', 'pointer', 1, 'Data')]);
  const owner: TinyThread = {
    slots: [pointerSlot('data', 'Data')],
    nodes: [
      { kind: 'alloc', type: 'Data', fields: { value: constant(3) }, slot: 0 },
      { kind: 'write', target: at('Pointer', 'to'), value: slot(0) },
      write(at('Pointer', 'to'), 0),
      { kind: 'free', object: slot(0), type: 'Data' },
    ],
  };
  const reader: TinyThread = {
    slots: [pointerSlot('data', 'Data'), plainSlot('value', 3)],
    nodes: [
      { kind: 'read', target: at('Pointer', 'to'), slot: 0 },
      { kind: 'read', target: at('Data', 'value', slot(0)), slot: 1 },
    ],
  };
  return tiny({ name: 'useAfterFree', types: [data, pointer], threads: [owner, reader] });
}

/** `claim` takes a flag, or returns EBUSY if it was taken. One that never looks, and always does the same, breaks its contract. */
export function claim(does: 'check' | 'succeed' | 'fail' = 'check'): Program {
  const box = objectType('Box', [field('lock', 'mutex', 2), field('taken', 'boolean', 1)]);
  const taken: Predicate = { kind: 'field', field: seen('box', 'Box', 'taken'), text: 'box.taken' };
  const contract: Contract = {
    rule: 'claimContract',
    operation: 'claim',
    parameters: [{ name: 'box', type: 'Box' }],
    fails: [{ errno: 'EBUSY', value: 1, when: taken }],
    ensures: taken,
  };
  const caller: TinyThread = {
    slots: [plainSlot('taken')],
    calls: [
      {
        operation: 'claim',
        name: 'claim',
        arguments: [{ value: constant(1), type: 'Box', word: false }],
        result: { type: null, word: true },
        contract: 0,
      },
    ],
    nodes: (
      [
        { action: { kind: 'call', call: 0 } },
        { action: lock(at('Box', 'lock')) },
        { action: { kind: 'read', target: at('Box', 'taken'), slot: 0 } },
        { action: { kind: 'branch', when: does === 'check' ? slot(0) : constant(does === 'fail' ? 1 : 0) }, next: 4, otherwise: 6 },
        { action: unlock(at('Box', 'lock')) },
        { action: { kind: 'return', call: 0, result: constant(1) }, next: END },
        { action: write(at('Box', 'taken'), 1) },
        { action: unlock(at('Box', 'lock')) },
        { action: { kind: 'return', call: 0, result: constant(0) } },
      ] satisfies TinyNode[]
    ).map(node => ({ ...node, call: 0 })),
  };
  const excluded: Predicate = {
    kind: 'operator',
    operator: '||',
    text: '!box.taken || held(box.lock)',
    of: [
      { kind: 'operator', operator: '!', of: [taken], text: '!box.taken' },
      { kind: 'held', lock: seen('box', 'Box', 'lock'), text: 'held(box.lock)' },
    ],
  };
  return tiny({
    name: does === 'check' ? 'claim' : `claim, always: ${does}`,
    types: [box],
    threads: [caller, caller],
    contracts: [contract],
    words: ['EBUSY'],
    rules: [{ ...head('takenOnlyUnderLock'), kind: 'invariant', over: [{ name: 'box', type: 'Box' }], when: null, then: excluded }],
  });
}

/** Sums up the members of a set in every order, then picks one. */
export function eachMember(): Program {
  const item = objectType('Item', [field('weight', 'number', 3, null, true)], 2, 2);
  const bag = objectType('Bag', [field('items', 'set', 3, 'Item')]);
  const thread: TinyThread = {
    slots: [{ ...plainSlot('visited', 3) }, pointerSlot('item', 'Item', 2), plainSlot('weight', 3), plainSlot('sum', 5)],
    nodes: [
      { action: { kind: 'next', target: at('Bag', 'items'), visited: 0, slot: 1 }, next: 1, otherwise: 3 },
      { kind: 'read-constant', target: at('Item', 'weight', slot(1)), slot: 2 },
      { action: { kind: 'set', slot: 3, value: { kind: 'operator', operator: '+', of: [slot(3), slot(2)] } }, next: 0 },
      { action: { kind: 'branch', when: { kind: 'operator', operator: '===', of: [slot(3), constant(5)] } }, next: 5, otherwise: 4 },
      { kind: 'bug' },
      { kind: 'pick', target: at('Bag', 'items'), slot: 1 },
      { kind: 'remove', target: at('Bag', 'items'), member: slot(1) },
    ],
  };
  return tiny({
    name: 'eachMember',
    types: [item, bag],
    cells: { 'Bag#1.items': 3, 'Item#1.weight': 2, 'Item#2.weight': 3 },
    threads: [thread],
  });
}

/** T1 looks up a file and puts it, or, if it is closed, takes a mutex under a spinlock; T2 closes the descriptor. Whoever puts last frees. */
export function descriptorUnderSpinlock(): Program {
  const file = objectType('File', [field('refs', 'refcount', 3)]);
  const fd = objectType('Fd', [field('file', 'pointer', 1, 'File')], 1, 1, { file: 'refs' });
  const box = objectType('Box', [field('spin', 'spinlock', 2), field('lock', 'mutex', 2)]);
  const drop: TinyNode = { action: { kind: 'put', target: at('File', 'refs', slot(0)) }, next: END, otherwise: 3 };
  const freed: TinyNode = { kind: 'free', object: slot(0), type: 'File' };
  const getter: TinyThread = {
    slots: [pointerSlot('file', 'File')],
    nodes: [
      { kind: 'fget', target: at('Fd', 'file'), slot: 0 },
      { action: { kind: 'branch', when: slot(0) }, next: 2, otherwise: 4 },
      drop,
      { action: freed, next: END },
      lock(at('Box', 'spin')),
      lock(at('Box', 'lock')),
      unlock(at('Box', 'lock')),
      unlock(at('Box', 'spin')),
    ],
  };
  const closer: TinyThread = {
    slots: [pointerSlot('file', 'File')],
    nodes: [
      { kind: 'close-fd', target: at('Fd', 'file'), slot: 0 },
      { action: { kind: 'branch', when: slot(0) }, next: 2, otherwise: END },
      drop,
      freed,
    ],
  };
  return tiny({
    name: 'descriptorUnderSpinlock',
    types: [file, fd, box],
    cells: { 'File#1.refs': 1, 'Fd#1.file': 1 },
    threads: [getter, closer],
    stays: ['Fd#1', 'Box#1'],
  });
}

/** T1 sleeps until a flag is set and it is woken; T2 sets the flag and wakes, or with `lost` wakes before it sets. */
export function sleepAndWake(lost = false): Program {
  const gate = objectType('Gate', [field('wait', 'wait-queue', 2), field('open', 'boolean', 1)]);
  const wait = at('Gate', 'wait');
  const sleeper: TinyThread = {
    slots: [plainSlot('open'), plainSlot('timedOut')],
    nodes: [
      { kind: 'wait-prepare', target: wait },
      { kind: 'read', target: at('Gate', 'open'), slot: 0 },
      { action: { kind: 'branch', when: slot(0) }, next: 4, otherwise: 3 },
      { action: { kind: 'wait-sleep', target: wait, timeout: false, slot: 1 }, next: 0 },
      { kind: 'wait-finish', target: wait },
    ],
  };
  const steps: TinyNode[] = [write(at('Gate', 'open'), 1), { kind: 'wake-all', target: wait }];
  return tiny({
    name: lost ? 'lostWakeUp' : 'sleepAndWake',
    types: [gate],
    threads: [sleeper, { nodes: lost ? steps.reverse() : steps }],
    waitQueues: [{ type: 'Gate', instance: 1, field: 'wait' }],
  });
}

/** All of them, by name. */
export const tinyPrograms: readonly Program[] = [
  underMutex(),
  withoutMutex(),
  abBa(),
  takenTwice(),
  putToZero(),
  gracePeriod(),
  noGracePeriod(),
  workAndFlush(),
  wakeCallback(),
  useAfterFree(),
  claim(),
  claim('succeed'),
  claim('fail'),
  eachMember(),
  descriptorUnderSpinlock(),
  sleepAndWake(),
  sleepAndWake(true),
  ...tinyCorners,
  ...tinyLocks,
  ...tinyLater,
];
