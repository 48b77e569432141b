/** Every state that a program can reach, breadth first, and what is wrong in them. */

import type { Finding, Program, State, Step } from '../program.ts';
import { compileSearch, type Search } from './emit-search.ts';
import { emitStepper, type StepperSource } from './emit-stepper.ts';
import { decode, encode } from './pack-state.ts';
import { stepperOf } from './stepper.ts';

export interface ExploreOptions {
  /** 20 million if absent. */ readonly maxStates?: number;
  readonly edges?: boolean;
  /** What is wrong where all has ended and nothing is pending. */ readonly quiescence?: (state: State) => Finding[];
  /** Called every 200 ms at most. */ readonly progress?: (states: number, frontierDepth: number) => void;
}

/** The first, and so the shortest, of all findings of one kind that name one rule. */
export interface Witness {
  readonly rule: string;
  /** Findings of this kind: steps for `step`, states for the others. */ readonly count: number;
  readonly fatal: boolean;
  /** State that the step is taken in, or that is wrong itself. */ readonly state: number;
  /** Null: a state rule, a deadlock, or a state at rest. */ readonly step: Step | null;
  readonly kind: 'step' | 'state' | 'deadlock' | 'rest';
}

/** All transitions in the order found: by state they leave, then by thread, then by alternative. */
export interface Edges {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly thread: Uint16Array;
  readonly node: Int32Array;
  readonly alternative: Uint16Array;
}

/** States are numbered from 0, which is the first, in the order found. */
export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the state that is farthest from the first. */ readonly depth: number;
  readonly seconds: number;
  /** False if there was no room for all states; then everything else is about those that there was room for. */ readonly complete: boolean;
  /** Memory of the search, all its arrays, for each state. */ readonly bytesPerState: number;
  /** In the order found. */ readonly witnesses: readonly Witness[];
  /** Some step took the node, or went through it. */
  covered(thread: number, node: number): boolean;
  state(index: number): State;
  /** A shortest path from the first state. */ path(index: number): Step[];
  readonly edges?: Edges;
}

const MOST_STATES = 20_000_000;
/** Bytes of all arrays together. */
const MOST_BYTES = 6 * 2 ** 30;
const STATES_BETWEEN_LOOKS_AT_THE_CLOCK = 4096;
const MS_BETWEEN_REPORTS = 200;

/** Ends with `complete: false` where the room ends. Throws only if the program is at fault: a loop without a step, a value out of its bounds. */
export function explore(program: Program, options: ExploreOptions = {}): Exploration {
  const began = performance.now();
  const source = emitStepper(program);
  const { layout, findings, leaves } = source;
  const seen: { rule: string; fatal: boolean; kind: Witness['kind']; state: number; step: Step | null; count: () => number }[] = [];
  const counts = new Map<string, number>();
  const stepOf = (leaf: number): Step | null => {
    const at = leaves[leaf];
    return at === undefined ? null : { thread: at.thread, node: at.node, alternative: at.alternative };
  };
  const once = (rule: string, fatal: boolean, kind: 'deadlock' | 'rest', state: number): void => {
    const key = `${kind} ${rule}`,
      count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    if (count === 0) seen.push({ rule, fatal, kind, state, step: null, count: () => counts.get(key) ?? 0 });
  };
  const search = compileSearch(
    source,
    encode(layout, program.initial),
    Math.max(1, Math.min(options.maxStates ?? MOST_STATES, 2 ** 30)),
    MOST_BYTES,
    options.edges ?? false,
    {
      found: (finding, state, leaf) => {
        const { rule, fatal, kind } = findings[finding] ?? { rule: '', fatal: false, kind: 'state' };
        seen.push({ rule, fatal, kind, state, step: stepOf(leaf), count: () => search.counts[finding] ?? 0 });
      },
      terminal: (state, atRest) => {
        if (!atRest) return once('always.everyWaitEnds', false, 'deadlock', state);
        const broken = new Map(options.quiescence?.(stateAt(source, search, state)).map(({ rule, fatal }) => [rule, fatal]));
        for (const [rule, fatal] of broken) once(rule, fatal, 'rest', state);
      },
      exceed: text => {
        throw new Error(source.excesses[text]);
      },
    },
  );
  for (let reported = began; search.run(STATES_BETWEEN_LOOKS_AT_THE_CLOCK); ) {
    const now = performance.now();
    if (now - reported < MS_BETWEEN_REPORTS) continue;
    reported = now;
    options.progress?.(search.states(), search.depth());
  }
  const states = search.states();
  return {
    states,
    transitions: search.transitions(),
    depth: depthOf(search),
    seconds: (performance.now() - began) / 1000,
    complete: !search.full(),
    bytesPerState: layout.words * 4 + 4 + search.tableBytes() / states,
    witnesses: seen.map(({ count, ...one }) => ({ ...one, count: count() })),
    covered: coverage(source, search),
    state: index => stateAt(source, search, index),
    path: index => pathTo(source, search, index),
    ...(options.edges ? { edges: edgesOf(source, search) } : {}),
  };
}

function wordsOf({ layout }: StepperSource, search: Search, index: number): Int32Array {
  if (!Number.isInteger(index) || index < 0 || index >= search.states())
    throw new RangeError(`there is no state ${index} among ${search.states()}`);
  return search.words().subarray(index * layout.words, (index + 1) * layout.words);
}

function stateAt(source: StepperSource, search: Search, index: number): State {
  return decode(source.layout, wordsOf(source, search, index));
}

/** The last state found is as far from the first as any. */
function depthOf(search: Search): number {
  const parents = search.parents();
  let depth = 0;
  for (let at = parents[search.states() - 1] ?? -1; at >= 0; at = parents[at] ?? -1) depth++;
  return depth;
}

function coverage({ leaves }: StepperSource, search: Search): (thread: number, node: number) => boolean {
  const through = new Set<string>();
  leaves.forEach((leaf, index) => {
    if (search.taken[index] === 1) for (const node of leaf.nodes) through.add(`${leaf.thread} ${node}`);
  });
  return (thread, node) => through.has(`${thread} ${node}`);
}

function pathTo(source: StepperSource, search: Search, index: number): Step[] {
  const parents = search.parents(),
    stepper = stepperOf(source);
  const path: Step[] = [];
  for (let at = index, before = parents[at] ?? -1; before >= 0; at = before, before = parents[at] ?? -1) {
    const to = wordsOf(source, search, at);
    const taken = stepper
      .successors(wordsOf(source, search, before))
      .find(({ state }) => state?.every((word, place) => word === to[place]));
    if (taken === undefined) throw new Error(`no step leads from state ${before} to state ${at}`);
    path.unshift(taken.step);
  }
  return path;
}

function edgesOf({ leaves }: StepperSource, search: Search): Edges {
  const count = search.transitions(),
    via = search.leaf().subarray(0, count);
  return {
    from: search.from().slice(0, count),
    to: search.to().slice(0, count),
    thread: Uint16Array.from(via, leaf => leaves[leaf]?.thread ?? 0),
    node: Int32Array.from(via, leaf => leaves[leaf]?.node ?? 0),
    alternative: Uint16Array.from(via, leaf => leaves[leaf]?.alternative ?? 0),
  };
}
