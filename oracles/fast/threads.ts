/** What each thread is doing, besides what it holds: what it waits for, the calls that it is in, the last puts whose release goes on. */
import type { Scalar } from '../event.ts';
import { deepest, larger, type Memory, type Store } from './memory.ts';
import type { FastContract } from './tables.ts';

export const hardirq = 1;
/** How a lock is wanted: alone, or as one of its readers. */
export const modes = { alone: 0, read: 1, recursive: 2 } as const;
export const waitsFor = { nothing: 0, lock: 1, readers: 2, runs: 3 } as const;

/** Something that a call has changed and not put back. */
export interface Left {
  readonly of: number;
  readonly object: number;
  /** Tells the object from another one at the same place. */
  readonly birth: number;
  /** What was found there; of a counter, gets less puts. */
  was: number;
  /** Of a set: members that were put in or taken off. */
  readonly members: Set<number> | null;
}
/** A contract of a call under way. */
export interface Promised {
  readonly contract: FastContract;
  readonly thread: number;
  /** Four: objects, or what `conditions.ts` says of arguments. */
  readonly of: readonly number[];
  readonly values: readonly Scalar[];
  /** Errnos that were due at some instant, as bits. */
  due: number;
  alwaysDue: boolean;
  ensured: boolean;
  /** By place; only for contracts that ask. */
  readonly left: Map<number, Left>;
}
export interface Call {
  readonly name: string;
  readonly since: number;
  /** What the thread held when it called, as it is kept for each thread. */
  readonly places: readonly number[];
  readonly objects: readonly number[];
  readonly nodes: readonly number[];
  readonly sinces: readonly number[];
  readonly promised: readonly Promised[];
  /** Fields of `read-once` rules that it has read, as places, and when. */
  readonly reads: Map<number, number>;
}
/** From the put that reached zero until the object is freed. */
export interface Release {
  /** Class of the counter. */
  readonly counter: number;
  readonly object: number;
  readonly number: number;
  /** Nodes that it waited for since, and when first; null: none. */
  took: Map<number, number> | null;
}
/** Readers of a domain, or runs of work items, that were there when the thread began to wait. */
export interface WaitedFor {
  /** Sections by thread. */
  readonly readers: Map<number, number>;
  /** Runs by work item, as places, and the object of each. */
  readonly runs: Map<number, number>;
  readonly objects: Map<number, number>;
  /** Threads that ran them then. */
  readonly during: Map<number, number>;
}

/** Where there are none of them. */
export const noNumbers: Map<number, number> = new Map();

export interface Threads {
  /** Names by number, from 1. */
  readonly names: string[];
  /** Changes when the number is given to another thread. */
  serial: Int32Array;
  /** 0 task, 1 hardirq, 2 worker. */
  context: Uint8Array;
  /** Things that it holds under which nothing sleeps, and one more in an interrupt. */
  atomic: Int32Array;
  waits: Uint8Array;
  waitPlace: Int32Array;
  waitObject: Int32Array;
  /** Node that it waits for. */
  waitNode: Int32Array;
  waitSince: Float64Array;
  /** How it wants the lock that it waits for. */
  waitMode: Uint8Array;
  /** Wait queue that it has prepared to sleep on, as a place, and was not woken from since. */
  prepared: Int32Array;
  readonly waited: (WaitedFor | null)[];
  /** Classes of the flags used as locks that it read since it last prepared to sleep. */
  readonly flags: number[][];
  readonly calls: Call[][];
  readonly releases: Release[][];
  /** By name; those that have not ended, in the order in which they began. */
  readonly numbers: Map<string, number>;
  readonly add: (name: string) => number;
  /** It starts, or starts again, in this context; on behalf of this process, or (0) of the same as before. */
  readonly begin: (thread: number, context: number, process: number) => void;
  readonly end: (thread: number) => void;
  readonly clear: () => void;
}

/** `firstProcess`: place of the process in the list of declared objects; -1: the system has none. */
export function createThreads(memory: Memory, store: Store, firstProcess: number): Threads {
  let next = 1;
  let begun = 0;
  const spare: number[] = [];
  const numbers = new Map<string, number>();
  const all: Threads = {
    names: [''],
    serial: new Int32Array(64),
    context: new Uint8Array(64),
    atomic: new Int32Array(64),
    waits: new Uint8Array(64),
    waitPlace: new Int32Array(64),
    waitObject: new Int32Array(64),
    waitNode: new Int32Array(64),
    waitSince: new Float64Array(64),
    waitMode: new Uint8Array(64),
    prepared: new Int32Array(64),
    waited: [],
    flags: [],
    calls: [],
    releases: [],
    numbers,
    add(name) {
      const thread = spare.pop() ?? next++;
      store.threads(thread);
      if (thread >= all.context.length) grow(all);
      all.names[thread] = name;
      all.serial[thread] = ++begun & 0x3fffffff;
      all.context[thread] = 0;
      all.atomic[thread] = 0;
      all.waits[thread] = 0;
      all.prepared[thread] = 0;
      all.waited[thread] = null;
      all.flags[thread] = [];
      all.calls[thread] = [];
      all.releases[thread] = [];
      memory.depth[thread] = 0;
      memory.process[thread] = firstProcess < 0 ? 0 : memory.globals[firstProcess];
      store.pin(memory.process[thread]);
      numbers.set(name, thread);
      return thread;
    },
    begin(thread, context, process) {
      if (process !== 0) {
        store.pin(process);
        store.unpin(memory.process[thread]);
        memory.process[thread] = process;
      }
      all.atomic[thread] += Number(context === hardirq) - Number(all.context[thread] === hardirq);
      all.context[thread] = context;
    },
    end(thread) {
      numbers.delete(all.names[thread]);
      all.serial[thread] = 0;
      store.unpin(memory.process[thread]);
      spare.push(thread);
    },
    clear() {
      next = 1;
      spare.length = 0;
      numbers.clear();
      all.names.length = 1;
      all.serial.fill(0);
    },
  };
  return all;
}

function grow(threads: Threads): void {
  const room = threads.context.length * 2;
  threads.serial = larger(threads.serial, new Int32Array(room));
  threads.atomic = larger(threads.atomic, new Int32Array(room));
  threads.waitPlace = larger(threads.waitPlace, new Int32Array(room));
  threads.waitObject = larger(threads.waitObject, new Int32Array(room));
  threads.waitNode = larger(threads.waitNode, new Int32Array(room));
  threads.prepared = larger(threads.prepared, new Int32Array(room));
  threads.waitSince = larger(threads.waitSince, new Float64Array(room));
  threads.context = largerBytes(threads.context, room);
  threads.waits = largerBytes(threads.waits, room);
  threads.waitMode = largerBytes(threads.waitMode, room);
}
function largerBytes(from: Uint8Array, room: number): Uint8Array {
  const to = new Uint8Array(room);
  to.set(from);
  return to;
}

/** Takes the youngest holding of this place out of what the thread holds; since when, or -1 if there is none. */
export function letGo(memory: Memory, thread: number, place: number): boolean {
  const from = thread * deepest;
  const last = from + memory.depth[thread] - 1;
  let at = last;
  while (at >= from && memory.heldPlace[at] !== place) at--;
  if (at < from) return false;
  for (; at < last; at++) {
    memory.heldPlace[at] = memory.heldPlace[at + 1];
    memory.heldObject[at] = memory.heldObject[at + 1];
    memory.heldNode[at] = memory.heldNode[at + 1];
    memory.heldSince[at] = memory.heldSince[at + 1];
    memory.heldIrqsOff[at] = memory.heldIrqsOff[at + 1];
  }
  memory.depth[thread]--;
  return true;
}
