/** What an oracle knows of one thread: what it holds, what it waits for, which calls it is inside of. */
import type { CallUnderWay } from './contract.ts';
import type { ReadMode } from './event.ts';
import type { Domain, Lock, Thing, Work } from './thing.ts';

export interface Thread {
  readonly name: string;
  context: 'task' | 'hardirq' | 'worker';
  /** On whose behalf it runs; null where nobody said, or where the system has no processes. */
  process: Thing | null;
  /** Oldest first; a read section once for each time it was entered. */
  readonly held: Holding[];
  waits: Wait | null;
  /** Wait queue that it has prepared to sleep on, and was not woken from since. */
  prepared: string | null;
  /** Classes of the flags used as locks that it read since it last prepared to sleep. */
  readonly flags: string[];
  readonly calls: CallUnderWay[];
  /** Last puts whose release is still under way, innermost last. */
  readonly releases: Release[];
  ended: boolean;
}
/** A lock owned, a read section open, or the work item that the thread runs. */
export interface Holding {
  readonly of: Lock | Domain | Work;
  readonly class: string;
  readonly since: number;
  /** While it is held no interrupt comes on this processor. */
  readonly irqsOff: boolean;
}
export interface Release {
  /** Class of the counter that reached zero. */ readonly counter: string;
  /** Name of its object. */ readonly object: string;
  /** Classes of the locks taken since, and the event that took the first of each. */ readonly took: Map<string, number>;
}
export type Wait = { readonly thread: Thread; readonly since: number } & (
  | { readonly kind: 'lock'; readonly lock: Lock; readonly mode?: ReadMode | undefined }
  /** Readers that were inside at the beginning, and how many of their sections have not ended. */
  | { readonly kind: 'grace'; readonly domain: Domain; readonly readers: Map<Thread, number> }
  /** Runs not ended, by work item. `during`: thread of the run that was under way at the beginning, while it lasts. */
  | { readonly kind: 'flush'; readonly on: string; readonly runs: Map<Work, number>; readonly during: Map<Work, Thread> }
);

/** Before the name of a queue that is flushed, in what a wait says that it is for. */
export const itemsOn = 'the items on ';

/** The declared process on whose behalf everything runs that is nobody else's. */
export const firstProcess = 'initProcess';

export const newThread = (name: string): Thread => ({
  name,
  context: 'task',
  process: null,
  held: [],
  waits: null,
  prepared: null,
  flags: [],
  calls: [],
  releases: [],
  ended: false,
});

/** Why the thread must not sleep now, in words; null if it may. */
export function atomicBecause(thread: Thread): { readonly why: string; readonly since: number | null } | null {
  if (thread.context === 'hardirq') return { why: 'it is in an interrupt', since: null };
  const holding = thread.held.find(one => one.of.atomic);
  if (holding === undefined) return null;
  const why = holding.of.kind === 'domain' ? `it is in a read section of ${holding.of.name}` : `it holds ${holding.of.name}`;
  return { why, since: holding.since };
}

/** Takes the youngest holding of this name from the thread; null if there is none. */
export function letGo(thread: Thread, name: string, kind: 'run' | 'other' = 'other'): Holding | null {
  for (let at = thread.held.length - 1; at >= 0; at--) {
    const holding = thread.held[at];
    if (holding === undefined || holding.of.name !== name || (holding.of.kind === 'work') !== (kind === 'run')) continue;
    thread.held.splice(at, 1);
    return holding;
  }
  return null;
}

/** The work item that the thread runs now. */
export function runOf(thread: Thread): Work | null {
  for (const { of } of thread.held) if (of.kind === 'work') return of;
  return null;
}
export const runClass = (workClass: string): string => `run of ${workClass}`;
