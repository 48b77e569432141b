/**
 * Ways to states of a large search, which keeps no parents.
 *
 * Of all shortest ways to one of some states of one depth, the one whose steps come first: threads in order, alternatives in order. That is
 * the way on which a breadth-first search with one queue finds its first state among them, so it does not depend on how the search
 * numbered its states or how many worked at it. Depth by depth backwards, the states are marked from which a marked one can be reached;
 * then the first step that leads to a marked state is taken, from the start on.
 */
import type { Step } from '../program.ts';
import { type StepperSource, wordNames } from './emit-stepper.ts';
import { argumentsAt, asIntegers, equalAt, hashOf } from './search-code.ts';
import type { Store } from './shared-store.ts';

/** Where the states of a finished search are. A position is a place in the store; between them there may be empty ones. */
export interface Places {
  readonly states: number;
  readonly store: Store;
  readonly tableSize: number;
  readonly numberBits: number;
  /** First position of each depth. */ readonly starts: readonly number[];
  /** States in each chunk of so many positions; absent if every position is a state. */
  readonly gaps?: { readonly filled: Int32Array; readonly chunk: number };
  /** States from a position up to another one. */ readonly between: (from: number, to: number) => Iterable<number>;
}

export interface LeastPath {
  /** Position at its end. */ readonly at: number;
  readonly steps: readonly Step[];
  /** For each step, how many came before it in the same state: paths of one length are in the order of these. */ readonly order: readonly number[];
  /** Positions of the states that it goes through, both ends among them. */ readonly through: readonly number[];
}

/** What one look at a state says. */
interface Sight {
  /** Of the finding that was asked for: the leaf of its first step, and how many findings came before it; null if it is not there. */
  readonly noted: { readonly leaf: number; readonly order: number } | null;
  /** First successor that is marked. */ readonly way: { readonly leaf: number; readonly order: number; readonly to: number } | null;
}

export interface Tracer {
  /** Marks, and then finds the way. */ readonly pathTo: (targets: Iterable<number>, depth: number) => LeastPath;
  /** Whether a finding is made in a state, or on a step out of it. */ readonly finds: (
    position: number,
    finding: number,
  ) => Sight['noted'];
  readonly atRest: (position: number) => boolean;
}

const FILTER_BITS = 22;

export function compileTracer(of: StepperSource, places: Places): Tracer {
  const { layout, leaves } = of;
  const width = layout.words,
    a = wordNames(layout, 'a');
  const { S, table } = places.store;
  const marks = new Uint8Array(Math.ceil(S.length / width / 8));
  const filter = new Uint8Array(1 << (FILTER_BITS - 3));
  const source = `'use strict';
const { S, table, marks, filter, exceed } = memory, taken = [];
let order = 0, sequence = 0, wanted = -1, floor = 0, way = null, noted = null, tested = null, untested = 0;
function add(leaf, ${a.join(', ')}) {
  order++;
  if (way !== null || floor < 0) return;
  ${asIntegers(a)} ${hashOf(a)}
  const f = h & ${2 ** FILTER_BITS - 1};
  if ((filter[f >> 3] & 1 << (f & 7)) === 0) return;
  const tag = h << ${places.numberBits};
  // As the searches have it, without a product of 64 bits.
  let slot = Math.floor(((h >>> 16) * ${places.tableSize} + Math.floor((h & 65535) * ${places.tableSize} / 65536)) / 65536), e = 0;
  while ((e = table[slot]) !== 0) {
    if ((e & ${~(2 ** places.numberBits - 1)}) === tag) {
      const n = (e & ${2 ** places.numberBits - 1}) - 1, p = n * ${width};
      if (${equalAt(a, 'p')}) { if (n >= floor && (marks[n >> 3] & 1 << (n & 7)) !== 0) way = { leaf, order: order - 1, to: n }; return; }
    }
    if (++slot === ${places.tableSize}) slot = 0;
  }
}
function note(finding, leaf) { if (finding === wanted && noted === null) noted = { leaf, order: sequence }; sequence++; }
function cut(finding, leaf) { order++; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
return {
  mark(n) {
    marks[n >> 3] |= 1 << (n & 7);
    const q = n * ${width}; ${a.map((name, at) => `const ${name} = S[q + ${at}];`).join(' ')} ${hashOf(a)}
    const f = h & ${2 ** FILTER_BITS - 1}; filter[f >> 3] |= 1 << (f & 7);
  },
  look(n, from, finding) {
    const q = n * ${width}; order = 0; sequence = 0; floor = from; wanted = finding; way = null; noted = null;
    if (finding >= 0) judge(${argumentsAt(layout, 'q')});
    expand(${argumentsAt(layout, 'q')});
    return { way, noted };
  },
  rests(n) { const q = n * ${width}; return !!atRest(${argumentsAt(layout, 'q')}); },
};`;
  const exceed = (text: number): never => {
    throw new Error(of.excesses[text]);
  };
  const { mark, look, rests }: { mark(n: number): void; look(n: number, from: number, finding: number): Sight; rests(n: number): boolean } =
    new Function('memory', source)({ S, table, marks, filter, exceed });

  const stepOf = (leaf: number): Step => {
    const { thread = -1, node = -1, alternative = -1 } = leaves[leaf] ?? {};
    return { thread, node, alternative };
  };
  const pathTo = (targets: Iterable<number>, depth: number): LeastPath => {
    marks.fill(0);
    filter.fill(0);
    for (const target of targets) mark(target);
    for (let level = depth - 1; level >= 0; level--) {
      const from = places.starts[level] ?? 0,
        next = places.starts[level + 1] ?? 0;
      const reaching: number[] = [];
      for (const position of places.between(from, next)) if (look(position, next, -1).way !== null) reaching.push(position);
      // Only the depth that comes next is asked about, so the filter need not know of those behind it.
      filter.fill(0);
      for (const position of reaching) mark(position);
    }
    for (let word = 0; word < filter.length; word++) filter[word] = 255;
    const steps: Step[] = [],
      order: number[] = [];
    let at = places.starts[0] ?? 0;
    const through = [at];
    for (let level = 0; level < depth; level++) {
      const { way } = look(at, places.starts[level + 1] ?? 0, -1);
      if (way === null) throw new Error(`no way leads from state ${at} to depth ${depth}`);
      steps.push(stepOf(way.leaf));
      order.push(way.order);
      at = way.to;
      through.push(at);
    }
    return { at, steps, order, through };
  };
  return { pathTo, finds: (position, finding) => look(position, -1, finding).noted, atRest: rests };
}
