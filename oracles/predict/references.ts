/** References that could have been put or got when none was left: a get that comes too late, and puts that come all the same. */
import type { Order, Trials } from './admissible.ts';
import { type Budget, createClosure } from './closure.ts';
import type { Predictable, Told } from './prediction.ts';
import type { Window } from './window.ts';
import { classOf } from './world.ts';

/** Puts by other threads that it may take to reach zero. */
const mostPuts = 4;
/** Operations after the get that are looked at. */
const farthest = 32;
const mostAlike = 2048;

/** `from`, `to`: gets to look at. */
export function predictReferences(window: Window, from: number, to: number, told: Told, budget: Budget, trials: Trials): void {
  const tried = new Map<string, number>();
  const gets = [...window.counted].flatMap(([counter, operations]) =>
    operations.flatMap((at, index) =>
      at < from || at >= to || window.event(at).kind !== 'get'
        ? []
        : { at, counter, next: operations.slice(index + 1, index + 1 + farthest) },
    ),
  );
  // In their order, so that what was before them is looked at once.
  gets.sort((one, other) => one.at - other.at);
  for (const { at: get, counter, next } of gets) {
    const same = `late get ${classOf(counter)}`;
    const before = tried.get(same) ?? 0;
    if (told.has(same) || before >= mostAlike || budget.steps <= 0) continue;
    const { thread } = window.event(get);
    const puts = next.filter(at => isPut(window, at) && window.event(at).thread !== thread);
    if (puts.length === 0) continue;
    tried.set(same, before + 1);
    const way = withoutIt(window, counter, get, puts, budget, trials);
    if (way !== null) told.add({ ...way, about: [counter], same });
  }
}

const isPut = (window: Window, at: number): boolean => {
  const { kind } = window.event(at);
  return kind === 'put' || kind === 'put-later';
};

/** Holds the thread back at its get, and lets the others put as often as they can do without it. */
function withoutIt(
  window: Window,
  counter: string,
  get: number,
  puts: readonly number[],
  budget: Budget,
  trials: Trials,
): (Order & { readonly rule: Predictable; readonly last: readonly number[] }) | null {
  const { thread } = window.event(get);
  /** The last put of each thread; those before it keep their outcome. */
  const chosen = new Map<string, number>();
  for (const [index, put] of puts.entries()) {
    if (index >= mostPuts) return null;
    const before = chosen.get(window.event(put).thread);
    chosen.set(window.event(put).thread, put);
    const ends = [...chosen.values()];
    const closure = createClosure(window, get, new Map([[thread, get]]), budget);
    if (!ends.every(at => closure.addBefore(at)) || ends.some(closure.has)) {
      if (before === undefined) chosen.delete(window.event(put).thread);
      else chosen.set(window.event(put).thread, before);
      continue;
    }
    const order = [...closure.order(), ...ends];
    const world = trials.admitted({ cut: get, order, free: new Set(ends) });
    if (world === null) return null;
    if (world.counters.get(counter)?.count !== 0) continue;
    const more = puts.find(at => !chosen.has(window.event(at).thread) && isNext(window, get, order, at));
    const last = more ?? get;
    const rule = more === undefined ? 'neverResurrected' : 'referencesBalance';
    return { cut: get, order: [...order, last], free: new Set([...ends, last]), rule, last: [last] };
  }
  return null;
}

/** The thread has done all that comes before the event, and nothing more. */
function isNext(window: Window, cut: number, order: readonly number[], at: number): boolean {
  const line = window.lines.get(window.event(at).thread)?.events ?? [];
  const before = line[window.positionOf(at) - 1];
  return at >= cut && !order.includes(at) && (before === undefined || before < cut || order.includes(before));
}
