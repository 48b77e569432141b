/** Every reachable state of a program, breadth first, by the slow interpreter: what the generated explorer is compared with. */
import type { Finding, Program, State } from '../program.ts';
import { canonical, startOf, stateFindings, successors } from './interpret.ts';
import { atRest, quiescenceFindings } from './quiescence.ts';

export interface SlowExploration {
  readonly states: number;
  /** Successors that lead to a state. */ readonly transitions: number;
  /** Successors that a fatal finding cut. */ readonly cut: number;
  /** States in which nobody can step, and not because a path was cut, that are not at rest. */ readonly stuck: number;
  /** First finding of each rule, with how many there were. Findings of steps, states and states at rest. */
  readonly findings: Readonly<Record<string, { readonly first: Finding; readonly count: number }>>;
}

export function exploreSlowly(program: Program, visit: (state: State) => void = () => undefined): SlowExploration {
  const start = startOf(program);
  const seen = new Set([canonical(start)]);
  const findings: Record<string, { first: Finding; count: number }> = {};
  const note = (finding: Finding) => {
    const known = findings[finding.rule];
    if (known) known.count++;
    else findings[finding.rule] = { first: finding, count: 1 };
  };
  let transitions = 0;
  let cut = 0;
  let stuck = 0;
  // One layer at a time, so that states already visited can be forgotten.
  for (let layer = [start]; layer.length > 0; ) {
    const nextLayer: State[] = [];
    for (const state of layer) {
      visit(state);
      stateFindings(program, state).forEach(note);
      const rest = atRest(program, state);
      if (rest) quiescenceFindings(program, state).forEach(note);
      const all = successors(program, state);
      if (all.length === 0 && !rest) stuck++;
      for (const { state: next, findings: found } of all) {
        found.forEach(note);
        if (!next) {
          cut++;
          continue;
        }
        transitions++;
        const name = canonical(next);
        if (seen.has(name)) continue;
        seen.add(name);
        nextLayer.push(next);
      }
    }
    layer = nextLayer;
  }
  return { states: seen.size, transitions, cut, stuck, findings };
}
