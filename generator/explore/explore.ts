/** Every state that a program can reach, breadth first, and what is wrong in them. */

import { availableParallelism, totalmem } from 'node:os';
import { END, type Finding, type Program, type State, type Step } from '../program.ts';
import { compileLargeSearch, reserve, type Stand } from './emit-large-search.ts';
import { compileSearch, type Search } from './emit-search.ts';
import { emitStepper, type StepperSource } from './emit-stepper.ts';
import { exploreShared } from './explore-shared.ts';
import { checkIndex, type Found, waysIn, wordsAt } from './found.ts';
import { foundShared } from './found-shared.ts';
import { compileTracer, type Places } from './least-path.ts';
import { decode, encode } from './pack-state.ts';
import { largeCapacity, smallCapacity } from './search-code.ts';
import { stepperOf } from './stepper.ts';
import { witnessLog } from './witnesses.ts';

export interface ExploreOptions {
  /** As many as fit if absent. */ readonly maxStates?: number;
  /** Bytes of all arrays of the search together; 6 GiB, or half of the machine's memory if that is less, if absent. */
  readonly maxBytes?: number;
  readonly edges?: boolean;
  /** What is wrong where all has ended and nothing is pending. */ readonly quiescence?: (state: State) => Finding[];
  /** Rules that are broken where nobody can go on and not all is at rest; that every wait ends if absent. */
  readonly stuck?: (state: State) => readonly string[];
  /** Called every 200 ms at most. */ readonly progress?: (states: number, frontierDepth: number) => void;
  /** Threads that search; 1 if absent. A search that fits into the caches uses one. What is found is the same for every number. */
  readonly workers?: number | 'auto';
  /** What `emitStepper` makes of the program, if it is there already, or `emitReduced`: then what is told is of what that leaves. */
  readonly source?: StepperSource;
  /** Enough was seen once each of these rules was found broken: at the end of that depth. With one worker only. */
  readonly until?: ReadonlySet<string>;
  /** States from which on a search is a large one, for tests. */ readonly largeFrom?: number;
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
  /** Node that the thread stands at afterwards, or END. */ readonly stands: Int32Array;
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
  /** A shortest path from the first state: of all of them, the one whose steps come first. */ path(index: number): Step[];
  /** The states that were stored on a way to the state, packed, the first and it itself among them. */
  through(index: number): readonly Int32Array[];
  /** Absent also where the search is not complete. */ readonly edges?: Edges;
}

const MOST_BYTES = 6 * 2 ** 30;
const LARGE_FROM = 1 << 20;
const STATES_BETWEEN_LOOKS_AT_THE_CLOCK = 4096;
const MS_BETWEEN_REPORTS = 200;
const MOST_WORKERS = 64;

/** Ends with `complete: false` where the room ends. Throws only if the program is at fault: a loop without a step, a value out of its bounds. */
export function explore(program: Program, options: ExploreOptions = {}): Exploration {
  const began = performance.now();
  const source = options.source ?? emitStepper(program);
  const found = search(source, options, began);
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
    path: index => found.path(index),
    through: index => found.through(index),
    ...(found.edges === null ? {} : { edges: found.edges }),
  };
}

/** A small search; where that is not enough, a large one goes on, with one worker or several. */
function search(source: StepperSource, options: ExploreOptions, began: number): Found {
  const { layout } = source;
  const maxBytes = options.maxBytes ?? Math.min(MOST_BYTES, totalmem() / 2);
  const maxStates = Math.max(1, options.maxStates ?? Number.POSITIVE_INFINITY);
  const largeFrom = options.edges ? Number.POSITIVE_INFINITY : (options.largeFrom ?? LARGE_FROM);
  // Whoever has not even room for a large search stays small. Edges are kept for drawings and vectors, which are small.
  const large = Math.min(maxStates, largeCapacity(layout.words, maxBytes)),
    small = Math.min(maxStates, smallCapacity(layout.words, maxBytes), 2 ** 30);
  const willGrow = large > largeFrom;
  let words = (): Int32Array => new Int32Array(0);
  const log = witnessLog(source, options.quiescence, options.stuck, index => decode(layout, wordsAt(source, words(), index)));
  const one = compileSearch(source, encode(layout, layout.program.initial), willGrow ? large : small, options.edges ?? false, log.hooks);
  words = one.words;
  const report = reporter(options, began);
  const isEnough = (): boolean => options.until !== undefined && log.hasAll(options.until);
  let stopped = false;
  while (one.run(Math.min(STATES_BETWEEN_LOOKS_AT_THE_CLOCK, largeFrom))) {
    report(one.states(), one.depth());
    if (isEnough()) {
      if (one.expanded() < one.levelEnd()) one.run(one.levelEnd() - one.expanded());
      stopped = true;
      break;
    }
    if (one.states() < largeFrom || one.full()) continue;
    if (one.expanded() < one.levelEnd()) one.run(one.levelEnd() - one.expanded());
    if (one.expanded() === one.states() || one.full()) continue;
    const stand: Stand = {
      states: one.states(),
      expanded: one.expanded(),
      transitions: one.transitions(),
      depth: one.depth(),
      starts: one.starts,
      counts: one.counts,
      taken: one.taken,
      tested: one.tested,
    };
    const workers =
      options.workers === 'auto' ? Math.min(MOST_WORKERS, availableParallelism()) : Math.min(MOST_WORKERS, options.workers ?? 1);
    const shared = workers > 1 ? exploreShared(source, stand, one.words(), { workers, capacity: large, progress: report }) : null;
    if (shared !== null) return foundShared(source, shared, log);
    const reserved = reserve(layout.words, large, stand.states, false);
    if (reserved === null) throw new Error(`There is no memory for more than ${stand.states} states.`);
    reserved.store.S.set(one.words().subarray(0, stand.states * layout.words));
    words = () => reserved.store.S;
    const more = compileLargeSearch(source, reserved.store, reserved.capacity, stand, log.hooks);
    while (more.run(STATES_BETWEEN_LOOKS_AT_THE_CLOCK)) {
      report(more.states(), more.depth());
      if (!isEnough()) continue;
      for (const depth = more.depth(); more.run(1) && more.depth() === depth; );
      stopped = true;
      break;
    }
    const places: Places = {
      states: more.states(),
      store: reserved.store,
      tableSize: more.tableSize(),
      numberBits: more.numberBits(),
      starts: [...more.starts, more.states()],
      between: numbers,
    };
    return {
      states: more.states(),
      transitions: more.transitions(),
      depth: more.depth(),
      full: more.full() || stopped,
      bytes: more.states() * layout.words * 4 + more.tableSize() * 4,
      taken: more.taken,
      tested: more.tested,
      witnesses: log.all(more.counts),
      wordsOf: index => {
        checkIndex(index, places.states);
        return wordsAt(source, words(), index);
      },
      ...waysIn(
        source,
        places,
        lazily(() => compileTracer(source, places)),
        index => index,
      ),
      edges: null,
    };
  }
  return {
    states: one.states(),
    transitions: one.transitions(),
    depth: one.depth(),
    full: one.full() || stopped,
    bytes: one.bytes(),
    taken: one.taken,
    tested: one.tested,
    witnesses: log.all(one.counts),
    wordsOf: index => {
      checkIndex(index, one.states());
      return wordsAt(source, one.words(), index);
    },
    path: byParents(source, one),
    through: index => {
      checkIndex(index, one.states());
      const parents = one.parents();
      const way: Int32Array[] = [];
      for (let at = index; at >= 0; at = parents[at] ?? -1) way.push(wordsAt(source, one.words(), at));
      return way.reverse();
    },
    edges: options.edges && !one.full() && !stopped ? edgesOf(source, one) : null,
  };
}

function* numbers(from: number, to: number): Iterable<number> {
  for (let number = from; number < to; number++) yield number;
}

function lazily<Made>(make: () => Made): () => Made {
  let made: { readonly value: Made } | null = null;
  return () => (made ??= { value: make() }).value;
}

function reporter(options: ExploreOptions, began: number): (states: number, depth: number) => void {
  let reported = began;
  return (states, depth) => {
    const now = performance.now();
    if (now - reported < MS_BETWEEN_REPORTS) return;
    reported = now;
    options.progress?.(states, depth);
  };
}

function coverage({ leaves }: StepperSource, taken: Uint8Array): (thread: number, node: number) => boolean {
  const through = new Set<string>();
  leaves.forEach((leaf, index) => {
    if (taken[index] === 1) for (const node of leaf.nodes) through.add(`${leaf.thread} ${node}`);
  });
  return (thread, node) => through.has(`${thread} ${node}`);
}

function byParents(source: StepperSource, search: Search): (index: number) => Step[] {
  const stepper = lazily(() => stepperOf(source));
  return index => {
    checkIndex(index, search.states());
    const parents = search.parents(),
      words = search.words();
    const path: Step[] = [];
    for (let at = index, before = parents[at] ?? -1; before >= 0; at = before, before = parents[at] ?? -1) {
      const to = wordsAt(source, words, at);
      const taken = stepper()
        .successors(wordsAt(source, words, before))
        .find(({ state }) => state?.every((word, place) => word === to[place]));
      if (taken === undefined) throw new Error(`no step leads from state ${before} to state ${at}`);
      path.push(taken.step);
    }
    return path.reverse();
  };
}

function edgesOf({ leaves }: StepperSource, search: Search): Edges {
  const count = search.transitions(),
    via = search.leaf();
  const threads = Uint16Array.from(leaves, leaf => leaf.thread),
    nodes = Int32Array.from(leaves, leaf => leaf.node),
    alternatives = Uint16Array.from(leaves, leaf => leaf.alternative),
    standing = Int32Array.from(leaves, leaf => leaf.to ?? END);
  const thread = new Uint16Array(count),
    node = new Int32Array(count),
    alternative = new Uint16Array(count),
    stands = new Int32Array(count);
  for (let at = 0; at < count; at++) {
    const leaf = via[at] ?? 0;
    thread[at] = threads[leaf] ?? 0;
    node[at] = nodes[leaf] ?? 0;
    alternative[at] = alternatives[leaf] ?? 0;
    stands[at] = standing[leaf] ?? END;
  }
  return { from: search.from().subarray(0, count), to: search.to().subarray(0, count), thread, node, alternative, stands };
}
