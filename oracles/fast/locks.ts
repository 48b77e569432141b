/** Locks, in the fast engine: what `judge-locks.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import { reads } from './conditions.ts';
import type { Core, Handler } from './engine.ts';
import { owner, sections, waiters } from './layout.ts';
import { deepest } from './memory.ts';
import { type Class, readModes } from './tables.ts';
import type { Taking } from './taking.ts';
import { hardirq, letGo, modes, waitsFor } from './threads.ts';
import type { Waits } from './waits.ts';

export const isDomain = ({ kind }: Class): boolean => kind === 'srcu' || kind === 'rcu';
const isShared = ({ kind }: Class): boolean => kind === 'rwlock' || kind === 'rwsem' || kind === 'notifier-chain';
const isLock = (one: Class): boolean => one.kind === 'mutex' || one.kind === 'spinlock' || one.kind === 'wait-queue' || isShared(one);
/** Who holds it must not sleep. */
export const isAtomic = ({ kind }: Class): boolean => kind === 'spinlock' || kind === 'wait-queue' || kind === 'rwlock';
const maySleep = ({ kind }: Class): boolean => kind === 'mutex' || kind === 'rwsem' || kind === 'notifier-chain';

export interface LockHandlers {
  readonly want: Handler;
  readonly got: Handler;
  readonly tried: Handler;
  readonly released: Handler;
  readonly 'assert-held': Handler;
}

export function createLockHandlers(core: Core, waits: Waits, taking: Taking): LockHandlers {
  const { tables, memory, threads, exercised, inIrq, irqsOn } = core;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const takenTwice = counter('neverTakenTwice');
  const cycle = counter('noLockCycle');
  const waitEnds = counter('everyWaitEnds');
  const sleeps = counter('neverSleepsInAtomic');
  const byHolder = counter('releasedByHolder');
  const asserted = counter('heldWhereAsserted');
  const irqSafe = counter('irqLocksKeepIrqsOff');
  const { nodes } = tables;
  // Of each class.
  const locks = tables.where(isLock);
  const shared = tables.where(isShared);
  const atomic = tables.where(isAtomic);
  const sleeping = tables.where(maySleep);
  const keepsIrqsOff = tables.where(({ kind }) => kind === 'wait-queue');
  const asserts = tables.where(one => isLock(one) || isDomain(one) || one.kind === 'flag');
  const { orders, isNested } = waits;
  const wantRules = tables.atEvery('want');
  const wantToReadRules = tables.atEvery('want', true);
  const triedRules = tables.atEvery('tried');
  const releasedRules = tables.atEvery('released');
  const releasedToReadRules = tables.atEvery('released', true);
  const readWord = tables.words.get(readModes.read) ?? -1;
  const recursiveWord = tables.words.get(readModes.recursive) ?? -1;

  /** -1: it is none. */
  function modeOf(of: number, tag: number, other: number): number {
    if (tag === tags.absent) return modes.alone;
    if (tag !== tags.word || shared[of] === 0) return -1;
    return other === readWord ? modes.read : other === recursiveWord ? modes.recursive : -1;
  }

  function want(thread: number, seq: number, object: number, place: number, of: number, tag: number, other: number): boolean {
    if (locks[of] === 0 || threads.waits[thread] !== 0) return false;
    const { i } = memory;
    const has = i[place + owner];
    let mode: number = modes.alone;
    if (has !== 0 && waits.isStuck(has, thread)) return false;
    if (shared[of] !== 0) {
      mode = modeOf(of, tag, other);
      if (mode < 0) return false;
      if (i[place + sections] !== 0) {
        if (mode !== modes.recursive && reads(memory, thread, place) > 0) return false;
        if (waits.readersWait(thread, place)) return false;
      }
    } else if (tag !== tags.absent) return false;
    const mayWait = sleeping[of] !== 0;
    if (mayWait && (threads.atomic[thread] !== 0 || threads.prepared[thread] !== 0)) return false;
    const pairs = waits.pairsOf(thread, of);
    if (pairs < 0) return false;
    if (taking.any && !taking.may(thread, of, true, mayWait)) return false;
    const rules = mode === modes.alone ? wantRules : wantToReadRules;
    if (rules !== null && !core.allowed(rules[of], thread, object)) return false;
    if (taking.any) taking.count(thread, of, true);
    exercised[touched]++;
    if (mayWait) exercised[sleeps]++;
    const ordered = orders[of];
    for (let at = 0; at < ordered.length; at++) exercised[ordered[at]]++;
    exercised[takenTwice]++;
    if (pairs > 0) exercised[cycle] += pairs;
    exercised[waitEnds]++;
    if (threads.releases[thread].length > 0) waits.noteTaken(thread, of, seq);
    waits.begin(thread, waitsFor.lock, place, object, of, seq);
    if (mode !== modes.alone) threads.waitMode[thread] = mode;
    i[place + waiters]++;
    return true;
  }
  function canTake(thread: number, place: number, mode: number): boolean {
    const { i } = memory;
    return i[place + owner] === 0 && (mode !== modes.alone || i[place + sections] === 0) && memory.depth[thread] < deepest;
  }
  function areIrqsOff(thread: number): boolean {
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) if (memory.heldIrqsOff[at] !== 0) return true;
    return false;
  }
  /** How a spinning lock is taken now: 1 if that is nothing new to the reference, 0 if it has nothing to do with interrupts, -1 if it is new. */
  function irqUse(thread: number, of: number, irq: boolean): number {
    const isIrq = threads.context[thread] === hardirq;
    if (!isIrq && (irq || areIrqsOff(thread))) return 0;
    const { known, ask } = isIrq ? inIrq : irqsOn;
    return known[of * nodes] !== 0 || ask(of, 0) ? 1 : -1;
  }
  function take(of: number, thread: number, seq: number, object: number, place: number, mode: number, irq: boolean): void {
    if (mode === modes.alone) {
      memory.i[place + owner] = thread;
      memory.d[place + owner] = seq;
    } else memory.i[place + sections]++;
    waits.hold(thread, object, place, of, seq);
    if (irq || keepsIrqsOff[of] !== 0) memory.heldIrqsOff[thread * deepest + memory.depth[thread] - 1] = 1;
    if (atomic[of] !== 0) threads.atomic[thread]++;
    core.changed(of, object);
  }

  function got(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    other: number,
    _about: number,
    irq: boolean,
  ): boolean {
    const mode = modeOf(of, tag, other);
    if (locks[of] === 0 || mode < 0 || !canTake(thread, place, mode)) return false;
    const use = atomic[of] === 0 ? 0 : irqUse(thread, of, irq);
    if (use < 0) return false;
    if (threads.waits[thread] !== 0) {
      if (threads.waitPlace[thread] !== place || threads.waits[thread] !== waitsFor.lock) return false;
      waits.end(thread);
      memory.i[place + waiters]--;
    }
    exercised[touched]++;
    exercised[irqSafe] += use;
    take(of, thread, seq, object, place, mode, irq);
    return true;
  }
  function tried(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    other: number,
    _about: number,
    success: boolean,
  ): boolean {
    const mode = modeOf(of, tag, other);
    if (locks[of] === 0 || mode < 0 || threads.waits[thread] !== 0 || (success && !canTake(thread, place, mode))) return false;
    // That a try turns interrupts off is left to the reference.
    const use = !success || atomic[of] === 0 ? 0 : irqUse(thread, of, false);
    if (use < 0 || (taking.any && !taking.may(thread, of, true, false))) return false;
    if (triedRules !== null && !core.allowed(triedRules[of], thread, object)) return false;
    if (taking.any) taking.count(thread, of, true);
    exercised[touched]++;
    exercised[irqSafe] += use;
    if (success) take(of, thread, seq, object, place, mode, false);
    return true;
  }
  function released(thread: number, _seq: number, object: number, place: number, of: number, tag: number, other: number): boolean {
    const mode = modeOf(of, tag, other);
    if (locks[of] === 0 || mode < 0) return false;
    if (mode === modes.alone ? memory.i[place + owner] !== thread : reads(memory, thread, place) === 0) return false;
    if (isNested[of] !== 0 && !waits.leavesNested(thread, of)) return false;
    const rules = mode === modes.alone ? releasedRules : releasedToReadRules;
    if (rules !== null && !core.allowed(rules[of], thread, object)) return false;
    exercised[touched]++;
    exercised[byHolder]++;
    letGo(memory, thread, place);
    if (atomic[of] !== 0) threads.atomic[thread]--;
    if (mode === modes.alone) memory.i[place + owner] = 0;
    else memory.i[place + sections]--;
    core.changed(of, object);
    return true;
  }
  function assertHeld(thread: number, _seq: number, _object: number, place: number, of: number): boolean {
    if (asserts[of] === 0 || (memory.i[place + owner] !== thread && reads(memory, thread, place) === 0)) return false;
    exercised[asserted]++;
    return true;
  }
  return { want, got, tried, released, 'assert-held': assertHeld };
}
