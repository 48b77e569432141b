/** How many objects of each type a thread may allocate on any path. */

import { END, type Node } from '../program.ts';
import type { Graph } from './graph.ts';

/** `repeated`: the site of an allocation that a loop may reach again, or null. */
export function allocationsOf({ nodes, start }: Pick<Graph, 'nodes' | 'start'>): { most: Record<string, number>; repeated: number | null } {
  const repeated = nodes.findIndex((node, index) => node.action.kind === 'alloc' && reaches(nodes, index));
  if (repeated >= 0) return { most: {}, repeated: nodes[repeated]?.site ?? 0 };
  const types = [...new Set(nodes.flatMap(({ action }) => (action.kind === 'alloc' ? [action.type] : [])))];
  const most: Record<string, number> = {};
  for (const type of types) {
    const count = longest(nodes, start, type);
    if (count > 0) most[type] = count;
  }
  return { most, repeated: null };
}

export function successorsOf({ action, next, otherwise }: Node): readonly number[] {
  switch (action.kind) {
    case 'branch':
    case 'put':
    case 'write-lock':
    case 'next':
    case 'next-entry':
      return [next, otherwise];
    case 'choose':
      return action.alternatives;
    case 'bug':
    case 'call-null':
      return [];
    default:
      return [next];
  }
}

function reaches(nodes: readonly Node[], from: number): boolean {
  const seen = new Set<number>();
  const stack = [...successorsOf(nodes[from] as Node)];
  while (stack.length > 0) {
    const index = stack.pop() ?? END;
    if (index === from) return true;
    const node = nodes[index];
    if (node === undefined || seen.has(index)) continue;
    seen.add(index);
    stack.push(...successorsOf(node));
  }
  return false;
}

/** No allocation is on a cycle, so an edge back to a node in progress adds nothing. */
function longest(nodes: readonly Node[], start: number, type: string): number {
  const known = new Map<number, number>();
  const visit = (index: number): number => {
    const node = nodes[index];
    if (node === undefined) return 0;
    const before = known.get(index);
    if (before !== undefined) return before;
    known.set(index, 0);
    const own = node.action.kind === 'alloc' && node.action.type === type ? 1 : 0;
    const result = own + Math.max(0, ...successorsOf(node).map(visit));
    known.set(index, result);
    return result;
  };
  return visit(start);
}
