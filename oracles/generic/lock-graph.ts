/**
 * The graph of what was waited for under what, over classes of locks, and its cycles that can come true.
 *
 * A cycle is a deadlock only if different threads can be on its edges at the same time and each blocks the next. So an edge keeps how it came
 * about: by which thread, in which modes, and under which further locks (its gates). Two edges with a gate in common exclude each other.
 */
import type { ReadMode } from '../event.ts';
import type { Moment } from './state.ts';

export type Mode = 'alone' | ReadMode;

/** The thread had `outer` and waited for `inner`. */
export interface Waited {
  readonly thread: string;
  readonly outer: string;
  readonly outerName: string;
  readonly outerMode: Mode;
  readonly outerAt: Moment;
  readonly inner: string;
  readonly innerName: string;
  readonly innerMode: Mode;
  readonly innerAt: Moment;
  /** Names of locks that it had alone beside `outer`. */
  readonly gates: readonly string[];
  /** By thread: up to which event of it all had happened before, because threads were made or had ended. */
  readonly after: ReadonlyMap<string, number>;
}

export interface LockGraph {
  /** Notes it. If it closes a cycle that was not told of yet, the edges of that cycle, this one first. */
  readonly add: (waited: Waited) => readonly Waited[] | null;
  /** The node is gone, and with it what was known of it. */
  readonly forget: (node: string) => void;
}

/** Ways in which one edge came about that are kept: enough to tell threads and gates apart, and bounded. */
const mostWays = 24;
/** Threads kept that differ in nothing else. A cycle needs two. */
const mostAlike = 3;
const longest = 6;

export function createLockGraph(): LockGraph {
  const edges = new Map<string, Map<string, Waited[]>>();
  const told = new Set<string>();

  function note(waited: Waited): boolean {
    const from = edges.get(waited.outer) ?? new Map<string, Waited[]>();
    edges.set(waited.outer, from);
    const ways = from.get(waited.inner) ?? [];
    from.set(waited.inner, ways);
    let alike = 0;
    for (const way of ways) {
      if (way.outerMode !== waited.outerMode || way.innerMode !== waited.innerMode) continue;
      // Whatever is possible with this way is possible with one that has fewer gates.
      if (way.after !== waited.after || !way.gates.every(gate => waited.gates.includes(gate))) continue;
      if (way.thread === waited.thread) return false;
      alike++;
    }
    if (alike >= mostAlike || ways.length >= mostWays) return false;
    ways.push(waited);
    return true;
  }

  /** Way back from `node` to the outer end of the first edge, each edge in a way that goes with those before. */
  function search(node: string, path: readonly Waited[], depth: number): readonly Waited[] | null {
    const first = path[0];
    if (first === undefined) return null;
    for (const [inner, ways] of edges.get(node) ?? []) {
      const closes = inner === first.outer;
      if (closes !== (depth === 1)) continue;
      if (!closes && path.some(edge => edge.outer === inner)) continue;
      for (const way of ways) {
        if (!fits(path, way)) continue;
        const longer = [...path, way];
        if (!closes) {
          const found = search(inner, longer, depth - 1);
          if (found !== null) return found;
        } else if (blocks(first, way) && new Set(longer.map(edge => edge.thread)).size > 1) return longer;
      }
    }
    return null;
  }

  return {
    add(waited) {
      if (!note(waited)) return null;
      for (let depth = 1; depth < longest; depth++) {
        const cycle = search(waited.inner, [waited], depth);
        if (cycle === null) continue;
        const key = cycle
          .map(edge => edge.outer)
          .sort()
          .join(' ');
        if (told.has(key)) return null;
        told.add(key);
        return cycle;
      }
      return null;
    },
    forget(node) {
      edges.delete(node);
      for (const from of edges.values()) from.delete(node);
    },
  };
}

/** The next edge of a cycle: who has its outer end blocks who waits for it, and no gate excludes it. */
function fits(path: readonly Waited[], next: Waited): boolean {
  const last = path.at(-1);
  return (
    last !== undefined &&
    blocks(next, last) &&
    path.every(edge => !edge.gates.some(gate => next.gates.includes(gate)) && !isBefore(edge, next) && !isBefore(next, edge))
  );
}

const isBefore = (one: Waited, other: Waited): boolean => (other.after.get(one.thread) ?? -1) >= one.innerAt.event;

/** The holder of an edge's outer end blocks who waits for it as the inner end of another. A plain reader queues behind a writer that waits. */
const blocks = (holder: Waited, waiter: Waited): boolean =>
  holder.outerMode === 'alone' || waiter.innerMode === 'alone' || waiter.innerMode === 'read';
