/**
 * Counters of references that cannot come to zero while the calls that are under way go on: each object has an owner that nobody of them can
 * make let go. Then it makes no difference who puts a reference when.
 */
import { type CellTable, valueAt } from './cell-table.ts';
import type { Dependence, Future } from './dependence.ts';
import { PUT, WRITE } from './uses.ts';

/** The counters, as bits by their places in `dependence.counters`. `active`: threads that may do something. */
export type KeptCounters = (packed: ArrayLike<number>, at: number, active: readonly number[]) => number;

export function keptCounters(table: CellTable, dependence: Dependence): KeptCounters {
  const { program } = table;
  const counters = dependence.counters.map(counter => {
    const [type = '', field = ''] = counter.split('.');
    const pool = program.types.find(({ name }) => name === type)?.pool ?? 0;
    const owners = new Set(
      program.types.flatMap(({ name, owns, fields }) =>
        fields.filter(one => one.to === type && owns[one.name] === field).map(one => `${name}.${one.name}`),
      ),
    );
    return { type, number: dependence.fields.get(counter) ?? 0, first: table.firstOf[type] ?? 0, pool, owners };
  });
  const isAlive = (packed: ArrayLike<number>, at: number, object: number): boolean => {
    const place = table.alive[object];
    return place === undefined || place.mask === 0 ? table.declared[object] === true : valueAt(packed, at, place) !== 0;
  };
  const anchorAt = (packed: ArrayLike<number>, at: number, thread: number): number => {
    const place = table.threads[thread]?.anchor;
    return place == null ? 0 : valueAt(packed, at, place);
  };
  /** Objects that something owns which stays as it is. */
  const ownedIn = (packed: ArrayLike<number>, at: number, owners: ReadonlySet<string>, futures: readonly Future[]): Set<number> => {
    const owned = new Set<number>();
    table.edges.forEach((edges, object) => {
      for (const edge of edges) {
        if (!owners.has(edge.role)) continue;
        const value = valueAt(packed, at, edge);
        const field = dependence.fields.get(edge.role) ?? 0;
        const type = table.objects[object]?.type ?? '';
        if (value === 0 || !isAlive(packed, at, object)) continue;
        if (futures.some(({ uses, frees }) => ((uses[field] ?? 0) & WRITE) !== 0 || frees.has(type))) continue;
        if (edge.kind === 'pointer') owned.add(edge.first + value - 1);
        else for (let rest = value; rest !== 0; rest &= rest - 1) owned.add(edge.first + 31 - Math.clz32(rest & -rest));
      }
    });
    return owned;
  };
  return (packed, at, active) => {
    let kept = 2 ** counters.length - 1;
    for (let before = 0; before !== kept; ) {
      before = kept;
      const now = kept;
      const futures = active.map(thread => dependence.future(thread, anchorAt(packed, at, thread), now));
      counters.forEach(({ type, number, first, pool, owners }, index) => {
        if ((kept & (1 << index)) === 0 || futures.every(({ uses }) => ((uses[number] ?? 0) & PUT) === 0)) return;
        const owned = futures.some(({ makes }) => makes.has(type)) ? new Set<number>() : ownedIn(packed, at, owners, futures);
        let isSafe = !futures.some(({ makes }) => makes.has(type));
        for (let object = first; object < first + pool && isSafe; object += 1) isSafe = !isAlive(packed, at, object) || owned.has(object);
        if (!isSafe) kept &= ~(1 << index);
      });
    }
    return kept;
  };
}
