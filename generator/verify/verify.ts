/** Explores scenarios of a system and tells what is wrong, each thing by its shortest counterexample. */

import { applyVariant } from '../instantiate/variant.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { brokenByStuck, endsRules } from '../temporal/ends-rules.ts';
import type { FairLoop } from '../temporal/fair-loop.ts';
import type { WalkReport } from '../walk/walk-report.ts';
import { type Counterexample, counterexampleOf, loopCounterexample } from './counterexample.ts';
import { exercisedBy } from './exercised.ts';
import { lockGraph, type MayHold } from './held.ts';
import { irqFindings } from './irq-locks.ts';
import type { Keeping } from './kept-file.ts';
import { prepare, reducedSource } from './prepare.ts';
import { type FoundRule, search } from './search.ts';
import { seenHeld, takenByAll } from './seen-held.ts';

export interface VerifyOptions {
  /** States after which a search gives up; the verdict is then `inconclusive`. */ readonly maxStates?: number;
  /** Bytes after which a search gives up, likewise. */ readonly maxBytes?: number;
  /** Threads that search; what is found is the same for every number. */ readonly workers?: number | 'auto';
  readonly progress?: (states: number, depth: number) => void;
  /** False: every state is looked at, however many there are. */ readonly reduction?: boolean;
  /** States from which on a search is reduced, for tests. */ readonly reduceFrom?: number;
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
  /** Not all states were looked at, but enough of them to find what is in all; see `generator/explore/REDUCTION.md`. */
  readonly isReduced: boolean;
  /** Rules broken whose counterexample may not be a shortest one. */ readonly notShortest: readonly string[];
  /** Of random walks, which explore no states. */ readonly walks: WalkReport | null;
  /** Why it could not be run. */ readonly diagnostics: readonly Diagnostic[];
}

export function verifyScenario(system: System, variant: string | null, scenario: string, options: VerifyOptions = {}): ScenarioReport {
  const { ready, diagnostics } = prepare(system, variant, scenario, options.keeping ?? null);
  if (ready === null) return notRun(system, variant, scenario, diagnostics);
  const { program, soFar, source } = ready;
  const { exploration, found, ends, loop, endless, isReduced } = search(program, {
    source,
    soFar,
    reduced: options.reduction === false ? null : () => reducedSource(program, options.keeping ?? null),
    ...(options.reduceFrom === undefined ? {} : { reduceFrom: options.reduceFrom }),
    quiescence: state => quiescenceFindings(program, state),
    ...(endsRules(program).length === 0 ? {} : { stuck: state => brokenByStuck(program, state) }),
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.maxStates === undefined ? {} : { maxStates: options.maxStates }),
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
  ready.keep();
  const known = applyVariant(system, variant);
  const violations = [
    ...exploredViolations(known, program, found),
    ...(loop === null ? [] : [loopViolation(known, program, loop)]),
    ...endless.map(({ rule, loop }) => loopViolation(known, program, loop, rule)),
    ...staticViolations(known, program, isReduced ? takenByAll : seenHeld(program, exploration)),
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
    isReduced,
    notShortest: found.filter(({ isShortest }) => !isShortest).map(({ rule }) => rule),
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
    isReduced: false,
    notShortest: [],
    walks: null,
    diagnostics,
  };
}

/** The rule's sentence and source. */
export function tellRule(system: System, rule: string): { sentence: string; source: string | null } {
  const own = system.rules.find(one => one.name === rule);
  return own === undefined ? { sentence: system.builtIn[rule] ?? '', source: null } : { sentence: own.doc, source: own.source };
}

/** One for each rule. */
function exploredViolations(system: System, program: Program, found: readonly FoundRule[]): Violation[] {
  return [...found]
    .sort((one, other) => one.steps.length - other.steps.length)
    .map(({ rule, kind, steps, count }) => {
      const counterexample = counterexampleOf(system, program, steps, rule, kind);
      return { rule, ...tellRule(system, rule), strength: 'observed', detail: counterexample.detail, count, counterexample };
    });
}

function loopViolation(system: System, program: Program, loop: FairLoop, rule = 'always.everyWaitEnds'): Violation {
  const counterexample = loopCounterexample(program, loop);
  return { rule, ...tellRule(system, rule), strength: 'observed', detail: counterexample.detail, count: loop.states, counterexample };
}

export function staticViolations(system: System, program: Program, mayHold: MayHold = takenByAll): Violation[] {
  const seen = new Set<string>();
  return [...lockGraph(program, mayHold).findings, ...irqFindings(program)].flatMap(({ rule, detail, thread, node }) => {
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
