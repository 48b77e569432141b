/** What is known of threads and objects while a trace without a spec is read. It keeps what lives now, and little more. */
import type { PlaceKind } from '../event.ts';
import type { Mode } from './lock-graph.ts';

/** When and where something happened. */
export interface Moment {
  readonly event: number;
  readonly thread: string;
  readonly site: string | null;
}

/** A lock, an open read section, or the run of a work item. */
export interface Holding {
  readonly kind: 'lock' | 'section' | 'run';
  readonly name: string;
  /** Node of the lock graph. */
  readonly class: string;
  readonly place: PlaceKind | null;
  readonly mode: Mode;
  readonly irq: boolean;
  readonly at: Moment;
  /** Objects that the thread used inside this section and under no lock of its own. */
  readonly used: Map<string, Moment>;
}

export interface Wait {
  readonly kind: 'lock' | 'readers' | 'run';
  readonly name: string;
  readonly mode: Mode;
  readonly at: Moment;
  /** Sections to be left, runs to be ended. For a lock its holders are asked anew. */
  readonly blockers: ReadonlyMap<Thread, Holding> | null;
}

/** From the put that reached zero until the object is freed. */
export interface Release {
  readonly counter: string;
  readonly object: string;
  readonly took: Map<string, Moment>;
  readonly under: readonly Holding[];
  readonly at: Moment;
}

export interface Thread {
  readonly name: string;
  context: 'task' | 'hardirq' | 'worker';
  readonly held: Holding[];
  waits: Wait | null;
  readonly releases: Release[];
  /** Calls under way, with the names of the locks held when they began. */
  readonly calls: { readonly call: string; readonly held: readonly string[] }[];
  /** Grace periods that it has begun to wait for since its call or run began: domain class, and when. What it does after that comes after them. */
  readonly graces: { readonly domain: string; readonly begin: number }[];
  /** By thread: up to which event of it all had happened before, because threads were made or had ended. Replaced, never changed. */
  after: ReadonlyMap<string, number>;
  ended: boolean;
}

export interface Work {
  pending: Moment | null;
  running: Thread | null;
  on: string | null;
}
export interface Entry {
  queue: string | null;
  at: Moment;
}
export interface Counter {
  /** Null: not known. */
  count: number | null;
  zero: Moment | null;
}

/** How a class of spinning locks was taken. */
export interface IrqUse {
  inIrq: Holding | null;
  irqsOn: Holding | null;
  told: boolean;
}

/** An object, with what is known of the places inside it. */
export interface Known {
  readonly name: string;
  readonly works: Map<string, Work>;
  readonly entries: Map<string, Entry>;
  readonly counters: Map<string, Counter>;
  /** When it was taken off a set, so that nobody can find it any more. */
  removed: Moment | null;
  /** When a thread said that no other one touches it any more. */
  sole: Moment | null;
}

export interface State {
  readonly threads: Map<string, Thread>;
  readonly objects: Map<string, Known>;
  readonly freed: Map<string, Moment>;
  readonly thread: (name: string) => Thread;
  readonly object: (name: string) => Known;
  readonly holders: (lock: string) => readonly Thread[];
}

/** Freed objects that are remembered, so that a touch can be told. */
const mostFreed = 65_536;

const nothing: ReadonlyMap<string, number> = new Map();

export function createState(): State {
  const threads = new Map<string, Thread>();
  const objects = new Map<string, Known>();
  const freed = new Map<string, Moment>();
  return {
    threads,
    objects,
    freed,
    thread(name) {
      const known = threads.get(name);
      if (known !== undefined) return known;
      const thread: Thread = {
        name,
        context: 'task',
        held: [],
        waits: null,
        releases: [],
        calls: [],
        graces: [],
        after: nothing,
        ended: false,
      };
      threads.set(name, thread);
      return thread;
    },
    object(name) {
      const known = objects.get(name);
      if (known !== undefined) return known;
      const object: Known = { name, works: new Map(), entries: new Map(), counters: new Map(), removed: null, sole: null };
      objects.set(name, object);
      return object;
    },
    holders: lock => [...threads.values()].filter(thread => thread.held.some(one => one.kind === 'lock' && one.name === lock)),
  };
}

export function bury(state: State, name: string, at: Moment): void {
  state.objects.delete(name);
  state.freed.set(name, at);
  for (const [oldest] of state.freed) {
    if (state.freed.size <= mostFreed) break;
    state.freed.delete(oldest);
  }
}

export const objectOf = (place: string): string => place.slice(0, place.indexOf('.'));
/** `Kvm#3.lock` is of the class `Kvm.lock`. */
export const classOf = (place: string): string => {
  const hash = place.indexOf('#');
  const dot = place.indexOf('.', hash);
  return dot < 0 ? place.slice(0, hash) : `${place.slice(0, hash)}${place.slice(dot)}`;
};
export const typeOf = (object: string): string => object.slice(0, object.indexOf('#'));
