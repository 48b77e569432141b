/** Explores scenarios of a system and tells what is wrong, each thing by its shortest counterexample. */

import { type Exploration, type ExploreOptions, explore, type Witness } from '../explore/explore.ts';
import { applyVariant } from '../instantiate/variant.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { type FairLoop, fairLoop } from '../temporal/fair-loop.ts';
import { mayRunForEver } from '../temporal/may-run-for-ever.ts';
import type { WalkReport } from '../walk/walk-report.ts';
import { type Counterexample, counterexampleOf, loopCounterexample } from './counterexample.ts';
import { exercisedBy } from './exercised.ts';
import { lockGraph } from './held.ts';
import { type Keeping, prepare } from './prepare.ts';

export interface VerifyOptions {
  /** States after which a search gives up; the verdict is then `inconclusive`. */ readonly maxStates?: number;
  /** Bytes after which a search gives up, likewise. */ readonly maxBytes?: number;
  /** Threads that search; what is found is the same for every number. */ readonly workers?: number | 'auto';
  readonly progress?: (states: number, depth: number) => void;
  /** Where what is made of a scenario is kept; nowhere if absent. */ readonly keeping?: Keeping;
}

export interface Violation {
  readonly rule: string;
  /** The rule in a sentence. */ readonly sentence: string;
  readonly source: string | null;
  /** `observed`: the model does it. `possible`: nothing that was explored forbids it, as a cycle in the lock order. */
  readonly strength: 'observed' | 'possible';
  /** What exactly, in names. */ readonly detail: string;
  /** Steps or states that break it. */ readonly count: number;
  readonly counterexample: Counterexample | null;
}

export interface ScenarioReport {
  readonly system: string;
  readonly variant: string | null;
  readonly scenario: string;
  readonly verdict: 'pass' | 'violation' | 'inconclusive';
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  readonly statesPerSecond: number;
  readonly bytesPerState: number;
  readonly violations: readonly Violation[];
  /** Rules that some state or step put to the test. */ readonly exercised: readonly string[];
  /**
   * Whether every call returns, every run of a work item is done and every wait ends, if every thread gets its turn. `shape`: the code has
   * no way round that could be gone for ever. `rounds`: every way round was looked at. `unknown`: there are too many states for that.
   */
  readonly ends: 'shape' | 'rounds' | 'unknown';
  /** Of random walks, which explore no states. */ readonly walks: WalkReport | null;
  /** Why it could not be run. */ readonly diagnostics: readonly Diagnostic[];
}

/** States up to which rounds are looked for: their transitions have to be kept. */
const MOST_STATES_WITH_EDGES = 1_000_000;

export function verifyScenario(system: System, variant: string | null, scenario: string, options: VerifyOptions = {}): ScenarioReport {
  const { program, source, diagnostics } = prepare(system, variant, scenario, options.keeping ?? null);
  if (program === null || source === null) return notRun(system, variant, scenario, diagnostics);
  const { exploration, ends, loop } = exploreAndGoRound(program, {
    source,
    quiescence: state => quiescenceFindings(program, state),
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.maxStates === undefined ? {} : { maxStates: options.maxStates }),
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
  const known = applyVariant(system, variant);
  const violations = [
    ...exploredViolations(known, program, exploration),
    ...(loop === null ? [] : [loopViolation(known, program, loop)]),
    ...staticViolations(known, program),
  ];
  return {
    ...notRun(system, variant, scenario, diagnostics),
    states: exploration.states,
    transitions: exploration.transitions,
    depth: exploration.depth,
    seconds: exploration.seconds,
    statesPerSecond: Math.round(exploration.states / Math.max(exploration.seconds, 1e-6)),
    bytesPerState: exploration.bytesPerState,
    violations,
    exercised: exercisedBy(known, program, exploration),
    ends,
    verdict: violations.length > 0 ? 'violation' : exploration.complete && ends !== 'unknown' ? 'pass' : 'inconclusive',
  };
}

/** Of a scenario that cannot be run, or has not been. */
export function notRun(system: System, variant: string | null, scenario: string, diagnostics: readonly Diagnostic[]): ScenarioReport {
  return {
    system: system.name,
    variant,
    scenario,
    verdict: 'violation',
    states: 0,
    transitions: 0,
    depth: 0,
    seconds: 0,
    statesPerSecond: 0,
    bytesPerState: 0,
    violations: [],
    exercised: [],
    ends: 'unknown',
    walks: null,
    diagnostics,
  };
}

/** With its transitions if an endless run is possible and there is room for them. */
function exploreAndGoRound(
  program: Program,
  options: ExploreOptions,
): { readonly exploration: Exploration; readonly ends: ScenarioReport['ends']; readonly loop: FairLoop | null } {
  if (!mayRunForEver(program)) return { exploration: explore(program, options), ends: 'shape', loop: null };
  const maxStates = Math.min(options.maxStates ?? MOST_STATES_WITH_EDGES, MOST_STATES_WITH_EDGES);
  const small = explore(program, { ...options, edges: true, maxStates });
  const { edges } = small;
  if (small.complete && edges !== undefined) return { exploration: small, ends: 'rounds', loop: fairLoop(program, { ...small, edges }) };
  return { exploration: options.maxStates === maxStates ? small : explore(program, options), ends: 'unknown', loop: null };
}

/** The rule's sentence and source. */
export function tellRule(system: System, rule: string): { sentence: string; source: string | null } {
  const own = system.rules.find(one => one.name === rule);
  return own === undefined ? { sentence: system.builtIn[rule] ?? '', source: null } : { sentence: own.doc, source: own.source };
}

/** One for each rule: the shortest of the ways in which it is broken. */
function exploredViolations(system: System, program: Program, exploration: Exploration): Violation[] {
  const byRule = new Map<string, { witness: Witness; length: number; count: number }>();
  for (const witness of exploration.witnesses) {
    const length = exploration.path(witness.state).length + (witness.step === null ? 0 : 1);
    const known = byRule.get(witness.rule);
    const shortest = known === undefined || length < known.length ? { witness, length } : known;
    byRule.set(witness.rule, { ...shortest, count: (known?.count ?? 0) + witness.count });
  }
  return [...byRule]
    .sort(([, one], [, other]) => one.length - other.length)
    .map(([rule, { witness, count }]) => {
      const steps = exploration.path(witness.state);
      const counterexample = counterexampleOf(
        system,
        program,
        witness.step === null ? steps : [...steps, witness.step],
        rule,
        witness.kind,
      );
      return { rule, ...tellRule(system, rule), strength: 'observed', detail: counterexample.detail, count, counterexample };
    });
}

function loopViolation(system: System, program: Program, loop: FairLoop): Violation {
  const rule = 'always.everyWaitEnds';
  const counterexample = loopCounterexample(program, loop);
  return { rule, ...tellRule(system, rule), strength: 'observed', detail: counterexample.detail, count: loop.states, counterexample };
}

export function staticViolations(system: System, program: Program): Violation[] {
  const seen = new Set<string>();
  return lockGraph(program).findings.flatMap(({ rule, detail, thread, node }) => {
    const site = program.sites[program.threads[thread]?.nodes[node]?.site ?? -1];
    const key = `${rule} ${site?.at.file}:${site?.at.line}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const where = site === undefined ? '' : ` (${site.in[0] ?? program.scenario}, ${site.at.file}:${site.at.line})`;
    return [
      {
        rule,
        ...tellRule(system, rule),
        strength: 'possible' as const,
        detail: `${detail}${detail.includes(':') ? '' : where}`,
        count: 1,
        counterexample: null,
      },
    ];
  });
}
