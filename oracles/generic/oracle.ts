/** Judges a trace of no system in particular: by what holds for every program, from the names in the trace alone. */
import type { Event } from '../event.ts';
import { type Finding, mostFindings, type Report, type RuleCount, verdictOf } from '../verdict.ts';
import { createGenericJudge, type GenericJudge, type GenericOptions } from './judge.ts';
import * as calls from './judge-calls.ts';
import * as lifetime from './judge-lifetime.ts';
import * as locks from './judge-locks.ts';
import * as references from './judge-references.ts';
import * as sections from './judge-sections.ts';
import * as work from './judge-work.ts';
import { genericNames, genericRules } from './rules.ts';
import type { State } from './state.ts';

export interface GenericOracle {
  /** What this event breaks. Throws a TraceError if it cannot have happened; the oracle is of no use after that. */
  readonly event: (event: Event) => readonly Finding[];
  /** Some events of the trace were lost here: what is held, open and pending is not known any more. */
  readonly lost: () => void;
  readonly end: () => Report;
  readonly state: State;
}

export function createGenericOracle(options: GenericOptions = {}): GenericOracle {
  const judge = createGenericJudge(options);
  const listed: Finding[] = [];
  let unlisted = 0;
  let events = 0;

  function judgeEvent(event: Event): readonly Finding[] {
    events++;
    const thread = judge.state.thread(event.thread);
    judge.thread = thread;
    judge.now = { event: event.seq, thread: event.thread, site: event.site ?? null };
    judge.found = [];
    // Whatever a thread waited for, it does not any more once it does something else.
    if (!endsWait(event)) thread.waits = null;
    judgeOne(judge, event);
    for (const finding of judge.found) {
      if (listed.length < mostFindings) listed.push(finding);
      else unlisted++;
    }
    return judge.found;
  }

  function end(): Report {
    const rules = genericNames.map((name): RuleCount => {
      const missing = genericRules[name].kinds.filter(kind => !judge.seesAll(kind));
      return { rule: `always.${name}`, ...judge.counts(name), judged: missing.length === 0 ? 'fully' : 'partly', missing };
    });
    return { system: null, verdict: verdictOf(rules), events, findings: listed, unlisted, rules };
  }

  function lost(): void {
    for (const thread of judge.state.threads.values()) {
      thread.held.length = 0;
      thread.calls.length = 0;
      thread.releases.length = 0;
      thread.graces.length = 0;
      thread.waits = null;
    }
    for (const object of judge.state.objects.values()) {
      object.works.clear();
      object.entries.clear();
      object.counters.clear();
    }
    judge.lastReleased.clear();
  }
  return { event: judgeEvent, lost, end, state: judge.state };
}

const endsWait = ({ kind }: Event): boolean => kind === 'got' || kind === 'grace-end';

function judgeOne(judge: GenericJudge, event: Event): void {
  switch (event.kind) {
    case 'thread-start':
      judge.thread.context = event.context;
      return;
    case 'thread-end':
      return calls.threadEnd(judge);
    case 'fork':
      return calls.fork(judge, event.other);
    case 'join':
      return calls.join(judge, event.other);
    case 'call':
      return calls.call(judge, event.call);
    case 'return':
      return calls.returned(judge, event.call);
    case 'alloc':
      return lifetime.alloc(judge, event.object, event.fields);
    case 'free':
      return lifetime.free(judge, event.object);
    case 'read':
      if (judge.touch(event.field) && typeof event.value === 'number') references.counted(judge, event.field, event.value);
      return;
    case 'write':
      judge.touch(event.field);
      return;
    case 'null-followed':
      judge.exercised('nullNeverFollowed');
      judge.report('nullNeverFollowed', `${judge.thread.name} follows a null pointer to ${event.field}.`);
      return;
    case 'add':
    case 'has':
      judge.touch(event.set);
      return;
    case 'remove':
      if (judge.touch(event.set) && judge.touch(event.member)) judge.state.object(event.member).removed = judge.now;
      return;
    case 'next':
      judge.touch(event.set);
      return;
    case 'want':
      return locks.want(judge, event);
    case 'got':
      return locks.got(judge, event);
    case 'released':
      return locks.released(judge, event);
    case 'tried':
      return locks.tried(judge, event);
    case 'assert-held':
      return calls.assertHeld(judge, event.lock);
    case 'enter':
      return sections.enter(judge, event.domain);
    case 'exit':
      return sections.exit(judge, event.domain);
    case 'grace-begin':
      return sections.graceBegin(judge, event.domain);
    case 'grace-end':
      return sections.graceEnd(judge, event.domain);
    case 'get':
      return references.get(judge, event.counter);
    case 'put':
      return references.put(judge, event.counter);
    case 'put-later':
      return references.putLater(judge, event.counter);
    case 'assert-sole':
      if (!judge.touch(event.object)) return;
      judge.exercised('soleWhereAsserted');
      judge.state.object(event.object).sole ??= judge.now;
      return;
    case 'get-unless-zero':
      return references.getUnlessZero(judge, event.counter, event.got);
    case 'queue':
      return work.queue(judge, event.work, event.on, event.queued);
    case 'run-begin':
      return work.runBegin(judge, event.work);
    case 'run-end':
      return work.runEnd(judge, event.work);
    case 'flush-begin':
      return work.flushBegin(judge, event.work, false);
    case 'cancel-begin':
      return work.flushBegin(judge, event.work, event.removed);
    case 'flush-queue-begin':
      return work.flushQueueBegin(judge, event.on);
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return;
    case 'link':
      return work.link(judge, event.queue, event.entry, event.linked);
    case 'unlink':
      return work.unlink(judge, event.queue, event.entry);
    case 'callback':
      return work.callback(judge, event.queue, event.entry);
    case 'wait-prepare':
    case 'wait-finish':
    case 'wake-all':
      judge.touch(event.queue);
      return;
    case 'wait-sleep':
      if (judge.touch(event.queue)) locks.mustNotSleep(judge, `sleeps on ${event.queue}`);
      return;
    case 'complete':
      judge.touch(event.completion);
      return;
    case 'wait-done':
      if (judge.touch(event.completion)) locks.mustNotSleep(judge, `waits for ${event.completion}`);
      return;
    case 'fget':
      if (judge.touch(event.field) && event.file !== null) references.getOf(judge, event.file);
      return;
    case 'close-fd':
      judge.touch(event.field);
      return;
    case 'bug':
      judge.exercised('bugNeverReached');
      judge.report('bugNeverReached', `${judge.thread.name} reached what its author thinks cannot happen.`);
      return;
    case 'quiesce':
      return calls.quiesce(judge, event.stays);
    default:
      // The compiler finds a kind that is not judged.
      return event satisfies never;
  }
}
