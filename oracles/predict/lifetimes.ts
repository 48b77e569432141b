/** Touches that could have come after the free of what they touch. */
import type { Order, Trials } from './admissible.ts';
import { type Budget, createClosure } from './closure.ts';
import type { Predictable, Told } from './prediction.ts';
import type { Window } from './window.ts';
import { classOf, isIdle } from './world.ts';

/** Frees of one kind, and touches of one kind, that are tried in vain. */
const mostAlike = 4096;

/** `from`, `to`: frees to look at. */
export function predictTouches(window: Window, from: number, to: number, told: Told, budget: Budget, trials: Trials): void {
  const frees = window.frees.filter(({ at }) => at >= from && at < to);
  const pairs = frees.flatMap(({ at, object, touches }) =>
    touches.map(touch => ({ free: at, touch, object, same: `touch ${classOf(object)} ${placeIn(window, touch)} ${placeIn(window, at)}` })),
  );
  const scene = { window, budget, trials };
  // In order of the touches, so that what was before them is looked at once.
  pairs.sort((one, other) => one.touch - other.touch);
  for (const find of [freedFirst, swapped, afterGrace]) {
    const tried = new Map<string, number>();
    for (const { free, touch, object, same } of pairs) {
      const before = tried.get(same) ?? 0;
      // A get that comes after the free is one that could have come too late; that is told already.
      if (told.has(same) || told.has(lateGet(window, touch)) || before >= mostAlike || budget.steps <= 0) continue;
      tried.set(same, before + 1);
      const way = find(scene, free, touch);
      if (way !== null) told.add({ ...way, about: [object], same });
    }
  }
}

const lateGet = (window: Window, touch: number): string => {
  const event = window.event(touch);
  return event.kind === 'get' ? `late get ${classOf(event.counter)}` : '';
};

interface Scene {
  readonly window: Window;
  readonly budget: Budget;
  readonly trials: Trials;
}

const placeIn = (window: Window, at: number): string => {
  const event = window.event(at);
  return event.site ?? event.kind;
};

type Way = Order & { readonly rule: Predictable; readonly last: readonly number[] };

/** All as it was up to the touch; then the free with what it needs, and the touch. */
function freedFirst(scene: Scene, free: number, touch: number): Way | null {
  const { window, budget } = scene;
  const limits = new Map([
    [window.event(touch).thread, touch],
    [window.event(free).thread, free],
  ]);
  for (const loose of [false, true]) {
    const closure = createClosure(window, touch, limits, budget, loose);
    const way = closure.addBefore(free) ? asFound(scene, touch, closure.order(), free, [], touch) : null;
    if (way !== null) return way;
  }
  return null;
}

/** As above, where both are under one lock: who frees takes it first, and lets go of it before the other one comes. */
function swapped(scene: Scene, free: number, touch: number): Way | null {
  const { window, budget } = scene;
  const common = window
    .heldAt(touch)
    .filter(held => held.kind === 'lock' && window.heldAt(free).some(one => one.kind === 'lock' && one.name === held.name));
  const first = Math.min(...common.map(({ at }) => at));
  if (common.length === 0 || first < window.first) return null;
  // A thread that wants the lock may do so already; it gets it later.
  const closure = createClosure(window, first, new Map([[window.event(touch).thread, first]]), budget, true);
  if (!closure.add(free)) return null;
  for (const { name } of common) {
    const own = window.heldAt(free).find(one => one.kind === 'lock' && one.name === name);
    const release = own === undefined ? undefined : window.acquire(own.at)?.own.release;
    if (release === undefined || !closure.add(release)) return null;
  }
  const before: number[] = [];
  const after: number[] = [];
  for (const at of closure.order()) if (at !== free) (at < free ? before : after).push(at);
  return asFound(scene, first, before, free, [...after, ...segment(window, first, touch)], touch);
}

/** A reader comes after the grace period of who frees, and before the object cannot be found any more. */
function afterGrace(scene: Scene, free: number, touch: number): Way | null {
  const { window, budget } = scene;
  const first = window.heldAt(touch).find(held => held.kind === 'section')?.at ?? -1;
  const grace = window.lines.get(window.event(free).thread)?.events.findLast(at => at < free && window.event(at).kind === 'grace-end');
  if (first < window.first || grace === undefined || grace < first) return null;
  const limits = new Map([
    [window.event(touch).thread, first],
    [window.event(free).thread, free],
  ]);
  const closure = createClosure(window, first, limits, budget, true);
  if (!closure.add(grace)) return null;
  const waited = closure.order();
  if (!closure.addBefore(free)) return null;
  const rest = closure.order().filter(at => !waited.includes(at));
  return asFound(scene, first, [...waited, ...segment(window, first, touch), ...rest], free, [], touch);
}

/** What the thread does from the one event up to the other. */
function segment(window: Window, from: number, to: number): readonly number[] {
  const line = window.lines.get(window.event(to).thread);
  return line?.events.slice(window.positionOf(from), window.positionOf(to)) ?? [];
}

/** The rule that is broken first: already by the free, if what is inside is in use then. */
function asFound(
  { window, trials }: Scene,
  cut: number,
  before: readonly number[],
  free: number,
  between: readonly number[],
  touch: number,
): Way | null {
  const world = trials.admitted({ cut, order: before, free: new Set() });
  if (world === null) return null;
  const { thread, ...event } = window.event(free);
  if (event.kind === 'free' && !isIdle(world, event.object, thread))
    return { cut, order: [...before, free], free: new Set([free]), rule: 'freedWhenIdle', last: [free] };
  const order = [...before, free, ...between];
  if (trials.admitted({ cut, order, free: new Set() }) === null) return null;
  return { cut, order: [...order, touch], free: new Set([touch]), rule: 'neverTouchedAfterFree', last: [touch] };
}
