/** A step as it would be if it were taken before all that others can do. */
import { END } from '../program.ts';
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

/** What a step does that others may depend on, and what they cannot do while its thread has not moved. */
export interface StepAlone {
  readonly thread: number;
  readonly ways: readonly Way[];
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  /** Raised or lowered, and neither 0 before nor after, nor made 0 by others meanwhile: then the order does not matter. */
  readonly counter: { readonly cell: string; readonly by: 1 | -1 } | null;
  /** Locks that the thread has. */ readonly held: ReadonlySet<string>;
}

/** Ways in which the step may be taken alone, the one that asks for less of what others do first. */
export function alternativesOf(one: LocalState, held: ReadonlySet<string>): readonly StepAlone[] {
  if (one.node === END || one.ways.length === 0) return [];
  const all = (ways: readonly Way[], counter: StepAlone['counter']): StepAlone => ({
    thread: one.thread,
    ways,
    reads: new Set(ways.flatMap(way => [...way.reads])),
    writes: new Set(ways.flatMap(way => [...way.writes.keys(), ...(way.counts === null || counter !== null ? [] : [way.counts.cell])])),
    counter,
    held,
  });
  const counted = new Set(one.ways.flatMap(way => (way.counts === null ? [] : [way.counts.cell])));
  const [cell] = counted;
  const by = one.ways.find(way => way.counts !== null)?.counts?.by;
  if (cell === undefined || by === undefined || counted.size > 1) return [all(one.ways, null)];
  // Where the counter is high enough, the ways on which it is 0, or becomes 0, are not gone.
  const high = one.ways.filter(way => way.zeroes !== cell && way.atZero !== cell);
  return [all(high, { cell, by }), all(one.ways, null)];
}
