/**
 * A thread that sleeps with a lock in hand until it is woken by one that wants the lock before. That nobody else would wake it, and that its time is
 * not limited, is what the trace suggests and does not show: so it is only possible, with the order in which both wait.
 */
import type { Trials } from './admissible.ts';
import { type Budget, createClosure } from './closure.ts';
import type { Told } from './prediction.ts';
import type { Window } from './window.ts';
import { classOf } from './world.ts';

/** Events of the waker before it wakes that are looked at. */
const farthest = 64;
const mostAlike = 8;

/** `from`, `to`: ends of waits to look at. */
export function predictWakes(window: Window, from: number, to: number, told: Told, budget: Budget, trials: Trials): void {
  const tried = new Map<string, number>();
  for (const { at: end, place } of window.woken) {
    if (end < from || end >= to || budget.steps <= 0) continue;
    const waker = window.saw(end);
    const held = window.heldAt(end).filter(({ kind, mode }) => kind === 'lock' && mode === 'alone');
    if (waker === null || waker < window.first || held.length === 0) continue;
    const want = wantBefore(window, waker, new Set(held.map(({ name }) => name)));
    if (want === null || window.event(want.at).thread === window.event(end).thread) continue;
    const same = `wake ${classOf(place)} under ${classOf(want.lock)}`;
    const before = tried.get(same) ?? 0;
    if (told.has(same) || before >= mostAlike) continue;
    tried.set(same, before + 1);
    const closure = createClosure(window, window.first, new Map(), budget);
    if (!closure.addUpTo(end) || !closure.addBefore(want.at) || [end, want.at, waker].some(closure.has)) continue;
    // Somebody else may wake it.
    const { thread } = window.event(waker);
    if (window.wakes.get(place)?.some(at => window.event(at).thread !== thread && !closure.has(at))) continue;
    const way = { cut: window.first, order: [...closure.order(), want.at], free: new Set<number>() };
    const world = trials.admitted(way);
    const sleeper = window.event(end).thread;
    if (world === null || (world.threads.get(sleeper)?.wokenBy ?? -1) >= 0 || world.written.get(place) !== undefined) continue;
    told.add({ ...way, rule: 'everyWaitEnds', last: [want.at], about: [place, sleeper, want.lock], same });
  }
}

/** The last time before it wakes that the thread waited for one of the locks. */
function wantBefore(window: Window, waker: number, locks: ReadonlySet<string>): { readonly at: number; readonly lock: string } | null {
  const line = window.lines.get(window.event(waker).thread)?.events ?? [];
  const position = window.positionOf(waker);
  for (let index = position - 1; index >= Math.max(0, position - farthest); index--) {
    const at = line[index];
    const event = at === undefined ? undefined : window.event(at);
    if (at !== undefined && event?.kind === 'want' && locks.has(event.lock)) return { at, lock: event.lock };
  }
  return null;
}
