/** Reference counters, in the fast engine: what `judge-counters.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import type { Core, Handler } from './engine.ts';
import { alive, count } from './layout.ts';
import type { LeftChanges } from './left.ts';
import { deepest } from './memory.ts';

export interface CounterHandlers {
  readonly get: Handler;
  readonly 'get-unless-zero': Handler;
  readonly put: Handler;
  readonly 'put-later': Handler;
}
/** Counters are kept in 32 bits; one that could get too large is left to the reference. */
const highestCount = 1 << 30;
/** Releases of one thread from which on it is looked whether they are over. */
const manyReleases = 32;

export interface Raising {
  readonly canRaise: (place: number) => boolean;
  readonly raise: (thread: number, of: number, object: number, place: number) => void;
}

export function createCounterHandlers(core: Core, left: LeftChanges): Raising & { readonly handlers: CounterHandlers } {
  const { tables, memory, store, threads, exercised, puts } = core;
  const { nodes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const resurrected = counter('neverResurrected');
  const balance = counter('referencesBalance');
  const lastPut = counter('lastPutTakesNoHeldLock');
  const counters = tables.where(({ kind }) => kind === 'refcount');
  const typeOf = Int32Array.from(tables.classes, ({ type }) => type);
  const getRules = tables.atEvery('get');
  const getUnlessZeroRules = tables.atEvery('get-unless-zero');
  const putRules = tables.atEvery('put');
  const putLaterRules = tables.atEvery('put-later');

  const canRaise = (place: number): boolean => memory.i[place + count] > 0 && memory.i[place + count] < highestCount;
  function raise(thread: number, of: number, object: number, place: number): void {
    if (left.any) left.count(thread, of, object, place, 1);
    exercised[resurrected]++;
    memory.i[place + count]++;
    core.changed(of, object);
  }
  function get(thread: number, _seq: number, object: number, place: number, of: number): boolean {
    if (counters[of] === 0 || !canRaise(place)) return false;
    if (getRules !== null && !core.allowed(getRules[of], thread, object)) return false;
    exercised[touched]++;
    raise(thread, of, object, place);
    return true;
  }
  function getUnlessZero(
    thread: number,
    _seq: number,
    object: number,
    place: number,
    of: number,
    _tag: number,
    _other: number,
    _about: number,
    success: boolean,
  ): boolean {
    if (counters[of] === 0 || (success && !canRaise(place))) return false;
    if (getUnlessZeroRules !== null && !core.allowed(getUnlessZeroRules[of], thread, object)) return false;
    exercised[touched]++;
    if (success) raise(thread, of, object, place);
    return true;
  }
  /** The reference knows that the counter is put under each of what the thread holds, and has told what there is to tell. */
  function arePutsKnown(of: number, thread: number): boolean {
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) {
      const node = memory.heldNode[at];
      if (puts.known[of * nodes + node] === 0 && !puts.ask(of, node)) return false;
    }
    return true;
  }
  function toZero(thread: number, seq: number, object: number, place: number, of: number, later: boolean): void {
    memory.d[place + count] = seq;
    if (!later) {
      if (threads.releases[thread].length >= manyReleases) forgetFreed(thread);
      store.pin(object);
      threads.releases[thread].push({ counter: of, object, number: memory.d[object], took: null });
    }
    core.lifeChanged(typeOf[of], object);
  }
  /** Another thread has freed them, so what this one takes is not of their release. */
  function forgetFreed(thread: number): void {
    const releases = threads.releases[thread];
    const kept = releases.filter(({ object }) => memory.i[object + alive] !== 0);
    for (const { object } of releases) if (memory.i[object + alive] === 0) store.unpin(object);
    releases.splice(0, releases.length, ...kept);
  }
  function put(thread: number, seq: number, object: number, place: number, of: number): boolean {
    const { i } = memory;
    if (counters[of] === 0 || i[place + count] <= 0) return false;
    const isUnder = memory.depth[thread] > 0;
    if (isUnder && !arePutsKnown(of, thread)) return false;
    if (putRules !== null && !core.allowed(putRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[balance]++;
    if (isUnder) exercised[lastPut]++;
    if (left.any) left.count(thread, of, object, place, -1);
    if (--i[place + count] === 0) toZero(thread, seq, object, place, of, false);
    core.changed(of, object);
    return true;
  }
  function putLater(thread: number, seq: number, object: number, place: number, of: number, tag: number): boolean {
    if (counters[of] === 0 || tag !== tags.absent || memory.i[place + count] <= 0) return false;
    if (putLaterRules !== null && !core.allowed(putLaterRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[balance]++;
    if (left.any) left.count(thread, of, object, place, -1);
    if (--memory.i[place + count] === 0) toZero(thread, seq, object, place, of, true);
    core.changed(of, object);
    return true;
  }
  return { handlers: { get, 'get-unless-zero': getUnlessZero, put, 'put-later': putLater }, canRaise, raise };
}
