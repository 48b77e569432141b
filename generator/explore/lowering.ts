/** How much counters may be lowered from a local state on: a counter above that does not come to 0. */
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

/** More than any count that the model keeps. */
export const ANY_NUMBER = 64;
/** Who lowers so much more than the model counts to may as well lower without end. */
const WITHOUT_END = 16;

/** By how much each counter is lowered. */
export type Lowering = ReadonlyMap<string, number>;

/** By how much each counter can be lowered in all on some way from each local state that finds no token, beyond what was raised before on it. */
export function lowering(
  states: readonly LocalState[],
  finds: (way: Way) => string | null,
  open: (way: Way) => boolean,
): readonly Lowering[] {
  const most = states.map(() => new Map<string, number>());
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = states.length - 1; at >= 0; at--) {
      const here = most[at];
      if (here === undefined) continue;
      for (const way of states[at]?.ways ?? []) {
        if (finds(way) !== null || !open(way)) continue;
        const there = way.to === null ? null : most[way.to];
        const cell = way.counts?.cell ?? way.zeroes;
        const by = loss(way);
        for (const name of new Set([...(there?.keys() ?? []), ...(cell === null ? [] : [cell])])) {
          const least = (there?.get(name) ?? 0) + (name === cell ? by : 0);
          const sum = least >= WITHOUT_END ? ANY_NUMBER : least;
          if (sum > (here.get(name) ?? 0)) {
            here.set(name, sum);
            changed = true;
          }
        }
      }
    }
  }
  return most;
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
