/**
 * A search that goes on where a small one has filled the caches.
 *
 * There the time goes into waiting for memory, so successors are gathered, the places of the table they belong to are touched one after
 * the other, then the states found there, and only then are they inserted: many misses are under way at once. No parent is kept:
 * `least-path.ts` finds ways again. Store and table are reserved whole and filled from the front; memory that was never written to is
 * not there, and nothing is ever copied to a larger place.
 */

import type { Progress, SearchHooks } from './emit-search.ts';
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { argumentsAt, asIntegers, equalAt, FULLEST, hashOf, loadAt, storeAt, tableGrowth, visitAt } from './search-code.ts';

/** Successors that are gathered before they are inserted. */
const BATCH = 512;
export const FIRST_TABLE = 1 << 20;

/** All that a large search keeps. */
export interface Store {
  /** Words of states, one after the other. */ readonly S: Int32Array;
  readonly table: Int32Array;
}

/** Where the small search stood, at the end of a depth. */
export interface Stand {
  readonly states: number;
  readonly expanded: number;
  readonly transitions: number;
  readonly depth: number;
  readonly starts: number[];
  readonly counts: Int32Array;
  readonly taken: Uint8Array;
  readonly tested: Uint8Array;
}

export interface LargeSearch extends Progress {
  readonly tableSize: () => number;
  /** Bits of a table entry that are the state's number and 1. */ readonly numberBits: () => number;
}

/** Room for so many states, or as many of them as can be had; none if not even `least`. */
export function reserve(words: number, states: number, least: number, shared: boolean): { store: Store; capacity: number } | null {
  const make = (length: number): Int32Array => (shared ? new Int32Array(new SharedArrayBuffer(length * 4)) : new Int32Array(length));
  for (let capacity = states; capacity >= least; capacity = Math.floor(capacity / 2)) {
    try {
      return { store: { S: make(capacity * words), table: make(Math.ceil(capacity / FULLEST) + 1) }, capacity };
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
    }
  }
  return null;
}

/** Size of the table for so many states, and the bits that tell them apart while it is not too full. */
export const tableCode = `
let size = 0, scale = 0, fill = 0, bits = 0, numbers = 0;
function sized(next) { size = next; scale = next / 4294967296; fill = Math.floor(next * ${FULLEST}); bits = Math.min(31, 32 - Math.clz32(fill + 1048576)); numbers = 2 ** bits - 1; }`;

/** Enters states `first` up to `end`, which are all different. */
export function enterCode(of: StepperSource, put: string): string {
  const w = wordNames(of.layout, 'w');
  return `function enter(first, end) {
  for (let n = first; n < end; n++) {
    const q = n * ${of.layout.words}; ${loadAt(w, 'S', 'q')} ${hashOf(w)}
    let slot = (h >>> 0) * scale | 0; const entry = n + 1 | h << bits;
    ${put}
  }
}`;
}

/** Gathers successors; `flush` inserts them with the statements `insert`, which see the words, the hash `h` and `slot`. */
export function gatherCode(of: StepperSource, insert: string): string {
  const a = wordNames(of.layout, 'a'),
    width = of.layout.words,
    stride = width + 1;
  return `
const B = new Int32Array(${BATCH * stride}), E = new Int32Array(${BATCH});
let gathered = 0, touched = 0;
function add(leaf, ${a.join(', ')}) {
  ${asIntegers(a)} ${hashOf(a)}
  transitions++; taken[leaf] = 1;
  const q = gathered * ${stride}; ${storeAt(a, 'B', 'q')} B[q + ${width}] = h;
  if (++gathered === ${BATCH}) flush();
}
function flush() {
  const count = gathered; let x = 0; gathered = 0;
  for (let j = 0, q = ${width}; j < count; j++, q += ${stride}) E[j] = table[(B[q] >>> 0) * scale | 0];
  for (let j = 0; j < count; j++) { const e = E[j]; if (e !== 0) x ^= S[((e & numbers) - 1) * ${width}]; }
  // Kept, so that the reads are not found to be useless.
  touched ^= x;
  for (let j = 0, q = 0; j < count; j++, q += ${stride}) {
    ${loadAt(a, 'B', 'q')} const h = B[q + ${width}], tag = h << bits;
    let slot = (h >>> 0) * scale | 0;
    ${insert}
  }
}`;
}

export function compileLargeSearch(of: StepperSource, store: Store, capacity: number, stand: Stand, hooks: SearchHooks): LargeSearch {
  const { layout } = of;
  const width = layout.words,
    a = wordNames(layout, 'a');
  const largest = store.table.length;
  const source = `'use strict';
const { S, table } = store, { found, terminal, exceed } = hooks, { counts, taken, tested, starts } = stand;
let { states, transitions, expanded, depth } = stand, levelEnd = expanded, current = -1, cuts = 0, full = false;
let untested = tested.reduce((left, one) => left - one, tested.length);
${tableCode}
${enterCode(of, 'while (table[slot] !== 0) if (++slot === size) slot = 0; table[slot] = entry;')}
function sizeFor(states) {
  let next = Math.max(size, ${Math.min(FIRST_TABLE, largest)});
  while (next < ${largest} && next * ${FULLEST} <= states) next = Math.min(${largest}, Math.ceil(next * ${tableGrowth(width)}));
  return next;
}
function grow() {
  const next = sizeFor(states);
  if (next === size) return;
  table.fill(0, 0, size); sized(next); enter(0, states);
}
${gatherCode(
  of,
  `let e = 0, known = false;
    while ((e = table[slot]) !== 0) {
      if ((e & ~numbers) === tag) { const p = ((e & numbers) - 1) * ${width}; if (${equalAt(a, 'p')}) { known = true; break; } }
      if (++slot === size) slot = 0;
    }
    if (known || full) continue;
    if (states === ${capacity}) { full = true; continue; }
    const p = states * ${width}; ${storeAt(a, 'S', 'p')}
    table[slot] = ++states | tag;
    if (states > fill) grow();`,
)}
function note(finding, leaf) { if (counts[finding]++ === 0) found(finding, current, leaf); }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
grow();
return {
  counts, taken, tested, starts, states: () => full ? levelEnd : states, expanded: () => expanded, transitions: () => transitions,
  depth: () => depth, full: () => full, tableSize: () => size, numberBits: () => bits,
  run(most) {
    for (let left = most; left > 0; left--) {
      if (expanded === levelEnd) {
        flush();
        if (full || expanded === states) return false;
        depth++; levelEnd = states; starts.push(expanded);
      }
      current = expanded;
      const q = current * ${width};
      ${visitAt(of)}
      expanded++;
      if (quiet) terminal(current, !!atRest(${argumentsAt(layout, 'q')}));
    }
    return true;
  },
};`;
  return new Function('store', 'stand', 'hooks', source)(store, stand, hooks);
}
