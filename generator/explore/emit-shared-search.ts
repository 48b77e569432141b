/**
 * The part of a large search that several threads run at once on one shared store.
 *
 * States of one depth are expanded by whoever is free, in chunks; a new state is written first and then entered into the table by one
 * compare-and-exchange, so an entry that is seen has its words, and no state is entered twice. At the end of a depth all wait for each
 * other; so they do while the table is made larger. Each keeps findings of its own, which are added up at the end. Numbers of states differ
 * from run to run; what is told of them does not, see `explore-shared.ts`.
 */
import { enterCode, gatherCode, type Store, tableCode } from './emit-large-search.ts';
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { equalAt, storeAt, tableGrowth, visitAt } from './search-code.ts';

/** States that are taken to be expanded, and numbers that are taken to be given, at once. */
export const CHUNK = 1024;

/** Places in `control`. */
export const control = {
  /** First chunk that was given to nobody. */ chunks: 0,
  /** Next chunk to expand. */ next: 1,
  arrived: 2,
  phase: 3,
  /** Chunk after the last one of the depth that is expanded. */ levelEnd: 4,
  depth: 5,
  /** 1 if the table has to grow. */ growing: 6,
  /** 1 if there is no room. */ full: 7,
  /** 1 if somebody failed, and all end. */ failed: 8,
  /** 1 if all is done. */ done: 9,
  tableSize: 10,
  /** Counts chunks, so that the others can see who lives. */ pulse: 11,
  /** Next chunk to enter into a larger table. */ entering: 12,
  /** States that were stored. */ stored: 13,
  /** 1 if all enlarge the table next; written only while all wait. */ enlarging: 14,
} as const;
export const CONTROLS = 16;

/** What all share. All arrays are on shared memory. */
export interface Shared extends Store {
  readonly control: Int32Array;
  /** States in each chunk. */ readonly filled: Int32Array;
  /** A bit for each state that nobody could leave. */ readonly quiet: Int32Array;
  /** First chunk of each depth. */ readonly levels: Int32Array;
}

/** What one of them found. On shared memory too. */
export interface Share {
  readonly counts: Int32Array;
  /** Depth at which each finding was made first, -1 if never. */ readonly depths: Int32Array;
  readonly taken: Uint8Array;
  readonly tested: Uint8Array;
  /** Transitions. */ readonly transitions: Float64Array;
}

/** Depths that there can be. */
export const MOST_DEPTHS = 1 << 16;
const FIRST_LOAD = 0.6;
const MS_TO_WAIT = 50;
const TURNS_TO_SPIN = 2000;

/** A function body with parameters `shared`, `share`, `workers` and `alive`, which is called now and then; it returns when all is done. */
export function sharedSource(of: StepperSource, chunks: number, maxStates: number, largestTable: number): string {
  const { layout } = of;
  const width = layout.words,
    a = wordNames(layout, 'a');
  const c = control;
  return `'use strict';
const { S, table, control, filled, quiet: silent, levels } = shared, { counts, depths, taken, tested } = share;
let transitions = 0, current = -1, cuts = 0, chunk = -1, next = 0, limit = 0, stored = 0, full = false, depth = 0;
let untested = tested.reduce((left, one) => left - one, tested.length);
${tableCode}
${enterCode(of, 'while (Atomics.compareExchange(table, slot, 0, entry) !== 0) if (++slot === size) slot = 0;')}
const failure = {};
function exceed() { throw failure; }
function wake() { Atomics.add(control, ${c.phase}, 1); Atomics.notify(control, ${c.phase}); }
function meet(last) {
  const phase = Atomics.load(control, ${c.phase});
  if (Atomics.add(control, ${c.arrived}, 1) === workers - 1) { last(); Atomics.store(control, ${c.arrived}, 0); wake(); }
  else for (let turn = 0; Atomics.load(control, ${c.phase}) === phase; turn++) if (turn > ${TURNS_TO_SPIN}) { Atomics.wait(control, ${c.phase}, phase, ${MS_TO_WAIT}); alive(); }
  if (Atomics.load(control, ${c.failed}) === 1) throw failure;
}
function close() { if (chunk >= 0) { filled[chunk] = next - chunk * ${CHUNK}; chunk = -1; next = limit = 0; } Atomics.add(control, ${c.stored}, stored); stored = 0; }
function open() {
  close();
  const mine = Atomics.add(control, ${c.chunks}, 1);
  if (mine >= ${chunks} || Atomics.load(control, ${c.stored}) > ${maxStates}) { Atomics.store(control, ${c.full}, 1); full = true; return; }
  chunk = mine; next = chunk * ${CHUNK}; limit = next + ${CHUNK};
  if (limit > fill && size < ${largestTable}) Atomics.store(control, ${c.growing}, 1);
}
${gatherCode(
  of,
  `let wrote = false;
    for (;;) {
      let e = Atomics.load(table, slot);
      if (e === 0) {
        if (!wrote) {
          if (next === limit && !full) open();
          if (full) break;
          const p = next * ${width}; ${storeAt(a, 'S', 'p')} wrote = true;
        }
        e = Atomics.compareExchange(table, slot, 0, next + 1 | tag);
        if (e === 0) { next++; stored++; break; }
      }
      if ((e & ~numbers) === tag) { const p = ((e & numbers) - 1) * ${width}; if (${equalAt(a, 'p')}) break; }
      if (++slot === size) slot = 0;
    }`,
)}
function note(finding) { if (counts[finding]++ === 0 && depths[finding] < 0) depths[finding] = depth; }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding); }
function broken(finding) { note(finding); }
${of.source}
function expandChunk(mine) {
  const end = mine * ${CHUNK} + filled[mine];
  for (current = mine * ${CHUNK}; current < end; current++) {
    const q = current * ${width};
    ${visitAt(of)}
    if (quiet) Atomics.or(silent, current >> 5, 1 << (current & 31));
  }
  Atomics.add(control, ${c.pulse}, 1);
}
function enlarge() {
  // All are here, and nobody enters anything: first it is emptied, then filled again by all.
  meet(() => { table.fill(0, 0, size); Atomics.store(control, ${c.tableSize}, Math.min(${largestTable}, Math.ceil(Math.max(size * ${tableGrowth(width)}, Atomics.load(control, ${c.chunks}) * ${Math.ceil(CHUNK / FIRST_LOAD)})))); Atomics.store(control, ${c.entering}, 0); });
  sized(Atomics.load(control, ${c.tableSize}));
  const all = Atomics.load(control, ${c.chunks});
  for (let mine = Atomics.add(control, ${c.entering}, 1); mine < all; mine = Atomics.add(control, ${c.entering}, 1)) enter(mine * ${CHUNK}, mine * ${CHUNK} + filled[mine]);
  meet(() => Atomics.store(control, ${c.growing}, 0));
}
function level() {
  meet(() => {
    Atomics.store(control, ${c.enlarging}, Atomics.load(control, ${c.growing}));
    if (Atomics.load(control, ${c.growing}) === 1) return;
    const end = Atomics.load(control, ${c.levelEnd}), now = Atomics.load(control, ${c.chunks});
    if (now === end || Atomics.load(control, ${c.full}) === 1 || Atomics.load(control, ${c.stored}) > ${maxStates}) { Atomics.store(control, ${c.done}, 1); return; }
    const depth = Atomics.add(control, ${c.depth}, 1) + 1;
    if (depth + 1 >= ${MOST_DEPTHS}) { Atomics.store(control, ${c.full}, 1); Atomics.store(control, ${c.done}, 1); return; }
    levels[depth] = end; levels[depth + 1] = now;
    Atomics.store(control, ${c.next}, end); Atomics.store(control, ${c.levelEnd}, now);
  });
}
try {
  sized(Atomics.load(control, ${c.tableSize}));
  // The first have to be entered, by all of them.
  enlarge();
  level();
  while (Atomics.load(control, ${c.done}) === 0) {
    depth = Atomics.load(control, ${c.depth});
    const end = Atomics.load(control, ${c.levelEnd});
    while (Atomics.load(control, ${c.growing}) === 0 && Atomics.load(control, ${c.failed}) === 0) {
      const mine = Atomics.add(control, ${c.next}, 1);
      if (mine >= end) break;
      expandChunk(mine);
      alive();
    }
    flush(); close();
    level();
    if (Atomics.load(control, ${c.enlarging}) === 1) enlarge();
  }
  share.transitions[0] = transitions;
  // What the others found is read next.
  meet(() => {});
} catch (thrown) {
  Atomics.store(control, ${c.failed}, 1); wake();
  if (thrown !== failure) throw thrown;
}`;
}
