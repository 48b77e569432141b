/** Locks and read sections, in the fast engine. What is done here is what `judge-locks.ts` does where nothing is wrong. */
import { reads } from './conditions.ts';
import type { Core, Handler, Handlers } from './engine.ts';
import { owner, sections, waiters } from './layout.ts';
import { deepest } from './memory.ts';
import type { Class } from './tables.ts';
import { letGo, waitsFor } from './threads.ts';

const isLock = ({ kind }: Class): boolean => kind === 'mutex' || kind === 'spinlock' || kind === 'wait-queue';
const isDomain = ({ kind }: Class): boolean => kind === 'srcu' || kind === 'rcu';

export function createLockHandlers(core: Core): Handlers {
  const { tables, memory, threads, exercised, knownEdges } = core;
  const { nodes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const takenTwice = counter('neverTakenTwice');
  const cycle = counter('noLockCycle');
  const waitEnds = counter('everyWaitEnds');
  const sleeps = counter('neverSleepsInAtomic');
  const byHolder = counter('releasedByHolder');
  const asserted = counter('heldWhereAsserted');
  const taking = createTaking(core);

  /** -1: something is wrong with waiting for this now; else how many pairs of the lock graph it makes, all of which are known. */
  function pairsOf(thread: number, node: number): number {
    const { forbidden } = tables.waiting[node];
    const from = thread * deepest;
    const to = from + memory.depth[thread];
    let pairs = 0;
    for (let at = from; at < to; at++) {
      const outer = memory.heldNode[at];
      if (forbidden[outer] !== 0) return -1;
      if (outer === node) continue;
      if (knownEdges[outer * nodes + node] === 0) return -1;
      pairs++;
    }
    return pairs;
  }
  /** Somebody on the way from the owner waits for something that the walk does not follow, or for the thread. */
  function isStuck(first: number, thread: number): boolean {
    let at = first;
    for (let steps = 0; at !== 0; steps++) {
      if (at === thread || steps > 64) return true;
      if (threads.waits[at] === waitsFor.nothing) return false;
      if (threads.waits[at] !== waitsFor.lock) return true;
      at = memory.i[threads.waitPlace[at] + owner];
    }
    return false;
  }
  function beginWait(thread: number, kind: number, place: number, object: number, node: number, seq: number): void {
    threads.waits[thread] = kind;
    threads.waitPlace[thread] = place;
    threads.waitObject[thread] = object;
    threads.waitNode[thread] = node;
    threads.waitSince[thread] = seq;
  }
  function noteTaken(thread: number, node: number, seq: number): void {
    for (const { took } of threads.releases[thread]) if (!took.has(node)) took.set(node, seq);
  }
  function hold(thread: number, object: number, place: number, node: number, seq: number): void {
    const at = thread * deepest + memory.depth[thread]++;
    memory.heldPlace[at] = place;
    memory.heldObject[at] = object;
    memory.heldNode[at] = node;
    memory.heldSince[at] = seq;
  }
  function leavesNested(thread: number, node: number): boolean {
    const { nested } = tables.waiting[node];
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) if (nested[memory.heldNode[at]] !== 0) return false;
    return true;
  }

  function want(of: Class): Handler | null {
    if (!isLock(of)) return null;
    const { number } = of;
    const orders = tables.waiting[number].orders.map(core.counter);
    const rules = tables.atEvery('want', of.name);
    const maySleep = of.kind === 'mutex';
    return (thread, seq, object, place) => {
      const { i } = memory;
      const has = i[place + owner];
      if (threads.waits[thread] !== 0 || (has !== 0 && isStuck(has, thread))) return false;
      if (maySleep && (threads.atomic[thread] !== 0 || threads.prepared[thread] !== 0)) return false;
      const pairs = memory.depth[thread] === 0 ? 0 : pairsOf(thread, number);
      if (pairs < 0 || (taking.any && !taking.may(thread, number, true, maySleep))) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      if (taking.any) taking.count(thread, number, true);
      exercised[touched]++;
      if (maySleep) exercised[sleeps]++;
      for (let at = 0; at < orders.length; at++) exercised[orders[at]]++;
      exercised[takenTwice]++;
      exercised[cycle] += pairs;
      exercised[waitEnds]++;
      if (threads.releases[thread].length > 0) noteTaken(thread, number, seq);
      beginWait(thread, waitsFor.lock, place, object, number, seq);
      i[place + waiters]++;
      return true;
    };
  }
  function take(of: Class, thread: number, seq: number, object: number, place: number): void {
    memory.i[place + owner] = thread;
    memory.d[place + owner] = seq;
    hold(thread, object, place, of.number, seq);
    if (of.kind !== 'mutex') threads.atomic[thread]++;
    core.changed(of, object);
  }
  const canTake = (thread: number, place: number): boolean => memory.i[place + owner] === 0 && memory.depth[thread] < deepest;

  function got(of: Class): Handler | null {
    if (!isLock(of)) return null;
    return (thread, seq, object, place) => {
      if (!canTake(thread, place)) return false;
      if (threads.waits[thread] !== 0) {
        if (threads.waitPlace[thread] !== place || threads.waits[thread] !== waitsFor.lock) return false;
        threads.waits[thread] = 0;
        memory.i[place + waiters]--;
      }
      exercised[touched]++;
      take(of, thread, seq, object, place);
      return true;
    };
  }
  function tried(of: Class): Handler | null {
    if (!isLock(of)) return null;
    const rules = tables.atEvery('tried', of.name);
    return (thread, seq, object, place, _tag, _other, _about, success) => {
      if (success && !canTake(thread, place)) return false;
      if (taking.any && !taking.may(thread, of.number, true, false)) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      if (taking.any) taking.count(thread, of.number, true);
      exercised[touched]++;
      if (success) take(of, thread, seq, object, place);
      return true;
    };
  }
  function released(of: Class): Handler | null {
    if (!isLock(of)) return null;
    const rules = tables.atEvery('released', of.name);
    const nested = tables.waiting[of.number].nested.some(one => one !== 0);
    const atomic = of.kind !== 'mutex';
    return (thread, _seq, object, place) => {
      if (memory.i[place + owner] !== thread || (nested && !leavesNested(thread, of.number))) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched]++;
      exercised[byHolder]++;
      letGo(memory, thread, place);
      if (atomic) threads.atomic[thread]--;
      memory.i[place + owner] = 0;
      core.changed(of, object);
      return true;
    };
  }
  function assertHeld(of: Class): Handler | null {
    if (!isLock(of) && !isDomain(of)) return null;
    return (thread, _seq, _object, place) => {
      if (memory.i[place + owner] !== thread && reads(memory, thread, place) === 0) return false;
      exercised[asserted]++;
      return true;
    };
  }

  function enter(of: Class): Handler | null {
    if (!isDomain(of)) return null;
    const rules = tables.atEvery('enter', of.name);
    const atomic = of.kind === 'rcu';
    return (thread, seq, object, place) => {
      if (memory.depth[thread] >= deepest || (taking.any && !taking.may(thread, of.number, false, false))) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      if (taking.any) taking.count(thread, of.number, false);
      exercised[touched]++;
      memory.i[place + sections]++;
      hold(thread, object, place, of.number, seq);
      if (atomic) threads.atomic[thread]++;
      core.changed(of, object);
      return true;
    };
  }
  function exit(of: Class): Handler | null {
    if (!isDomain(of)) return null;
    const rules = tables.atEvery('exit', of.name);
    const nested = tables.waiting[of.number].nested.some(one => one !== 0);
    const atomic = of.kind === 'rcu';
    return (thread, _seq, object, place) => {
      const open = reads(memory, thread, place);
      if (open === 0 || (nested && !leavesNested(thread, of.number))) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched]++;
      exercised[byHolder]++;
      letGo(memory, thread, place);
      if (atomic) threads.atomic[thread]--;
      memory.i[place + sections]--;
      if (memory.i[place + waiters] > 0) left(thread, place, open - 1);
      core.changed(of, object);
      return true;
    };
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
  function graceBegin(of: Class): Handler | null {
    if (!isDomain(of)) return null;
    const orders = tables.waiting[of.number].orders.map(core.counter);
    const rules = tables.atEvery('grace-begin', of.name);
    return (thread, seq, object, place) => {
      if (threads.waits[thread] !== 0 || threads.atomic[thread] !== 0 || threads.prepared[thread] !== 0) return false;
      if (reads(memory, thread, place) > 0) return false;
      const pairs = pairsOf(thread, of.number);
      if (pairs < 0 || (taking.any && !taking.maySleep(thread))) return false;
      const readers = new Map<number, number>();
      if (memory.i[place + sections] > 0) {
        for (const reader of threads.numbers.values()) {
          const open = reads(memory, reader, place);
          if (open > 0) readers.set(reader, open);
          if (open > 0 && threads.waits[reader] !== 0) return false;
        }
      }
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched]++;
      exercised[sleeps]++;
      for (const order of orders) exercised[order]++;
      exercised[cycle] += pairs;
      exercised[waitEnds]++;
      noteTaken(thread, of.number, seq);
      beginWait(thread, waitsFor.readers, place, object, of.number, seq);
      threads.waited[thread] = { readers, runs: new Map(), objects: new Map(), during: new Map() };
      memory.i[place + waiters]++;
      return true;
    };
  }
  function graceEnd(of: Class): Handler | null {
    if (!isDomain(of)) return null;
    return (thread, _seq, _object, place) => {
      if (threads.waits[thread] !== waitsFor.readers || threads.waitPlace[thread] !== place) return false;
      if ((threads.waited[thread]?.readers.size ?? 0) > 0) return false;
      exercised[touched]++;
      threads.waits[thread] = 0;
      threads.waited[thread] = null;
      memory.i[place + waiters]--;
      return true;
    };
  }

  return {
    want,
    got,
    tried,
    released,
    'assert-held': assertHeld,
    enter,
    exit,
    'grace-begin': graceBegin,
    'grace-end': graceEnd,
  };
}

/** Rules about what is taken while something else goes on. */
export function createTaking({ tables, memory, threads, exercised, counter }: Core) {
  const { innermost, takesOnly } = tables;
  const innermostCounters = innermost.map(({ state }) => counter(state));
  const takesCounters = takesOnly.map(({ state }) => counter(state));
  const holdsNode = (thread: number, node: number): boolean => {
    const from = thread * deepest;
    for (let at = from + memory.depth[thread] - 1; at >= from; at--) if (memory.heldNode[at] === node) return true;
    return false;
  };
  const holdsInnermost = (thread: number): boolean => innermost.some(({ node }) => holdsNode(thread, node));
  return {
    any: innermost.length > 0 || takesOnly.length > 0,
    maySleep: (thread: number): boolean => !holdsInnermost(thread),
    may(thread: number, node: number, isLock: boolean, sleeps: boolean): boolean {
      if ((isLock || sleeps) && holdsInnermost(thread)) return false;
      for (const { calls, allowed } of takesOnly)
        if (allowed[node] === 0 && threads.calls[thread].some(({ name }) => calls.has(name))) return false;
      return true;
    },
    count(thread: number, node: number, isLock: boolean): void {
      if (isLock) for (const [at, one] of innermost.entries()) if (one.node === node) exercised[innermostCounters[at]]++;
      for (const [at, { calls }] of takesOnly.entries())
        if (threads.calls[thread].some(({ name }) => calls.has(name))) exercised[takesCounters[at]]++;
    },
  };
}
