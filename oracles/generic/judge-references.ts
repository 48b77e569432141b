/** Reference counters, and what their last put leads to. */
import type { Step } from '../verdict.ts';
import { type GenericJudge, sayHeld, step, taken } from './judge.ts';
import { type Counter, classOf, type Moment, objectOf, type Release, type Thread } from './state.ts';

function counterOf(judge: GenericJudge, name: string): Counter {
  const { counters } = judge.state.object(objectOf(name));
  const known = counters.get(name);
  if (known !== undefined) return known;
  const counter: Counter = { count: null, zero: null };
  counters.set(name, counter);
  return counter;
}

/** Its value was read, or given at the beginning. */
export function counted(judge: GenericJudge, name: string, value: number): void {
  const counter = counterOf(judge, name);
  counter.count = value;
  if (value > 0) counter.zero = null;
}

export function get(judge: GenericJudge, name: string): void {
  if (!judge.touch(name)) return;
  const counter = counterOf(judge, name);
  judge.exercised('neverResurrected');
  if (counter.count === 0) {
    judge.report('neverResurrected', `${judge.thread.name} gets ${name}, which is zero.`, about(name, counter));
    return;
  }
  if (counter.count !== null) counter.count++;
}

/** A reference to the object, by an event that does not say which of its counters. */
export function getOf(judge: GenericJudge, object: string): void {
  const { counters } = judge.state.object(object);
  const [only, ...others] = counters.keys();
  if (only !== undefined && others.length === 0) get(judge, only);
  else for (const counter of counters.values()) counter.count = null;
}

export function getUnlessZero(judge: GenericJudge, name: string, success: boolean): void {
  if (!judge.touch(name)) return;
  const counter = counterOf(judge, name);
  if (!success) return;
  judge.exercised('neverResurrected');
  if (counter.count === 0) {
    judge.report('neverResurrected', `${judge.thread.name} gets ${name} although it is zero: the test let it pass.`, about(name, counter));
    return;
  }
  if (counter.count !== null) counter.count++;
}

/** What the last one runs is put off until the thread holds nothing more, so it does not matter what it holds here. */
export function putLater(judge: GenericJudge, name: string): void {
  const { thread } = judge;
  const held = thread.held.splice(0);
  put(judge, name);
  thread.held.push(...held);
}

export function put(judge: GenericJudge, name: string): void {
  if (!judge.touch(name)) return;
  const counter = counterOf(judge, name);
  judge.exercised('referencesBalance');
  if (counter.count === 0) {
    judge.report('referencesBalance', `${judge.thread.name} puts ${name}, which is zero.`, about(name, counter));
    return;
  }
  if (counter.count === null) return;
  counter.count--;
  if (counter.count === 0) lastPut(judge, name, counter);
  // Where gets are not shown, the next value is known only when it is read.
  else if (!judge.sees('get')) counter.count = null;
}

const about = (name: string, counter: Counter) => ({
  objects: { object: objectOf(name) },
  earlier: counter.zero,
  story: counter.zero === null ? [] : [step(counter.zero, `puts the last reference of ${name}`)],
});

function lastPut(judge: GenericJudge, name: string, counter: Counter): void {
  const { thread, now } = judge;
  counter.zero = now;
  const under = [...thread.held];
  thread.releases.push({ counter: classOf(name), object: objectOf(name), took: new Map(), under, at: now });
  for (const one of under) {
    if (one.kind === 'run') continue;
    judge.exercised('lastPutTakesNoHeldLock');
    note(judge.puts.lastUnder, classOf(name), one.class, now);
    const took = judge.puts.taken.get(classOf(name))?.get(one.class);
    if (took === undefined) continue;
    tell(
      judge,
      classOf(name),
      one.class,
      `${thread.name} puts the last ${name} while it ${sayHeld(one)}, and the release of another took ${one.class} (event ${took.event}).`,
      [step(took, `takes ${one.class} in the release of another ${objectOf(name)}`), taken(one)],
    );
  }
}

/** The object is freed, so its release is over, and what it took is certain to belong to it. */
export function releaseEnds(judge: GenericJudge, thread: Thread, object: string): void {
  for (let at = thread.releases.length - 1; at >= 0; at--) {
    const release = thread.releases[at];
    if (release === undefined || release.object !== object) continue;
    thread.releases.splice(at, 1);
    learn(judge, release);
  }
}

function learn(judge: GenericJudge, release: Release): void {
  for (const [ofClass, moment] of release.took) {
    note(judge.puts.taken, release.counter, ofClass, moment);
    const put = judge.puts.lastUnder.get(release.counter)?.get(ofClass);
    if (put === undefined) continue;
    const detail = `The release of ${release.object} takes ${ofClass} (event ${moment.event}), and a last ${release.counter} was put under ${ofClass} (event ${put.event}).`;
    tell(judge, release.counter, ofClass, detail, [
      step(put, `puts a last ${release.counter} under ${ofClass}`),
      step(release.at, `puts the last ${release.counter} of ${release.object}`),
      step(moment, `takes ${ofClass} in its release`),
    ]);
  }
}

function tell(judge: GenericJudge, counter: string, lock: string, detail: string, story: readonly Step[]): void {
  const pair = `${counter} ${lock}`;
  if (judge.puts.told.has(pair)) return;
  judge.puts.told.add(pair);
  judge.report('lastPutTakesNoHeldLock', detail, { strength: 'possible', story });
}

function note(where: Map<string, Map<string, Moment>>, counter: string, lock: string, at: Moment): void {
  const locks = where.get(counter) ?? new Map<string, Moment>();
  where.set(counter, locks);
  if (!locks.has(lock)) locks.set(lock, at);
}
