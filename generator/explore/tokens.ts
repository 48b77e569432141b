/**
 * Cells that are not 0 once and then 0 for ever, and that are found so and made 0 by one thread before any other can look: whoever finds
 * the token there has it, and nobody else ever will. `irqfd.kvm`, looked at and set to null under the irqfd's lock, is one.
 *
 * Such a find bounds how often what follows it can happen, however often the code around it goes round.
 */
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

export interface Tokens {
  /** Cells. */ readonly all: readonly string[];
  /** Cell of the token that is found on the way, or null. */ readonly finds: (way: Way) => string | null;
  /** By number of local state: tokens found, and not taken yet. */ readonly taking: readonly ReadonlySet<string>[];
}

/** They are told apart by the bits of a number. */
const MOST_TOKENS = 31;

export function tokensIn(states: readonly LocalState[], held: readonly ReadonlySet<string>[], stolen: ReadonlySet<string>): Tokens {
  const finders = new Map<string, { readonly from: number; readonly way: Way }[]>();
  const refilled = new Set<string>();
  states.forEach(({ ways }, from) => {
    for (const way of ways) {
      for (const [cell, value] of way.assumes)
        if (value !== 0) {
          const known = finders.get(cell);
          if (known === undefined) finders.set(cell, [{ from, way }]);
          else known.push({ from, way });
        }
      for (const [cell, value] of way.writes) if (value !== 0) refilled.add(cell);
    }
  });
  const tokens = new Map<string, ReadonlySet<number>>();
  const findsOf = new Map<Way, string>();
  for (const [cell, found] of finders) {
    if (refilled.has(cell) || tokens.size === MOST_TOKENS) continue;
    // Who looks and does not take it is no finder.
    const takers = found.flatMap(({ from, way }) => {
      const between = untilTaken(states, cell, way);
      const locks = way.writes.has(cell) ? null : common([from, ...between].map(at => held[at] ?? new Set()));
      return locks !== null && ![...locks].some(lock => !stolen.has(lock)) ? [] : [{ way, between, locks }];
    });
    const waiting = takers.flatMap(({ locks }) => (locks === null ? [] : [locks]));
    const between = new Set(takers.flatMap(one => [...one.between]));
    const isAlone = waiting.length === 0 || (waiting.length === takers.length && [...common(waiting)].some(lock => !stolen.has(lock)));
    const isFoundAgain = takers.some(({ way }) => [...between].some(at => states[at]?.ways.includes(way)));
    if (takers.length === 0 || !isAlone || isFoundAgain) continue;
    tokens.set(cell, between);
    for (const { way } of takers) if (!findsOf.has(way)) findsOf.set(way, cell);
  }
  return {
    all: [...tokens.keys()],
    finds: way => findsOf.get(way) ?? null,
    taking: states.map((_, at) => new Set([...tokens].flatMap(([cell, between]) => (between.has(at) ? [cell] : [])))),
  };
}

/** Local states that may be gone through after it was found on the way, and before it is taken. */
function untilTaken(states: readonly LocalState[], cell: string, found: Way): ReadonlySet<number> {
  const between = new Set<number>();
  const left = found.writes.has(cell) || found.to === null ? [] : [found.to];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (between.has(at)) continue;
    between.add(at);
    for (const way of states[at]?.ways ?? []) if (!way.writes.has(cell) && way.to !== null) left.push(way.to);
  }
  return between;
}

function common(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first = new Set<string>(), ...rest] = sets;
  return new Set([...first].filter(one => rest.every(set => set.has(one))));
}
