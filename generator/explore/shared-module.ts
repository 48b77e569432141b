/**
 * What each of several threads runs that search together, as WebAssembly: expanding states of a chunk, and entering what comes of them into the
 * shared table. A new state is written first and then entered by one compare-and-exchange, so an entry that is seen has its words, and no state
 * is entered twice. What they agree on, chunk by chunk and depth by depth, is in `emit-shared-search.ts`.
 */
import { assemble } from '../wasm/assemble.ts';
import type { ArrayPlace } from '../wasm/emit-function.ts';
import { readCode } from '../wasm/read-code.ts';
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { equalAt, hashOf, loadAt, storeAt } from './search-code.ts';

/** Addresses are of bytes in the memory that all share; of the first three, each thread has its own. */
export interface SharedModule {
  readonly code: Uint8Array;
  readonly counts: number;
  readonly taken: number;
  readonly tested: number;
  /** Of the first state, for all. */ readonly states: number;
}

/** Successors that are gathered before they are inserted. */
const BATCH = 512;
const LINE = 64;

/** One for each thread: they differ in where their own arrays are. */
export function sharedModules(of: StepperSource, workers: number): readonly SharedModule[] {
  const { layout } = of;
  const module = readCode(sharedCode(of));
  const stride = layout.words + 1;
  const own = [...module.arrays.values()].reduce((sum, { length }) => sum + length * 4, 0);
  const sizes = [of.findings.length * 4, of.leaves.length + 1, of.tested.length, BATCH * stride * 4, BATCH * 4, own];
  const lines = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;
  const each = sizes.reduce((sum, size) => sum + lines(size), 0);
  const first = lines(layout.words * 4);
  const states = first + each * workers;
  return Array.from({ length: workers }, (_, worker) => {
    let end = first + each * worker;
    const [counts = 0, taken = 0, tested = 0, batch = 0, entries = 0, from = 0] = sizes.map(size => {
      const at = end;
      end += lines(size);
      return at;
    });
    const places: [string, ArrayPlace][] = [
      ['counts', { at: counts, bytes: 4 }],
      ['taken', { at: taken, bytes: 1 }],
      ['tested', { at: tested, bytes: 1 }],
      ['B', { at: batch, bytes: 4 }],
      ['E', { at: entries, bytes: 4 }],
      ['table', { at: 'tableAt', bytes: 4 }],
      // States are counted from 1.
      ['S', { at: states - layout.words * 4, bytes: 4 }],
    ];
    const { code } = assemble(module, {
      imported: [
        { name: 'found', parameters: 1 },
        { name: 'silent', parameters: 1 },
        { name: 'exceed', parameters: 1 },
        { name: 'open', parameters: 0 },
      ],
      arrays: new Map(places),
      from,
      isShared: true,
    });
    return { code, counts, taken, tested, states };
  });
}

function sharedCode(of: StepperSource): string {
  const { layout } = of;
  const width = layout.words,
    stride = width + 1;
  const w = wordNames(layout, 'w'),
    a = wordNames(layout, 'a');
  return `let transitions = 0, current = 0, cuts = 0, next = 0, limit = 0, stored = 0, full = 0, untested = 0;
let tableAt = 0, size = 0, bits = 0, numbers = 0, gathered = 0, touched = 0;
function add(leaf, ${a.join(', ')}) {
  ${hashOf(a)}
  transitions++; taken[leaf] = 1;
  const q = gathered * ${stride}; ${storeAt(a, 'B', 'q')} B[q + ${width}] = h;
  gathered++;
  if (gathered === ${BATCH}) flush();
}
function flush() {
  const count = gathered; let x = 0; gathered = 0;
  for (let j = 0, q = ${width}; j < count; j++, q += ${stride}) E[j] = table[partOf(B[q], size)];
  for (let j = 0; j < count; j++) x ^= S[(E[j] & numbers) * ${width}];
  touched ^= x;
  for (let j = 0, q = 0; j < count; j++, q += ${stride}) insert(q);
}
function insert(q) {
  ${loadAt(a, 'B', 'q')} const h = B[q + ${width}], tag = h << bits;
  let slot = partOf(h, size), isWritten = 0;
  for (;;) {
    let e = Atomics.load(table, slot);
    if (e === 0) {
      if (isWritten === 0) {
        if (next === limit && full === 0) open();
        if (full !== 0) return;
        const p = (next + 1) * ${width}; ${storeAt(a, 'S', 'p')} isWritten = 1;
      }
      e = Atomics.compareExchange(table, slot, 0, next + 1 | tag);
      if (e === 0) { next++; stored++; return; }
    }
    if (((e ^ tag) & ~numbers) === 0) { const p = (e & numbers) * ${width}; if (${equalAt(a, 'p')}) return; }
    slot++; if (slot === size) slot = 0;
  }
}
function enter(first, end) {
  for (let n = first; n < end; n += ${BATCH}) {
    const more = end - n, count = more < ${BATCH} ? more : ${BATCH}; let x = 0;
    for (let j = 0, q = (n + 1) * ${width}; j < count; j++, q += ${width}) { ${loadAt(w, 'S', 'q')} ${hashOf(w)} E[j] = h; }
    for (let j = 0; j < count; j++) x ^= table[partOf(E[j], size)];
    touched ^= x;
    for (let j = 0; j < count; j++) {
      const h = E[j]; let slot = partOf(h, size);
      while (Atomics.compareExchange(table, slot, 0, n + j + 1 | h << bits) !== 0) { slot++; if (slot === size) slot = 0; }
    }
  }
}
function note(finding, leaf) { if (counts[finding]++ === 0) found(finding); }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
function expandAll(first, end) {
  for (current = first; current < end; current++) {
    const q = (current + 1) * ${width}; ${loadAt(w, 'S', 'q')}
    const before = transitions, cutBefore = cuts;
    if (untested > 0) exercise(${w.join(', ')});
    judge(${w.join(', ')});
    expand(${w.join(', ')});
    if (transitions === before && cuts === cutBefore) silent(current);
  }
}
`;
}
