/**
 * Which events have to happen so that some others can, each seeing what it saw, in the order of the trace: a set with everything that comes
 * before in the same thread, that is needed, and every release of a lock before it is taken again. Taken in the order of the trace such a set
 * is a run of the program. The idea is that of sync-preserving reorderings.
 * @source Mathur, Pavlogiannis, Viswanathan: Optimal prediction of synchronization-preserving races, POPL 2021
 */
import { everything } from './seen.ts';
import type { Acquire, Line, Window } from './window.ts';

export interface Closure {
  /** Takes the event in, and all that it needs. False: it cannot be done without an event that is held back. Then the closure is of no use any more. */
  readonly add: (at: number) => boolean;
  /** All that has to be done for this event to come next: what its thread does before, and what it needs. */
  readonly addBefore: (at: number) => boolean;
  /** What its thread does before, where the thread is to wait for what it needs. */
  readonly addUpTo: (at: number) => boolean;
  readonly has: (at: number) => boolean;
  /** The events from the cut on that were taken in, in the order of the trace. */
  readonly order: () => number[];
}

/** How much work may be done; what would need more is not predicted. */
export interface Budget {
  steps: number;
}

/**
 * Everything before the cut is in it. Of a thread with a limit nothing from there on is taken in. `loose`: counters are left to the trial that
 * follows; otherwise a put is the last only where all that was done to the counter before it is done.
 */
export function createClosure(window: Window, cut: number, limits: ReadonlyMap<string, number>, budget: Budget, loose = false): Closure {
  const frontiers = new Map<string, number>();
  const todo: number[] = [];
  /** By all the times that a lock is taken: the latest ones in the set from the cut on. */
  const latest = new Map<readonly Acquire[], { any: number; alone: number }>();

  const frontierOf = (line: Line): number => {
    const known = frontiers.get(line.name);
    if (known !== undefined) return known;
    const made = firstFrom(line.events, cut);
    frontiers.set(line.name, made);
    return made;
  };
  const lineOf = (at: number): Line | undefined => window.lines.get(window.event(at).thread);
  const has = (at: number): boolean => {
    if (at < cut) return true;
    if (at >= window.end) return false;
    const line = lineOf(at);
    return line !== undefined && window.positionOf(at) < frontierOf(line);
  };

  function reach(line: Line, position: number): boolean {
    const limit = limits.get(line.name) ?? Infinity;
    for (let next = frontierOf(line); next <= position; next++) {
      const at = line.events[next];
      if (at === undefined || at >= limit || budget.steps-- <= 0) return false;
      frontiers.set(line.name, next + 1);
      todo.push(at);
    }
    return true;
  }
  function want(at: number): boolean {
    if (at < cut) return true;
    if (at >= window.end) return false;
    const line = lineOf(at);
    return line !== undefined && reach(line, window.positionOf(at));
  }
  const upTo = (at: number): boolean => {
    const line = lineOf(at);
    return line !== undefined && reach(line, window.positionOf(at) - 1);
  };
  function settle(): boolean {
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      if (window.saw(at) === null) return false;
      let possible = true;
      const own = at;
      window.needs(at, (need, isLoose) => {
        if (possible && !(isLoose && loose)) possible = need === everything ? wantAllBefore(own) : want(need);
      });
      if (!possible || !excluded(at)) return false;
    }
    return true;
  }
  function wantAllBefore(at: number): boolean {
    budget.steps -= window.lines.size;
    for (const line of window.lines.values()) {
      const position = firstFrom(line.events, at) - 1;
      if (position >= 0 && !reach(line, position)) return false;
    }
    return true;
  }
  /** A lock that is taken was let go of before, and is let go of again if it is taken later. */
  function excluded(at: number): boolean {
    const taken = window.acquire(at);
    if (taken === null) return true;
    const { own, all } = taken;
    const known = latest.get(all) ?? { any: -1, alone: -1 };
    if (at < (own.alone ? known.any : known.alone) && !want(own.release)) return false;
    latest.set(all, { any: Math.max(known.any, at), alone: own.alone ? Math.max(known.alone, at) : known.alone });
    for (let index = indexOf(all, at) - 1; index >= 0; index--) {
      const before = all[index];
      if (before === undefined) break;
      if ((own.alone || before.alone) && has(before.at) && !has(before.release) && !want(before.release)) return false;
      // Whatever was taken before it was let go of before it.
      if (before.alone && has(before.at)) break;
    }
    return true;
  }

  return {
    add: at => want(at) && settle(),
    addBefore(at) {
      let possible = upTo(at);
      window.needs(at, (need, isLoose) => {
        if (possible && !isLoose) possible = need === everything ? wantAllBefore(at) : want(need);
      });
      return possible && settle();
    },
    addUpTo: at => upTo(at) && settle(),
    has,
    order() {
      const taken: number[] = [];
      for (const [name, frontier] of frontiers) {
        const events = window.lines.get(name)?.events ?? [];
        for (let index = firstFrom(events, cut); index < frontier; index++) taken.push(events[index] ?? 0);
      }
      return taken.sort((one, other) => one - other);
    },
  };
}

/** Index of the first that is not before `at`. */
function firstFrom(sorted: readonly number[], at: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
function indexOf(acquires: readonly Acquire[], at: number): number {
  let low = 0;
  let high = acquires.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((acquires[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
