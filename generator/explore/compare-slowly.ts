/** What the slow interpreter and the explorer come to, side by side. For tests. */
import * as assert from 'uvu/assert';
import { canonical, startOf, stateFindings, successors } from '../interpret/interpret.ts';
import { END, type Program, type State } from '../program.ts';
import type { Exploration } from './explore.ts';

/** Breadth first by the interpreter alone. */
export interface Slow {
  /** State numbers by canonical text, in the order found. */ readonly numbers: ReadonlyMap<string, number>;
  readonly depths: readonly number[];
  /** From, to, thread, node and alternative. */ readonly edges: readonly string[];
  /** Kind and rule, the depth where it is found first. */ readonly broken: ReadonlyMap<string, number>;
}

export function slowly(program: Program): Slow {
  const start = startOf(program);
  const numbers = new Map([[canonical(start), 0]]);
  const states: State[] = [start],
    depths = [0];
  const edges: string[] = [];
  const broken = new Map<string, number>();
  const note = (key: string, depth: number): void => {
    if (!broken.has(key)) broken.set(key, depth);
  };
  for (let from = 0; from < states.length; from++) {
    const state = states[from],
      depth = depths[from] ?? 0;
    if (state === undefined) break;
    for (const { rule } of stateFindings(program, state)) note(`state ${rule}`, depth);
    const steps = successors(program, state);
    for (const { step, state: next, findings } of steps) {
      for (const { rule } of findings) note(`step ${rule}`, depth);
      if (next === null) continue;
      const text = canonical(next);
      const to = numbers.get(text) ?? states.length;
      if (to === states.length) {
        numbers.set(text, to);
        states.push(next);
        depths.push(depth + 1);
      }
      edges.push(`${from} ${to} ${step.thread} ${step.node} ${step.alternative}`);
    }
    const rest = program.threads.every(
      (thread, index) => state.threads[index]?.node === (thread.context === 'worker' ? thread.start : END),
    );
    if (steps.length === 0 && !rest) note('deadlock always.everyWaitEnds', depth);
  }
  return { numbers, depths, edges, broken };
}

function edgesIn({ edges, transitions }: Exploration): string[] {
  assert.ok(edges);
  return Array.from({ length: transitions }, (_, at) =>
    [edges.from[at], edges.to[at], edges.thread[at], edges.node[at], edges.alternative[at]].join(' '),
  );
}

/** Both come to the same, and what they come to is returned. */
export function compare(program: Program, fast: Exploration): Slow {
  const slow = slowly(program);
  assert.is(fast.states, slow.numbers.size);
  assert.equal(
    Array.from({ length: fast.states }, (_, index) => canonical(fast.state(index))),
    [...slow.numbers.keys()],
  );
  assert.equal(edgesIn(fast), slow.edges);
  assert.is(fast.depth, Math.max(...slow.depths));
  assert.equal(
    Object.fromEntries(fast.witnesses.map(({ kind, rule, state }) => [`${kind} ${rule}`, fast.path(state).length])),
    Object.fromEntries(slow.broken),
  );
  return slow;
}
