/** How many objects of each type a program has room for. */
import type { Site } from '../program.ts';
import type { DraftThread, Frame } from './frame.ts';
import { NotRunnable } from './not-runnable.ts';
import { allocationsOf } from './pools.ts';

export function poolsOf(
  frame: Frame,
  drafts: readonly DraftThread[],
  sites: readonly Site[],
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const pools: Record<string, number> = { ...before };
  for (const { graph } of drafts) {
    const { most, repeated } = allocationsOf(graph);
    if (repeated !== null) {
      throw new NotRunnable({
        at: sites[repeated]?.at ?? frame.scenario.at,
        name: 'alloc-in-loop',
        what: `${frame.scenario.name} may allocate here any number of times, and an object is never the same twice.`,
        wayOut: 'Allocate outside the loop, or count the rounds: `for (let i = 0; i < 3; i += 1)`.',
      });
    }
    for (const [type, count] of Object.entries(most)) pools[type] = (pools[type] ?? 0) + count;
  }
  const large = Object.entries(pools).find(([, count]) => count > 30);
  if (large !== undefined)
    throw new NotRunnable({
      at: frame.scenario.at,
      name: 'too-many-objects',
      what: `${frame.scenario.name} may allocate ${large[1]} ${large[0]}; a set holds at most 30.`,
      wayOut: 'Use fewer, a scenario should be the smallest that shows something.',
    });
  return pools;
}
