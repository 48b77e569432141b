/**
 * What the events of a trace do to each other, whatever program they come from: who holds what, which write a read saw, which reference was
 * the last. Taking the events of a trace in another order through it tells whether the program could have run in that order.
 *
 * Events are numbered by their place in the trace. Values in the state are replaced, never changed, so that a copy can share them.
 */
import type { Event, ReadMode } from '../event.ts';
import { type Layered, layered } from './layered.ts';

/** Something that a thread has, and that others may wait for. */
export interface Held {
  readonly kind: 'lock' | 'section' | 'run';
  readonly name: string;
  readonly mode: 'alone' | ReadMode;
  /** Event that took it. */
  readonly at: number;
  /** Of a run: the work queue that it came from, if that is known. */
  readonly on: string | null;
}

export interface ThreadState {
  readonly held: readonly Held[];
  /** What it waits for: sections that it found open, or works that it found queued or running. Null: nothing. */
  readonly sections: readonly { readonly domain: string; readonly at: number }[] | null;
  readonly works: readonly { readonly work: string; readonly queued: number }[] | null;
  /** The wake-up that came since it prepared to sleep, or -1. */
  readonly wokenBy: number;
}

interface Lock {
  readonly holders: readonly { readonly thread: string; readonly mode: 'alone' | ReadMode; readonly at: number }[];
  readonly last: number;
}
export interface Counter {
  /** Null: not known. Then what is done to it is not taken in any other order. */
  readonly count: number | null;
  readonly last: number;
  /** What was done to it, the latest first, as far as it is remembered. */
  readonly ops: Operations | null;
}
interface Operations {
  readonly at: number;
  readonly before: Operations | null;
}
interface Work {
  /** The event that queued it, or -1. */
  readonly pending: number;
  /** The event that queued what runs now, or -1. */
  readonly running: number;
  readonly runner: string;
  readonly on: string | null;
  readonly last: number;
  readonly ended: number;
}

/** The state, of which the fields are only for this folder. */
export interface World {
  readonly threads: Layered<ThreadState>;
  /** The last event of each thread. */
  readonly last: Layered<number>;
  readonly locks: Layered<Lock>;
  /** Event that wrote a field, or changed a set. */
  readonly written: Layered<number>;
  readonly counters: Layered<Counter>;
  readonly readers: Layered<readonly { readonly thread: string; readonly at: number }[]>;
  readonly works: Layered<Work>;
  /** Works that are queued or running, by work queue. */
  readonly onQueue: Layered<readonly string[]>;
  /** The last event of what is only ever taken in the order of the trace. */
  readonly ordered: Layered<number>;
  readonly waiters: Layered<readonly string[]>;
  /** Queue that an entry is hooked to. */
  readonly linked: Layered<string>;
  readonly made: Layered<number>;
  /** Numbers that objects began with. */
  readonly given: Layered<number>;
  readonly inside: Layered<readonly string[]>;
  readonly freed: Layered<number>;
  readonly forked: Layered<number>;
  /** The last event that all later ones come after. */
  barrier: number;
  /** Whether counters keep what was done to them. */
  readonly remembers: boolean;
}

export function createWorld(below: World | null, remembers: boolean): World {
  return {
    remembers,
    threads: layered(below?.threads ?? null),
    last: layered(below?.last ?? null),
    locks: layered(below?.locks ?? null),
    written: layered(below?.written ?? null),
    counters: layered(below?.counters ?? null),
    readers: layered(below?.readers ?? null),
    works: layered(below?.works ?? null),
    onQueue: layered(below?.onQueue ?? null),
    ordered: layered(below?.ordered ?? null),
    waiters: layered(below?.waiters ?? null),
    linked: layered(below?.linked ?? null),
    made: layered(below?.made ?? null),
    given: layered(below?.given ?? null),
    inside: layered(below?.inside ?? null),
    freed: layered(below?.freed ?? null),
    forked: layered(below?.forked ?? null),
    barrier: below?.barrier ?? -1,
  };
}

const idle: ThreadState = { held: [], sections: null, works: null, wokenBy: -1 };
export const threadOf = (world: World, name: string): ThreadState => world.threads.get(name) ?? idle;

/** Notes that something is kept of a place, so that it goes with its object. */
export function keep(world: World, place: string): void {
  const object = objectOf(place);
  world.inside.set(object, [...(world.inside.get(object) ?? []), place]);
}

/** The object is gone, and what was known of it. */
export function bury(world: World, object: string, at: number): void {
  for (const place of world.inside.get(object) ?? []) {
    world.locks.delete(place);
    world.written.delete(place);
    world.counters.delete(place);
    world.readers.delete(place);
    world.works.delete(place);
    world.onQueue.delete(place);
    world.ordered.delete(place);
    world.waiters.delete(place);
    world.linked.delete(place);
    world.given.delete(place);
  }
  world.inside.delete(object);
  world.made.delete(object);
  world.freed.set(object, at);
}

/** Whether nobody else holds, runs, reads or can find what is inside the object. */
export function isIdle(world: World, object: string, thread: string): boolean {
  return !(world.inside.get(object) ?? []).some(place => {
    const work = world.works.get(place);
    const queue = world.linked.get(place);
    return (
      (world.locks.get(place)?.holders.length ?? 0) > 0 ||
      (world.readers.get(place)?.length ?? 0) > 0 ||
      (work !== undefined && (work.pending >= 0 || (work.runner !== '' && work.runner !== thread))) ||
      (queue !== undefined && objectOf(queue) !== object)
    );
  });
}

export const objectOf = (place: string): string => {
  const dot = place.indexOf('.');
  return dot < 0 ? place : place.slice(0, dot);
};
/** `Kvm#3.lock` is of the class `Kvm.lock`. */
export const classOf = (place: string): string => place.replace(/#\d+/, '');

/** The objects that an event acts on, by the places and objects that it names. */
export function touched(event: Event): readonly string[] {
  switch (event.kind) {
    case 'alloc':
      return [];
    case 'free':
    case 'assert-sole':
      return [event.object];
    case 'read':
    case 'write':
    case 'fget':
    case 'close-fd':
      return [objectOf(event.field)];
    case 'remove':
      return [objectOf(event.set), event.member];
    case 'add':
    case 'has':
    case 'next':
      return [objectOf(event.set)];
    case 'want':
    case 'got':
    case 'released':
    case 'tried':
    case 'assert-held':
      return [objectOf(event.lock)];
    case 'enter':
    case 'exit':
    case 'grace-begin':
      return [objectOf(event.domain)];
    case 'get':
    case 'put':
    case 'put-later':
    case 'get-unless-zero':
      return [objectOf(event.counter)];
    case 'queue':
    case 'run-begin':
    case 'flush-begin':
    case 'cancel-begin':
      return [objectOf(event.work)];
    case 'flush-queue-begin':
      return [objectOf(event.on)];
    case 'link':
    case 'unlink':
    case 'callback':
      return [objectOf(event.queue), objectOf(event.entry)];
    case 'wait-prepare':
    case 'wait-sleep':
    case 'wait-finish':
    case 'wake-all':
      return [objectOf(event.queue)];
    case 'complete':
    case 'wait-done':
      return [objectOf(event.completion)];
    default:
      return [];
  }
}
