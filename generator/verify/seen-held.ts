/** What threads really hold where they stand, in all states that were explored. */
import type { Exploration } from '../explore/explore.ts';
import { timing } from '../explore/liveness.ts';
import { successorsOf } from '../instantiate/pools.ts';
import { heldBy } from '../interpret/judge-step.ts';
import type { Program } from '../program.ts';
import type { MayHold } from './held.ts';

/** States up to which all are looked at. */
const mostStates = 300_000;

/** What a path holds that was not explored is known only if all paths take it. So it is with too many states to look at. */
export function seenHeld(program: Program, exploration: Exploration): MayHold {
  let seen: ReadonlySet<string> | null = null;
  return ({ thread, node, lockClass, from, taken }) => {
    if (!exploration.complete || exploration.states > mostStates) return taken;
    if (!exploration.covered(thread, node) || (from !== null && from >= 0 && !exploration.covered(thread, from))) return taken;
    seen ??= look(program, exploration);
    return seen.has(`${thread} ${node} ${lockClass}`);
  };
}

/** Where not all states can be asked: what some paths hold and others do not counts if all took it. */
export const takenByAll: MayHold = ({ taken }) => taken;

function look(program: Program, exploration: Exploration): Set<string> {
  const seen = new Set<string>();
  const known = new Map<string, readonly number[]>();
  const upToStep = (thread: number, node: number): readonly number[] => {
    const key = `${thread} ${node}`;
    const nodes = known.get(key) ?? aheadOf(program, thread, node);
    known.set(key, nodes);
    return nodes;
  };
  for (let index = 0; index < exploration.states; index++) {
    const state = exploration.state(index);
    state.threads.forEach(({ node }, thread) => {
      for (const { lockClass } of heldBy(program, state, thread))
        for (const at of upToStep(thread, node)) seen.add(`${thread} ${at} ${lockClass}`);
    });
  }
  return seen;
}

/** Nodes that a thread which stands there may come to up to its next step, that one included. */
function aheadOf(program: Program, thread: number, node: number): readonly number[] {
  const nodes = program.threads[thread]?.nodes ?? [];
  const found = new Set<number>();
  const stack = [node];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const one = nodes[at];
    if (one === undefined || found.has(at)) continue;
    found.add(at);
    if (timing(one.action) !== 'step') stack.push(...successorsOf(one));
  }
  return [...found];
}
