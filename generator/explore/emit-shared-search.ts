/**
 * How several threads that search on one shared store agree with one another; what each of them does alone is in `shared-module.ts`.
 *
 * States of one depth are expanded by whoever is free, in chunks. At the end of a depth all wait for each other; so they do while the table is made larger. Each keeps findings of its own, which are added up at the end. Numbers of states differ
 * from run to run; what is told of them does not, see `explore-shared.ts`.
 */
import { FULLEST, type Store, tableGrowth } from './shared-store.ts';

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
  /** States and table are in it. */ readonly memory: WebAssembly.Memory;
  readonly tableAt: number;
}

/** What one of them runs, and what it found. On shared memory too. */
export interface Share {
  readonly code: Uint8Array;
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

/** Bits of a table entry that are the state's number and 1: they tell apart as many states as it has when it is full. */
export const numberBits = `const numberBits = size => Math.min(31, 32 - Math.clz32(Math.floor(size * ${FULLEST}) + 1048576));`;

/** A function body with parameters `shared`, `share`, `workers` and `alive`, which is called now and then; it returns when all is done. */
export function sharedSource(chunks: number, maxStates: number, largestTable: number, words: number): string {
  const c = control;
  return `'use strict';
const { table, control, filled, quiet, levels, memory, tableAt } = shared, { counts, depths, tested, transitions } = share;
let chunk = -1, depth = 0, fill = 0;
${numberBits}
const own = { memory,
  found: finding => { if (depths[finding] < 0) depths[finding] = depth; },
  silent: state => { Atomics.or(quiet, state >> 5, 1 << (state & 31)); },
  exceed: () => { throw failure; },
  open: () => open(),
};
const failure = {};
const { exports: it } = new WebAssembly.Instance(new WebAssembly.Module(share.code), { own });
it.tableAt.value = tableAt;
it.untested.value = tested.reduce((left, one) => left - one, tested.length);
function sized(size) { it.size.value = size; fill = Math.floor(size * ${FULLEST}); it.bits.value = numberBits(size); it.numbers.value = 2 ** numberBits(size) - 1; }
function wake() { Atomics.add(control, ${c.phase}, 1); Atomics.notify(control, ${c.phase}); }
function meet(last) {
  const phase = Atomics.load(control, ${c.phase});
  if (Atomics.add(control, ${c.arrived}, 1) === workers - 1) { last(); Atomics.store(control, ${c.arrived}, 0); wake(); }
  else for (let turn = 0; Atomics.load(control, ${c.phase}) === phase; turn++) if (turn > ${TURNS_TO_SPIN}) { Atomics.wait(control, ${c.phase}, phase, ${MS_TO_WAIT}); alive(); }
  if (Atomics.load(control, ${c.failed}) === 1) throw failure;
}
function close() {
  if (chunk >= 0) { filled[chunk] = it.next.value - chunk * ${CHUNK}; chunk = -1; it.next.value = it.limit.value = 0; }
  Atomics.add(control, ${c.stored}, it.stored.value); it.stored.value = 0;
}
function open() {
  close();
  const mine = Atomics.add(control, ${c.chunks}, 1);
  if (mine >= ${chunks} || Atomics.load(control, ${c.stored}) > ${maxStates}) { Atomics.store(control, ${c.full}, 1); it.full.value = 1; return; }
  chunk = mine; it.next.value = chunk * ${CHUNK}; it.limit.value = it.next.value + ${CHUNK};
  if (it.limit.value > fill && it.size.value < ${largestTable}) Atomics.store(control, ${c.growing}, 1);
}
function expandChunk(mine) {
  it.expandAll(mine * ${CHUNK}, mine * ${CHUNK} + filled[mine]);
  Atomics.add(control, ${c.pulse}, 1);
}
function enlarge() {
  // All are here, and nobody enters anything: first it is emptied, then filled again by all.
  meet(() => { const size = it.size.value; table.fill(0, 0, size); Atomics.store(control, ${c.tableSize}, Math.min(${largestTable}, Math.ceil(Math.max(size * ${tableGrowth(words)}, Atomics.load(control, ${c.chunks}) * ${Math.ceil(CHUNK / FIRST_LOAD)})))); Atomics.store(control, ${c.entering}, 0); });
  sized(Atomics.load(control, ${c.tableSize}));
  const all = Atomics.load(control, ${c.chunks});
  for (let mine = Atomics.add(control, ${c.entering}, 1); mine < all; mine = Atomics.add(control, ${c.entering}, 1)) it.enter(mine * ${CHUNK}, mine * ${CHUNK} + filled[mine]);
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
    it.flush(); close();
    level();
    if (Atomics.load(control, ${c.enlarging}) === 1) enlarge();
  }
  transitions[0] = it.transitions.value >>> 0;
  // What the others found is read next.
  meet(() => {});
} catch (thrown) {
  Atomics.store(control, ${c.failed}, 1); wake();
  if (thrown !== failure) throw thrown;
}`;
}
