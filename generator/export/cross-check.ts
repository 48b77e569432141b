/** Whether the explorer and SPIN come to the same, for one program. */
import { type Exploration, explore, type Witness } from '../explore/explore.ts';
import { stateFindings, successors } from '../interpret/interpret.ts';
import { atRest, quiescenceFindings } from '../interpret/quiescence.ts';
import type { Program } from '../program.ts';
import { promela } from './promela.ts';
import { runSpin, type SpinResult } from './spin.ts';

/** What both count, each in its own words. */
export interface Count {
  readonly states: number;
  /** Steps as SPIN counts them. */ readonly transitions: number;
  /** Rules found broken by exploring, sorted. */ readonly broken: readonly string[];
}
export interface CrossCheck {
  readonly explorer: Count;
  /** Null: left out, because the explorer found more states than the limit. */ readonly spin: (Count & SpinResult) | null;
  /** What they differ in; empty if they agree. */ readonly differs: readonly (keyof Count)[];
}

export async function crossCheck(program: Program, maxStates: number): Promise<CrossCheck> {
  let restingStates = 0;
  const found = explore(program, {
    maxStates,
    workers: 1,
    quiescence: state => {
      restingStates++;
      return quiescenceFindings(program, state);
    },
  });
  const explorer = countOf(found, restingStates, hidesDeadlocks(program, found));
  if (!found.complete) return { explorer, spin: null, differs: [] };
  const model = promela(program);
  // Compiling takes longer than searching so few states.
  const spin = await runSpin(model, found.states + 100, ['-O0']);
  if (!spin.complete) throw new Error('SPIN did not come to an end');
  return { explorer, spin, differs: differences(explorer, spin) };
}

/**
 * The steps of the explorer, and those that SPIN counts besides: one to the first state, one for each time that the model's judge looks at
 * a state that is broken or at rest, one for each step that has no way on.
 */
export function countOf({ states, transitions, witnesses }: Exploration, restingStates: number, hidesDeadlocks = false): Count {
  const sum = (which: (witness: Witness) => boolean): number => witnesses.filter(which).reduce((sum, { count }) => sum + count, 0);
  return {
    states,
    transitions: transitions + 1 + restingStates + sum(({ kind }) => kind === 'state') + sum(({ kind, fatal }) => kind === 'step' && fatal),
    broken: [...new Set(witnesses.filter(({ kind }) => kind !== 'deadlock' || !hidesDeadlocks).map(({ rule }) => rule))].sort(),
  };
}

/**
 * Where a state breaks a rule of states, the judge of the model can always take a step, so SPIN does not see that nobody else can. Is every
 * deadlock such a state?
 */
function hidesDeadlocks(program: Program, { witnesses, complete }: Exploration): boolean {
  const kinds = new Set(witnesses.map(({ kind }) => kind));
  if (!complete || !kinds.has('deadlock') || !kinds.has('state')) return false;
  const { edges, states, state } = explore(program, { edges: true });
  if (edges === undefined) throw new Error('the explorer kept no edges');
  const left = new Set(edges.from);
  for (let index = 0; index < states; index++) {
    if (left.has(index)) continue;
    const last = state(index);
    const isDeadlock = !atRest(program, last) && successors(program, last).length === 0;
    if (isDeadlock && stateFindings(program, last).length === 0) return false;
  }
  return true;
}

export function differences(one: Count, other: Count): (keyof Count)[] {
  const differs: (keyof Count)[] = [];
  if (one.states !== other.states) differs.push('states');
  if (one.transitions !== other.transitions) differs.push('transitions');
  if (one.broken.join() !== other.broken.join()) differs.push('broken');
  return differs;
}
