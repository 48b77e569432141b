/** States under numbers that do not depend on how they came about. */
import type { CellTable, Transfer } from './cell-table.ts';
import { type Heap, numbering } from './heap.ts';

/** The state with its objects numbered anew, and only these callers. `keep`: the objects that are not left out; null for all. */
export type Renumber = (
  packed: ArrayLike<number>,
  at: number,
  heap: Heap,
  handles: readonly number[],
  callers: Int32Array,
  keep: ((object: number) => boolean) | null,
) => Int32Array;

/** `within`: from states of the program into states of the same. */
export function renumberIn(table: CellTable, within: Transfer): Renumber {
  /** Sets the counters of allocations, from which the next object has its number. */
  const count = (into: Int32Array, objects: Int32Array): void => {
    const used: Record<string, number> = {};
    for (let object = 0; object < objects.length; object += 1) {
      const to = objects[object] ?? -1;
      if (to < 0) continue;
      const type = table.objects[to]?.type ?? '';
      used[type] = Math.max(used[type] ?? 0, table.objects[to]?.instance ?? 0);
    }
    for (const { name, initial } of table.program.types) {
      const place = table.counters[name];
      if (place == null) continue;
      into[place.word] = ((into[place.word] ?? 0) & ~(place.mask << place.shift)) | (Math.max(initial, used[name] ?? 0) << place.shift);
    }
  };
  return (
    packed: ArrayLike<number>,
    at: number,
    heap: Heap,
    handles: readonly number[],
    callers: Int32Array,
    keep: ((object: number) => boolean) | null,
  ): Int32Array => {
    const objects = numbering(table, keep === null ? heap : heapWithout(heap, keep), packed, at, handles);
    const into = new Int32Array(table.words);
    within(packed, at, { objects, callers }, into);
    count(into, objects);
    return into;
  };
}

function heapWithout(heap: Heap, keep: (object: number) => boolean): Heap {
  return {
    ...heap,
    pointers: heap.pointers.map((all, object) => (keep(object) ? all : [])),
    members: heap.members.map((all, object) => (keep(object) ? all : all.filter(keep))),
    working: heap.working.filter(([owner]) => keep(owner)),
  };
}
