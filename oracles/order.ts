/** In which order lock classes are waited for: what the spec declares, and the graph of what a trace shows. */
import type { OrderRule, RuleDefinition } from './definition.ts';
import type { Thread } from './thread.ts';

/** The thread held `outer` and waited for `inner`. */
export interface Edge {
  readonly outer: string;
  readonly inner: string;
  readonly thread: string;
  readonly event: number;
}

export interface LockGraph {
  /** Notes it. If it is new and closes a cycle, the shortest one, this edge first. */
  readonly add: (edge: Edge) => readonly Edge[] | null;
  /** To note it again would say nothing new. */
  readonly knows: (outer: string, inner: string) => boolean;
}

/** Nodes are lock classes, domains and runs. An order exception takes its edge out. */
export function createLockGraph(rules: readonly RuleDefinition[]): LockGraph {
  const edges = new Map<string, Map<string, Edge>>();
  const knows = (outer: string, inner: string): boolean => edges.get(outer)?.has(inner) === true || isExcepted(rules, outer, inner);
  return {
    knows,
    add(edge) {
      if (knows(edge.outer, edge.inner)) return null;
      const from = edges.get(edge.outer) ?? new Map<string, Edge>();
      edges.set(edge.outer, from);
      from.set(edge.inner, edge);
      const back = shortestPath(edges, edge.inner, edge.outer);
      return back === null ? null : [edge, ...back];
    },
  };
}

export const isExcepted = (rules: readonly RuleDefinition[], outer: string, inner: string): boolean =>
  rules.some(rule => rule.kind === 'order-exception' && rule.outer === outer && rule.inner === inner);

function shortestPath(edges: ReadonlyMap<string, ReadonlyMap<string, Edge>>, from: string, to: string): readonly Edge[] | null {
  if (from === to) return [];
  const cameBy = new Map<string, Edge | null>([[from, null]]);
  for (const node of cameBy.keys()) {
    for (const edge of edges.get(node)?.values() ?? []) {
      if (cameBy.has(edge.inner)) continue;
      cameBy.set(edge.inner, edge);
      if (edge.inner !== to) continue;
      const path: Edge[] = [];
      for (let last = cameBy.get(to) ?? null; last !== null; last = cameBy.get(last.outer) ?? null) path.unshift(last);
      return path;
    }
  }
  return null;
}

/** What the thread holds although the order puts the class it waits for outside of it; null if that is all right. */
export function heldInside(order: OrderRule, rules: readonly RuleDefinition[], thread: Thread, waitedFor: string) {
  const outer = order.classes.indexOf(waitedFor);
  if (outer < 0) return null;
  for (const holding of thread.held) {
    if (order.classes.indexOf(holding.class) > outer && !isExcepted(rules, holding.class, waitedFor)) return holding;
  }
  return null;
}
