/** Read sections and those who wait for them, in the fast engine: what `judge-locks.ts` does of domains where nothing is wrong. */
import { reads } from './conditions.ts';
import type { Core, Handler } from './engine.ts';
import { sections, waiters } from './layout.ts';
import { isDomain } from './locks.ts';
import { deepest } from './memory.ts';
import type { Taking } from './taking.ts';
import { letGo, noNumbers, waitsFor } from './threads.ts';
import type { Waits } from './waits.ts';

export interface SectionHandlers {
  readonly enter: Handler;
  readonly exit: Handler;
  readonly 'grace-begin': Handler;
  readonly 'grace-end': Handler;
}

export function createSectionHandlers(core: Core, waits: Waits, taking: Taking): SectionHandlers {
  const { tables, memory, threads, exercised } = core;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const cycle = counter('noLockCycle');
  const waitEnds = counter('everyWaitEnds');
  const sleeps = counter('neverSleepsInAtomic');
  const byHolder = counter('releasedByHolder');
  const domains = tables.where(isDomain);
  const atomic = tables.where(({ kind }) => kind === 'rcu');
  const { orders, isNested } = waits;
  const enterRules = tables.atEvery('enter');
  const exitRules = tables.atEvery('exit');
  const graceRules = tables.atEvery('grace-begin');

  function enter(thread: number, seq: number, object: number, place: number, of: number): boolean {
    if (domains[of] === 0 || memory.depth[thread] >= deepest || (taking.any && !taking.may(thread, of, false, false))) return false;
    if (enterRules !== null && !core.allowed(enterRules[of], thread, object)) return false;
    if (taking.any) taking.count(thread, of, false);
    exercised[touched]++;
    memory.i[place + sections]++;
    waits.hold(thread, object, place, of, seq);
    if (atomic[of] !== 0) threads.atomic[thread]++;
    core.changed(of, object);
    return true;
  }
  function exit(thread: number, _seq: number, object: number, place: number, of: number): boolean {
    if (domains[of] === 0) return false;
    const open = reads(memory, thread, place);
    if (open === 0 || (isNested[of] !== 0 && !waits.leavesNested(thread, of))) return false;
    if (exitRules !== null && !core.allowed(exitRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[byHolder]++;
    letGo(memory, thread, place);
    if (atomic[of] !== 0) threads.atomic[thread]--;
    memory.i[place + sections]--;
    if (memory.i[place + waiters] > 0) left(thread, place, open - 1);
    core.changed(of, object);
    return true;
  }
  /** A section less to wait for, if it was there when the wait began. */
  function left(thread: number, place: number, open: number): void {
    for (const other of threads.numbers.values()) {
      if (threads.waits[other] !== waitsFor.readers || threads.waitPlace[other] !== place) continue;
      const readers = threads.waited[other]?.readers;
      const noted = Math.min(readers?.get(thread) ?? 0, open);
      if (noted === 0) readers?.delete(thread);
      else readers?.set(thread, noted);
    }
  }
  function graceBegin(thread: number, seq: number, object: number, place: number, of: number): boolean {
    if (domains[of] === 0 || threads.waits[thread] !== 0 || threads.atomic[thread] !== 0 || threads.prepared[thread] !== 0) return false;
    if (reads(memory, thread, place) > 0) return false;
    const pairs = waits.pairsOf(thread, of);
    if (pairs < 0 || (taking.any && !taking.maySleep(thread))) return false;
    let readers = noNumbers;
    if (memory.i[place + sections] > 0) {
      readers = new Map();
      for (const reader of threads.numbers.values()) {
        const open = reads(memory, reader, place);
        if (open > 0) readers.set(reader, open);
        if (open > 0 && threads.waits[reader] !== 0) return false;
      }
    }
    if (graceRules !== null && !core.allowed(graceRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[sleeps]++;
    for (const order of orders[of]) exercised[order]++;
    exercised[cycle] += pairs;
    exercised[waitEnds]++;
    waits.noteTaken(thread, of, seq);
    waits.begin(thread, waitsFor.readers, place, object, of, seq);
    threads.waited[thread] = { readers, runs: noNumbers, objects: noNumbers, during: noNumbers };
    memory.i[place + waiters]++;
    return true;
  }
  function graceEnd(thread: number, _seq: number, _object: number, place: number, of: number): boolean {
    if (domains[of] === 0 || threads.waits[thread] !== waitsFor.readers || threads.waitPlace[thread] !== place) return false;
    if ((threads.waited[thread]?.readers.size ?? 0) > 0) return false;
    exercised[touched]++;
    waits.end(thread);
    memory.i[place + waiters]--;
    return true;
  }
  return { enter, exit, 'grace-begin': graceBegin, 'grace-end': graceEnd };
}
