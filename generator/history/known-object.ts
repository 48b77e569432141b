/** Which object a thread's next step acts on, where that can be told before it. */
import { type CellTable, valueAt } from './cell-table.ts';
import type { Known, NextStep } from './dependence.ts';

/** Index of the object; -1 if it is not known, or null. */
export function objectOf(
  table: CellTable,
  { object, type }: NextStep,
  packed: ArrayLike<number>,
  at: number,
  thread: number,
  anchor: number,
): number {
  const instance = object === null ? 0 : instanceOf(table, object, packed, at, thread, anchor);
  return instance <= 0 || type === null ? -1 : (table.firstOf[type] ?? 0) + instance - 1;
}

function instanceOf(table: CellTable, known: Known, packed: ArrayLike<number>, at: number, thread: number, anchor: number): number {
  switch (known.kind) {
    case 'constant':
      return known.instance;
    case 'slot': {
      const place = table.threads[thread]?.live[anchor]?.find(({ slot }) => slot === known.slot);
      return place === undefined ? 0 : valueAt(packed, at, place);
    }
    case 'field': {
      const of = instanceOf(table, known.of, packed, at, thread, anchor);
      if (of <= 0) return 0;
      const place = table.placeOf(known.role, (table.firstOf[known.type] ?? 0) + of - 1);
      return place === null ? 0 : valueAt(packed, at, place);
    }
  }
}
