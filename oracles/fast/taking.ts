/** Rules about what is taken while something else goes on, in the fast engine: what `judge-taking.ts` does where nothing is wrong. */
import type { Core } from './engine.ts';
import { deepest } from './memory.ts';

export interface Taking {
  /** There are such rules at all. */
  readonly any: boolean;
  readonly maySleep: (thread: number) => boolean;
  readonly may: (thread: number, node: number, isLock: boolean, sleeps: boolean) => boolean;
  /** Counts what `may` has allowed. */
  readonly count: (thread: number, node: number, isLock: boolean) => void;
}

export function createTaking({ tables, memory, threads, exercised, counter }: Core): Taking {
  const { innermost, takesOnly } = tables;
  const innermostCounters = innermost.map(({ state }) => counter(state));
  const takesCounters = takesOnly.map(({ state }) => counter(state));
  const holdsNode = (thread: number, node: number): boolean => {
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) if (memory.heldNode[at] === node) return true;
    return false;
  };
  function holdsInnermost(thread: number): boolean {
    if (memory.depth[thread] > 0) for (let at = 0; at < innermost.length; at++) if (holdsNode(thread, innermost[at].node)) return true;
    return false;
  }
  function isIn(thread: number, calls: ReadonlySet<string>): boolean {
    const under = threads.calls[thread];
    for (let at = 0; at < under.length; at++) if (calls.has(under[at].name)) return true;
    return false;
  }
  return {
    any: innermost.length > 0 || takesOnly.length > 0,
    maySleep: thread => !holdsInnermost(thread),
    may(thread, node, isLock, sleeps) {
      if ((isLock || sleeps) && holdsInnermost(thread)) return false;
      if (threads.calls[thread].length === 0) return true;
      for (let at = 0; at < takesOnly.length; at++)
        if (takesOnly[at].allowed[node] === 0 && isIn(thread, takesOnly[at].calls)) return false;
      return true;
    },
    count(thread, node, isLock) {
      if (isLock) for (let at = 0; at < innermost.length; at++) if (innermost[at].node === node) exercised[innermostCounters[at]]++;
      if (threads.calls[thread].length === 0) return;
      for (let at = 0; at < takesOnly.length; at++) if (isIn(thread, takesOnly[at].calls)) exercised[takesCounters[at]]++;
    },
  };
}
