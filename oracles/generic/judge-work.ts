/** Work items and wait entries. */
import { type GenericJudge, step, taken } from './judge.ts';
import { balanced } from './judge-calls.ts';
import { judgeWait, mustNotSleep, waitsFor } from './judge-locks.ts';
import { classOf, type Entry, type Holding, objectOf, type Thread, type Work } from './state.ts';

function workOf(judge: GenericJudge, name: string): Work {
  const { works } = judge.state.object(objectOf(name));
  const known = works.get(name);
  if (known !== undefined) return known;
  const work: Work = { pending: null, running: null, on: null };
  works.set(name, work);
  return work;
}

export function queue(judge: GenericJudge, name: string, on: string | null, queued: boolean): void {
  if (!judge.touch(name)) return;
  const work = workOf(judge, name);
  if (on !== null) {
    work.on = on;
    const classes = judge.queued.get(on) ?? new Set<string>();
    judge.queued.set(on, classes.add(classOf(name)));
  }
  if (queued) work.pending = judge.now;
}

/** The run as a node of the lock graph: who flushes waits for it. */
const runOf = (name: string): string => `the run of ${classOf(name)}`;

export function runBegin(judge: GenericJudge, name: string): void {
  const { thread } = judge;
  if (thread.context === 'task' && thread.held.length === 0) thread.context = 'worker';
  if (!judge.touch(name)) return;
  const work = workOf(judge, name);
  work.pending = null;
  if (!judge.seesAll('run-end')) return;
  work.running = thread;
  thread.graces.length = 0;
  thread.held.push({
    kind: 'run',
    name: `the run of ${name}`,
    class: runOf(name),
    place: null,
    mode: 'alone',
    irq: false,
    at: judge.now,
    used: new Map(),
  });
}

/** The item may be freed by now: a work function may free what it is part of. */
export function runEnd(judge: GenericJudge, name: string): void {
  const { thread, state } = judge;
  const work = state.objects.get(objectOf(name))?.works.get(name);
  if (work?.running === thread) work.running = null;
  const at = thread.held.findLastIndex(one => one.kind === 'run' && one.name === `the run of ${name}`);
  const run = thread.held[at];
  if (run === undefined) return;
  balanced(
    judge,
    `the run of ${name}`,
    thread.held.slice(0, at).map(one => one.name),
    run,
  );
  thread.held.splice(at);
  thread.releases.length = 0;
  thread.graces.length = 0;
}

export function flushBegin(judge: GenericJudge, name: string, cancelled: boolean): void {
  const { thread } = judge;
  if (!judge.touch(name)) return;
  mustNotSleep(judge, `waits for ${name}`);
  const work = workOf(judge, name);
  if (cancelled) work.pending = null;
  judge.exercised('neverFlushesItself');
  const own = thread.held.find(one => one.kind === 'run' && one.name === `the run of ${name}`);
  if (own !== undefined) {
    judge.report('neverFlushesItself', `${thread.name} waits for ${name} from inside its run.`, {
      objects: { object: objectOf(name) },
      earlier: own.at,
      story: [taken(own)],
    });
    return;
  }
  waitsFor(judge, runOf(name), name, 'alone');
  judgeWait(judge, { kind: 'run', name, mode: 'alone', at: judge.now, blockers: runners(work.running, name) });
}

function runners(thread: Thread | null, name: string): ReadonlyMap<Thread, Holding> {
  const run = thread?.held.find(one => one.kind === 'run' && one.name === `the run of ${name}`);
  return thread === null || run === undefined ? new Map() : new Map([[thread, run]]);
}

export function flushQueueBegin(judge: GenericJudge, on: string): void {
  const { thread } = judge;
  if (!judge.touch(on)) return;
  mustNotSleep(judge, `waits for everything on ${on}`);
  judge.exercised('neverFlushesItself');
  const classes = [...(judge.queued.get(on) ?? [])];
  const own = thread.held.find(one => one.kind === 'run' && classes.some(name => one.class === `the run of ${name}`));
  if (own !== undefined) {
    judge.report('neverFlushesItself', `${thread.name} waits for everything on ${on} from inside ${own.name}, which runs there.`, {
      earlier: own.at,
      story: [taken(own)],
    });
    return;
  }
  for (const name of classes) waitsFor(judge, `the run of ${name}`, on, 'alone');
  const blockers = new Map<Thread, Holding>();
  for (const other of judge.state.threads.values())
    for (const one of other.held)
      if (one.kind === 'run' && classes.some(name => one.class === `the run of ${name}`)) blockers.set(other, one);
  judgeWait(judge, { kind: 'run', name: on, mode: 'alone', at: judge.now, blockers });
}

export function link(judge: GenericJudge, queueName: string, name: string, linked: boolean): void {
  if (!judge.touch(queueName) || !judge.touch(name) || !linked) return;
  const entry: Entry = { queue: queueName, at: judge.now };
  judge.state.object(objectOf(name)).entries.set(name, entry);
}

export function unlink(judge: GenericJudge, queueName: string, name: string): void {
  if (!judge.touch(queueName) || !judge.touch(name)) return;
  const { entries } = judge.state.object(objectOf(name));
  entries.set(name, { queue: null, at: judge.now });
}

export function callback(judge: GenericJudge, queueName: string, name: string): void {
  const { thread } = judge;
  if (!judge.touch(queueName) || !judge.touch(name)) return;
  judge.exercised('callbackWhileLinked');
  const entry = judge.state.object(objectOf(name)).entries.get(name);
  const objects = { object: objectOf(name), queue: objectOf(queueName) };
  if (entry !== undefined && entry.queue !== queueName && judge.sees('link') && judge.sees('unlink')) {
    const off = entry.queue === null ? `was taken off at event ${entry.at.event}` : `is on ${entry.queue}`;
    judge.report('callbackWhileLinked', `${thread.name} runs the callback of ${name} for ${queueName}, but it ${off}.`, {
      objects,
      earlier: entry.at,
      story: [
        step(
          entry.at,
          `${entry.queue === null ? 'takes' : 'puts'} ${name} ${entry.queue === null ? 'off its queue' : `on ${entry.queue}`}`,
        ),
      ],
    });
    return;
  }
  if (!judge.seesAll('got') || !judge.seesAll('released') || thread.held.some(one => one.kind === 'lock' && one.name === queueName)) return;
  judge.report('callbackWhileLinked', `${thread.name} runs the callback of ${name} without ${queueName}.`, { objects });
}
