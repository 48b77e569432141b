/** Which scenarios put a rule to the test: for the rule book. */
import { explore } from '../explore/explore.ts';
import type { System } from '../model.ts';
import { exercisedBy } from './exercised.ts';
import { type Keeping, keptFile } from './kept-file.ts';
import { prepare } from './prepare.ts';

/** States of a scenario that are looked at. What is written down must be the same on every machine, so it is a count and not a time. */
const MOST_STATES = 50_000;

export interface Exercising {
  readonly scenario: string;
  readonly states: number;
  /** Names of rules, in the order of the spec. */ readonly rules: readonly string[];
}

/** Those of the base, the smallest first. A scenario with more than 50,000 states is looked at as far as those. */
export function exercisingScenarios(system: System, keeping: Keeping | null): Exercising[] {
  return system.scenarios
    .flatMap(({ name }) => {
      const file = keeping === null ? null : keptFile<Exercising>(keeping, [system.name, '', name], 'exercising');
      const known = file?.read() ?? null;
      if (known !== null) return [known];
      const { ready } = prepare(system, null, name, keeping);
      if (ready === null) return [];
      const { program, source, soFar } = ready;
      const exploration = explore(program, { source, soFar, maxStates: MOST_STATES, workers: 1 });
      ready.keep();
      const made: Exercising = { scenario: name, states: exploration.states, rules: exercisedBy(system, program, exploration) };
      file?.write(made);
      return [made];
    })
    .sort((one, other) => one.states - other.states);
}
