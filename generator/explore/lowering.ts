/** How much counters may be lowered from a local state on: a counter above that does not come to 0. */
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

/** More than any count that the model keeps. */
export const ANY_NUMBER = 64;
/** Who lowers so much more than the model counts to may as well lower without end. */
const WITHOUT_END = 16;

/** By how much each counter is lowered. */
export type Lowering = ReadonlyMap<string, number>;

/** A way that can be gone without finding a token. */
interface Step {
  readonly from: number;
  /** -1 for none. */ readonly to: number;
  readonly way: Way;
  /** Number of the counter that it raises or lowers, or -1. */ readonly counter: number;
  readonly by: number;
}

/**
 * By how much each counter can be lowered in all on some way from each local state that finds no token, beyond what was raised before on it.
 * To be asked for several sets of ways that are open.
 */
export function lowering(
  states: readonly LocalState[],
  finds: (way: Way) => string | null,
): (open: (way: Way) => boolean) => readonly Lowering[] {
  const counters: string[] = [];
  const numberOf = (cell: string): number => {
    const known = counters.indexOf(cell);
    return known >= 0 ? known : counters.push(cell) - 1;
  };
  const steps = states.flatMap(({ ways }, from) =>
    ways.flatMap((way): Step[] => {
      const cell = way.counts?.cell ?? way.zeroes;
      if (finds(way) !== null) return [];
      return [{ from, to: way.to ?? -1, way, counter: cell === null ? -1 : numberOf(cell), by: loss(way) }];
    }),
  );
  const count = counters.length;
  return open => {
    const into: Step[][] = states.map(() => []);
    const most = new Uint8Array(states.length * count);
    const changed = new Set<number>();
    const raise = (at: number, value: number): boolean => {
      const sum = value >= WITHOUT_END ? ANY_NUMBER : value;
      if (sum <= (most[at] ?? 0)) return false;
      most[at] = sum;
      return true;
    };
    for (const step of steps) {
      if (!open(step.way)) continue;
      if (step.to >= 0) into[step.to]?.push(step);
      if (step.counter >= 0 && raise(step.from * count + step.counter, step.by)) changed.add(step.from);
    }
    // Whoever leads to where more can be lowered can lower more.
    for (const at of changed) {
      changed.delete(at);
      for (const { from, counter, by } of into[at] ?? []) {
        let more = false;
        for (let one = 0; one < count; one++) {
          const after = most[at * count + one] ?? 0;
          if ((after > 0 || one === counter) && raise(from * count + one, after + (one === counter ? by : 0))) more = true;
        }
        if (more) changed.add(from);
      }
    }
    return states.map(
      (_, at) =>
        new Map(
          counters.flatMap((cell, one): [string, number][] => {
            const value = most[at * count + one] ?? 0;
            return value === 0 ? [] : [[cell, value]];
          }),
        ),
    );
  };
}

/** Numbers for sets of locks. */
export function lockSets(): { readonly all: ReadonlySet<string>[]; readonly number: (locks: ReadonlySet<string>) => number } {
  const all: ReadonlySet<string>[] = [],
    keys: string[] = [];
  return {
    all,
    number: locks => {
      const key = [...locks].sort().join();
      if (!keys.includes(key)) {
        keys.push(key);
        all.push(locks);
      }
      return keys.indexOf(key);
    },
  };
}

/** How much the way takes away from the counter that it lowers or raises. */
const loss = (way: Way): number => (way.counts === null ? 1 : -way.counts.by);

/**
 * How much more can be lowered after a token was found than before. What a thread lowers on any way is at most what it could without tokens
 * from where it is, and the gain of each token that it finds: going on without one never adds to what is left to lower.
 */
export function gains(
  states: readonly LocalState[],
  finds: (way: Way) => string | null,
  lowers: readonly Lowering[],
): ReadonlyMap<string, Lowering> {
  const tokens = new Map<string, Map<string, number>>();
  states.forEach(({ ways }, at) => {
    for (const way of ways) {
      const token = finds(way);
      if (token === null || way.to === null) continue;
      const gain = tokens.get(token) ?? new Map<string, number>();
      tokens.set(token, gain);
      const cell = way.counts?.cell ?? way.zeroes;
      for (const name of new Set([...(lowers[way.to]?.keys() ?? []), ...(cell === null ? [] : [cell])])) {
        const more = (lowers[way.to]?.get(name) ?? 0) + (name === cell ? loss(way) : 0) - (lowers[at]?.get(name) ?? 0);
        const after = lowers[way.to]?.get(name) ?? 0;
        gain.set(name, Math.max(gain.get(name) ?? 0, after === ANY_NUMBER ? ANY_NUMBER : more));
      }
    }
  });
  return tokens;
}
