/** What all waits have in common in the fast engine: the orders of locks, the lock graph, who is stuck. */
import { reads } from './conditions.ts';
import type { Core } from './engine.ts';
import { owner, sections } from './layout.ts';
import { deepest } from './memory.ts';
import { waitsFor } from './threads.ts';

export interface Waits {
  /** Counters of the rules of order, by node. */
  readonly orders: readonly (readonly number[])[];
  /** How many pairs of the lock graph it makes to wait for this node now; -1: an order forbids it, or one of them is not known. */
  readonly pairsOf: (thread: number, node: number) => number;
  /** Somebody on the way from the owner waits for something that the walk does not follow, or for the thread. */
  readonly isStuck: (first: number, thread: number) => boolean;
  /** Another thread that reads the lock waits itself. */
  readonly readersWait: (thread: number, place: number) => boolean;
  readonly begin: (thread: number, kind: number, place: number, object: number, node: number, seq: number) => void;
  readonly end: (thread: number) => void;
  /** What is waited for during a release belongs to it. */
  readonly noteTaken: (thread: number, node: number, seq: number) => void;
  readonly hold: (thread: number, object: number, place: number, node: number, seq: number) => void;
  /** Some order asks for this node to be let go after those inside it. */
  readonly isNested: Uint8Array;
  /** It has none of those. */
  readonly leavesNested: (thread: number, node: number) => boolean;
}

export function createWaits(core: Core): Waits {
  const { tables, memory, store, threads, edges } = core;
  const { nodes, waiting } = tables;

  function pairsOf(thread: number, node: number): number {
    const depth = memory.depth[thread];
    if (depth === 0) return 0;
    const { forbidden } = waiting[node];
    const from = thread * deepest;
    let pairs = 0;
    for (let at = from; at < from + depth; at++) {
      const outer = memory.heldNode[at];
      if (forbidden[outer] !== 0) return -1;
      if (outer === node) continue;
      if (edges.known[outer * nodes + node] === 0 && !edges.ask(outer, node)) return -1;
      pairs++;
    }
    return pairs;
  }
  function isStuck(first: number, thread: number): boolean {
    let at = first;
    for (let steps = 0; at !== 0; steps++) {
      if (at === thread || steps > 64) return true;
      if (threads.waits[at] === waitsFor.nothing) return false;
      if (threads.waits[at] !== waitsFor.lock) return true;
      const place = threads.waitPlace[at];
      if (memory.i[place + sections] !== 0) return true;
      at = memory.i[place + owner];
    }
    return false;
  }
  function readersWait(thread: number, place: number): boolean {
    for (const other of threads.numbers.values())
      if (other !== thread && threads.waits[other] !== waitsFor.nothing && reads(memory, other, place) > 0) return true;
    return false;
  }
  function begin(thread: number, kind: number, place: number, object: number, node: number, seq: number): void {
    threads.waits[thread] = kind;
    threads.waitPlace[thread] = place;
    threads.waitObject[thread] = object;
    threads.waitNode[thread] = node;
    threads.waitSince[thread] = seq;
    threads.waitMode[thread] = 0;
    // What is waited for may be freed meanwhile, if nothing of it is under way.
    store.pin(object);
  }
  function end(thread: number): void {
    threads.waits[thread] = waitsFor.nothing;
    threads.waited[thread] = null;
    store.unpin(threads.waitObject[thread]);
  }
  function noteTaken(thread: number, node: number, seq: number): void {
    for (const release of threads.releases[thread]) {
      release.took ??= new Map();
      if (!release.took.has(node)) release.took.set(node, seq);
    }
  }
  function hold(thread: number, object: number, place: number, node: number, seq: number): void {
    const at = thread * deepest + memory.depth[thread]++;
    memory.heldPlace[at] = place;
    memory.heldObject[at] = object;
    memory.heldNode[at] = node;
    memory.heldSince[at] = seq;
    memory.heldIrqsOff[at] = 0;
  }
  function leavesNested(thread: number, node: number): boolean {
    const { nested } = waiting[node];
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) if (nested[memory.heldNode[at]] !== 0) return false;
    return true;
  }
  return {
    orders: waiting.map(({ orders }) => orders.map(core.counter)),
    pairsOf,
    isStuck,
    readersWait,
    begin,
    end,
    noteTaken,
    hold,
    isNested: Uint8Array.from(waiting, ({ nested }) => (nested.some(one => one !== 0) ? 1 : 0)),
    leavesNested,
  };
}
