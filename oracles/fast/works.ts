/** Work items and those who wait for them, in the fast engine: what `judge-work.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import { abandon } from './calls.ts';
import type { Core, Handler } from './engine.ts';
import { alive, pending, queuedOn, running, serial, workWaiters } from './layout.ts';
import { deepest, type Memory } from './memory.ts';
import type { Class } from './tables.ts';
import type { Taking } from './taking.ts';
import { letGo, noNumbers, type WaitedFor, waitsFor } from './threads.ts';
import type { Waits } from './waits.ts';

export interface WorkHandlers {
  readonly queue: Handler;
  readonly 'run-begin': Handler;
  readonly 'run-end': Handler;
  readonly 'flush-begin': Handler;
  readonly 'cancel-begin': Handler;
  readonly 'flush-queue-begin': Handler;
  /** Of all three. */
  readonly 'flush-end': Handler;
}
/** Work items as places, with their objects. */
type Works = readonly (readonly [number, number])[];

/** What is waited for where no run is under way or pending. */
const nothing: WaitedFor = { readers: noNumbers, runs: noNumbers, objects: noNumbers, during: noNumbers };

const isWorkQueue = ({ kind }: Class): boolean => kind === 'work-queue' || kind === 'ordered-work-queue';

export function createWorkHandlers(core: Core, waits: Waits, taking: Taking): WorkHandlers {
  const { tables, memory, store, threads, exercised } = core;
  const { classes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const sleeps = counter('neverSleepsInAtomic');
  const cycle = counter('noLockCycle');
  const waitEnds = counter('everyWaitEnds');
  const itself = counter('neverFlushesItself');
  const works = tables.where(({ kind }) => kind === 'work');
  const queues = tables.where(isWorkQueue);
  const { orders } = waits;
  const queueRules = tables.atEvery('queue');
  const flushRules = tables.atEvery('flush-begin');
  const cancelRules = tables.atEvery('cancel-begin');
  const flushQueueRules = tables.atEvery('flush-queue-begin');

  function queue(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    other: number,
    about: number,
    queued: boolean,
  ): boolean {
    const isOn = tag === tags.place;
    if (works[of] === 0 || (isOn ? queues[about] !== 1 : tag !== tags.null)) return false;
    if (queueRules !== null && !core.allowed(queueRules[of], thread, object)) return false;
    exercised[touched] += isOn ? 2 : 1;
    if (!queued) return true;
    const { i, d } = memory;
    i[place + pending] = 1;
    d[place + pending] = seq;
    i[place + queuedOn] = isOn ? about + 1 : 0;
    d[place + queuedOn] = isOn ? d[other - classes[about].offset + alive] : 0;
    core.changed(of, object);
    return true;
  }
  function runBegin(thread: number, seq: number, object: number, place: number, of: number): boolean {
    if (works[of] === 0 || memory.depth[thread] >= deepest || memory.i[place + running] !== 0) return false;
    exercised[touched]++;
    memory.i[place + pending] = 0;
    memory.i[place + running] = thread;
    waits.hold(thread, object, place, of + classes.length, seq);
    // The run may free the object, and goes on nevertheless.
    store.pin(object);
    core.changed(of, object);
    return true;
  }
  function runEnd(thread: number, _seq: number, object: number, place: number, of: number): boolean {
    if (works[of] === 0) return false;
    const isAlive = memory.i[object + alive] !== 0;
    // Of an object that was freed nothing is left but that it is run.
    if (isAlive && memory.i[place + running] !== thread) return false;
    if (!letGo(memory, thread, place)) return false;
    if (threads.releases[thread].length > 0) abandon(core, thread);
    if (isAlive) {
      memory.i[place + running] = 0;
      if (memory.i[place + workWaiters] > 0) countOff(place);
    } else countOff(place);
    // Also of an object that was freed: what looks at its work item is looked at again.
    core.changed(of, object);
    store.unpin(object);
    return true;
  }
  function countOff(place: number): void {
    for (const other of threads.numbers.values()) {
      if (threads.waits[other] !== waitsFor.runs) continue;
      const waited = threads.waited[other];
      const left = waited?.runs.get(place);
      if (waited === null || left === undefined) continue;
      waited.during.delete(place);
      if (left > 1) waited.runs.set(place, left - 1);
      else {
        waited.runs.delete(place);
        noLongerWaited(place, waited.objects.get(place) ?? 0);
      }
    }
  }
  /** One wait less for the work item. Of an object that was freed nothing is counted. */
  function noLongerWaited(place: number, object: number): void {
    if (memory.i[object + alive] !== 0) memory.i[place + workWaiters]--;
    store.unpin(object);
  }
  /** The place of the work item that the thread runs now; 0 if none. */
  function runOf(thread: number): number {
    const from = thread * deepest;
    for (let at = from; at < from + memory.depth[thread]; at++) if (memory.heldNode[at] >= classes.length) return memory.heldPlace[at];
    return 0;
  }
  function mayWait(thread: number): boolean {
    return (
      threads.waits[thread] === 0 &&
      threads.atomic[thread] === 0 &&
      threads.prepared[thread] === 0 &&
      (!taking.any || taking.maySleep(thread))
    );
  }
  /** Nobody who runs one of them waits himself. */
  const runsMayEnd = (some: Works): boolean =>
    some.every(([work]) => memory.i[work + running] === 0 || threads.waits[memory.i[work + running]] === 0);

  function waitForRuns(thread: number, seq: number, place: number, object: number, node: number, some: Works): void {
    const { i } = memory;
    let waited = nothing;
    for (const [work, its] of some) {
      const noted = i[work + pending] + (i[work + running] === 0 ? 0 : 1);
      if (noted === 0) continue;
      if (waited === nothing) waited = { readers: noNumbers, runs: new Map(), objects: new Map(), during: new Map() };
      waited.runs.set(work, noted);
      waited.objects.set(work, its);
      if (i[work + running] !== 0) waited.during.set(work, i[work + running]);
      i[work + workWaiters]++;
      // Its run may free it.
      store.pin(its);
    }
    waits.begin(thread, waitsFor.runs, place, object, node, seq);
    threads.waited[thread] = waited;
  }

  function flush(isCancel: boolean): Handler {
    const rules = isCancel ? cancelRules : flushRules;
    return (thread, seq, object, place, of, _tag, _other, _about, isRemoved) => {
      if (works[of] === 0) return false;
      const removed = isCancel && isRemoved;
      const node = of + classes.length;
      const some = [[place, object]] as const;
      if (!mayWait(thread) || runOf(thread) === place || !runsMayEnd(some)) return false;
      if (removed && memory.i[place + workWaiters] > 0) return false;
      const pairs = waits.pairsOf(thread, node);
      if (pairs < 0 || (rules !== null && !core.allowed(rules[of], thread, object))) return false;
      exercised[touched]++;
      exercised[sleeps]++;
      for (const order of orders[node]) exercised[order]++;
      exercised[itself]++;
      exercised[cycle] += pairs;
      exercised[waitEnds]++;
      if (removed) {
        memory.i[place + pending] = 0;
        core.changed(of, object);
      }
      waits.noteTaken(thread, node, seq);
      waitForRuns(thread, seq, place, object, of, some);
      return true;
    };
  }
  function flushQueue(thread: number, seq: number, object: number, place: number, of: number): boolean {
    if (queues[of] === 0) return false;
    const runs = tables.queues.get(of) ?? [];
    const some = worksOn(memory, classes, of, memory.d[object + alive]);
    const own = runOf(thread);
    if (!mayWait(thread) || some.some(([work]) => work === own) || !runsMayEnd(some)) return false;
    const pairs = runs.map(node => waits.pairsOf(thread, node));
    if (pairs.some(one => one < 0) || (flushQueueRules !== null && !core.allowed(flushQueueRules[of], thread, object))) return false;
    exercised[touched]++;
    exercised[sleeps]++;
    for (const order of new Set(runs.flatMap(node => orders[node]))) exercised[order]++;
    exercised[itself]++;
    for (const one of pairs) exercised[cycle] += one;
    exercised[waitEnds]++;
    for (const node of runs) waits.noteTaken(thread, node, seq);
    waitForRuns(thread, seq, place, object, of, some);
    return true;
  }
  function flushEnd(thread: number, _seq: number, _object: number, place: number, of: number): boolean {
    if (works[of] === 0 && queues[of] === 0) return false;
    const waited = threads.waited[thread];
    if (threads.waits[thread] !== waitsFor.runs || threads.waitPlace[thread] !== place || waited === null) return false;
    if (waited.during.size > 0) return false;
    for (const work of waited.runs.keys()) noLongerWaited(work, waited.objects.get(work) ?? 0);
    waits.end(thread);
    return true;
  }

  return {
    queue,
    'run-begin': runBegin,
    'run-end': runEnd,
    'flush-begin': flush(false),
    'cancel-begin': flush(true),
    'flush-queue-begin': flushQueue,
    'flush-end': flushEnd,
  };
}

/** Work items whose last queueing named this work queue, in the order in which their objects were made. */
function worksOn({ i, d, live, lives }: Memory, classes: readonly Class[], queue: number, number: number): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (const { kind, type, offset } of classes) {
    if (kind !== 'work') continue;
    for (let at = 0; at < lives[type]; at++) {
      const object = live[type][at];
      if (i[object + offset + queuedOn] === queue + 1 && d[object + offset + queuedOn] === number) found.push([object + offset, object]);
    }
  }
  return found.sort(([one, first], [other, second]) => d[first + serial] - d[second + serial] || one - other);
}
