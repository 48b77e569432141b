/** What `verify --json`, `check --json` and `mutate --json` print: one document each. Plain types: the JSON schemas are made from this file. */

export interface VerifyDocument {
  schema: 'holdfast/verify/1';
  verdict: 'pass' | 'violation' | 'inconclusive';
  counts: {
    /** Scenarios that hold; with --defects, pairs of a defect and a scenario in which every rule named was found. */
    passed: number;
    violated: number;
    inconclusive: number;
    states: number;
    /**
     * Seconds spent exploring.
     * @TJS-type number
     */
    seconds: number;
    diagnostics: number;
  };
  /** Faults of the spec, in file order. */
  diagnostics: DiagnosticDocument[];
  scenarios: ScenarioDocument[];
}

export interface PlaceDocument {
  file: string;
  line: number;
  column: number;
}

export interface DiagnosticDocument {
  at: PlaceDocument;
  name: string;
  what: string;
  wayOut: string;
}

export interface ScenarioDocument {
  system: string;
  variant: string | null;
  scenario: string;
  verdict: 'pass' | 'violation' | 'inconclusive';
  /** Of a defect: every rule named was found. Else the same as the verdict. */
  passed: boolean;
  states: number;
  transitions: number;
  depth: number;
  /**
   * Seconds spent exploring.
   * @TJS-type number
   */
  seconds: number;
  statesPerSecond: number;
  bytesPerState: number;
  /** Whether every call, run and wait ends: known by the shape of the code, by looking at every way round, or unknown. */
  ends: 'shape' | 'rounds' | 'unknown';
  /** Of states that differ in nothing that a rule can tell one was explored: `states` counts those. */
  reduced: boolean;
  /** Rules broken whose counterexample may not be a shortest one. */
  notShortest: string[];
  /** Of random walks, which explore no states; null if the scenario was explored. */
  walks: WalksDocument | null;
  /** Rules that some state or step put to the test. */
  exercised: string[];
  /** Of a defect: the rules that it is said to break here. */
  expected: { rule: string; found: boolean }[] | null;
  violations: ViolationDocument[];
}

export interface WalksDocument {
  walks: number;
  seed: number;
  /** Steps after which a walk was given up, and how many were. */
  depth: number;
  givenUp: number;
  steps: number;
  stepsPerSecond: number;
  /** Rules in force, steps of the code, ways on from its branches: how many of them some walk put to the test or took. */
  rules: { covered: number; of: number };
  nodes: { covered: number; of: number };
  branches: { covered: number; of: number };
  /** Rules broken whose counterexample may not be a shortest one. */
  notShortest: string[];
}

export interface ViolationDocument {
  rule: string;
  sentence: string;
  source: string | null;
  strength: 'observed' | 'possible';
  detail: string;
  /** Steps or states that break it. */
  count: number;
  counterexample: CounterexampleDocument | null;
}

export interface StepDocument {
  thread: string;
  text: string;
  /** Functions it is in, innermost first. */
  in: string[];
  at: PlaceDocument;
}

export interface CounterexampleDocument {
  /** Of a loop the last steps, from this position on, lead back to where they began; else null. */
  loopFrom: number | null;
  kind: string;
  threads: { name: string; text: string }[];
  steps: StepDocument[];
  /** Objects that the rule speaks of, by its own names. */
  objects: { [variable: string]: string };
  /** Parts of the false condition, and what they were. */
  parts: { text: string; value: string }[];
  /** Of a deadlock: who waits, and at what. */
  waiting: StepDocument[];
}

export interface CheckDocument {
  schema: 'holdfast/check/1';
  verdict: 'pass' | 'violation' | 'inconclusive';
  counts: { pass: number; violation: number; inconclusive: number; events: number; findings: number; rulesNotExercised: number };
  traces: TraceDocument[];
}

export interface TraceDocument {
  trace: string;
  /** Null: judged by what holds for every program. */
  system: string | null;
  verdict: 'pass' | 'violation' | 'inconclusive';
  events: number;
  /** The first of them. */
  findings: FindingDocument[];
  /** Findings that are counted but not listed. */
  unlisted: number;
  /**
   * Whether other orders of the events were looked at; `near`: only of events near each other, as the trace is long; `not shown`: the trace does not
   * show all that orders its events.
   */
  prediction: 'whole' | 'near' | 'partly' | 'not shown' | 'not asked';
  rules: { rule: string; exercised: number; findings: number; judged: 'fully' | 'partly' | 'not'; missing: string[] }[];
}

export interface FindingDocument {
  rule: string;
  sentence: string;
  source: string | null;
  strength: 'observed' | 'predicted' | 'possible';
  detail: string;
  objects: { [variable: string]: string };
  /** Number of the event that broke the rule, and of the earlier one that made it wrong. */
  event: number;
  earlier: number | null;
  thread: string;
  /** What led to it, in order, the event itself last; empty where the oracle does not keep it. */
  story: { event: number; thread: string; what: string; site: string | null }[];
  /** Of what is predicted: the same events in another order, in which the program could have run; else null. */
  reordering: {
    /** What matters of it, in the new order, with the numbers of the trace. */
    steps: { event: number; thread: string; what: string; site: string | null }[];
    leftOut: number;
    /** Numbers of all its events in their new order; null if they are too many. */
    order: number[] | null;
  } | null;
}

export interface MutantsDocument {
  schema: 'holdfast/mutate/1';
  systems: {
    system: string;
    mutants: MutantDocument[];
    /** With --every: rules of the system that find neither a mutant nor a defect. */
    findNothing: string[];
  }[];
}

/** One small mistake in one function. */
export interface MutantDocument {
  id: string;
  operation: string;
  at: PlaceDocument;
  /** What was done to the function. */
  what: string;
  /** Scenario by rule; none: nothing finds it. */
  foundBy: { [rule: string]: string };
  /** Scenarios whose search was given up, so that more might be found there. */
  givenUp: string[];
}

export interface HistoryCheckDocument {
  schema: 'holdfast/check-history/1';
  verdict: 'pass' | 'violation' | 'inconclusive';
  histories: HistoryDocument[];
}

export interface HistoryDocument {
  history: string;
  system: string;
  variant: string | null;
  verdict: 'pass' | 'violation' | 'inconclusive';
  calls: number;
  /** Calls and returns, from the first on, that some run of the spec explains. */
  explained: number;
  /** Why it is inconclusive. */
  why: string | null;
  rejected: RejectionDocument | null;
}

/** What `run --histories --json` prints. */
export interface HistoriesDocument {
  schema: 'holdfast/histories/1';
  verdict: 'pass' | 'violation' | 'inconclusive' | 'broken-adapter';
  system: string;
  /** The adapter and its options, as they are typed into a shell. */
  adapter: string;
  profile: string;
  counts: { explained: number; violation: number; inconclusive: number; leftOut: number; failed: number };
  calls: number;
  /** Calls that began while another was under way. */
  overlapping: number;
  /** All that are not explained. */
  histories: {
    seed: number;
    outcome: 'explained' | 'violation' | 'inconclusive' | 'left-out' | 'failed';
    message: string;
    reproduce: string;
    violation: {
      history: string[];
      /** Index into `history` of the moment that nothing explains. */
      at: number;
      call: string;
      result: string | number | boolean | null;
      allowed: (string | number | boolean | null)[];
      /** Name of the contract of the call; null if it has none. */
      rule: string | null;
      says: string;
      source: string | null;
    } | null;
  }[];
}

/** The first return that no run of the spec explains. */
export interface RejectionDocument {
  event: number;
  line: number;
  thread: string;
  call: string;
  arguments: (string | number | boolean | null)[];
  result: string | number | boolean | null;
  /** Results that the spec gives here; empty if the call cannot return yet. */
  allowed: (string | number | boolean | null)[];
  /** Calls under way on the same objects. */
  underWay: string[];
  /** Contract of the call, and what it says of the result. */
  contract: string | null;
  source: string | null;
  says: string;
}
