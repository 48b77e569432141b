/** Every state that a program can reach, breadth first, and what is wrong in them. */

import type { Finding, Program, State, Step } from '../program.ts';
import type { Edges } from './edges.ts';
import { emitStepper, type StepperSource } from './emit-stepper.ts';
import { searchFew } from './few-states.ts';
import type { Found } from './found.ts';
import type { Layout } from './layout.ts';
import { type OnDemand, onDemand } from './on-demand.ts';
import { decode } from './pack-state.ts';
import { searchAll } from './search-all.ts';

export interface ExploreOptions {
  /** As many as fit if absent. */ readonly maxStates?: number;
  /** Bytes of all arrays of the search together; 4 GiB, which is the most, or half of the machine's memory if that is less, if absent. */
  readonly maxBytes?: number;
  readonly edges?: boolean;
  /** What is wrong where all has ended and nothing is pending. */ readonly quiescence?: (state: State) => Finding[];
  /** Rules that are broken where nobody can go on and not all is at rest; that every wait ends if absent. */
  readonly stuck?: (state: State) => readonly string[];
  /** Called every 200 ms at most. */ readonly progress?: (states: number, frontierDepth: number) => void;
  /** Threads that search; 1 if absent. A search that fits into the caches uses one. What is found is the same for every number. */
  readonly workers?: number | 'auto';
  /**
   * What `emitStepper` makes of the program, if it is there already, or `emitReduced`: then what is told is of what that leaves. A function makes
   * it: it is asked only if there are more states than code that is made as it is needed is good for. So it is too if this is absent.
   */
  readonly source?: StepperSource | (() => StepperSource);
  /** Code of the program that was made as it was needed, to go on from. */ readonly soFar?: () => OnDemand;
  /** Enough was seen once each of these rules was found broken: at the end of that depth. With one worker only. */
  readonly until?: ReadonlySet<string>;
  /** States from which on several search, for tests. */ readonly largeFrom?: number;
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

/** States are numbered from 0, which is the first, by depth; with one worker in the order found. */
export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the state that is farthest from the first. */ readonly depth: number;
  readonly seconds: number;
  /**
   * False if there was no room for all states. Then `states` are those up to `depth`, all of which were expanded and judged;
   * of those beyond nothing is known.
   */
  readonly complete: boolean;
  /** Memory of the search, all its arrays, for each state. */ readonly bytesPerState: number;
  /** In the order found. */ readonly witnesses: readonly Witness[];
  /** Some step took the node, or went through it. */
  covered(thread: number, node: number): boolean;
  /** The condition of the state rule was true somewhere; false for names of other rules. */
  arose(rule: string): boolean;
  state(index: number): State;
  /** Where the cells of a packed state are. */ readonly layout: Layout;
  packed(index: number): Int32Array;
  /** A shortest path from the first state: of all of them, the one whose steps come first. */ path(index: number): Step[];
  /** The states that were stored on a way to the state, packed, the first and it itself among them. */
  through(index: number): readonly Int32Array[];
  /** Absent also where the search is not complete. */ readonly edges?: Edges;
}

/** More than a search of few states ever takes. */
const BYTES_FOR_FEW = 64 << 20;

/** Ends with `complete: false` where the room ends. Throws only if the program is at fault: a loop without a step, a value out of its bounds. */
export function explore(program: Program, options: ExploreOptions = {}): Exploration {
  const began = performance.now();
  const given = options.source ?? (() => emitStepper(program));
  if (typeof given !== 'function') return exploration(given, searchAll(given, options, began), began);
  if (isForFew(options)) {
    const on = options.soFar?.() ?? onDemand(program);
    const found = searchFew(on, options);
    if (found !== null) return exploration(on.code, found, began);
  }
  const source = given();
  return exploration(source, searchAll(source, options, began), began);
}

/** Whether code that is made as it is needed can tell all that is asked for. */
function isForFew({ maxBytes = BYTES_FOR_FEW, until, largeFrom }: ExploreOptions): boolean {
  return until === undefined && largeFrom === undefined && maxBytes >= BYTES_FOR_FEW;
}

function exploration(source: Pick<StepperSource, 'layout' | 'leaves' | 'tested'>, found: Found, began: number): Exploration {
  return {
    states: found.states,
    transitions: found.transitions,
    depth: found.depth,
    seconds: (performance.now() - began) / 1000,
    complete: !found.full,
    bytesPerState: found.bytes / found.states,
    witnesses: found.witnesses,
    covered: coverage(source, found.taken),
    arose: rule => source.tested.some((name, at) => name === rule && found.tested[at] === 1),
    state: index => decode(source.layout, found.wordsOf(index)),
    layout: source.layout,
    packed: index => found.wordsOf(index),
    path: index => found.path(index),
    through: index => found.through(index),
    ...(found.edges === null ? {} : { edges: found.edges }),
  };
}

function coverage({ leaves }: Pick<StepperSource, 'leaves'>, taken: Uint8Array): (thread: number, node: number) => boolean {
  const through = new Set<string>();
  leaves.forEach((leaf, index) => {
    if (taken[index] === 1) for (const node of leaf.nodes) through.add(`${leaf.thread} ${node}`);
  });
  return (thread, node) => through.has(`${thread} ${node}`);
}
