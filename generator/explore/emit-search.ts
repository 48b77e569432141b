/**
 * The surroundings of a stepper's source that make it a breadth-first search.
 *
 * One Int32Array of words is store and queue at once, in the order in which states were found. A table of state numbers, with bits of the
 * hash beside each, finds them again. Nothing is allocated for a successor.
 */
import { type StepperSource, wordNames } from './emit-stepper.ts';

/** What the search tells while it runs. */
export interface SearchHooks {
  /** First time of a finding, with the state it is in or leads out of; `leaf` is -1 for a state rule. */
  readonly found: (finding: number, state: number, leaf: number) => void;
  readonly terminal: (state: number, atRest: boolean) => void;
  readonly exceed: (text: number) => never;
}

export interface Search {
  /** Expands at most so many states more; false when there is none left, or no room. */
  readonly run: (most: number) => boolean;
  readonly states: () => number;
  /** States expanded. */ readonly expanded: () => number;
  readonly transitions: () => number;
  /** Depth of the states that are expanded now. */ readonly depth: () => number;
  readonly full: () => boolean;
  /** All states, one after the other, and room for more. */ readonly words: () => Int32Array;
  readonly parents: () => Int32Array;
  readonly tableBytes: () => number;
  /** How often each finding was found. */ readonly counts: Int32Array;
  /** 1 for each leaf that was taken. */ readonly taken: Uint8Array;
  readonly from: () => Int32Array;
  readonly to: () => Int32Array;
  readonly leaf: () => Int32Array;
}

/** The table is at most this full; beyond, finding a free place takes long. */
const LOAD = 0.65;
const FIRST_ROOM = 1 << 10;
/** Odd numbers with bits all over, one for each word in turn. */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];

export function compileSearch(
  of: StepperSource,
  initial: Int32Array,
  maxStates: number,
  maxBytes: number,
  edges: boolean,
  hooks: SearchHooks,
): Search {
  const { layout } = of;
  const width = layout.words,
    first = Math.min(FIRST_ROOM, maxStates);
  const w = wordNames(layout, 'w'),
    a = wordNames(layout, 'a');
  // As many bits for the number as it needs; what is left of a table entry is a part of the hash.
  const numberMask = 2 ** Math.min(31, 32 - Math.clz32(maxStates + 1)) - 1;
  const hash = (words: readonly string[]): string =>
    `let h = 0; ${words.map((word, at) => `h = Math.imul(h ^ ${word}, ${(MULTIPLIERS[at % MULTIPLIERS.length] ?? 1) | 0}); h ^= h >>> 15; `).join('')}h = Math.imul(h, ${0x2c1b3c6d}); h ^= h >>> 13;`;
  const load = (at: string): string => w.map((_, word) => `S[${at} + ${word}]`).join(', ');
  const edge = edges
    ? 'if (transitions > from.length) growEdges(); from[transitions - 1] = current; to[transitions - 1] = number; via[transitions - 1] = leaf;'
    : '';
  const source = `'use strict';
const { found, terminal, exceed } = hooks;
let S = new Int32Array(${first * width}), parents = new Int32Array(${first}), room = ${first};
let table = new Int32Array(${FIRST_ROOM * 2}), mask = ${FIRST_ROOM * 2 - 1}, fill = ${Math.floor(FIRST_ROOM * 2 * LOAD)};
let from = new Int32Array(${edges ? FIRST_ROOM : 0}), to = new Int32Array(${edges ? FIRST_ROOM : 0}), via = new Int32Array(${edges ? FIRST_ROOM : 0});
let states = 0, transitions = 0, current = -1, expanded = 0, cuts = 0, depth = 0, levelEnd = 1, full = false;
const counts = new Int32Array(${of.findings.length}), taken = new Uint8Array(${of.leaves.length + 1});
function larger(array, length) { const more = new Int32Array(length); more.set(array); return more; }
function fits(bytes) { return S.byteLength + parents.byteLength + table.byteLength + 3 * from.byteLength + bytes <= ${maxBytes}; }
function grow() {
  const more = Math.min(room * 2, ${maxStates});
  if (more === room || !fits((more - room) * ${(width + 1) * 4})) { full = true; return; }
  try { const words = larger(S, more * ${width}), before = larger(parents, more); S = words; parents = before; room = more; } catch { full = true; }
}
function growTable() {
  if (!fits(table.byteLength)) { full = true; return; }
  let next; try { next = new Int32Array(table.length * 2); } catch { full = true; return; }
  mask = next.length - 1; fill = Math.floor(next.length * ${LOAD});
  for (let n = 0; n < states; n++) {
    const q = n * ${width}; ${w.map((word, at) => `const ${word} = S[q + ${at}];`).join(' ')} ${hash(w)}
    let slot = h & mask; while (next[slot] !== 0) slot = slot + 1 & mask;
    next[slot] = n + 1 | h & ${~numberMask};
  }
  table = next;
}
function growEdges() {
  if (!fits(3 * from.byteLength)) { full = true; from = larger(from, from.length + ${FIRST_ROOM}); to = larger(to, to.length + ${FIRST_ROOM}); via = larger(via, via.length + ${FIRST_ROOM}); return; }
  from = larger(from, from.length * 2); to = larger(to, to.length * 2); via = larger(via, via.length * 2);
}
function add(leaf, ${a.join(', ')}) {
  ${a.map(word => `${word} |= 0;`).join(' ')} ${hash(a)}
  let slot = h & mask, e = 0, number = -1;
  const tag = h & ${~numberMask};
  while ((e = table[slot]) !== 0) {
    if ((e & ${~numberMask}) === tag) { const n = (e & ${numberMask}) - 1, q = n * ${width}; if (${a.map((word, at) => `S[q + ${at}] === ${word}`).join(' && ')}) { number = n; break; } }
    slot = slot + 1 & mask;
  }
  if (number < 0) {
    if (states === room) { grow(); if (full) return; }
    number = states++;
    const q = number * ${width}; ${a.map((word, at) => `S[q + ${at}] = ${word};`).join(' ')}
    parents[number] = current; table[slot] = number + 1 | tag;
    if (states > fill) growTable();
  }
  transitions++; taken[leaf] = 1; ${edge}
}
function note(finding, leaf) { if (counts[finding]++ === 0) found(finding, current, leaf); }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
add(${of.leaves.length}, ${[...initial].join(', ')}); transitions = 0;
return {
  counts, taken, states: () => states, expanded: () => expanded, transitions: () => transitions, depth: () => depth, full: () => full,
  words: () => S, parents: () => parents, tableBytes: () => table.byteLength, from: () => from, to: () => to, leaf: () => via,
  run(most) {
    for (let left = most; left > 0 && expanded < states && !full; left--) {
      if (expanded === levelEnd) { depth++; levelEnd = states; }
      current = expanded;
      const q = current * ${width}, before = transitions, cutBefore = cuts;
      judge(${load('q')});
      expand(${load('q')});
      if (full) break;
      expanded++;
      if (transitions === before && cuts === cutBefore) terminal(current, !!atRest(${load('q')}));
    }
    return expanded < states && !full;
  },
};`;
  return new Function('hooks', source)(hooks);
}
