/** Who waits for whom, now: the wait-for graph of the threads of a trace. */
import type { Thread, Wait } from './thread.ts';

/** Threads that have to go on before the wait can end. */
function blockers(wait: Wait): readonly Thread[] {
  switch (wait.kind) {
    case 'lock': {
      const { owner, readers, queued } = wait.lock;
      const before = wait.mode === undefined ? (readers?.keys() ?? []) : wait.mode === 'read' ? queued : [];
      return [...(owner === null ? [] : [owner]), ...before].filter(thread => thread !== wait.thread);
    }
    case 'grace':
      return [...wait.readers.keys()];
    case 'flush':
      return [...wait.runs.keys()].flatMap(work => work.running ?? []);
  }
}

/**
 * Threads of which each waits for the next, the last one for the first; or until one that has ended, and cannot let go any more. Begins with `start`.
 * Null: somebody can go on. Every blocker of a wait has to go on for it to end, so one stuck blocker is enough.
 */
export function stuckChain(start: Thread): readonly Thread[] | null {
  const path: Thread[] = [start];
  const visited = new Set<Thread>();
  const search = (thread: Thread): boolean => {
    if (thread.waits === null) return false;
    for (const next of blockers(thread.waits)) {
      if (next === start) return true;
      if (visited.has(next)) continue;
      visited.add(next);
      path.push(next);
      if (next.ended || search(next)) return true;
      path.pop();
    }
    return false;
  };
  return search(start) ? path : null;
}

export function sayChain(chain: readonly Thread[]): string {
  const parts = chain.flatMap((thread, at) => {
    if (thread.waits === null) return `${thread.name} has ended`;
    const next = chain[at + 1] ?? chain[0];
    return `${thread.name} waits for ${sayWait(thread.waits)}, which ${next?.name ?? 'nobody'} ${sayHeld(thread.waits)}`;
  });
  return `${parts.join('; ')}.`;
}
export function sayWait(wait: Wait): string {
  switch (wait.kind) {
    case 'lock':
      return wait.lock.name;
    case 'grace':
      return `the readers of ${wait.domain.name}`;
    case 'flush':
      return `the run of ${wait.on}`;
  }
}
function sayHeld(wait: Wait): string {
  switch (wait.kind) {
    case 'lock':
      return 'holds';
    case 'grace':
      return 'is one of';
    case 'flush':
      return 'has to finish';
  }
}
