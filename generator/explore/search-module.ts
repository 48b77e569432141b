/**
 * A stepper's source with the surroundings that make it a breadth-first search, as WebAssembly: it runs at full speed from its first state on.
 *
 * Words of states lie one after the other in the order in which they were found: store and queue at once. Behind the room for them lies a
 * table of state numbers, with bits of the hash beside each, which finds them again; `machine-search.ts` makes both larger. Four entries are
 * looked at at once, so the first four are repeated behind the last.
 *
 * The time goes into waiting for memory. So successors are gathered, the places of the table they belong to are touched one after the other,
 * then the states found there, and only then are they inserted: many misses are under way at once. Of most states no parent is kept;
 * `way-back.ts` finds it again.
 */
import { assemble } from '../wasm/assemble.ts';
import type { ArrayPlace } from '../wasm/emit-function.ts';
import { readCode } from '../wasm/read-code.ts';
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { equalAt, hashOf, loadAt, storeAt } from './search-code.ts';

/** All that is needed to run it; plain, so that it can be kept. Addresses are of bytes. */
export interface SearchModule {
  readonly code: Uint8Array;
  readonly counts: number;
  readonly taken: number;
  readonly tested: number;
  /** Of transitions that were gathered: the state each leaves, 1 more than the one it leads to, and its leaf. */
  readonly from: number;
  readonly to: number;
  readonly via: number;
  /** Of the first state. */ readonly states: number;
}

/** Successors that are gathered before they are inserted. */
const BATCH = 512;
/** Of so many states in turn, the parent of the first is told. */
export const PARENTS_EVERY = 32;
const LINE = 64;

/** The source, with its search, to be kept. */
export function withSearching<Source extends StepperSource>(source: Source): Source {
  return { ...source, searching: searchModule(source) };
}

export function searchModule(of: StepperSource): SearchModule {
  const module = readCode(searchCode(of));
  const { layout } = of,
    stride = layout.words + 1;
  let end = Math.ceil((layout.words * 4) / LINE) * LINE;
  const reserve = (bytes: number): number => {
    const at = end;
    end = Math.ceil((end + bytes) / LINE) * LINE;
    return at;
  };
  const counts = reserve(of.findings.length * 4),
    taken = reserve(of.leaves.length + 1),
    tested = reserve(of.tested.length),
    from = reserve(BATCH * 4),
    to = reserve(BATCH * 4),
    via = reserve(BATCH * 4);
  const places: [string, ArrayPlace][] = [
    ['counts', { at: counts, bytes: 4 }],
    ['taken', { at: taken, bytes: 1 }],
    ['tested', { at: tested, bytes: 1 }],
    ['B', { at: reserve(BATCH * stride * 4), bytes: 4 }],
    ['E', { at: to, bytes: 4 }],
    ['F', { at: reserve(BATCH * 4), bytes: 4 }],
    ['from', { at: from, bytes: 4 }],
    ['via', { at: via, bytes: 4 }],
    ['table', { at: 'tableAt', bytes: 4 }],
  ];
  const own = reserve([...module.arrays.values()].reduce((sum, { length }) => sum + length * 4, 0));
  const { code } = assemble(module, {
    imported: [
      { name: 'found', parameters: 3 },
      { name: 'terminal', parameters: 2 },
      { name: 'exceed', parameters: 1 },
      { name: 'enlarge', parameters: 0 },
      { name: 'parent', parameters: 1 },
      { name: 'level', parameters: 1 },
      { name: 'keep', parameters: 1 },
    ],
    // States are counted from 1.
    arrays: new Map([...places, ['S', { at: end - layout.words * 4, bytes: 4 }]]),
    from: own,
  });
  return { code, counts, taken, tested, from, to, via, states: end };
}

function searchCode(of: StepperSource): string {
  const { layout } = of;
  const width = layout.words,
    stride = width + 1;
  const w = wordNames(layout, 'w'),
    a = wordNames(layout, 'a');
  return `let states = 0, transitions = 0, expanded = 0, depth = -1, levelEnd = 0, current = 0, cuts = 0, full = 0, untested = 0;
let tableAt = 0, size = 0, room = 0, bits = 0, numbers = 0, gathered = 0, touched = 0, keeping = 0;
function add(leaf, ${a.join(', ')}) {
  ${hashOf(a)}
  transitions++; taken[leaf] = 1;
  const q = gathered * ${stride}; ${storeAt(a, 'B', 'q')} B[q + ${width}] = h; from[gathered] = current; via[gathered] = leaf;
  gathered++;
  if (gathered === ${BATCH}) flush();
}
function flush() {
  const count = gathered; let x = 0; gathered = 0;
  for (let j = 0, q = ${width}; j < count; j++, q += ${stride}) { const slot = partOf(B[q], size); E[j] = slot; x ^= table[slot]; }
  for (let j = 0, q = ${width}; j < count; j++, q += ${stride}) {
    const slot = E[j], same = whichOf(table, slot, ~numbers, B[q] << bits), n = same === 0 ? 0 : table[slot + lowestBit(same)] & numbers;
    E[j] = n; x ^= S[n * ${width}];
  }
  touched ^= x;
  for (let j = 0, q = 0; j < count; j++, q += ${stride}) {
    const p = E[j] * ${width};
    if (E[j] === 0 || ${a.map((_, word) => `S[p + ${word}] !== B[q + ${word}]`).join(' || ')}) E[j] = insert(q, j);
  }
  if (keeping !== 0) keep(count);
}
function insert(q, j) {
  ${loadAt(a, 'B', 'q')} const h = B[q + ${width}], tag = h << bits;
  let slot = partOf(h, size);
  for (;;) {
    for (let same = whichOf(table, slot, ~numbers, tag); same !== 0; same &= same - 1) {
      const n = table[slot + lowestBit(same)] & numbers, p = n * ${width};
      if (${equalAt(a, 'p')}) return n;
    }
    const empty = whichOf(table, slot, -1, 0);
    if (empty !== 0) { slot += lowestBit(empty); break; }
    slot += 4; if (slot >= size) slot -= size;
  }
  if (full !== 0) return 0;
  if (states === room) {
    enlarge();
    if (full !== 0) return 0;
    slot = partOf(h, size);
    while (table[slot] !== 0) { slot++; if (slot === size) slot = 0; }
  }
  if ((states & ${PARENTS_EVERY - 1}) === 0) parent(from[j]);
  states++;
  const p = states * ${width}; ${storeAt(a, 'S', 'p')}
  put(slot, states | h << bits);
  return states;
}
function put(slot, entry) {
  let at = slot; if (at >= size) at -= size;
  table[at] = entry;
  if (at < 4) table[size + at] = entry;
}
function enter(first, end) {
  for (let n = first; n < end; n += ${BATCH}) {
    const more = end - n, count = more < ${BATCH} ? more : ${BATCH}; let x = 0;
    for (let j = 0, q = (n + 1) * ${width}; j < count; j++, q += ${width}) { ${loadAt(w, 'S', 'q')} ${hashOf(w)} F[j] = h; }
    for (let j = 0; j < count; j++) x ^= table[partOf(F[j], size)];
    touched ^= x;
    for (let j = 0; j < count; j++) {
      const h = F[j]; let slot = partOf(h, size), empty = 0;
      for (;;) {
        empty = whichOf(table, slot, -1, 0);
        if (empty !== 0) break;
        slot += 4; if (slot >= size) slot -= size;
      }
      put(slot + lowestBit(empty), n + j + 1 | h << bits);
    }
  }
}
function note(finding, leaf) { if (counts[finding]++ === 0) found(finding, current, leaf); }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
function run(most) {
  for (let left = most; left > 0; left--) {
    if (expanded === levelEnd) {
      flush();
      if (full !== 0 || expanded === states) return 0;
      depth++; levelEnd = states; level(expanded);
    }
    current = expanded;
    const q = (current + 1) * ${width}; ${loadAt(w, 'S', 'q')}
    const before = transitions, cutBefore = cuts;
    if (untested > 0) exercise(${w.join(', ')});
    judge(${w.join(', ')});
    expand(${w.join(', ')});
    expanded++;
    if (transitions === before && cuts === cutBefore) terminal(current, atRest(${w.join(', ')}));
  }
  return 1;
}
`;
}
