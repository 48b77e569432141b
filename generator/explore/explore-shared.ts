/** Runs the shared part of a large search in several threads, this one among them, and adds up what they found. */
import { Worker } from 'node:worker_threads';
import { CHUNK, CONTROLS, control, MOST_DEPTHS, type Share, type Shared, sharedSource } from './emit-shared-search.ts';
import type { StepperSource } from './emit-stepper.ts';
import type { Places } from './least-path.ts';
import { sharedModules } from './shared-module.ts';
import { FIRST_TABLE, FULLEST, reserve, type Stand } from './shared-store.ts';

export interface SharedFindings extends Omit<Stand, 'expanded' | 'starts'> {
  readonly full: boolean;
  readonly places: Places;
  readonly bytes: number;
  /** Depth at which each finding was made first; -1 if never, or before this part began. */ readonly depths: readonly number[];
  /** Positions of states that nobody could leave. */ readonly quiet: Iterable<number>;
}

export interface SharedOptions {
  readonly workers: number;
  readonly capacity: number;
  readonly progress: (states: number, depth: number) => void;
  /** Milliseconds without a sign of life of anybody, after which the others are given up. */ readonly patience?: number;
  /** Starts one of the others; for tests of what happens if it does not come up. */ readonly start?: typeof helper;
}

/** Chunks that may be left unfilled: each worker leaves one at each depth. */
const LEVELS_WITH_HOLES = 512;
const PATIENCE = 60_000;

/** Null where it could not be done: no memory, or a thread failed. Whoever asked does it alone then. */
export function exploreShared(of: StepperSource, stand: Stand, words: Int32Array, options: SharedOptions): SharedFindings | null {
  const width = of.layout.words,
    { workers } = options;
  const first = Math.ceil(stand.expanded / CHUNK);
  const seeds = first + Math.ceil((stand.states - stand.expanded) / CHUNK);
  const slack = (LEVELS_WITH_HOLES * workers + 2) * CHUNK;
  const modules = sharedModules(of, workers);
  const reserved = reserve(width, options.capacity + slack, stand.states + slack, modules[0]?.states ?? 0);
  if (reserved === null) return null;
  const chunks = Math.floor(reserved.capacity / CHUNK);
  const maxStates = Math.min(options.capacity, reserved.capacity - slack);
  const largestTable = Math.min(reserved.store.table.length, Math.ceil(reserved.capacity / FULLEST));
  const array = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));
  const shared: Shared = {
    ...reserved.store,
    memory: reserved.memory,
    tableAt: reserved.tableAt,
    control: array(CONTROLS),
    filled: array(chunks + 1),
    quiet: array(Math.ceil((chunks * CHUNK) / 32)),
    levels: array(MOST_DEPTHS + 1),
  };
  shared.S.set(words.subarray(0, stand.expanded * width));
  shared.S.set(words.subarray(stand.expanded * width, stand.states * width), first * CHUNK * width);
  for (let chunk = 0; chunk < seeds; chunk++) {
    const [begin, end] = chunk < first ? [chunk * CHUNK, stand.expanded] : [(chunk - first) * CHUNK, stand.states - stand.expanded];
    shared.filled[chunk] = Math.min(CHUNK, end - begin);
  }
  shared.control[control.chunks] = seeds;
  shared.control[control.levelEnd] = first;
  shared.control[control.depth] = stand.depth;
  shared.control[control.stored] = stand.states;
  shared.control[control.tableSize] = Math.min(FIRST_TABLE, largestTable);

  const { buffer } = reserved.memory;
  const shares = modules.map(({ code, counts, taken, tested }): Share => {
    const known = new Uint8Array(buffer, tested, of.tested.length);
    known.set(stand.tested);
    return {
      code,
      counts: new Int32Array(buffer, counts, of.findings.length),
      depths: array(of.findings.length).fill(-1),
      taken: new Uint8Array(buffer, taken, of.leaves.length + 1),
      tested: known,
      transitions: new Float64Array(new SharedArrayBuffer(8)),
    };
  });
  const code = sharedSource(chunks, maxStates, largestTable, width);
  const helpers = shares.slice(1).map(share => (options.start ?? helper)(code, shared, share, workers));
  try {
    new Function('shared', 'share', 'workers', 'alive', code)(shared, shares[0], workers, watching(shared, options));
  } catch (thrown) {
    if (!(thrown instanceof Silence)) throw thrown;
  }
  for (const one of helpers) if (shared.control[control.failed] === 1) void one.terminate();
  if (shared.control[control.failed] === 1) return null;
  return collected(of, stand, shared, shares, maxStates);
}

/** Nobody gave a sign of life for long. */
class Silence extends Error {}

/** It starts with nothing loaded but the code it runs. */
function helper(code: string, shared: Shared, share: Share, workers: number): Pick<Worker, 'terminate'> {
  const start = `const { workerData: { code, shared, share, workers } } = require('node:worker_threads');
new Function('shared', 'share', 'workers', 'alive', code)(shared, share, workers, () => {});`;
  const worker = new Worker(start, { eval: true, execArgv: [], workerData: { code, shared, share, workers } });
  // It has told the others already.
  worker.on('error', () => undefined);
  worker.unref();
  return worker;
}

function watching({ control: at }: Shared, { progress, patience = PATIENCE }: SharedOptions): () => void {
  let pulse = -1,
    since = performance.now();
  return () => {
    const now = performance.now(),
      beat = Atomics.load(at, control.pulse);
    if (beat !== pulse) [pulse, since] = [beat, now];
    else if (now - since > patience) throw new Silence();
    progress(Atomics.load(at, control.stored), Atomics.load(at, control.depth));
  };
}

function collected(of: StepperSource, stand: Stand, shared: Shared, shares: readonly Share[], maxStates: number): SharedFindings {
  const { control: at, filled } = shared;
  const depth = at[control.depth] ?? 0,
    endChunk = at[control.levelEnd] ?? 0;
  const full = at[control.full] === 1 || (at[control.stored] ?? 0) > maxStates;
  const sum = (from: (share: Share) => number): number => shares.reduce((total, share) => total + from(share), 0);
  let states = 0;
  for (let chunk = 0; chunk < endChunk; chunk++) states += filled[chunk] ?? 0;
  const starts = [...stand.starts];
  for (let level = starts.length; level <= depth + 1; level++) starts.push((shared.levels[level] ?? 0) * CHUNK);
  const between = function* (from: number, to: number): Iterable<number> {
    for (let position = from; position < to; position++)
      if (position % CHUNK < (filled[Math.floor(position / CHUNK)] ?? 0)) yield position;
      else position = Math.ceil((position + 1) / CHUNK) * CHUNK - 1;
  };
  const quiet = function* (): Iterable<number> {
    for (let word = 0; word < (endChunk * CHUNK) / 32; word++)
      for (let rest = shared.quiet[word] ?? 0; rest !== 0; rest &= rest - 1) yield word * 32 + 31 - Math.clz32(rest & -rest);
  };
  const size = at[control.tableSize] ?? 0;
  return {
    states,
    transitions: stand.transitions + sum(({ transitions }) => transitions[0] ?? 0),
    depth,
    full,
    counts: stand.counts.map((count, finding) => count + sum(({ counts }) => counts[finding] ?? 0)),
    depths: of.findings.map((_, finding) => {
      const found = shares.map(({ depths }) => depths[finding] ?? -1).filter(one => one >= 0);
      return found.length === 0 || (stand.counts[finding] ?? 0) > 0 ? -1 : Math.min(...found);
    }),
    taken: stand.taken.map((one, leaf) => one | Number(shares.some(({ taken }) => taken[leaf] === 1))),
    tested: stand.tested.map((one, rule) => one | Number(shares.some(({ tested }) => tested[rule] === 1))),
    places: {
      states,
      store: shared,
      tableSize: size,
      numberBits: Math.min(31, 32 - Math.clz32(Math.floor(size * FULLEST) + (1 << 20))),
      starts,
      between,
      gaps: { filled: filled.subarray(0, endChunk), chunk: CHUNK },
    },
    bytes: endChunk * CHUNK * (of.layout.words * 4 + 1 / 8) + size * 4,
    quiet: quiet(),
  };
}
