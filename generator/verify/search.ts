/**
 * How a scenario is searched: whole as long as that is quick, else reduced, and what is found is then looked for once more in all states, so
 * that the way to it is a shortest one.
 */
import { type Exploration, type ExploreOptions, explore, type Witness } from '../explore/explore.ts';
import { replay } from '../explore/replay.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { Program, Step } from '../program.ts';
import { stateGraph } from '../temporal/components.ts';
import { endsRules } from '../temporal/ends-rules.ts';
import { endsLoop, type FairLoop, fairLoop } from '../temporal/fair-loop.ts';
import { hasRound } from '../temporal/has-round.ts';
import { mayRunForEver } from '../temporal/may-run-for-ever.ts';
import { shrink } from '../walk/shrink.ts';

export interface SearchOptions extends ExploreOptions {
  /** Makes the reduced code of the program; null: nothing is reduced. */ readonly reduced:
    | (() => NonNullable<ExploreOptions['source']>)
    | null;
  /** States from which on a search is reduced; for tests. */ readonly reduceFrom?: number;
}

/** A rule that is broken, and a way to where it is. */
export interface FoundRule {
  readonly rule: string;
  readonly kind: Witness['kind'];
  /** The step that breaks it is the last, if one does. */ readonly steps: readonly Step[];
  /** Steps or states found to break it, of those that were looked at. */ readonly count: number;
  /** No shorter run breaks the rule. */ readonly isShortest: boolean;
}

export interface Searched {
  readonly exploration: Exploration;
  readonly found: readonly FoundRule[];
  /** As in `ScenarioReport`. */ readonly ends: 'shape' | 'rounds' | 'unknown';
  readonly loop: FairLoop | null;
  /** Rules that say that a call ends, and a loop in which it does not. */ readonly endless: readonly {
    readonly rule: string;
    readonly loop: FairLoop;
  }[];
  readonly isReduced: boolean;
}

/**
 * As many states as are looked at whole: that takes less time than finding out which steps and objects do not matter. What each thread holds
 * where is asked of all of them, see `seen-held.ts`.
 */
export const SEARCHED_WHOLE = 2_000_000;
/** States up to which rounds are looked for: their transitions have to be kept. */
const MOST_STATES_WITH_EDGES = 2_000_000;
/** States among which a shortest way is looked for to what a reduced search found. */
const MOST_STATES_AGAIN = 4_000_000;

export function search(program: Program, options: SearchOptions): Searched {
  const { reduced, reduceFrom = SEARCHED_WHOLE } = options;
  const most = options.maxStates ?? Number.POSITIVE_INFINITY;
  if (reduced === null) return searchWhole(program, options);
  const first = searchWhole(program, { ...options, maxStates: Math.min(most, reduceFrom) });
  if (first.exploration.complete || most <= reduceFrom) return first;
  return searchReduced(program, { ...options, source: reduced() }, options, first);
}

/** With its transitions if an endless run is possible and there is room for them. */
function searchWhole(program: Program, options: ExploreOptions): Searched {
  const of = (exploration: Exploration, ends: Searched['ends'], loops: Pick<Searched, 'loop' | 'endless'> = none): Searched => ({
    exploration,
    found: shortest(exploration),
    ends,
    ...loops,
    isReduced: false,
  });
  if (!mayRunForEver(program)) return of(explore(program, options), 'shape');
  const maxStates = Math.min(options.maxStates ?? MOST_STATES_WITH_EDGES, MOST_STATES_WITH_EDGES);
  const small = explore(program, { ...options, edges: true, maxStates });
  const { edges } = small;
  if (small.complete && edges !== undefined) {
    if (!hasRound(stateGraph(small.states, edges.from, edges.to))) return of(small, 'rounds');
    const looked = { ...small, edges };
    const endless = endsRules(program).flatMap(rule => {
      const loop = endsLoop(program, looked, rule);
      return loop === null ? [] : [{ rule: rule.name, loop }];
    });
    return of(small, 'rounds', { loop: fairLoop(program, looked), endless });
  }
  return of(options.maxStates === maxStates ? small : explore(program, options), 'unknown');
}

const none: Pick<Searched, 'loop' | 'endless'> = { loop: null, endless: [] };

/** What a reduced search keeps: which rules are broken, and whether there is any way round at all. Which way round is fair it does not keep. */
function searchReduced(program: Program, options: ExploreOptions, plain: ExploreOptions, first: Searched): Searched {
  const inShape = !mayRunForEver(program);
  const mostWithEdges = Math.min(options.maxStates ?? MOST_STATES_WITH_EDGES, MOST_STATES_WITH_EDGES);
  let exploration = explore(program, inShape ? options : { ...options, edges: true, maxStates: mostWithEdges });
  const { edges } = exploration;
  const isRound = edges !== undefined && hasRound(stateGraph(exploration.states, edges.from, edges.to));
  if (!inShape && !exploration.complete) exploration = explore(program, options);
  // There are ways round, so all states are needed to know whether one of them is fair.
  if (isRound) {
    const all = searchWhole(program, plain);
    if (all.exploration.complete) return all;
  }
  const ends = inShape ? 'shape' : edges !== undefined && !isRound ? 'rounds' : 'unknown';
  return { exploration, found: waysTo(program, exploration, plain, first), ends, ...none, isReduced: true };
}

/** For each rule the shortest of the ways in which it is broken. */
function shortest(exploration: Exploration): readonly FoundRule[] {
  const byRule = new Map<string, { readonly witness: Witness; readonly length: number; readonly count: number }>();
  for (const witness of exploration.witnesses) {
    const length = exploration.path(witness.state).length + (witness.step === null ? 0 : 1);
    const known = byRule.get(witness.rule);
    const best = known === undefined || length < known.length ? { witness, length } : known;
    byRule.set(witness.rule, { ...best, count: (known?.count ?? 0) + witness.count });
  }
  return [...byRule.values()].map(({ witness: { rule, kind, state, step }, count }) => {
    const steps = exploration.path(state);
    return { rule, kind, steps: step === null ? steps : [...steps, step], count, isShortest: true };
  });
}

/** Looked for among all states; where that is not enough, the way of the reduced search is made as short as can be. */
function waysTo(program: Program, reduced: Exploration, plain: ExploreOptions, first: Searched): readonly FoundRule[] {
  const rules = new Set(reduced.witnesses.map(({ rule }) => rule));
  const early = first.found.filter(({ rule }) => rules.has(rule));
  if (rules.size === 0 || early.length === rules.size) return early;
  const again = shortest(
    explore(program, { ...plain, until: rules, workers: 1, maxStates: Math.min(plain.maxStates ?? MOST_STATES_AGAIN, MOST_STATES_AGAIN) }),
  );
  const quiescence = plain.quiescence ?? (state => quiescenceFindings(program, state));
  return [...rules].map(rule => {
    const known = again.find(one => one.rule === rule);
    if (known !== undefined) return known;
    const witnesses = reduced.witnesses.filter(one => one.rule === rule);
    const [witness] = witnesses;
    if (witness === undefined) throw new Error(`${rule} was found and is not there`);
    const { kind, state, step } = witness;
    const way = shrink(program, rule, kind, replay(program, reduced.through(state), step === null ? null : rule), quiescence);
    return { rule, kind, steps: way.steps, count: witnesses.reduce((sum, { count }) => sum + count, 0), isShortest: way.shortest };
  });
}
