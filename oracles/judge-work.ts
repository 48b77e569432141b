/** Work items, their runs, and those who wait for them. */
import type { Judge } from './judge.ts';
import { judgeWait } from './judge-locks.ts';
import type { Work } from './thing.ts';
import { itemsOn, letGo, runClass, runOf, type Thread, type Wait } from './thread.ts';
import { TraceError } from './trace-error.ts';

export function queue(judge: Judge, name: string, on: string | null, queued: boolean): void {
  const work = judge.find(judge.world.works, name);
  if (work === null || (on !== null && judge.find(judge.world.workQueues, on) === null)) return;
  judge.atEvery('queue', work.class, work.of);
  if (!queued) return;
  work.pending = true;
  work.queuedAt = judge.seq;
  work.on = on;
  judge.changed(work.class, work.of);
}

export function runBegin(judge: Judge, name: string): void {
  const work = judge.find(judge.world.works, name);
  if (work === null) return;
  work.pending = false;
  work.running = judge.thread;
  judge.thread.held.push({ of: work, class: runClass(work.class), since: judge.seq, irqsOff: false });
  judge.changed(work.class, work.of);
}

/** Does not touch the object: the run may have freed it. */
export function runEnd(judge: Judge, name: string): void {
  judge.releases.abandon(judge.thread);
  const work = letGo(judge.thread, name, 'run')?.of;
  if (work?.kind !== 'work') return;
  work.running = null;
  countOff(work);
  judge.changed(work.class, work.of);
}

function countOff(work: Work): void {
  for (const wait of work.waiters) {
    if (wait.kind !== 'flush') continue;
    const left = (wait.runs.get(work) ?? 0) - 1;
    wait.during.delete(work);
    if (left > 0) {
      wait.runs.set(work, left);
    } else {
      wait.runs.delete(work);
      work.waiters.delete(wait);
    }
  }
}

/** `removed` is null for a flush; for a cancel, whether a pending run was removed. */
export function flushBegin(judge: Judge, kind: 'flush-begin' | 'cancel-begin', name: string, removed: boolean | null): void {
  const work = judge.find(judge.world.works, name);
  if (work === null) return;
  const { thread } = judge;
  judge.mustNotSleep(`waits for the run of ${name}`);
  judge.ordered([runClass(work.class)]);
  judge.atEvery(kind, work.class, work.of);
  if (flushesItself(judge, runOf(thread) === work ? work : null)) return;
  if (removed === true) {
    work.pending = false;
    // Whoever waited for the run that was pending need not any more.
    for (const wait of work.waiters) {
      if (wait.kind !== 'flush') continue;
      if (work.running === null) wait.runs.delete(work);
      else wait.runs.set(work, Math.min(1, wait.runs.get(work) ?? 0));
    }
    judge.changed(work.class, work.of);
  }
  judge.waitsFor([runClass(work.class)]);
  waitForRuns(judge, thread, name, [work]);
}

/** Work items whose last queueing named this work queue. */
export function flushQueueBegin(judge: Judge, name: string): void {
  const on = judge.find(judge.world.workQueues, name);
  if (on === null) return;
  const { thread, world } = judge;
  const runs = (judge.definition.queues[on.class] ?? []).map(runClass);
  judge.mustNotSleep(`waits for every item on ${name}`);
  judge.ordered(runs);
  judge.atEvery('flush-queue-begin', on.class, on.of);
  const own = runOf(thread);
  if (flushesItself(judge, own?.on === name ? own : null)) return;
  judge.waitsFor(runs);
  waitForRuns(
    judge,
    thread,
    `${itemsOn}${name}`,
    [...world.works.values()].filter(work => work.on === name),
  );
}

function flushesItself(judge: Judge, own: Work | null): boolean {
  const rule = judge.always.neverFlushesItself;
  rule.exercised++;
  if (own === null) return false;
  const began = judge.thread.held.find(holding => holding.of === own)?.since ?? null;
  return judge.breakOff(rule, `${judge.thread.name} waits for the run of ${own.name}, which is its own.`, {
    objects: { object: own.of.name },
    earlier: began,
  });
}

function waitForRuns(judge: Judge, thread: Thread, on: string, works: readonly Work[]): void {
  const runs = new Map<Work, number>();
  const during = new Map<Work, Thread>();
  const wait: Wait = { kind: 'flush', on, runs, during, thread, since: judge.seq };
  for (const work of works) {
    const noted = (work.pending ? 1 : 0) + (work.running === null ? 0 : 1);
    if (noted === 0) continue;
    runs.set(work, noted);
    if (work.running !== null) during.set(work, work.running);
    work.waiters.add(wait);
  }
  thread.waits = wait;
  judgeWait(judge, thread);
}

/** Of a flush, a cancel or a flush of a queue. Does not touch the object. */
export function flushEnd(judge: Judge): void {
  const wait = judge.thread.waits;
  judge.thread.waits = null;
  if (wait?.kind !== 'flush') return;
  for (const work of wait.runs.keys()) work.waiters.delete(wait);
  for (const [work, runner] of wait.during) {
    if (judge.always.neverFlushesItself.judged !== 'fully') continue;
    throw new TraceError(
      0,
      'work',
      `The wait for the run of ${work.name} ended although ${runner.name}, which ran it at event ${wait.since}, has not finished. Either it does not wait, or run-end is logged too late.`,
    );
  }
}
