/**
 * Whether a program could have an endless run at all, judged by the shape of its code. Most have none: then nothing has to be explored to
 * know that every run ends, and a run that ends elsewhere than at rest is a deadlock, which exploring finds.
 *
 * In an endless run some threads take infinitely many steps, each on a cycle of its graph. A worker comes round only if somebody queues its
 * work infinitely often, which must be one of those threads, on such a cycle. A loop over a set ends unless what it has visited is forgotten
 * on the way round.
 */
import { successorsOf } from '../instantiate/pools.ts';
import { type Action, END, type Node, type Program, type Thread } from '../program.ts';
import { components, stateGraph, whole } from './components.ts';

export function mayRunForEver(program: Program): boolean {
  const cyclic = program.threads.map(thread => cyclicNodes(thread));
  const going = new Set(cyclic.flatMap((nodes, thread) => (nodes.size > 0 ? [thread] : [])));
  const queues = (work: NonNullable<Thread['work']>): boolean =>
    [...going].some(thread =>
      [...(cyclic[thread] ?? [])].some(node => {
        const action = program.threads[thread]?.nodes[node]?.action;
        return action !== undefined && mayQueue(action, work);
      }),
    );
  for (let changed = true; changed; ) {
    changed = false;
    for (const thread of going) {
      const one = program.threads[thread];
      if (one === undefined || one.work === null || queues(one.work)) continue;
      // A run of it may still have a cycle inside.
      const inside = cyclicNodes({ nodes: one.nodes.map((node, index) => (index === one.start ? { ...node, next: END } : node)) });
      changed ||= inside.size < (cyclic[thread]?.size ?? 0);
      cyclic[thread] = inside;
      if (inside.size === 0) going.delete(thread);
    }
  }
  return going.size > 0;
}

/** Whatever names the work may make it pending, now or later, but for what runs it, waits for it or removes it. */
function mayQueue(action: Action, { type, field }: NonNullable<Thread['work']>): boolean {
  switch (action.kind) {
    case 'take':
    case 'done':
    case 'flush-begin':
    case 'flush-end':
    case 'cancel-begin':
    case 'cancel-end':
      return false;
    default:
      return Object.values(action).some(
        part => typeof part === 'object' && part !== null && 'field' in part && part.type === type && part.field === field,
      );
  }
}

/** Nodes on some way round that can be gone for ever. */
function cyclicNodes({ nodes }: Pick<Thread, 'nodes'>): Set<number> {
  const closed = new Set<number>();
  for (;;) {
    const ways = nodes.flatMap((node, from) =>
      (closed.has(from) ? [node.otherwise] : successorsOf(node)).filter(to => nodes[to] !== undefined).map(to => ({ from, to })),
    );
    const rounds = components(
      stateGraph(
        nodes.length,
        Int32Array.from(ways, ({ from }) => from),
        Int32Array.from(ways, ({ to }) => to),
      ),
      whole,
    );
    const ending = rounds.flatMap(round => round.filter(index => !closed.has(index) && endsByItself(nodes, index, round)));
    if (ending.length === 0) return new Set(rounds.flat());
    for (const index of ending) closed.add(index);
  }
}

/** A loop over members, of which each is visited once: nothing on the way round forgets which were. */
function endsByItself(nodes: readonly Node[], index: number, round: readonly number[]): boolean {
  const action = nodes[index]?.action;
  if (action?.kind !== 'next' && action?.kind !== 'next-entry') return false;
  return !round.some(one => {
    const other = nodes[one]?.action;
    return other?.kind === 'set' && other.slot === action.visited;
  });
}
