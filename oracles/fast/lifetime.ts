/** The beginning and the end of objects and threads, in the fast engine: what `judge-lifetime.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import { isLive } from './conditions.ts';
import type { Core } from './engine.ts';
import {
  alive,
  count,
  firstEntry,
  firstIn,
  firstLink,
  onQueue,
  owner,
  pending,
  queueObject,
  sections,
  typeNumber,
  waiters,
  workWaiters,
} from './layout.ts';
import { linkOwner, linkSet, nextSet } from './memory.ts';
import type { Class } from './tables.ts';
import { waitsFor } from './threads.ts';
import { fits, storeValue } from './values.ts';

/** A field of a new object: its class, and its value as handlers are given it. */
export interface Given {
  readonly of: Class;
  readonly tag: number;
  readonly other: number;
  readonly about: number;
}
export interface Lifetime {
  /** The new object; 0: declined. */
  readonly alloc: (type: number, number: number, given: readonly Given[]) => number;
  readonly free: (thread: number, seq: number, object: number) => boolean;
}

export function createLifetime(core: Core): Lifetime {
  const { tables, memory, store, threads, exercised, frees, taken } = core;
  const { nodes } = tables;
  const idle = core.counter(core.always.freedWhenIdle);
  const classesOf = tables.types.map((_, type) => tables.classes.filter(one => one.type === type));
  const freeRules = tables.atFree;
  /** What allocation and end change, all at once. */
  const dueOf = classesOf.map((of, type) => of.reduce((bits, { due }) => bits | due, tables.typeDue[type]));
  const ownOf = classesOf.map((of, type) => of.reduce((bits, { own }) => bits | own, tables.typeOwn[type]));
  const contractsOf = classesOf.map((of, type) => tables.typeContracts[type] || of.some(({ contracts }) => contracts));

  function allChanged(type: number, object: number): void {
    core.due |= dueOf[type];
    if (contractsOf[type]) core.instant = true;
    if (ownOf[type] !== 0) for (const one of classesOf[type]) core.changed(one.number, object);
    core.lifeChanged(type, object);
  }

  function alloc(type: number, number: number, given: readonly Given[]): number {
    if (store.known(type, number) !== 0 || core.wasFreed(type, number)) return 0;
    for (const { of, tag, other, about } of given)
      if (
        of.type !== type ||
        (of.kind === 'refcount' ? tag !== tags.number || other >= 1 << 30 : of.kind !== 'set' && !fits(of, tag, other, about))
      )
        return 0;
    if (given.some(({ of }) => of.kind === 'set')) return 0;
    const object = store.create(type, number);
    for (const { of, other } of given) {
      if (of.kind === 'refcount') memory.i[object + of.offset + count] = other;
      else storeValue(core, of, object + of.offset, other);
    }
    allChanged(type, object);
    return object;
  }

  function free(thread: number, seq: number, object: number): boolean {
    const { i, links } = memory;
    const type = i[object + typeNumber];
    if (isBusy(object, classesOf[type])) return false;
    for (let at = i[object + firstIn]; at !== 0; at = links[at + nextSet]) if (isLive(memory, links[at + linkOwner])) return false;
    if (!releaseIsKnown(thread, object)) return false;
    if (freeRules[type].length > 0 && !core.allowed(freeRules[type], thread, object)) return false;
    exercised[idle]++;
    const releases = threads.releases[thread];
    for (let at = releases.length - 1; at >= 0; at--) {
      if (releases[at].object !== object) continue;
      store.unpin(object);
      releases.splice(at, 1);
    }
    allChanged(type, object);
    for (let at = i[object + firstIn]; at !== 0; at = links[at + nextSet]) {
      const owned = links[at + linkOwner];
      const set = classesOf[i[owned + typeNumber]].find(({ offset }) => owned + offset === links[at + linkSet]);
      if (set !== undefined) core.changed(set.number, owned);
    }
    for (const { kind, offset } of classesOf[type]) {
      if (kind === 'set') while (i[object + offset + firstLink] !== 0) store.unlink(i[object + offset + firstLink]);
      if (kind === 'pointer') store.unpin(i[object + offset]);
    }
    frees.add(type, memory.d[object + alive], seq, threads.names[thread]);
    store.remove(object);
    return true;
  }
  function isBusy(object: number, classes: readonly Class[]): boolean {
    const { i } = memory;
    for (let at = 0; at < classes.length; at++) {
      const { kind, offset } = classes[at];
      const place = object + offset;
      switch (kind) {
        case 'mutex':
        case 'spinlock':
        case 'rwlock':
        case 'rwsem':
        case 'flag':
        case 'wait-queue':
        case 'notifier-chain':
        case 'srcu':
        case 'rcu':
          if (i[place + owner] !== 0 || i[place + sections] !== 0 || i[place + waiters] !== 0) return true;
          if (kind === 'notifier-chain' && i[place + firstEntry] !== 0) return true;
          if (kind === 'wait-queue' && (i[place + firstEntry] !== 0 || isPreparedOn(place))) return true;
          break;
        case 'work':
          if (i[place + pending] !== 0 || (i[place + workWaiters] !== 0 && isFlushed(place))) return true;
          break;
        case 'wait-entry':
        case 'notifier-block':
          if (i[place + onQueue] !== 0 && i[place + queueObject] !== object) return true;
          break;
        case 'refcount':
          if (i[place + count] > 0) return true;
          break;
      }
    }
    return false;
  }
  /** Somebody waits for this very work item, and not for all on its queue. */
  function isFlushed(work: number): boolean {
    for (const thread of threads.numbers.values())
      if (threads.waits[thread] === waitsFor.runs && threads.waitPlace[thread] === work) return true;
    return false;
  }
  function isPreparedOn(queue: number): boolean {
    for (const thread of threads.numbers.values()) if (threads.prepared[thread] === queue) return true;
    return false;
  }
  /** What the release of this object took is known to the reference, and no put under it is told of for the first time. */
  function releaseIsKnown(thread: number, object: number): boolean {
    for (const { object: released, counter, took } of threads.releases[thread]) {
      if (released !== object || took === null) continue;
      for (const node of took.keys()) if (taken.known[counter * nodes + node] === 0 && !taken.ask(counter, node)) return false;
    }
    return true;
  }
  return { alloc, free };
}
