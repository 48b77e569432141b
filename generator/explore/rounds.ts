/** No way round is gone without all threads getting their turn somewhere on it. */
import { components, stateGraph, whole } from '../temporal/components.ts';
import type { LocalState } from './local-states.ts';

/**
 * Of the local states whose steps could go first, those that do: on every way round that is left, some step waits for all. Told by node and
 * for all threads that are alike, so that it is the same whatever objects and threads are called.
 */
export function withoutRounds(
  states: readonly LocalState[],
  alike: readonly number[],
  could: (one: LocalState, at: number) => boolean,
): readonly boolean[] {
  const able = states.map(could);
  const placeOf = ({ thread, node }: LocalState): string => `${alike[thread]} ${node}`;
  for (;;) {
    const from: number[] = [],
      to: number[] = [];
    states.forEach(({ ways }, at) => {
      for (const way of able[at] === true ? ways : [])
        if (way.to !== null && able[way.to] === true) {
          from.push(at);
          to.push(way.to);
        }
    });
    const rounds = components(stateGraph(states.length, Int32Array.from(from), Int32Array.from(to)), whole);
    const inside = rounds.flat().flatMap(at => states[at] ?? []);
    const [worst] = inside.sort((one, other) => rank(one) - rank(other));
    if (worst === undefined) return able;
    states.forEach((one, at) => {
      if (placeOf(one) === placeOf(worst)) able[at] = false;
    });
  }
}

/** Steps that seldom go first are the first to be left out. */
function rank({ ways }: LocalState): number {
  if (ways.some(({ kind }) => kind === 'take')) return 0;
  return ways.some(({ takes }) => takes !== null) ? 1 : 2;
}
