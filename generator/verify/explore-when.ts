/** Whether the condition of a rule was ever true: else the rule was never put to the test. */
import type { Exploration } from '../explore/explore.ts';
import { choices, look } from '../interpret/evaluate.ts';
import type { Rule } from '../model.ts';
import type { Program } from '../program.ts';

/** States looked at: all of a small exploration, of a large one as many, spread evenly. */
const mostStates = 50_000;

export function whenIsEverTrue(program: Program, exploration: Exploration, rule: Rule & { kind: 'invariant' | 'settled' }): boolean {
  const every = Math.max(1, Math.floor(exploration.states / mostStates));
  for (let index = 0; index < exploration.states; index += every) {
    const state = exploration.state(index);
    for (const variables of choices(program, state, rule.over)) {
      const at = { program, state, thread: null, variables };
      if (rule.kind === 'settled' && look(rule.busy, at) !== 0) continue;
      if (rule.when === null || look(rule.when, at) !== 0) return true;
    }
  }
  return false;
}
