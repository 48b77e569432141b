/**
 * One program explored whole and reduced, side by side: everything that a reduction promises to keep must be the same. See
 * `generator/explore/REDUCTION.md`.
 */
import { type Exploration, type ExploreOptions, explore } from '../explore/explore.ts';
import { emitReduced, type ReduceOptions } from '../explore/reduce.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import { whole as anyRound, components, stateGraph } from '../temporal/components.ts';
import { brokenByStuck, endsRules } from '../temporal/ends-rules.ts';
import { mayRunForEver } from '../temporal/may-run-for-ever.ts';
import { exercisedBy } from './exercised.ts';

export interface ReducedCount {
  readonly mode: ReduceOptions;
  readonly states: number;
  /** Symmetries besides that in which nothing moves. */ readonly symmetries: number;
}

export interface ComparedReductions {
  /** Of the whole search. */ readonly states: number;
  /** Kind and name of each rule that is broken. */ readonly broken: readonly string[];
  readonly reduced: readonly ReducedCount[];
  /** In words; empty if everything that is kept is the same. */ readonly differences: readonly string[];
}

/** Up to so many states it is compared whether there is any way round, for which all steps have to be kept. */
const MOST_WITH_EDGES = 1_000_000;

export interface CompareOptions {
  readonly modes: readonly ReduceOptions[];
  /** States in all; of programs with more there is nothing to compare with. */ readonly maxStates: number;
  /** Whose rules the program puts to the test; absent: only rules about states are compared. */ readonly system?: System;
  /** Whether ways round are looked for; absent: where the shape of the code allows any. */ readonly rounds?: boolean;
}

/** Null if there are more states in all than the limit, or no room for them. */
export function compareReductions(program: Program, { modes, maxStates, system, rounds }: CompareOptions): ComparedReductions | null {
  const options: ExploreOptions = {
    quiescence: state => quiescenceFindings(program, state),
    ...(endsRules(program).length === 0 ? {} : { stuck: state => brokenByStuck(program, state) }),
    maxStates,
  };
  const asksForRounds = rounds ?? mayRunForEver(program);
  const all = exploreWith(program, options, asksForRounds, maxStates);
  if (!all.complete) return null;
  const differences: string[] = [];
  const reduced = modes.map((mode): ReducedCount => {
    const source = emitReduced(program, mode);
    const found = exploreWith(program, { ...options, source }, asksForRounds && all.edges !== undefined, maxStates);
    const name = mode.symmetry === false ? 'order of steps' : mode.order === false ? 'symmetry' : 'both';
    const tell = (what: string, whole: readonly string[], left: readonly string[]): void => {
      const lost = whole.filter(one => !left.includes(one)),
        gained = left.filter(one => !whole.includes(one));
      if (lost.length > 0) differences.push(`${name}: ${what} of all states only: ${lost.join(', ')}`);
      if (gained.length > 0) differences.push(`${name}: ${what} of the reduced states only: ${gained.join(', ')}`);
    };
    if (!found.complete) differences.push(`${name}: more states than without`);
    tell('broken', broken(all), broken(found));
    const exercised = (one: Exploration): readonly string[] =>
      system === undefined ? source.tested.filter(rule => one.arose(rule)) : exercisedBy(system, program, one);
    tell('put to the test', exercised(all), exercised(found));
    tell('ways round', hasRound(all) ? ['some'] : [], hasRound(found) ? ['some'] : []);
    // Under symmetry a thread that is alike may have gone there instead.
    if (mode.symmetry === false) tell('gone through', covered(program, all), covered(program, found));
    return { mode, states: found.states, symmetries: source.symmetries.length };
  });
  return { states: all.states, broken: broken(all), reduced, differences };
}

function exploreWith(program: Program, options: ExploreOptions, edges: boolean, maxStates: number): Exploration {
  if (!edges) return explore(program, options);
  const small = explore(program, { ...options, edges: true, maxStates: Math.min(maxStates, MOST_WITH_EDGES) });
  return small.complete || maxStates <= MOST_WITH_EDGES ? small : explore(program, options);
}

function broken({ witnesses }: Exploration): string[] {
  return [...new Set(witnesses.map(({ kind, rule }) => `${kind} ${rule}`))];
}

function covered(program: Program, exploration: Exploration): string[] {
  return program.threads.flatMap(({ name, nodes }, thread) =>
    nodes.flatMap((_, node) => (exploration.covered(thread, node) ? [`${name} node ${node}`] : [])),
  );
}

/** False too where the steps were not kept. */
function hasRound({ states, edges }: Exploration): boolean {
  return edges !== undefined && components(stateGraph(states, edges.from, edges.to), anyRound).length > 0;
}
