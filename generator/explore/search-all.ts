/** Searches a program's whole code: by machine code, alone and then, where there are many states, with others. */
import { availableParallelism, totalmem } from 'node:os';
import type { Step } from '../program.ts';
import { edgesVia } from './edges.ts';
import type { StepperSource } from './emit-stepper.ts';
import type { ExploreOptions } from './explore.ts';
import { exploreShared } from './explore-shared.ts';
import { checkIndex, type Found, wordsAt } from './found.ts';
import { foundShared } from './found-shared.ts';
import { machineCapacity, machineSearch } from './machine-search.ts';
import { decode, encode } from './pack-state.ts';
import { searchModule } from './search-module.ts';
import { sharedCapacity } from './shared-store.ts';
import { stepper, stepsThrough } from './stepper.ts';
import { wayBack } from './way-back.ts';
import { witnessLog } from './witnesses.ts';

const MOST_BYTES = 4 * 2 ** 30;
/** States from which on several search. */
const SHARED_FROM = 1 << 20;
const STATES_BETWEEN_LOOKS_AT_THE_CLOCK = 4096;
const MS_BETWEEN_REPORTS = 200;
const MOST_WORKERS = 64;

function bytesOf({ maxBytes = Math.min(MOST_BYTES, totalmem() / 2) }: ExploreOptions): number {
  return maxBytes;
}

function statesOf({ maxStates = Number.POSITIVE_INFINITY }: ExploreOptions): number {
  return Math.max(1, maxStates);
}

function workersOf({ workers = 1 }: ExploreOptions): number {
  return Math.min(MOST_WORKERS, workers === 'auto' ? availableParallelism() : workers);
}

export function searchAll(source: StepperSource, options: ExploreOptions, began: number): Found {
  const { layout } = source;
  const initial = encode(layout, layout.program.initial);
  const capacity = Math.min(statesOf(options), machineCapacity(layout.words, bytesOf(options)));
  // Transitions are kept for drawings, vectors and rounds; with very many states there are none of these.
  const sharedFrom = workersOf(options) > 1 && options.edges !== true ? (options.largeFrom ?? SHARED_FROM) : Number.POSITIVE_INFINITY;
  let words = (): Int32Array => initial;
  const log = witnessLog(source, options.quiescence, options.stuck, index => decode(layout, wordsAt(source, words(), index)));
  const one = machineSearch(
    source,
    source.searching ?? searchModule(source),
    initial,
    { capacity, edgeBytes: options.edges === true ? bytesOf(options) : null },
    log.hooks,
  );
  words = one.words;
  const report = reporter(options, began);
  let stopped = false,
    isAlone = sharedFrom === Number.POSITIVE_INFINITY;
  while (one.run(Math.min(STATES_BETWEEN_LOOKS_AT_THE_CLOCK, sharedFrom))) {
    const { states, depth } = one.stand();
    report(states, depth);
    if (options.until !== undefined && log.hasAll(options.until)) {
      one.toLevelEnd();
      stopped = true;
      break;
    }
    if (isAlone || states < sharedFrom || one.full()) continue;
    one.toLevelEnd();
    const stand = one.stand();
    if (stand.expanded === stand.states || one.full()) continue;
    const shared = exploreShared(source, stand, one.words(), {
      workers: workersOf(options),
      capacity: Math.min(statesOf(options), sharedCapacity(layout.words, bytesOf(options))),
      progress: report,
    });
    if (shared !== null) return foundShared(source, shared, log);
    isAlone = true;
  }
  const end = one.stand(),
    isFull = one.full() || stopped,
    kept = isFull ? null : one.edges(),
    states = stopped ? one.levelEnd() : end.states,
    stored = one.words();
  const back = wayBack(source, { words: stored, parents: one.parents(), expanded: end.expanded });
  const through = (index: number): readonly Int32Array[] => {
    checkIndex(index, states);
    return back(index);
  };
  return {
    states,
    transitions: end.transitions,
    depth: end.depth,
    full: isFull,
    bytes: one.bytes(),
    taken: end.taken,
    tested: end.tested,
    witnesses: log.all(end.counts),
    wordsOf: index => {
      checkIndex(index, states);
      return wordsAt(source, stored, index);
    },
    path: stepsOf(source, through),
    through,
    edges: kept === null ? null : edgesVia(source.leaves, kept.from, kept.to, kept.via),
  };
}

function stepsOf(source: StepperSource, through: (index: number) => readonly Int32Array[]): (index: number) => Step[] {
  let on: ReturnType<typeof stepper> | null = null;
  return index => {
    on ??= stepper(source.layout.program);
    return stepsThrough(on, through(index));
  };
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
