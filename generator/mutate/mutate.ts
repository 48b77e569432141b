/** Which mutants of a system are found, by which rules, in which scenarios. */
import { explore } from '../explore/explore.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import type { Place, System } from '../model.ts';
import { verifyScenario } from '../verify/verify.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

export interface MutantResult {
  readonly id: string;
  readonly operation: string;
  readonly at: Place;
  readonly what: string;
  /** By rule, the first scenario in which it finds the mutant. */
  readonly foundBy: Readonly<Record<string, string>>;
  /** Scenarios whose search was given up, so that more might be found there. */ readonly givenUp: readonly string[];
}

export interface MutateOptions {
  /** Functions whose mutants are made; all if absent. */ readonly operations?: readonly string[];
  /** Explore every scenario, to know every rule that finds it; else a mutant is done when some rule found it. */ readonly every?: boolean;
  /** States of a scenario up to which it is used; larger ones are left out. */ readonly maxStates: number;
  readonly onMutant?: (done: number, of: number, result: MutantResult) => void;
}

/** A mutant may have more states than the system has; so many times more are looked at. */
const SLACK = 4;

export function mutate(system: System, options: MutateOptions): MutantResult[] {
  const scenarios = smallScenarios(system, options.maxStates);
  const reached = new Set(scenarios.flatMap(({ functions }) => functions));
  const mutants = mutantsOf(system).filter(({ operation }) => reached.has(operation) && (options.operations?.includes(operation) ?? true));
  return mutants.map((mutant, index) => {
    const result = judge(mutant, scenarios, options);
    options.onMutant?.(index + 1, mutants.length, result);
    return result;
  });
}

interface SmallScenario {
  readonly name: string;
  readonly states: number;
  /** That it runs. */ readonly functions: readonly string[];
}

/** The smallest first: what finds a mutant there finds it soonest. */
function smallScenarios(system: System, maxStates: number): SmallScenario[] {
  return system.scenarios
    .flatMap(({ name }) => {
      const { program } = instantiate(system, null, name);
      if (program === null) return [];
      const { states, complete } = explore(program, { maxStates, workers: 1 });
      // A function without a step has no site, but may have been called.
      const functions = [
        ...program.sites.flatMap(site => site.in),
        ...program.threads.flatMap(({ calls }) => calls.map(call => call.operation)),
      ];
      return complete ? [{ name, states, functions }] : [];
    })
    .sort((one, other) => one.states - other.states);
}

function judge({ id, operation, at, what, system }: Mutant, scenarios: readonly SmallScenario[], options: MutateOptions): MutantResult {
  const foundBy: Record<string, string> = {};
  const givenUp: string[] = [];
  for (const { name: scenario } of scenarios) {
    if (!options.every && Object.keys(foundBy).length > 0) break;
    const report = verifyScenario(system, null, scenario, { maxStates: options.maxStates * SLACK, workers: 1 });
    for (const { rule } of report.violations) foundBy[rule] ??= scenario;
    if (report.verdict === 'inconclusive') givenUp.push(scenario);
  }
  return { id, operation, at, what, foundBy, givenUp };
}
