/** Which cells the threads of a program can change at all, found without running it. All others keep their first value. */

import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Action, Program, Target, Value } from '../program.ts';
import { aliveCell, allocatedCell, exclusiveCell, fieldCell, flushCell, readersCell, soleCell, waitingCell } from './cells.ts';
import { reachable } from './liveness.ts';

export interface Alloc {
  readonly type: string;
  readonly fields: Readonly<Record<string, Value>>;
}

export interface Changing {
  /** Names of cells, from `cells.ts`. Fields given at `alloc` are not among them. */
  readonly cells: ReadonlySet<string>;
  /** Cells that can be set to 0, and so change if they are not 0 from the beginning. */
  readonly cleared: ReadonlySet<string>;
  readonly allocs: readonly Alloc[];
  /** Threads that can enter a read section of the domain, or read the lock, lowest first. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** Threads that can wait for a grace period of the domain. */
  readonly synchronizers: ReadonlyMap<string, readonly number[]>;
  /** Threads that can wait for runs of the work item. */
  readonly flushers: ReadonlyMap<string, readonly number[]>;
  /** Threads that can sleep on the wait queue, or queue to write the rwsem. */
  readonly sleepers: ReadonlyMap<string, readonly number[]>;
}

/** Instances that the value may denote. */
export function instances(program: Program, type: string, of: Value): readonly number[] {
  const { pool } = typeOf(program, type);
  if (of.kind === 'constant') return of.value > 0 && of.value <= pool ? [of.value] : [];
  return Array.from({ length: pool }, (_, at) => at + 1);
}

/** Work items, by their cells, that a flush of the work queue waits for. */
export function itemsOn(
  program: Program,
  queue: { readonly type: string; readonly field: string },
): readonly { readonly type: string; readonly instance: number; readonly field: string }[] {
  const classes = program.onQueue[`${queue.type}.${queue.field}`] ?? [];
  return program.types.flatMap(type =>
    type.fields
      .filter(field => classes.includes(`${type.name}.${field.name}`))
      .flatMap(field => Array.from({ length: type.pool }, (_, at) => ({ type: type.name, instance: at + 1, field: field.name }))),
  );
}

/** The other items of the ordered queue that a work item is on, by their cells. */
export function inOrderWith(program: Program, work: string): readonly string[] {
  const own = work.replace(/#\d+/, '');
  const queue = (program.ordered ?? []).find(one => program.onQueue[one]?.includes(own));
  if (queue === undefined) return [];
  const dot = queue.indexOf('.');
  return itemsOn(program, { type: queue.slice(0, dot), field: queue.slice(dot + 1) })
    .map(({ type, instance, field }) => fieldCell(type, instance, field))
    .filter(other => other !== work && indexOf(program).workers.has(other));
}

export function changing(program: Program): Changing {
  const cells = new Set<string>(),
    cleared = new Set<string>();
  const allocs: Alloc[] = [];
  const readers = new Map<string, number[]>(),
    synchronizers = new Map<string, number[]>(),
    flushers = new Map<string, number[]>(),
    sleepers = new Map<string, number[]>();
  const note = (map: Map<string, number[]>, cell: string, thread: number): void => {
    const known = map.get(cell);
    if (known === undefined) map.set(cell, [thread]);
    else if (!known.includes(thread)) known.push(thread);
  };
  const cellsOf = (target: Target): readonly string[] =>
    instances(program, target.type, target.object).map(one => fieldCell(target.type, one, target.field));
  const change = (target: Target): void => {
    for (const cell of cellsOf(target)) cells.add(cell);
  };
  const clear = (action: Action): void => {
    switch (action.kind) {
      case 'take':
      case 'cancel-begin':
      case 'unlock':
      case 'flag-free':
        for (const cell of cellsOf(action.target)) cleared.add(cell);
        return;
      case 'unlink':
        for (const cell of cellsOf(action.entry)) {
          cleared.add(cell);
          cleared.add(exclusiveCell(cell));
        }
        return;
      default:
        return;
    }
  };
  const look = (action: Action, thread: number): void => {
    switch (action.kind) {
      case 'write':
      case 'add':
      case 'remove':
      case 'lock':
      case 'try-lock':
      case 'flag-take':
      case 'get':
      case 'get-unless-zero':
      case 'put':
      case 'put-later':
      case 'queue':
      case 'complete':
      case 'close-fd':
        return change(action.target);
      case 'queue-after-grace':
        change(action.target);
        for (const work of cellsOf(action.target)) {
          const worker = indexOf(program).workers.get(work);
          if (worker !== undefined) for (const domain of cellsOf(action.domain)) note(synchronizers, domain, worker);
        }
        return;
      case 'take':
      case 'cancel-begin':
        for (const work of cellsOf(action.target)) for (const other of inOrderWith(program, work)) cells.add(other);
        if (action.kind === 'take') return;
        for (const cell of cellsOf(action.target)) {
          note(flushers, cell, thread);
          cells.add(flushCell(thread, cell));
        }
        return;
      case 'write-lock':
        for (const cell of cellsOf(action.target)) {
          cells.add(cell);
          note(sleepers, cell, thread);
          cells.add(waitingCell(thread, cell));
        }
        return;
      case 'write-lock-queued':
        return change(action.target);
      case 'read-lock':
      case 'enter':
        for (const cell of cellsOf(action.target)) {
          note(readers, cell, thread);
          cells.add(readersCell(thread, cell));
        }
        return;
      case 'grace-begin':
        for (const cell of cellsOf(action.target)) note(synchronizers, cell, thread);
        return;
      case 'flush-begin':
        for (const cell of cellsOf(action.target)) {
          note(flushers, cell, thread);
          cells.add(flushCell(thread, cell));
        }
        return;
      case 'flush-queue-begin':
        for (const { type, instance, field } of itemsOn(program, action.target)) {
          const cell = fieldCell(type, instance, field);
          note(flushers, cell, thread);
          cells.add(flushCell(thread, cell));
        }
        return;
      case 'link':
        change(action.entry);
        if (action.exclusive) for (const cell of cellsOf(action.entry)) cells.add(exclusiveCell(cell));
        return;
      case 'wait-prepare':
        for (const cell of cellsOf(action.target)) {
          note(sleepers, cell, thread);
          cells.add(waitingCell(thread, cell));
        }
        return;
      case 'fget': {
        const file = fieldOf(program, action.target.type, action.target.field).to;
        if (file !== null) for (let one = 1; one <= typeOf(program, file).pool; one++) cells.add(fieldCell(file, one, 'refs'));
        return;
      }
      case 'alloc': {
        const { pool, initial } = typeOf(program, action.type);
        allocs.push(action);
        cells.add(allocatedCell(action.type));
        for (let one = initial + 1; one <= pool; one++) cells.add(aliveCell(action.type, one));
        return;
      }
      case 'assert-sole':
        for (const one of instances(program, action.type, action.object)) cells.add(soleCell(action.type, one));
        return;
      case 'free':
        for (const one of instances(program, action.type, action.object)) cells.add(aliveCell(action.type, one));
        return;
      default:
        return;
    }
  };
  program.threads.forEach((thread, index) => {
    for (const at of reachable(thread)) {
      const node = thread.nodes[at];
      if (node === undefined) continue;
      clear(node.action);
      look(node.action, index);
    }
  });
  return { cells, cleared, allocs, readers, synchronizers, flushers, sleepers };
}
