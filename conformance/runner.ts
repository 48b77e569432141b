/** Vectors times adapter: an outcome with its own name for each, whatever the adapter does. */
import { type Adapter, AdapterFailure } from './adapter.ts';
import { type KnownFailing, refuseStale } from './known-failing.ts';
import { pattern } from './pattern.ts';
import { printable } from './printable.ts';
import type { Welcome } from './protocol.ts';
import type { RunReport, VectorReport } from './report.ts';
import { type JudgeTrace, needsRestart, runVector, type VectorResult } from './run-vector.ts';
import { isInShard, type ReplayToken, replayText, roundSeed, type Shard } from './seed.ts';
import { shellWord } from './shell-word.ts';
import { UsageFault } from './usage-fault.ts';
import type { Vector } from './vector.ts';
import { countOutcomes, verdictOf } from './verdict.ts';

export interface RunOptions {
  /** The adapter and its options, as they are typed into a shell: goes into the report and into what reproduces a finding. */ readonly given: string;
  /** Vectors to run: those that match one of them; all if empty. */ readonly patterns?: readonly string[];
  readonly shard?: Shard | null;
  readonly knownFailing?: readonly KnownFailing[];
  /** All other seeds are derived from it. */ readonly seed?: number;
  /** How often a vector is run whose callers run at once. */ readonly rounds?: number;
  /** Run this one vector, each round with this very seed. */ readonly replay?: ReplayToken | null;
  /** Without it, traces are not looked at. */ readonly judgeTrace?: JudgeTrace | null;
  readonly onVector?: (vector: VectorReport, done: number, total: number) => void;
  /** Breaks the run off after the vector that is running. */ readonly signal?: AbortSignal;
  /** Milliseconds from any beginning. */ readonly now?: () => number;
}

/** Throws a UsageFault for options that do not fit the vectors; what the adapter does is in the report. */
export async function runVectors(vectors: readonly Vector[], adapter: Adapter, options: RunOptions): Promise<RunReport> {
  const { given, seed = 0, rounds = 1, replay = null, shard = null, judgeTrace = null, now = () => performance.now() } = options;
  const knownFailing = options.knownFailing ?? [];
  refuseTwins(vectors);
  refuseStale(knownFailing, vectors);
  const selected = select(vectors, options);
  const began = now();
  const ids = { next: 1 };
  const starter = starterOf(adapter);
  const reports: VectorReport[] = [];
  let unavailable: string | null = null;
  for (const vector of selected) {
    const vectorBegan = now();
    let result: VectorResult;
    if (options.signal?.aborted === true) {
      result = unrun('not-run', 'The run was broken off before.');
    } else {
      const started = await starter.started();
      if ('unavailable' in started) {
        unavailable = started.unavailable;
        break;
      }
      const times = vector.order === null && vector.callers.length > 1 ? rounds : 1;
      const seeds = Array.from({ length: times }, (_, round) => replay?.seed ?? roundSeed(seed, vector.id, round));
      result =
        'failure' in started
          ? unrun('could-not-start', started.failure)
          : await runVector(vector, adapter, started.welcome, seeds, ids, judgeTrace);
      if (needsRestart(result.outcome)) await starter.discard();
    }
    const report = reportOf(vector, withKnown(vector, knownFailing, result), given, Math.round(now() - vectorBegan));
    reports.push(report);
    options.onVector?.(report, reports.length, selected.length);
  }
  await adapter.stop();
  const counts = countOutcomes(reports);
  const verdict = unavailable === null ? verdictOf(counts) : { verdict: 'skipped' as const, message: unavailable };
  const welcome = starter.first();
  return {
    schema: 'holdfast/report/1',
    ...verdict,
    adapter: { given, welcome: welcome === null ? null : introduction(welcome) },
    environment: welcome?.about ?? {},
    seed: replay?.seed ?? seed,
    rounds,
    shard: shard === null ? null : [shard.index, shard.count],
    counts,
    vectors: reports,
    durationMs: Math.round(now() - began),
  };
}

function select(vectors: readonly Vector[], options: RunOptions): Vector[] {
  const { replay = null, shard = null } = options;
  if (replay !== null) {
    const found = vectors.filter(vector => vector.id === replay.vector);
    if (found.length === 0) throw new UsageFault(`There is no vector ${replay.vector} to replay.`);
    return found;
  }
  const patterns = (options.patterns ?? []).map(pattern);
  return vectors.filter(
    vector => (patterns.length === 0 || patterns.some(matches => matches(vector.id))) && (shard === null || isInShard(shard, vector.id)),
  );
}

function refuseTwins(vectors: readonly Vector[]): void {
  const seen = new Set<string>();
  for (const { id } of vectors) {
    if (seen.has(id)) throw new UsageFault(`Two vectors are called ${id}.`);
    seen.add(id);
  }
}

type Started = { readonly welcome: Welcome } | { readonly failure: string } | { readonly unavailable: string };

/** Starts the adapter when it is needed. One that does not come up at first, or twice in a row later, is not tried again. */
function starterOf(adapter: Adapter) {
  let first: Welcome | null = null;
  let current: Welcome | null = null;
  let failures = 0;
  let last = '';
  return {
    first: () => first,
    /** The next vector needs a fresh start. */
    async discard() {
      current = null;
      await adapter.stop();
    },
    async started(): Promise<Started> {
      if (current !== null) return { welcome: current };
      if (failures > 0 && (first === null || failures > 1)) return { failure: last };
      try {
        current = await adapter.start();
        first ??= current;
        failures = 0;
        return { welcome: current };
      } catch (error) {
        last =
          error instanceof AdapterFailure
            ? error.message
            : `The adapter threw: ${error instanceof Error ? printable(error.message) : 'no reason given'}`;
        if (first === null && error instanceof AdapterFailure && error.kind === 'unavailable') return { unavailable: last };
        failures += 1;
        await adapter.stop();
        return { failure: last };
      }
    },
  };
}

/** The outcome, turned by the list of known failures. */
function withKnown(vector: Vector, entries: readonly KnownFailing[], result: VectorResult): VectorResult {
  const entry = entries.find(one => one.matches(vector.id));
  if (entry === undefined) return result;
  switch (result.outcome) {
    case 'unsupported':
    case 'refused':
    case 'inconclusive':
    case 'could-not-start':
    case 'not-run':
      return result;
    case 'conforming':
      return { ...result, outcome: 'unexpected-pass', message: `It conforms, but ${entry.place} says that it fails: ${entry.reason}` };
    default:
      return {
        ...result,
        outcome: 'known-failing',
        message: `As ${entry.place} says (${entry.reason}), ${result.outcome}: ${result.message}`,
      };
  }
}

function unrun(outcome: 'not-run' | 'could-not-start', message: string): VectorResult {
  return { outcome, message, seed: null, rounds: 0, finding: null };
}

function reportOf(vector: Vector, result: VectorResult, given: string, durationMs: number): VectorReport {
  const { outcome, message, seed, rounds, finding } = result;
  const again =
    outcome === 'conforming' || seed === null
      ? null
      : `npx holdfast run --adapter ${given} --replay ${shellWord(replayText({ vector: vector.id, seed }))}`;
  return { id: vector.id, title: vector.title, outcome, message, reproduce: again, seed, rounds, durationMs, finding };
}

function introduction(welcome: Welcome) {
  const { name, version, profile, profiles, protocol, calls, observes } = welcome;
  return { name, version, profile, ...(profiles === undefined ? {} : { profiles }), protocol, calls, observes };
}
