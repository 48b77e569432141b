/**
 * A part of a trace, with what each of its events saw and needs. Everything before it is done; what comes after is not known yet.
 */
import type { Event, PlaceKind } from '../event.ts';
import { everything, type Saw } from './seen.ts';
import { take } from './take.ts';
import { classOf, createWorld, type Held, threadOf, touched, type World } from './world.ts';

export interface Line {
  readonly name: string;
  readonly events: number[];
}

/** A lock is taken at `at`, alone or not, and let go of at `release`, if that is in the window. */
export interface Acquire {
  readonly at: number;
  readonly alone: boolean;
  release: number;
}

/** A thread begins to wait for something while it has other things. */
export interface Waiting {
  readonly at: number;
  readonly thread: string;
  readonly kind: Held['kind'];
  readonly name: string;
  readonly mode: Held['mode'];
  readonly held: readonly Held[];
}

export interface Window {
  /** Number of its first event, and the one after its last. */
  readonly first: number;
  readonly end: number;
  readonly event: (at: number) => Event;
  readonly lines: ReadonlyMap<string, Line>;
  /** Position of the event among those of its thread. */
  readonly positionOf: (at: number) => number;
  readonly saw: (at: number) => Saw;
  /** Calls for each event that has to come before; `everything` for all before it. Loose ones may do without. */
  readonly needs: (at: number, each: (need: number, loose: boolean) => void) => void;
  /** The lock taken at this event, and all times that it is taken in the window, in order. */
  readonly acquire: (at: number) => { readonly own: Acquire; readonly all: readonly Acquire[] } | null;
  readonly waits: readonly Waiting[];
  /** Frees, each with the latest touches by other threads. */
  readonly frees: readonly { readonly at: number; readonly object: string; readonly touches: readonly number[] }[];
  /** By counter: the events that change or ask it. */
  readonly counted: ReadonlyMap<string, readonly number[]>;
  /** Ends of waits that somebody ended, and by queue or completion what ends them. */
  readonly woken: readonly { readonly at: number; readonly place: string }[];
  readonly wakes: ReadonlyMap<string, readonly number[]>;
  readonly heldAt: (at: number) => readonly Held[];
  /** What is so before the first event. Not to be changed. */
  readonly base: World;
  readonly semaphores: ReadonlySet<string>;
}

/** Touches of one object by one thread that are remembered: the last, and before it those under other locks. */
const mostTouches = 4;

export function semaphoresIn(places: Readonly<Record<string, PlaceKind>>): ReadonlySet<string> {
  return new Set(Object.keys(places).filter(place => places[place] === 'semaphore'));
}

export function createWindow(events: readonly Event[], first: number, base: World, semaphores: ReadonlySet<string>): Window {
  const world = createWorld(base, true);
  const size = events.length;
  const lines = new Map<string, Line>();
  const positions = new Int32Array(size);
  const saw: Saw[] = [];
  /** Needs as linked cells: the first of each event, and then value, next and whether it is loose in turn. */
  const head = new Int32Array(size).fill(-1);
  const cells: number[] = [];
  const held: (readonly Held[])[] = [];
  const locks = new Map<string, Acquire[]>();
  const acquireAt = new Map<number, { own: Acquire; all: Acquire[] }>();
  const waits: Waiting[] = [];
  const touches = new Map<string, Map<string, number[]>>();
  const frees: { at: number; object: string; touches: number[] }[] = [];
  const counted = new Map<string, number[]>();
  const woken: { at: number; place: string }[] = [];
  const wakes = new Map<string, number[]>();

  const acquiresOf = (name: string): Acquire[] => {
    const known = locks.get(name);
    if (known !== undefined) return known;
    // Who holds it since before the window.
    const all = (base.locks.get(name)?.holders ?? []).map(({ at, mode }) => ({ at, alone: mode === 'alone', release: Infinity }));
    locks.set(name, all);
    return all;
  };

  for (let index = 0; index < size; index++) {
    const event = events[index];
    if (event === undefined) break;
    const at = first + index;
    const line = lines.get(event.thread) ?? { name: event.thread, events: [] };
    lines.set(event.thread, line);
    positions[index] = line.events.length;
    line.events.push(at);
    const before = threadOf(world, event.thread).held;
    held.push(before);
    noteTouch(event, at, before);
    const seen = take(
      world,
      event,
      at,
      (need, loose = false) => {
        if (need !== everything && need < first) return;
        cells.push(need, head[index] ?? -1, loose ? 1 : 0);
        head[index] = cells.length - 3;
      },
      semaphores,
    );
    saw.push(seen);
    // What is wrong already has effects that are not known. Whatever comes after it comes after it in every order.
    if (seen === null) world.barrier = at;
    noteLock(event, at, seen);
    noteWait(event, at, before);
    noteWake(event, at);
  }

  function noteWake(event: Event, at: number): void {
    if (event.kind === 'wait-sleep' && event.result === 'woken') woken.push({ at, place: event.queue });
    else if (event.kind === 'wait-done' && event.result === 'done') woken.push({ at, place: event.completion });
    else if (event.kind === 'wake-all' || event.kind === 'complete') {
      const place = event.kind === 'complete' ? event.completion : event.queue;
      const all = wakes.get(place) ?? [];
      wakes.set(place, all);
      all.push(at);
    }
  }

  function noteTouch(event: Event, at: number, under: readonly Held[]): void {
    if (event.kind === 'free') {
      const others = [...(touches.get(event.object) ?? [])].filter(([thread]) => thread !== event.thread);
      frees.push({ at, object: event.object, touches: others.flatMap(([, own]) => own) });
      touches.delete(event.object);
      return;
    }
    // What waits happens only once the wait is over, which it may never be.
    if (event.kind === 'got' || event.kind === 'wait-sleep' || event.kind === 'wait-done') return;
    for (const object of touched(event)) {
      const byThread = touches.get(object) ?? new Map<string, number[]>();
      touches.set(object, byThread);
      const own = byThread.get(event.thread) ?? [];
      byThread.set(event.thread, own);
      const last = own.at(-1);
      // Of several in a row the last one, but for a get, which may be what is missing at a free.
      if (last !== undefined && held[last - first] === under && events[last - first]?.kind !== 'get') own.pop();
      own.push(at);
      if (own.length > mostTouches) own.shift();
    }
    if (event.kind === 'get' || event.kind === 'put' || event.kind === 'put-later' || event.kind === 'get-unless-zero') {
      const all = counted.get(event.counter) ?? [];
      counted.set(event.counter, all);
      all.push(at);
    }
  }
  function noteLock(event: Event, at: number, seen: Saw): void {
    if (event.kind === 'got' || (event.kind === 'tried' && event.got)) {
      if (semaphores.has(classOf(event.lock))) return;
      const own: Acquire = { at, alone: event.mode === undefined, release: Infinity };
      const all = acquiresOf(event.lock);
      all.push(own);
      acquireAt.set(at, { own, all });
    } else if (event.kind === 'released' && seen !== null) {
      const taken = acquiresOf(event.lock).findLast(one => one.at === seen);
      if (taken !== undefined) taken.release = at;
    }
  }
  function noteWait(event: Event, at: number, has: readonly Held[]): void {
    if (has.length === 0) return;
    const note = (kind: Held['kind'], name: string, mode: Held['mode'] = 'alone'): void =>
      void waits.push({ at, thread: event.thread, kind, name, mode, held: has });
    if (event.kind === 'want' && !semaphores.has(classOf(event.lock))) note('lock', event.lock, event.mode ?? 'alone');
    else if (event.kind === 'grace-begin') note('section', event.domain);
    else if (event.kind === 'flush-begin' || event.kind === 'cancel-begin') note('run', event.work);
    else if (event.kind === 'flush-queue-begin') note('run', `on ${event.on}`);
  }

  const at0 = (at: number): number => at - first;
  return {
    first,
    end: first + size,
    event(at) {
      const event = events[at0(at)];
      if (event === undefined) throw new Error(`Event ${at} is not in the window.`);
      return event;
    },
    lines,
    positionOf: at => positions[at0(at)] ?? 0,
    saw: at => saw[at0(at)] ?? null,
    needs(at, each) {
      for (let cell = head[at0(at)] ?? -1; cell >= 0; cell = cells[cell + 1] ?? -1) each(cells[cell] ?? everything, cells[cell + 2] === 1);
    },
    acquire: at => acquireAt.get(at) ?? null,
    waits,
    frees,
    counted,
    woken,
    wakes,
    heldAt: at => held[at0(at)] ?? [],
    base,
    semaphores,
  };
}
