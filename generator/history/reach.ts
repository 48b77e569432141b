/** What the threads of a state may get at, from here until they are seen again, and what hangs together in it. */
import { type CellTable, valueAt } from './cell-table.ts';
import type { Future } from './dependence.ts';
import { hangTogether, heapOf } from './heap.ts';

export interface Reach {
  /** By thread: 1 for each object it may get at; null for a thread that gets at nothing. */ readonly of: readonly (Uint8Array | null)[];
  readonly wasThere: (object: number) => boolean;
  /** By thread: threads of one number hang together; -1 if with nothing, `anyPart` if it is not known. */ readonly part: readonly number[];
}

/** Of a worker whose object is yet to be made. */
export const anyPart = -2;

/** By worker: the object whose work it runs; -1 for callers. */
export const workerObjects = (table: CellTable): readonly number[] =>
  table.threads.map((_, thread) => table.works.findIndex(works => works.some(({ worker }) => worker === thread)));

/** One that gives objects to a place where another looks gives it all it can get at. */
export function reachIn(
  table: CellTable,
  workerObject: readonly number[],
  packed: ArrayLike<number>,
  at: number,
  callers: number,
  futures: readonly Future[],
): Reach {
  const heap = heapOf(table, packed, at, callers);
  const entries: number[][] = table.objects.map(() => []);
  table.edges.forEach((edges, object) => {
    for (const edge of edges) {
      if (edge.kind !== 'entry') continue;
      const queue = valueAt(packed, at, edge);
      if (queue !== 0) entries[table.queueObjects[queue - 1] ?? 0]?.push(object);
    }
  });
  const rootsOf = (thread: number): readonly number[] | null => {
    if (thread < table.callers) return thread < callers ? (heap.inHand[thread] ?? []) : null;
    const owner = workerObject[thread] ?? -1;
    const has = heap.working.flatMap(([worker, own]) => (worker === owner ? own : []));
    if (owner >= 0 && heap.alive(owner)) return [owner, ...has];
    // A worker may be at its end when its object is gone, and get at nothing more.
    const anchor = table.threads[thread]?.anchor;
    return anchor == null || valueAt(packed, at, anchor) === 0 ? null : has;
  };
  const of = table.threads.map((_, thread): Uint8Array | null => {
    const roots = rootsOf(thread);
    if (roots === null) return null;
    const follows = futures[thread]?.follows;
    const objects = new Uint8Array(table.objects.length);
    const visit = (object: number): void => {
      if (objects[object] === 1) return;
      objects[object] = 1;
      for (const edge of table.edges[object] ?? []) {
        if (edge.kind === 'entry' || follows?.has(edge.role) !== true) continue;
        const value = valueAt(packed, at, edge);
        if (value === 0) continue;
        if (edge.kind === 'pointer') visit(edge.first + value - 1);
        else for (let rest = value; rest !== 0; rest &= rest - 1) visit(edge.first + 31 - Math.clz32(rest & -rest));
      }
      for (const entry of entries[object] ?? [])
        if (table.edges[entry]?.some(edge => edge.kind === 'entry' && follows?.has(edge.role) === true) === true) visit(entry);
    };
    roots.forEach(visit);
    return objects;
  });
  const gives = (giver: number, taker: number): boolean => {
    for (const field of futures[giver]?.links ?? []) if (futures[taker]?.follows.has(field) === true) return true;
    return false;
  };
  for (let changed = true; changed; ) {
    changed = false;
    of.forEach((given, giver) => {
      if (given === null) return;
      of.forEach((taken, taker) => {
        if (giver === taker || taken === null || !gives(giver, taker)) return;
        given.forEach((is, object) => {
          if (is === 0 || taken[object] === 1) return;
          taken[object] = 1;
          changed = true;
        });
      });
    });
  }
  const together = hangTogether(table, heap);
  const part = table.threads.map((_, thread) => {
    if (thread < table.callers) return thread < callers ? together.ofCaller(thread) : -1;
    const owner = workerObject[thread] ?? -1;
    return owner < 0 || !heap.alive(owner) ? anyPart : together.of(owner);
  });
  return { of, wasThere: heap.alive, part };
}
