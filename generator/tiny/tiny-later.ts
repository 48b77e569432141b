/** Small programs made by hand about work that has to wait: for its turn, for a grace period; and about what a call leaves behind. For tests. */
import { type Action, END, type Program, type Target } from '../program.ts';
import { at, constant, field, objectType, plainSlot, type TinyNode, type TinyThread, tiny, write } from './tiny-program.ts';

const jobs = (count: number) => objectType('Job', [field('work', 'work', Math.max(2, count)), field('ran', 'boolean', 1)], count, count);
const work = (instance: number): Target => at('Job', 'work', constant(instance));
const worker = (instance: number, ...nodes: TinyNode[]): TinyThread => ({
  work: { type: 'Job', instance, field: 'work' },
  nodes: [{ kind: 'take', target: work(instance) }, ...nodes, { action: { kind: 'done', target: work(instance) }, next: 0 }],
});
const ran = (instance: number): Action => write(at('Job', 'ran', constant(instance)), 1);

/** Three items of an ordered queue; one is taken off again, and what is left of the queue is flushed. */
export function takenOffInOrder(): Program {
  const queue = at('Module', 'queue');
  const queued = (instance: number): Action => ({ kind: 'queue', target: work(instance), on: queue, slot: -1 });
  const program = tiny({
    name: 'takenOffInOrder',
    types: [jobs(3), objectType('Module', [field('queue', 'work-queue', 0)])],
    onQueue: { 'Module.queue': ['Job.work'] },
    threads: [
      { nodes: [queued(2), queued(1), { kind: 'flush-queue-begin', target: queue }, { kind: 'flush-queue-end', target: queue }] },
      {
        slots: [plainSlot('removed')],
        nodes: [queued(3), { kind: 'cancel-begin', target: work(2), slot: 0 }, { kind: 'cancel-end', target: work(2) }],
      },
      worker(1, ran(1)),
      worker(2, ran(2)),
      worker(3, ran(3)),
    ],
  });
  return { ...program, ordered: ['Module.queue'] };
}

/** Work waits for a reader who is inside already, not for one that comes later; it may be taken off before. */
export function waitsForReaders(): Program {
  const domain = at('Box', 'srcu');
  return tiny({
    name: 'waitsForReaders',
    types: [jobs(1), objectType('Box', [field('srcu', 'srcu', 0)])],
    threads: [
      {
        nodes: [
          { kind: 'enter', target: domain },
          { kind: 'exit', target: domain },
        ],
      },
      {
        slots: [plainSlot('queued'), plainSlot('removed')],
        nodes: [
          { kind: 'queue-after-grace', target: work(1), domain, slot: 0 },
          { action: { kind: 'choose', alternatives: [2, 4], byCaller: false } },
          { kind: 'cancel-begin', target: work(1), slot: 1 },
          { kind: 'cancel-end', target: work(1) },
          { action: { kind: 'jump' }, next: END },
        ],
      },
      worker(1, ran(1)),
    ],
  });
}

/** A call changes a field, a set and a counter, and fails; of what it changed it puts some back. Another thread writes the field meanwhile. */
export function leavesSomething(): Program {
  const box = objectType('Box', [field('value', 'number', 2), field('set', 'set', 1, 'Box'), field('refs', 'refcount', 7)]);
  const value = at('Box', 'value'),
    set = at('Box', 'set'),
    refs = at('Box', 'refs');
  const inside = (action: Action): TinyNode => ({ action, call: 0 });
  return tiny({
    name: 'leavesSomething',
    types: [box],
    cells: { 'Box#1.refs': 1 },
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
    threads: [
      {
        calls: [{ operation: 'act', name: 'act', arguments: [], result: { type: null, word: true }, contract: 0 }],
        nodes: [
          inside({ kind: 'call', call: 0 }),
          inside(write(value, 1)),
          inside({ kind: 'add', target: set, member: constant(1) }),
          inside({ kind: 'get', target: refs }),
          { action: { kind: 'choose', alternatives: [5, 6, 8], byCaller: false }, call: 0 },
          inside({ kind: 'remove', target: set, member: constant(1) }),
          { action: { kind: 'put', target: refs }, call: 0 },
          inside(write(value, 0)),
          inside({ kind: 'return', call: 0, result: constant(1) }),
        ],
      },
      { nodes: [write(value, 2), write(value, 0)] },
    ],
  });
}

/** Waits for a completion of an object that is not there. */
export function waitsForNothing(): Program {
  return tiny({
    name: 'waitsForNothing',
    types: [objectType('Gate', [field('done', 'completion', 1)])],
    threads: [
      { nodes: [{ kind: 'complete', target: at('Gate', 'done') }] },
      { nodes: [{ kind: 'wait-done', target: at('Gate', 'done', constant(0)), timeout: false, slot: -1 }] },
    ],
  });
}

export const tinyLater: readonly Program[] = [takenOffInOrder(), waitsForReaders(), leavesSomething(), waitsForNothing()];
