/** Workers go round as often as their work is queued: their local states by how many runs they may still begin, and who may queue them. */
import type { Layout } from './layout.ts';
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

/**
 * The local states, of workers three times: as they are, then where one run at most is begun, then where none is. Another worker's thread
 * may go round as often as its work is queued; how often that can be is seen from the state in which it is asked.
 */
export function byRuns(
  layout: Layout,
  once: readonly LocalState[],
): { readonly states: readonly LocalState[]; readonly copies: (at: number, runs: 0 | 1) => number } {
  const count = once.length;
  const isWorker = ({ thread }: LocalState): boolean => layout.program.threads[thread]?.context === 'worker';
  const copy =
    (runs: 0 | 1) =>
    (one: LocalState): LocalState => {
      if (!isWorker(one)) return { ...one, ways: [] };
      const there = (way: Way): number => (runs === 1 && way.kind !== 'take' ? 1 : 2) * count;
      const ways = runs === 0 ? one.ways.filter(way => way.kind !== 'take') : one.ways;
      return { ...one, ways: ways.map(way => ({ ...way, to: way.to === null ? null : way.to + there(way) })) };
    };
  return {
    states: [...once, ...once.map(copy(1)), ...once.map(copy(0))],
    copies: (at, runs) => {
      const one = once[at];
      return one === undefined || !isWorker(one) ? at : at + (runs === 1 ? 1 : 2) * count;
    },
  };
}

/** Workers whose work may become pending on some way from each local state. */
export function queueing(layout: Layout, states: readonly LocalState[]): readonly ReadonlySet<number>[] {
  const workers = new Map(
    layout.program.threads.flatMap(({ work }, thread): [string, number][] =>
      work === null ? [] : [[`${work.type}#${work.instance}.${work.field}`, thread]],
    ),
  );
  const queued = states.map(
    ({ ways }) => new Set(ways.flatMap(way => [...way.writes].flatMap(([cell, value]) => (value === 0 ? [] : (workers.get(cell) ?? []))))),
  );
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = states.length - 1; at >= 0; at--)
      for (const way of states[at]?.ways ?? [])
        for (const worker of way.to === null ? [] : (queued[way.to] ?? []))
          if (queued[at]?.has(worker) === false) {
            queued[at]?.add(worker);
            changed = true;
          }
  }
  return queued;
}
