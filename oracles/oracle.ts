/**
 * All monitors of one system. Events go in one by one, each with what it breaks coming out; it keeps no more than what lives now.
 */
import { noteHandles, quiesce } from './at-rest.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event, EventKind } from './event.ts';
import { createJudge, type Judge, type RuleState } from './judge.ts';
import * as calls from './judge-calls.ts';
import * as counters from './judge-counters.ts';
import * as fields from './judge-fields.ts';
import * as lifetime from './judge-lifetime.ts';
import * as locks from './judge-locks.ts';
import * as waitQueues from './judge-wait-queues.ts';
import * as work from './judge-work.ts';
import { type Identity, identity, type Thing } from './thing.ts';
import { newThread, type Thread } from './thread.ts';
import { type Finding, mostFindings, type Report, verdictOf } from './verdict.ts';
import type { World } from './world.ts';

export interface Oracle {
  /** What this event breaks. Throws a TraceError if it cannot have happened; the oracle is of no use after that. */
  readonly event: (event: Event) => readonly Finding[];
  readonly end: () => Report;
  /** As it is after the last event. */
  readonly world: World;
  /** For the fast engine, which takes turns with it and judges the events that break nothing. */
  readonly inside: OracleInside;
}
export interface OracleInside {
  readonly judge: ReturnType<typeof createJudge>;
  /** The first thread has begun. */
  readonly underWay: () => boolean;
  /** Judges what depends on states and not on the event, after a step that has taken effect. */
  readonly settle: (instant: boolean) => readonly Finding[];
}
export interface OracleOptions {
  /** Event kinds that the trace shows; absent: all of them. */
  readonly observes?: readonly EventKind[] | undefined;
  /** Rules to leave out, by name. */
  readonly without?: readonly string[];
}

/** Thread whose events come before the first thread begins. */
const setup = 'setup';

export function createOracle(definition: OracleDefinition, { observes, without = [] }: OracleOptions = {}): Oracle {
  const judge = createJudge(definition, { observes: observes ?? null, without });
  const { world, stateRules } = judge;
  // A state is nobody's: in a rule about states no thread holds anything.
  const nobody = { thread: newThread(''), globals: world.globals };
  const listed: Finding[] = [];
  let events = 0;
  let unlisted = 0;
  let underWay = false;

  const thingOf = (object: Identity): Thing | null => world.live(object.name);
  const reportState = (rule: RuleState, objects: Readonly<Record<string, string>>): void =>
    judge.report(rule, `Not so after this event${sayObjects(objects)}.`, { objects, earlier: lastWriteOf(world, objects, judge.seq) });

  function judgeEvent(event: Event): readonly Finding[] {
    events++;
    const thread = world.thread(event.thread);
    judge.begin(event.seq, thread);
    if (!underWay && (event.thread === setup ? event.kind === 'thread-end' : startsThreads(event, thread))) {
      underWay = true;
      noteHandles(world);
    }
    step(judge, event);
    return settle(judge.hasChanged || event.kind === 'call');
  }
  function settle(instant: boolean): readonly Finding[] {
    // After a step that broke off there is no state to judge; what it changed is looked at with the next event.
    if (!judge.brokeOff) stateRules.judge(nobody, thingOf, reportState);
    if (instant) calls.nextInstant(judge);
    for (const finding of judge.found) {
      if (listed.length < mostFindings) listed.push(finding);
      else unlisted++;
    }
    return judge.found;
  }

  function end(): Report {
    const rules = [...judge.rules.values()].map(({ id, exercised, findings, judged, missing }) => ({
      rule: id,
      exercised,
      findings,
      judged,
      missing,
    }));
    return { system: definition.system, verdict: verdictOf(rules), events, findings: listed, unlisted, rules };
  }
  return { event: judgeEvent, end, world, inside: { judge, underWay: () => underWay, settle } };
}

/** Workers run before the first thread too, for what comes before it. */
const startsThreads = (event: Event, thread: Thread): boolean =>
  !(event.kind === 'thread-start' ? event.context === 'worker' : thread.context === 'worker');

function sayObjects(objects: Readonly<Record<string, string>>): string {
  const names = Object.entries(objects).map(([variable, name]) => `${variable} is ${name}`);
  return names.length === 0 ? '' : `, where ${names.join(' and ')}`;
}

/** Latest write to one of the objects before this event. */
function lastWriteOf(world: World, objects: Readonly<Record<string, string>>, before: number): number | null {
  let latest = 0;
  for (const name of Object.values(objects)) {
    for (const { writtenAt } of world.live(name)?.[identity].slots ?? []) if (writtenAt > latest && writtenAt < before) latest = writtenAt;
  }
  return latest > 0 ? latest : null;
}

function step(judge: Judge, event: Event): void {
  switch (event.kind) {
    case 'thread-start':
      judge.thread.context = event.context;
      if (event.process !== undefined) judge.thread.process = judge.object(event.process);
      return;
    case 'thread-end':
      return calls.threadEnd(judge);
    case 'fork':
    case 'join':
      return;
    case 'call':
      return calls.call(judge, event.call, event.arguments);
    case 'return':
      return calls.returned(judge, event.call, event.result);
    case 'alloc':
      return lifetime.alloc(judge, event.object, event.fields);
    case 'free':
      return lifetime.free(judge, event.object);
    case 'read':
      return fields.read(judge, event.field, event.value);
    case 'write':
      return fields.write(judge, event.field, event.value);
    case 'null-followed':
      judge.always.nullNeverFollowed.exercised++;
      judge.breakOff(judge.always.nullNeverFollowed, `${judge.thread.name} follows a null pointer to ${event.field}.`);
      return;
    case 'add':
    case 'remove':
      return fields.addOrRemove(judge, event.kind, event.set, event.member);
    case 'has':
      return fields.has(judge, event.set, event.member, event.found);
    case 'next':
      return fields.next(judge, event.set, event.member);
    case 'want':
      return locks.want(judge, event.lock, event.mode);
    case 'got':
      return locks.got(judge, event.lock, event.mode, event.irq);
    case 'released':
      return locks.released(judge, event.lock, event.mode);
    case 'tried':
      return locks.tried(judge, event.lock, event.got, event.mode, event.irq);
    case 'put-later':
      return counters.put(judge, event.counter, true);
    case 'assert-sole':
      return lifetime.assertSole(judge, event.object);
    case 'assert-held':
      return locks.assertHeld(judge, event.lock);
    case 'enter':
      return locks.enter(judge, event.domain);
    case 'exit':
      return locks.exit(judge, event.domain);
    case 'grace-begin':
      return locks.graceBegin(judge, event.domain);
    case 'grace-end':
      return locks.graceEnd(judge, event.domain);
    case 'get':
      return counters.get(judge, event.counter);
    case 'put':
      return counters.put(judge, event.counter);
    case 'get-unless-zero':
      return counters.getUnlessZero(judge, event.counter, event.got);
    case 'queue':
      return work.queue(judge, event.work, event.on, event.queued);
    case 'run-begin':
      return work.runBegin(judge, event.work);
    case 'run-end':
      return work.runEnd(judge, event.work);
    case 'flush-begin':
      return work.flushBegin(judge, event.kind, event.work, null);
    case 'cancel-begin':
      return work.flushBegin(judge, event.kind, event.work, event.removed);
    case 'flush-queue-begin':
      return work.flushQueueBegin(judge, event.on);
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return work.flushEnd(judge);
    case 'link':
      return waitQueues.link(judge, event.queue, event.entry, event.linked);
    case 'unlink':
      return waitQueues.unlink(judge, event.queue, event.entry);
    case 'callback':
      return waitQueues.callback(judge, event.queue, event.entry);
    case 'complete':
      return waitQueues.complete(judge, event.completion);
    case 'wait-done':
      return waitQueues.waitDone(judge, event.completion);
    case 'wait-prepare':
    case 'wait-sleep':
    case 'wait-finish':
    case 'wake-all':
      return waitQueues.sleepOrWake(judge, event.kind, event.queue);
    case 'fget':
      return fields.fget(judge, event.field, event.file);
    case 'close-fd':
      return fields.closeFd(judge, event.field);
    case 'bug':
      judge.always.bugNeverReached.exercised++;
      judge.breakOff(judge.always.bugNeverReached, `${judge.thread.name} reached what its author thinks cannot happen.`);
      return;
    case 'quiesce':
      return quiesce(judge, event.stays);
  }
}
