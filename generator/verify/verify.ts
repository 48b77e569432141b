/** Explores scenarios of a system and tells what is wrong, each thing by its shortest counterexample. */

import { type Exploration, explore, type Witness } from '../explore/explore.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { applyVariant } from '../instantiate/variant.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { type Counterexample, counterexampleOf } from './counterexample.ts';
import { exercisedBy } from './exercised.ts';
import { lockGraph } from './held.ts';

export interface VerifyOptions {
  /** States after which a search gives up; the verdict is then `inconclusive`. */ readonly maxStates?: number;
  readonly progress?: (states: number, depth: number) => void;
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
  /** Why it could not be run. */ readonly diagnostics: readonly Diagnostic[];
}

export function verifyScenario(system: System, variant: string | null, scenario: string, options: VerifyOptions = {}): ScenarioReport {
  const head = { system: system.name, variant, scenario };
  const { program, diagnostics } = instantiate(system, variant, scenario);
  if (program === null)
    return {
      ...head,
      verdict: 'violation',
      states: 0,
      transitions: 0,
      depth: 0,
      seconds: 0,
      statesPerSecond: 0,
      bytesPerState: 0,
      violations: [],
      exercised: [],
      diagnostics,
    };
  const exploration = explore(program, {
    quiescence: state => quiescenceFindings(program, state),
    ...(options.maxStates === undefined ? {} : { maxStates: options.maxStates }),
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
  const known = applyVariant(system, variant);
  const violations = [...exploredViolations(known, program, exploration), ...staticViolations(known, program)];
  return {
    ...head,
    states: exploration.states,
    transitions: exploration.transitions,
    depth: exploration.depth,
    seconds: exploration.seconds,
    statesPerSecond: Math.round(exploration.states / Math.max(exploration.seconds, 1e-6)),
    bytesPerState: exploration.bytesPerState,
    violations,
    diagnostics,
    exercised: exercisedBy(known, program, exploration),
    verdict: violations.length > 0 ? 'violation' : exploration.complete ? 'pass' : 'inconclusive',
  };
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

function staticViolations(system: System, program: Program): Violation[] {
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
