/**
 * Puts under a lock that the release takes, and that could have been the last. The other order makes it the last one; that its release then takes
 * the lock is inferred from the release that the trace shows, which is why it is only possible.
 */
import type { Trials } from './admissible.ts';
import { type Budget, createClosure } from './closure.ts';
import type { Told } from './prediction.ts';
import type { Window } from './window.ts';
import { classOf, objectOf } from './world.ts';

const mostAlike = 512;
/** Puts by other threads that it may take. */
const mostPuts = 4;

/** `from`, `to`: last puts to look at. */
export function predictPutsUnderLocks(window: Window, from: number, to: number, told: Told, budget: Budget, trials: Trials): void {
  const tried = new Map<string, number>();
  for (const [counter, operations] of window.counted) {
    const last = operations.findLast(at => isPut(window, at) && window.saw(at) === 0);
    if (last === undefined || last < from || last >= to) continue;
    const taken = takenInRelease(window, last, objectOf(counter));
    if (taken.size === 0) continue;
    for (const put of operations) {
      if (!isPut(window, put) || put === last || window.event(put).thread === window.event(last).thread) continue;
      const held = window.heldAt(put).find(one => one.kind === 'lock' && taken.has(one.name));
      if (held === undefined) continue;
      const same = `put ${classOf(counter)} under ${classOf(held.name)}`;
      const before = tried.get(same) ?? 0;
      if (told.has(same) || before >= mostAlike || budget.steps <= 0) continue;
      tried.set(same, before + 1);
      const order = asLast(window, counter, put, operations, budget, trials);
      if (order === null) continue;
      const way = { cut: put, order: [...order, put], free: new Set([put]) };
      told.add({ ...way, rule: 'lastPutTakesNoHeldLock', last: [put], about: [counter, held.name], same });
    }
  }
}

const isPut = (window: Window, at: number): boolean => window.event(at).kind === 'put';

/** Locks that the thread waits for after the last put, until it frees the object. */
function takenInRelease(window: Window, last: number, object: string): ReadonlySet<string> {
  const taken = new Set<string>();
  const line = window.lines.get(window.event(last).thread)?.events ?? [];
  for (const at of line.slice(window.positionOf(last) + 1)) {
    const event = window.event(at);
    if (event.kind === 'free' && event.object === object) return taken;
    if (event.kind === 'want') taken.add(event.lock);
  }
  return new Set();
}

/** An order of the others in which one reference is left for the put. Null if there is none. */
function asLast(
  window: Window,
  counter: string,
  put: number,
  operations: readonly number[],
  budget: Budget,
  trials: Trials,
): readonly number[] | null {
  const { thread } = window.event(put);
  const ends = new Map<string, number>();
  for (const other of operations) {
    if (other <= put || !isPut(window, other) || window.event(other).thread === thread || ends.size >= mostPuts) continue;
    ends.set(window.event(other).thread, other);
    const last = [...ends.values()];
    const closure = createClosure(window, put, new Map([[thread, put]]), budget, true);
    if (!last.every(at => closure.addBefore(at)) || last.some(closure.has)) return null;
    const order = [...closure.order(), ...last];
    const world = trials.admitted({ cut: put, order, free: new Set(last) });
    if (world === null) return null;
    if (world.counters.get(counter)?.count === 1) return order;
  }
  return null;
}
