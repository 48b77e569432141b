/**
 * The surroundings of a stepper's source that make it a breadth-first search, for as many states as fit into a cache.
 *
 * One Int32Array of words is store and queue at once, in the order in which states were found. A table of state numbers, with bits of the
 * hash beside each, finds them again. Nothing is allocated for a successor. `emit-large-search.ts` goes on where there are more.
 *
 * Where the room ends, the level that is being expanded is still expanded to its end, and what was stored of the next one is not counted:
 * so what was covered does not depend on the order within a level.
 */
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { argumentsAt, asIntegers, equalAt, hashOf, loadAt, storeAt, visitAt } from './search-code.ts';

/** What the search tells while it runs. */
export interface SearchHooks {
  /** First time of a finding, with the state it is in or leads out of; `leaf` is -1 for a state rule. */
  readonly found: (finding: number, state: number, leaf: number) => void;
  readonly terminal: (state: number, atRest: boolean) => void;
  readonly exceed: (text: number) => never;
}

/** How far a search has come. */
export interface Progress {
  /** Expands at most so many states more; false when there is none left, or no room. */
  readonly run: (most: number) => boolean;
  readonly states: () => number;
  /** States expanded. */ readonly expanded: () => number;
  readonly transitions: () => number;
  /** Depth of the states that are expanded now. */ readonly depth: () => number;
  readonly full: () => boolean;
  /** First state of each depth. */ readonly starts: number[];
  /** How often each finding was found. */ readonly counts: Int32Array;
  /** 1 for each leaf that was taken. */ readonly taken: Uint8Array;
  /** 1 for each state rule whose condition came about. */ readonly tested: Uint8Array;
}

export interface Search extends Progress {
  /** First state of the next depth. */ readonly levelEnd: () => number;
  /** All states, one after the other, and room for more. */ readonly words: () => Int32Array;
  readonly parents: () => Int32Array;
  readonly bytes: () => number;
  readonly from: () => Int32Array;
  readonly to: () => Int32Array;
  readonly leaf: () => Int32Array;
}

/** The table is at most this full; beyond, finding a free place takes long. */
const LOAD = 0.65;
const FIRST_ROOM = 1 << 10;

export function compileSearch(of: StepperSource, initial: Int32Array, maxStates: number, edges: boolean, hooks: SearchHooks): Search {
  const { layout } = of;
  const width = layout.words,
    first = Math.min(FIRST_ROOM, maxStates);
  const w = wordNames(layout, 'w'),
    a = wordNames(layout, 'a');
  const edge = edges
    ? 'if (transitions > from.length) growEdges(); from[transitions - 1] = current; to[transitions - 1] = number; via[transitions - 1] = leaf;'
    : '';
  // A table entry is a number, which is less than the table is long, and above it the bits of the hash that the place does not tell.
  const source = `'use strict';
const { found, terminal, exceed } = hooks;
let S = new Int32Array(${first * width}), parents = new Int32Array(${first}), room = ${first};
let table = new Int32Array(${FIRST_ROOM * 2}), mask = ${FIRST_ROOM * 2 - 1}, fill = ${Math.floor(FIRST_ROOM * 2 * LOAD)};
let from = new Int32Array(${edges ? FIRST_ROOM : 0}), to = new Int32Array(${edges ? FIRST_ROOM : 0}), via = new Int32Array(${edges ? FIRST_ROOM : 0});
let states = 0, transitions = 0, current = -1, expanded = 0, cuts = 0, depth = 0, levelEnd = 1, full = false, untested = ${of.tested.length};
const starts = [0];
const counts = new Int32Array(${of.findings.length}), taken = new Uint8Array(${of.leaves.length + 1}), tested = new Uint8Array(${of.tested.length});
function larger(array, length) { const more = new Int32Array(length); more.set(array); return more; }
function grow() {
  const more = Math.min(room * 2, ${maxStates});
  if (more === room) { full = true; return; }
  try { const words = larger(S, more * ${width}), before = larger(parents, more); S = words; parents = before; room = more; } catch { full = true; }
}
function growTable() {
  let next; try { next = new Int32Array(table.length * 2); } catch { full = true; return; }
  mask = next.length - 1; fill = Math.floor(next.length * ${LOAD});
  for (let n = 0; n < states; n++) {
    const q = n * ${width}; ${loadAt(w, 'S', 'q')} ${hashOf(w)}
    let slot = h & mask; while (next[slot] !== 0) slot = slot + 1 & mask;
    next[slot] = n + 1 | h & ~mask;
  }
  table = next;
}
function growEdges() { from = larger(from, from.length * 2); to = larger(to, to.length * 2); via = larger(via, via.length * 2); }
function add(leaf, ${a.join(', ')}) {
  ${asIntegers(a)} ${hashOf(a)}
  transitions++; taken[leaf] = 1;
  let slot = h & mask, e = 0, number = -1;
  const tag = h & ~mask;
  while ((e = table[slot]) !== 0) {
    if ((e & ~mask) === tag) { const n = (e & mask) - 1, q = n * ${width}; if (${equalAt(a, 'q')}) { number = n; break; } }
    slot = slot + 1 & mask;
  }
  if (number < 0) {
    if (full) return;
    if (states === room) { grow(); if (full) return; }
    number = states++;
    const q = number * ${width}; ${storeAt(a, 'S', 'q')}
    parents[number] = current; table[slot] = number + 1 | tag;
    if (states > fill) growTable();
  }
  ${edge}
}
function note(finding, leaf) { if (counts[finding]++ === 0) found(finding, current, leaf); }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
add(${of.leaves.length}, ${[...initial].join(', ')}); transitions = 0;
return {
  counts, taken, tested, starts, states: () => full ? levelEnd : states, expanded: () => expanded, transitions: () => transitions,
  depth: () => depth, levelEnd: () => levelEnd, full: () => full, words: () => S, parents: () => parents,
  bytes: () => S.byteLength + parents.byteLength + table.byteLength, from: () => from, to: () => to, leaf: () => via,
  run(most) {
    for (let left = most; left > 0 && expanded < states; left--) {
      if (expanded === levelEnd) {
        if (full) break;
        depth++; levelEnd = states; starts.push(expanded);
      }
      current = expanded;
      const q = current * ${width};
      ${visitAt(of)}
      expanded++;
      if (quiet) terminal(current, !!atRest(${argumentsAt(layout, 'q')}));
    }
    return full ? expanded < levelEnd : expanded < states;
  },
};`;
  return new Function('hooks', source)(hooks);
}
