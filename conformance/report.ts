/** What a run found, as data. Plain types: the JSON schema is made from this file. */

export interface RunReport {
  schema: 'holdfast/report/1';
  verdict: RunVerdict;
  /** What the verdict comes from, in a sentence. */
  message: string;
  adapter: AdapterReport;
  /** What the adapter says about where it runs: kernel release, machine. */
  environment: { [key: string]: string };
  seed: number;
  /** Times that each vector whose callers run at once was run. */
  rounds: number;
  /** Which part of the vectors this is: `[1, 4]` is the first of four. */
  shard: [number, number] | null;
  /** Number of vectors by outcome; outcomes that did not occur are absent. */
  counts: { [outcome: string]: number };
  vectors: VectorReport[];
  durationMs: number;
}

/**
 * - `pass`: something was judged, and all of it conforms;
 * - `violation`: a violation, an unexpected pass, or an adapter that failed in some vectors;
 * - `inconclusive`: nothing is wrong, but some vectors could not be judged;
 * - `skipped`: the implementation is not available here;
 * - `broken-adapter`: it could not be started, or failed in every vector;
 * - `nothing-selected`: no vector matched.
 */
export type RunVerdict = 'pass' | 'violation' | 'inconclusive' | 'skipped' | 'broken-adapter' | 'nothing-selected';

export interface AdapterReport {
  /** As it was named to the runner. */
  given: string;
  /** As it introduced itself; null if it never did. */
  welcome: {
    name: string;
    version: string;
    profile: string;
    profiles?: { [system: string]: string };
    protocol: number;
    calls: string[];
    observes: string[];
  } | null;
}

export interface VectorReport {
  id: string;
  title: string;
  outcome: Outcome;
  /** Why, in a sentence. Of a conforming vector: what weakens that, else empty. */
  message: string;
  /** Command that runs it again with the same seed; null if it conforms or was never run. */
  reproduce: string | null;
  /** Seed of the round that decided the outcome; null if it was not run. */
  seed: number | null;
  /** Rounds that were run. */
  rounds: number;
  durationMs: number;
  finding: Finding | null;
}

/** Where a history left what is allowed. */
export interface Finding {
  /** Every moment of the history, told. */
  history: string[];
  /** Index of the first one that nothing explains. */
  at: number;
  /** Its name in the automaton. */
  seen: string;
  allowed: (string | number | boolean | null)[];
}

/**
 * - `conforming`: what happened is allowed, in every round;
 * - `violation`: a correct implementation does not do this;
 * - `could-not-set-up`: a setup call did not have its only result, so nothing was tried;
 * - `unsupported`: a call that the adapter does not offer, or a profile of which nothing is expected;
 * - `refused`: the implementation says that it cannot do it now;
 * - `inconclusive`: calls and returns conform, but the trace could not be judged in full;
 * - `crashed`, `hung`, `rubbish`, `flooded`, `out-of-order`, `lied`: how the adapter failed;
 * - `could-not-start`: the adapter did not come up (again) for this vector;
 * - `not-run`: the run was broken off before;
 * - `known-failing`: it fails, and the list says so; `unexpected-pass`: the list says so, and it conforms.
 */
export type Outcome =
  | 'conforming'
  | 'violation'
  | 'could-not-set-up'
  | 'unsupported'
  | 'refused'
  | 'inconclusive'
  | 'crashed'
  | 'hung'
  | 'rubbish'
  | 'flooded'
  | 'out-of-order'
  | 'lied'
  | 'could-not-start'
  | 'not-run'
  | 'known-failing'
  | 'unexpected-pass';
