/** Wait queues: entries, their callbacks, and threads that sleep there. The queue's lock is judged as every lock. */
import type { EventKind } from './event.ts';
import type { Judge } from './judge.ts';

export function link(judge: Judge, queueName: string, entryName: string, linked: boolean): void {
  const queue = judge.find(judge.world.waitQueues, queueName);
  const entry = queue && judge.find(judge.world.entries, entryName);
  if (queue === null || entry === null) return;
  judge.atEvery('link', queue.class, queue.of);
  if (!linked) return;
  entry.queue?.entries.delete(entry);
  entry.queue = queue;
  entry.linkedAt = judge.seq;
  queue.entries.add(entry);
  judge.changed(entry.class, entry.of);
}

export function unlink(judge: Judge, queueName: string, entryName: string): void {
  const queue = judge.find(judge.world.waitQueues, queueName);
  const entry = queue && judge.find(judge.world.entries, entryName);
  if (queue === null || entry === null) return;
  judge.atEvery('unlink', queue.class, queue.of);
  entry.queue?.entries.delete(entry);
  entry.queue = null;
  judge.changed(entry.class, entry.of);
}

export function callback(judge: Judge, queueName: string, entryName: string): void {
  if (judge.find(judge.world.waitQueues, queueName) !== null) judge.find(judge.world.entries, entryName);
}

export function sleepOrWake(judge: Judge, kind: EventKind, name: string): void {
  const queue = judge.find(judge.world.waitQueues, name);
  if (queue === null) return;
  const { flags } = judge.thread;
  if (kind === 'wait-prepare') {
    flags.length = 0;
    judge.thread.prepared = name;
    judge.always.conditionNeverSleeps.exercised++;
  } else if (kind === 'wake-all') {
    for (const thread of judge.world.threads.values()) if (thread.prepared === name) thread.prepared = null;
  } else if (kind === 'wait-finish') judge.thread.prepared = null;
  if (kind === 'wait-sleep') {
    judge.thread.prepared = null;
    judge.mustNotSleep(`sleeps on ${name}`);
    if (flags.length > 0) {
      judge.ordered(flags);
      judge.waitsFor(flags);
    }
  }
  judge.atEvery(kind, queue.class, queue.of);
}

export function complete(judge: Judge, name: string): void {
  const completion = judge.find(judge.world.completions, name);
  if (completion === null) return;
  judge.atEvery('complete', completion.class, completion.of);
  completion.done = true;
  judge.changed(completion.class, completion.of);
}

export function waitDone(judge: Judge, name: string): void {
  const completion = judge.find(judge.world.completions, name);
  if (completion === null) return;
  judge.mustNotSleep(`waits for ${name}`);
  judge.atEvery('wait-done', completion.class, completion.of);
}
