/**
 * Entries of wait queues and of chains of callbacks, threads that sleep on a wait queue, and completions, in the fast engine: what
 * `judge-wait-queues.ts` does where nothing is wrong.
 */
import { tags } from '../binary-format.ts';
import type { Core, Handler } from './engine.ts';
import { done, firstEntry, lastEntry, nextEntry, onQueue, previousEntry, queueObject } from './layout.ts';
import type { Memory } from './memory.ts';
import { type Class, sleepResults, waitResults } from './tables.ts';
import type { Taking } from './taking.ts';
import type { Waits } from './waits.ts';

export interface WaitQueueHandlers {
  readonly link: Handler;
  readonly unlink: Handler;
  readonly callback: Handler;
  readonly 'wait-prepare': Handler;
  readonly 'wait-finish': Handler;
  readonly 'wake-all': Handler;
  readonly 'wait-sleep': Handler;
  readonly complete: Handler;
  readonly 'wait-done': Handler;
}

export function createWaitQueueHandlers(core: Core, waits: Waits, taking: Taking): WaitQueueHandlers {
  const { tables, memory, threads, exercised } = core;
  const { classes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const sleeps = counter('neverSleepsInAtomic');
  const condition = counter('conditionNeverSleeps');
  const cycle = counter('noLockCycle');
  const lists = tables.where(({ kind }: Class) => kind === 'wait-queue' || kind === 'notifier-chain');
  const entries = tables.where(({ kind }: Class) => kind === 'wait-entry' || kind === 'notifier-block');
  const queues = tables.where(({ kind }) => kind === 'wait-queue');
  const completions = tables.where(({ kind }) => kind === 'completion');
  const offsets = Int32Array.from(classes, ({ offset }) => offset);
  const linkRules = tables.atEvery('link');
  const unlinkRules = tables.atEvery('unlink');
  const completeRules = tables.atEvery('complete');
  const doneRules = tables.atEvery('wait-done');
  const wordsOf = (words: readonly string[]): ReadonlySet<number | undefined> => new Set(words.map(word => tables.words.get(word)));
  const slept = wordsOf(sleepResults);
  const waited = wordsOf(waitResults);
  const isEntry = (tag: number, about: number): boolean => tag === tags.place && entries[about] === 1;

  function link(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    entry: number,
    about: number,
    linked: boolean,
  ): boolean {
    if (lists[of] === 0 || !isEntry(tag, about)) return false;
    if (linkRules !== null && !core.allowed(linkRules[of], thread, object)) return false;
    exercised[touched] += 2;
    if (!linked) return true;
    takeOff(memory, entry);
    putOn(memory, entry, place, object, seq);
    core.changed(about, entry - offsets[about]);
    return true;
  }
  function unlink(
    thread: number,
    _seq: number,
    object: number,
    _place: number,
    of: number,
    tag: number,
    entry: number,
    about: number,
  ): boolean {
    if (lists[of] === 0 || !isEntry(tag, about)) return false;
    if (unlinkRules !== null && !core.allowed(unlinkRules[of], thread, object)) return false;
    exercised[touched] += 2;
    takeOff(memory, entry);
    core.changed(about, entry - offsets[about]);
    return true;
  }
  function callback(
    _thread: number,
    _seq: number,
    _object: number,
    _place: number,
    of: number,
    tag: number,
    _entry: number,
    about: number,
  ): boolean {
    if (lists[of] === 0 || !isEntry(tag, about)) return false;
    exercised[touched] += 2;
    return true;
  }

  function prepareOrWake(kind: 'wait-prepare' | 'wait-finish' | 'wake-all'): Handler {
    const rules = tables.atEvery(kind);
    return (thread, _seq, object, place, of) => {
      if (queues[of] === 0 || (rules !== null && !core.allowed(rules[of], thread, object))) return false;
      exercised[touched]++;
      if (kind === 'wait-prepare') {
        exercised[condition]++;
        threads.flags[thread].length = 0;
        threads.prepared[thread] = place;
      } else if (kind === 'wait-finish') threads.prepared[thread] = 0;
      else for (const other of threads.numbers.values()) if (threads.prepared[other] === place) threads.prepared[other] = 0;
      return true;
    };
  }
  const sleepRules = tables.atEvery('wait-sleep');
  function sleep(thread: number, seq: number, object: number, _place: number, of: number, tag: number, other: number): boolean {
    if (queues[of] === 0 || tag !== tags.word || !slept.has(other)) return false;
    if (threads.atomic[thread] !== 0 || (taking.any && !taking.maySleep(thread))) return false;
    const flags = threads.flags[thread];
    let pairs = 0;
    for (const flag of flags) {
      const some = waits.pairsOf(thread, flag);
      if (some < 0) return false;
      pairs += some;
    }
    if (sleepRules !== null && !core.allowed(sleepRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[sleeps]++;
    threads.prepared[thread] = 0;
    if (flags.length === 0) return true;
    // Who sleeps until a flag is free waits for it.
    for (const order of new Set(flags.flatMap(flag => waits.orders[flag]))) exercised[order]++;
    exercised[cycle] += pairs;
    for (const flag of flags) waits.noteTaken(thread, flag, seq);
    return true;
  }

  function complete(thread: number, _seq: number, object: number, place: number, of: number): boolean {
    if (completions[of] === 0 || (completeRules !== null && !core.allowed(completeRules[of], thread, object))) return false;
    exercised[touched]++;
    memory.i[place + done] = 1;
    core.changed(of, object);
    return true;
  }
  function waitDone(thread: number, _seq: number, object: number, _place: number, of: number, tag: number, other: number): boolean {
    if (completions[of] === 0 || tag !== tags.word || !waited.has(other)) return false;
    if (threads.atomic[thread] !== 0 || threads.prepared[thread] !== 0 || (taking.any && !taking.maySleep(thread))) return false;
    if (doneRules !== null && !core.allowed(doneRules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[sleeps]++;
    return true;
  }

  return {
    link,
    unlink,
    callback,
    'wait-prepare': prepareOrWake('wait-prepare'),
    'wait-finish': prepareOrWake('wait-finish'),
    'wake-all': prepareOrWake('wake-all'),
    'wait-sleep': sleep,
    complete,
    'wait-done': waitDone,
  };
}

// Entries of a queue are a list in both directions.
function takeOff({ i }: Memory, entry: number): void {
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
