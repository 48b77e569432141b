/** Work items, those who wait for them, and wait queues, in the fast engine: what `judge-work.ts` and `judge-wait-queues.ts` do where nothing is wrong. */
import { tags } from '../binary-format.ts';
import { abandon } from './calls.ts';
import type { Core, Handler, Handlers } from './engine.ts';
import {
  alive,
  firstEntry,
  lastEntry,
  nextEntry,
  onQueue,
  pending,
  previousEntry,
  queuedOn,
  queueObject,
  running,
  serial,
  workWaiters,
} from './layout.ts';
import { createTaking } from './locks.ts';
import { deepest, type Memory } from './memory.ts';
import { type Class, sleepResults } from './tables.ts';
import { letGo, waitsFor } from './threads.ts';

const isWork = ({ kind }: Class): boolean => kind === 'work';
const isQueue = ({ kind }: Class): boolean => kind === 'wait-queue';

export function createWorkHandlers(core: Core): Handlers {
  const { tables, memory, store, threads, exercised, knownEdges } = core;
  const { nodes, classes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const sleeps = counter('neverSleepsInAtomic');
  const cycle = counter('noLockCycle');
  const waitEnds = counter('everyWaitEnds');
  const itself = counter('neverFlushesItself');
  const condition = counter('conditionNeverSleeps');
  const taking = createTaking(core);
  const isKind = (about: number, kind: string): boolean => about >= 0 && classes[about]?.kind === kind;

  function queue(of: Class): Handler | null {
    if (!isWork(of)) return null;
    const rules = tables.atEvery('queue', of.name);
    return (thread, seq, object, place, tag, other, about, queued) => {
      const isOn = tag === tags.place;
      if (isOn ? !isKind(about, 'work-queue') : tag !== tags.null) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched] += isOn ? 2 : 1;
      if (!queued) return true;
      const { i, d } = memory;
      i[place + pending] = 1;
      d[place + pending] = seq;
      i[place + queuedOn] = isOn ? about + 1 : 0;
      d[place + queuedOn] = isOn ? d[other - classes[about].offset + alive] : 0;
      core.changed(of, object);
      return true;
    };
  }
  function runBegin(of: Class): Handler | null {
    if (!isWork(of)) return null;
    const node = of.number + classes.length;
    return (thread, seq, object, place) => {
      if (memory.depth[thread] >= deepest || memory.i[place + running] !== 0) return false;
      exercised[touched]++;
      memory.i[place + pending] = 0;
      memory.i[place + running] = thread;
      const at = thread * deepest + memory.depth[thread]++;
      memory.heldPlace[at] = place;
      memory.heldObject[at] = object;
      memory.heldNode[at] = node;
      memory.heldSince[at] = seq;
      // The run may free the object, and goes on nevertheless.
      store.pin(object);
      core.changed(of, object);
      return true;
    };
  }
  function runEnd(of: Class): Handler | null {
    if (!isWork(of)) return null;
    return (thread, _seq, object, place) => {
      const runs = memory.i[place + running];
      // Of an object that was freed nothing is left but that it is run.
      if (memory.i[object + alive] !== 0 && runs !== thread) return false;
      if (!letGo(memory, thread, place)) return false;
      if (threads.releases[thread].length > 0) abandon(core, thread);
      if (memory.i[object + alive] !== 0) {
        memory.i[place + running] = 0;
        if (memory.i[place + workWaiters] > 0) countOff(place);
        core.changed(of, object);
      } else countOff(place);
      store.unpin(object);
      return true;
    };
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
  /** Pairs of the lock graph; -1: one is not known, or an order forbids it. */
  function pairsOf(thread: number, node: number): number {
    const from = thread * deepest;
    let pairs = 0;
    for (let at = from; at < from + memory.depth[thread]; at++) {
      const outer = memory.heldNode[at];
      if (tables.waiting[node].forbidden[outer] !== 0) return -1;
      if (outer === node) continue;
      if (knownEdges[outer * nodes + node] === 0) return -1;
      pairs++;
    }
    return pairs;
  }
  function mayWait(thread: number): boolean {
    return (
      threads.waits[thread] === 0 &&
      threads.atomic[thread] === 0 &&
      threads.prepared[thread] === 0 &&
      (!taking.any || taking.maySleep(thread))
    );
  }
  /** The wait for the runs of these, as places with their objects; false: somebody who runs one waits himself. */
  function waitForRuns(
    thread: number,
    seq: number,
    place: number,
    object: number,
    node: number,
    works: readonly (readonly [number, number])[],
  ): boolean {
    const { i } = memory;
    for (const [work] of works) if (i[work + running] !== 0 && threads.waits[i[work + running]] !== 0) return false;
    const waited = {
      readers: new Map(),
      runs: new Map<number, number>(),
      objects: new Map<number, number>(),
      during: new Map<number, number>(),
    };
    for (const [work, its] of works) {
      const noted = i[work + pending] + (i[work + running] === 0 ? 0 : 1);
      if (noted === 0) continue;
      waited.runs.set(work, noted);
      waited.objects.set(work, its);
      if (i[work + running] !== 0) waited.during.set(work, i[work + running]);
      i[work + workWaiters]++;
      // Its run may free it.
      store.pin(its);
    }
    threads.waits[thread] = waitsFor.runs;
    threads.waitPlace[thread] = place;
    threads.waitObject[thread] = object;
    threads.waitNode[thread] = node;
    threads.waitSince[thread] = seq;
    threads.waited[thread] = waited;
    return true;
  }
  const runsMayEnd = (works: readonly (readonly [number, number])[]): boolean =>
    works.every(([work]) => memory.i[work + running] === 0 || threads.waits[memory.i[work + running]] === 0);
  function noteTaken(thread: number, node: number, seq: number): void {
    for (const { took } of threads.releases[thread]) if (!took.has(node)) took.set(node, seq);
  }

  function flush(kind: 'flush-begin' | 'cancel-begin'): (of: Class) => Handler | null {
    return of => {
      if (!isWork(of)) return null;
      const node = of.number + classes.length;
      const orders = tables.waiting[node].orders.map(core.counter);
      const rules = tables.atEvery(kind, of.name);
      return (thread, seq, object, place, _tag, _other, _about, removed) => {
        const works = [[place, object]] as const;
        if (!mayWait(thread) || runOf(thread) === place || !runsMayEnd(works)) return false;
        if (kind === 'cancel-begin' && removed && memory.i[place + workWaiters] > 0) return false;
        const pairs = pairsOf(thread, node);
        if (pairs < 0 || (rules.length > 0 && !core.allowed(rules, thread, object))) return false;
        exercised[touched]++;
        exercised[sleeps]++;
        for (const order of orders) exercised[order]++;
        exercised[itself]++;
        exercised[cycle] += pairs;
        exercised[waitEnds]++;
        if (kind === 'cancel-begin' && removed) {
          memory.i[place + pending] = 0;
          core.changed(of, object);
        }
        noteTaken(thread, node, seq);
        return waitForRuns(thread, seq, place, object, of.number, works);
      };
    };
  }
  function flushQueue(of: Class): Handler | null {
    if (of.kind !== 'work-queue') return null;
    const rules = tables.atEvery('flush-queue-begin', of.name);
    const runs = tables.queues.get(of.number) ?? [];
    const orders = [...new Set(runs.flatMap(node => tables.waiting[node].orders))].map(core.counter);
    return (thread, seq, object, place) => {
      const works = worksOn(memory, core.tables.classes, of.number, memory.d[object + alive]);
      const own = runOf(thread);
      if (!mayWait(thread) || works.some(([work]) => work === own) || !runsMayEnd(works)) return false;
      const pairs = runs.map(node => pairsOf(thread, node));
      if (pairs.some(one => one < 0) || (rules.length > 0 && !core.allowed(rules, thread, object))) return false;
      exercised[touched]++;
      exercised[sleeps]++;
      for (const order of orders) exercised[order]++;
      exercised[itself]++;
      for (const one of pairs) exercised[cycle] += one;
      exercised[waitEnds]++;
      for (const node of runs) noteTaken(thread, node, seq);
      return waitForRuns(thread, seq, place, object, of.number, works);
    };
  }
  function flushEnd(of: Class): Handler | null {
    if (!isWork(of) && of.kind !== 'work-queue') return null;
    return (thread, _seq, _object, place) => {
      const waited = threads.waited[thread];
      if (threads.waits[thread] !== waitsFor.runs || threads.waitPlace[thread] !== place || waited === null) return false;
      if (waited.during.size > 0) return false;
      for (const work of waited.runs.keys()) noLongerWaited(work, waited.objects.get(work) ?? 0);
      threads.waits[thread] = 0;
      threads.waited[thread] = null;
      return true;
    };
  }

  /** Entries of a queue are a list in both directions. */
  function takeOff(entry: number): void {
    const { i } = memory;
    const on = i[entry + onQueue];
    if (on === 0) return;
    const after = i[entry + nextEntry];
    const before = i[entry + previousEntry];
    if (before === 0) i[on + firstEntry] = after;
    else i[before + nextEntry] = after;
    if (after === 0) i[on + lastEntry] = before;
    else i[after + previousEntry] = before;
    i[entry + onQueue] = 0;
    i[entry + nextEntry] = 0;
    i[entry + previousEntry] = 0;
    i[entry + queueObject] = 0;
  }
  function link(of: Class): Handler | null {
    if (!isQueue(of)) return null;
    const rules = tables.atEvery('link', of.name);
    return (thread, seq, object, place, tag, entry, about, linked) => {
      if (tag !== tags.place || !isKind(about, 'wait-entry')) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched] += 2;
      if (!linked) return true;
      takeOff(entry);
      putOn(memory, entry, place, object, seq);
      core.changed(classes[about], entry - classes[about].offset);
      return true;
    };
  }
  function unlink(of: Class): Handler | null {
    if (!isQueue(of)) return null;
    const rules = tables.atEvery('unlink', of.name);
    return (thread, _seq, object, _place, tag, entry, about) => {
      if (tag !== tags.place || !isKind(about, 'wait-entry')) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched] += 2;
      takeOff(entry);
      core.changed(classes[about], entry - classes[about].offset);
      return true;
    };
  }
  function callback(of: Class): Handler | null {
    if (!isQueue(of)) return null;
    return (_thread, _seq, _object, _place, tag, _entry, about) => {
      if (tag !== tags.place || !isKind(about, 'wait-entry')) return false;
      exercised[touched] += 2;
      return true;
    };
  }
  function sleepOrWake(kind: 'wait-prepare' | 'wait-finish' | 'wake-all' | 'wait-sleep'): (of: Class) => Handler | null {
    return of => {
      if (!isQueue(of)) return null;
      const rules = tables.atEvery(kind, of.name);
      const isSleep = kind === 'wait-sleep';
      const results = new Set(sleepResults.map(word => tables.words.get(word)));
      return (thread, _seq, object, place, tag, other) => {
        if (isSleep && (tag !== tags.word || !results.has(other))) return false;
        if (isSleep && (threads.atomic[thread] !== 0 || (taking.any && !taking.maySleep(thread)))) return false;
        if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
        exercised[touched]++;
        if (isSleep) exercised[sleeps]++;
        if (kind === 'wait-prepare') exercised[condition]++;
        if (kind !== 'wake-all') threads.prepared[thread] = kind === 'wait-prepare' ? place : 0;
        else for (const other of threads.numbers.values()) if (threads.prepared[other] === place) threads.prepared[other] = 0;
        return true;
      };
    };
  }

  return {
    queue,
    'run-begin': runBegin,
    'run-end': runEnd,
    'flush-begin': flush('flush-begin'),
    'cancel-begin': flush('cancel-begin'),
    'flush-queue-begin': flushQueue,
    'flush-end': flushEnd,
    'cancel-end': flushEnd,
    'flush-queue-end': flushEnd,
    link,
    unlink,
    callback,
    'wait-prepare': sleepOrWake('wait-prepare'),
    'wait-finish': sleepOrWake('wait-finish'),
    'wake-all': sleepOrWake('wake-all'),
    'wait-sleep': sleepOrWake('wait-sleep'),
  };
}

/** At the end of the queue. */
export function putOn({ i, d }: Memory, entry: number, queue: number, object: number, since: number): void {
  const last = i[queue + lastEntry];
  i[entry + onQueue] = queue;
  i[entry + queueObject] = object;
  i[entry + previousEntry] = last;
  i[entry + nextEntry] = 0;
  d[entry + onQueue] = since;
  if (last === 0) i[queue + firstEntry] = entry;
  else i[last + nextEntry] = entry;
  i[queue + lastEntry] = entry;
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
