/** What searches hand to one another, and the memory that several share. */
import { MOST_MEMORY, sharedMemory } from '../wasm/run-module.ts';

/** All that a shared search keeps. */
export interface Store {
  /** Words of states, one after the other. */ readonly S: Int32Array;
  readonly table: Int32Array;
}

/** Where a search stood, at the end of a depth. */
export interface Stand {
  readonly states: number;
  readonly expanded: number;
  readonly transitions: number;
  readonly depth: number;
  /** First state of each depth. */ readonly starts: readonly number[];
  readonly counts: Int32Array;
  readonly taken: Uint8Array;
  readonly tested: Uint8Array;
}

/** A large table is at most this full. */
export const FULLEST = 0.8;
/** More than what searches have besides states and their table. */
const BESIDE = 64 << 20;
export const FIRST_TABLE = 1 << 20;

/** States for which a shared search has room: its store and a table as full as it may be. */
export function sharedCapacity(words: number, maxBytes: number): number {
  return Math.max(1, Math.floor(Math.min(maxBytes, MOST_MEMORY - BESIDE) / (words * 4 + 4 / FULLEST)));
}

/** How much a large table grows at a time. The more words a state has, the less room may stay empty beside it. */
export function tableGrowth(words: number): number {
  return words <= 3 ? 2 : words === 4 ? 1.6 : words === 5 ? 1.4 : 1.25;
}

/** Memory with room for so many states from an address on, or as many of them as can be had; none if not even `least`. */
export function reserve(
  words: number,
  states: number,
  least: number,
  from: number,
): { memory: WebAssembly.Memory; store: Store; tableAt: number; capacity: number } | null {
  for (let capacity = states; capacity >= least; capacity = Math.floor(capacity / 2)) {
    const tableAt = from + capacity * words * 4,
      places = Math.ceil(capacity / FULLEST) + 1;
    const memory = sharedMemory(tableAt + places * 4);
    if (memory === null) continue;
    const { buffer } = memory;
    return {
      memory,
      store: { S: new Int32Array(buffer, from, capacity * words), table: new Int32Array(buffer, tableAt, places) },
      tableAt,
      capacity,
    };
  }
  return null;
}
