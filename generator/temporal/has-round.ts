/** Whether there is any way round in a graph of states. Most have none, which takes far less time to see than to look for all of them. */
import type { StateGraph } from './components.ts';

/** A state to which no way leads that was not gone yet is taken off, until none is left, or only ways round and what is behind them. */
export function hasRound({ states, first, to }: StateGraph): boolean {
  const ways = new Int32Array(states);
  for (let edge = 0; edge < to.length; edge++) {
    const state = to[edge] ?? 0;
    ways[state] = (ways[state] ?? 0) + 1;
  }
  const off = new Int32Array(states);
  let count = 0;
  for (let state = 0; state < states; state++) if (ways[state] === 0) off[count++] = state;
  for (let next = 0; next < count; next++) {
    const from = off[next] ?? 0;
    for (let edge = first[from] ?? 0; edge < (first[from + 1] ?? 0); edge++) {
      const state = to[edge] ?? 0,
        left = (ways[state] ?? 0) - 1;
      ways[state] = left;
      if (left === 0) off[count++] = state;
    }
  }
  return count < states;
}
