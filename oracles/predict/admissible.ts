/**
 * Whether the program could have run in another order: each event can happen where it is, and sees what it saw. This looks at nothing but the
 * meaning of events, and not at how the order was found. What it does not let pass is not told as predicted.
 */
import type { Budget } from './closure.ts';
import { everything } from './seen.ts';
import { take } from './take.ts';
import type { Window } from './window.ts';
import { createWorld, type World } from './world.ts';

export interface Order {
  /** Before this event all is as it was. */
  readonly cut: number;
  /** Events from there on, in the order in which they happen now. */
  readonly order: readonly number[];
  /** Those whose outcome may differ, because their threads do nothing more. */
  readonly free: ReadonlySet<number>;
}

export interface Trials {
  /** What is so after the order. Null if one of its events cannot happen, or sees something else, or if it would take too long. */
  readonly admitted: (order: Order) => World | null;
}

/** What was so before a cut is kept for the next one, so that cuts that come in order cost little. */
export function createTrials(window: Window, budget: Budget): Trials {
  let reached = window.first;
  let before = createWorld(window.base, false);
  return {
    admitted(order) {
      if (order.cut < reached) {
        reached = window.first;
        before = createWorld(window.base, false);
      }
      budget.steps -= order.cut - reached + order.order.length;
      if (budget.steps <= 0) return null;
      for (; reached < order.cut; reached++) take(before, window.event(reached), reached, ignore, window.semaphores);
      return admit(window, createWorld(before, false), order);
    },
  };
}
const ignore = (): void => {};

function admit(window: Window, world: World, { cut, order, free }: Order): World | null {
  const done = new Set<number>();
  const next = new Map<string, number>();
  /** All before this one are done. */
  let whole = cut;
  const isDone = (at: number): boolean => at < whole || done.has(at);
  for (const at of order) {
    const { thread } = window.event(at);
    const line = window.lines.get(thread);
    if (line === undefined) return null;
    // Each thread takes its own events in its own order and leaves none out.
    const expected = next.get(thread) ?? line.events.findIndex(one => one >= cut);
    if (line.events[expected] !== at) return null;
    next.set(thread, expected + 1);
    let possible = true;
    window.needs(at, (need, loose) => {
      if (loose) return;
      if (need === everything ? whole < at : !isDone(need)) possible = false;
    });
    if (!possible) return null;
    const saw = take(world, window.event(at), at, ignore, window.semaphores);
    if (saw === null || (saw !== window.saw(at) && !free.has(at))) return null;
    done.add(at);
    while (done.delete(whole)) whole++;
  }
  // Nobody goes on after an event that turned out otherwise.
  for (const at of free) {
    const { thread } = window.event(at);
    const line = window.lines.get(thread);
    const taken = next.get(thread);
    if (line !== undefined && taken !== undefined && line.events[taken - 1] !== at && isDone(at)) return null;
  }
  return world;
}
