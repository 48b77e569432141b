/**
 * Which thread goes next. Half of the seeds draw every time anew. The other half draw an order of threads once, let the first that can go
 * on go, and change the order at a few steps: that is how one thread gets far while another stands still, which drawing anew hardly ever
 * gives (probabilistic concurrency testing; Burckhardt et al., ASPLOS 2010).
 */
import { randomFrom } from './seed.ts';

export interface Scheduler {
  /** Index into `threads`, which are those that can go on, in ascending order. */
  thread(threads: readonly number[]): number;
  /** One of so many ways for the chosen thread to go on. */
  way(count: number): number;
}

/** Places at which the order of threads changes, and the steps within which they lie. */
const changes = 3;
const stepsWithChanges = 120;

export function scheduler(seed: number): Scheduler {
  const random = randomFrom(seed);
  if (random(2) === 0) return { thread: threads => random(threads.length), way: random };
  const rank = new Map<number, number>();
  const rankOf = (thread: number): number => {
    const known = rank.get(thread) ?? 1 + random(1 << 20);
    rank.set(thread, known);
    return known;
  };
  const changeAt = new Set(Array.from({ length: changes }, () => random(stepsWithChanges)));
  let step = 0;
  return {
    thread(threads) {
      const first = threads.reduce((best, thread, index) => (rankOf(thread) > rankOf(threads[best] ?? -1) ? index : best), 0);
      // From here on the one that would go waits for all others.
      if (changeAt.has(step)) rank.set(threads[first] ?? -1, -step);
      step += 1;
      return first;
    },
    way: random,
  };
}
