/**
 * The search of a small program, by code that is made as it is needed. Its loop is written once for all programs, so it is compiled once.
 *
 * States are numbered, judged and expanded as `search-module.ts` does it; so whatever is told of them is the same.
 */
import { edgesVia } from './edges.ts';
import type { ExploreOptions } from './explore.ts';
import { checkIndex, type Found } from './found.ts';
import type { OnDemand, Sink } from './on-demand.ts';
import { decode, encode } from './pack-state.ts';
import { stepperOn, stepsThrough } from './stepper.ts';
import { witnessLog } from './witnesses.ts';

/** States that a search by code made on demand may have; beyond, the whole code is worth its making. */
export const FEW_STATES = 100_000;

const FIRST_ROOM = 1 << 9;
/** Odd numbers with bits all over, one for each word in turn. */
const MULTIPLIERS = Int32Array.of(0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1);

type Options = Pick<ExploreOptions, 'edges' | 'quiescence' | 'stuck' | 'maxStates'>;

/**
 * Null if there are more states than these are good for. Where no more than these are wanted, the level in which there is no room any more is
 * expanded to its end, and what was found of the next is not counted.
 */
export function searchFew(on: OnDemand, options: Options): Found | null {
  const { maxStates = Number.POSITIVE_INFINITY } = options;
  const { code, next } = on;
  const width = code.layout.words;
  const store = createStore(width);
  const parents: number[] = [];
  const counts: number[] = [];
  const taken: number[] = [];
  const edges = { from: [] as number[], to: [] as number[], leaf: [] as number[] };
  const wordsOf = (index: number): Int32Array => store.words().slice(index * width, (index + 1) * width);
  const log = witnessLog(code, options.quiescence, options.stuck, index => decode(code.layout, wordsOf(index)));
  let current = -1,
    transitions = 0,
    cuts = 0,
    full = false;
  const note = (finding: number, leaf: number): void => {
    const before = counts[finding] ?? 0;
    counts[finding] = before + 1;
    if (before === 0) log.hooks.found(finding, current, leaf);
  };
  const sink: Sink = {
    add: leaf => {
      transitions++;
      taken[leaf] = 1;
      const before = store.count();
      const number = store.find(next, before < maxStates);
      if (number === before) parents.push(current);
      if (number < 0) full = true;
      if (options.edges !== true || full) return;
      edges.from.push(current);
      edges.to.push(number);
      edges.leaf.push(leaf);
    },
    cut: (finding, leaf) => {
      cuts++;
      taken[leaf] = 1;
      note(finding, leaf);
    },
    note,
    broken: finding => note(finding, -1),
  };
  on.tellTo(sink);
  next.set(encode(code.layout, code.layout.program.initial));
  store.find(next, true);
  parents.push(-1);
  let depth = 0,
    levelEnd = 1;
  for (let expanded = 0; expanded < store.count(); expanded++) {
    if (expanded === levelEnd) {
      if (full) break;
      depth++;
      levelEnd = store.count();
    }
    current = expanded;
    const before = transitions,
      cutBefore = cuts;
    const S = store.words(),
      at = expanded * width;
    on.exercise(S, at);
    on.judge(S, at);
    on.expand(S, at);
    if (transitions === before && cuts === cutBefore) log.hooks.terminal(current, on.atRest(S, at));
    if (store.count() > FEW_STATES) return null;
  }
  const states = full ? levelEnd : store.count();
  const through = (index: number): Int32Array[] => {
    checkIndex(index, states);
    const way: Int32Array[] = [];
    for (let at = index; at >= 0; at = parents[at] ?? -1) way.push(wordsOf(at));
    return way.reverse();
  };
  return {
    states,
    transitions,
    depth,
    full,
    bytes: store.bytes() + states * 4,
    taken: Uint8Array.from(code.leaves, (_, leaf) => taken[leaf] ?? 0),
    tested: on.tested.slice(),
    witnesses: log.all(Int32Array.from(code.findings, (_, finding) => counts[finding] ?? 0)),
    wordsOf: index => {
      checkIndex(index, states);
      return wordsOf(index);
    },
    path: index => stepsThrough(stepperOn(on), through(index)),
    through,
    edges: options.edges === true && !full ? edgesVia(code.leaves, edges.from, edges.to, edges.leaf) : null,
  };
}

interface Store {
  /** The number of the state; if it is not there a new one, or -1 if none may be added. */
  readonly find: (words: Int32Array, mayAdd: boolean) => number;
  readonly count: () => number;
  /** All states, one after the other; another array after some that were entered. */ readonly words: () => Int32Array;
  readonly bytes: () => number;
}

function createStore(width: number): Store {
  let S = new Int32Array(FIRST_ROOM * width);
  let table = new Int32Array(FIRST_ROOM * 2);
  let states = 0;
  const hashOf = (words: Int32Array, from: number): number => {
    let h = 0;
    for (let word = 0; word < width; word++) {
      h = Math.imul(h ^ (words[from + word] ?? 0), MULTIPLIERS[word % MULTIPLIERS.length] ?? 1);
      h ^= h >>> 15;
    }
    h = Math.imul(h, 0x2c1b3c6d);
    return h ^ (h >>> 13);
  };
  const isAt = (number: number, words: Int32Array): boolean => {
    const from = number * width;
    for (let word = 0; word < width; word++) if (S[from + word] !== words[word]) return false;
    return true;
  };
  const freePlace = (hash: number): number => {
    const mask = table.length - 1;
    let slot = hash & mask;
    while (table[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  };
  const grow = (): void => {
    const more = new Int32Array(S.length * 2);
    more.set(S);
    S = more;
    table = new Int32Array(table.length * 2);
    for (let number = 0; number < states; number++) table[freePlace(hashOf(S, number * width))] = number + 1;
  };
  return {
    find: (words, mayAdd) => {
      const mask = table.length - 1;
      let slot = hashOf(words, 0) & mask;
      for (let entry = table[slot] ?? 0; entry !== 0; entry = table[slot] ?? 0) {
        if (isAt(entry - 1, words)) return entry - 1;
        slot = (slot + 1) & mask;
      }
      if (!mayAdd) return -1;
      S.set(words, states * width);
      table[slot] = states + 1;
      states++;
      if (states * width === S.length) grow();
      return states - 1;
    },
    count: () => states,
    words: () => S,
    bytes: () => S.byteLength + table.byteLength,
  };
}
