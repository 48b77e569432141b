/** Calls, threads, claims, and the end of the trace. */
import { type GenericJudge, sayHeld, step, taken } from './judge.ts';
import { classOf, type Holding, objectOf } from './state.ts';

export function call(judge: GenericJudge, name: string): void {
  const { thread } = judge;
  if (thread.calls.length === 0) thread.graces.length = 0;
  thread.calls.push({ call: name, held: thread.held.map(one => one.name) });
}

export function returned(judge: GenericJudge, name: string): void {
  const { thread } = judge;
  const at = thread.calls.findLastIndex(one => one.call === name);
  const begun = thread.calls[at];
  if (begun === undefined) return;
  thread.calls.splice(at);
  balanced(judge, name, begun.held, null);
  if (thread.calls.length === 0) thread.releases.length = 0;
}

/** What is held at the end beside what was held at the beginning, and the other way round. */
export function balanced(judge: GenericJudge, what: string, before: readonly string[], except: Holding | null): void {
  const { thread } = judge;
  judge.exercised('locksBalance');
  const left = [...before];
  const more: Holding[] = [];
  for (const one of thread.held) {
    if (one === except) continue;
    const at = left.indexOf(one.name);
    if (at >= 0) left.splice(at, 1);
    else more.push(one);
  }
  for (const one of more)
    judge.report('locksBalance', `${thread.name} ends ${what} while it ${sayHeld(one)}, and did not when it began.`, {
      objects: { object: objectOf(one.name) },
      earlier: one.at,
      story: [taken(one)],
    });
  for (const name of left)
    judge.report('locksBalance', `${thread.name} ends ${what} without ${name}, which it had when it began.`, {
      objects: { object: objectOf(name) },
    });
  // Told once; what follows is judged as if it had been released.
  for (const one of more) thread.held.splice(thread.held.indexOf(one), 1);
}

export function threadEnd(judge: GenericJudge): void {
  const { thread } = judge;
  balanced(judge, 'itself', [], null);
  thread.ended = true;
  // Until somebody joins it, but not for ever.
  if (judge.endedAfter.size < mostBefore) judge.endedAfter.set(thread.name, thread.after);
  judge.state.threads.delete(thread.name);
}

/** Threads that are kept in what a thread comes after; without more of them an order may seem possible that is not. */
const mostBefore = 1024;

export function fork(judge: GenericJudge, name: string): void {
  const { thread, now, state } = judge;
  state.thread(name).after = merged(thread.after, new Map([[thread.name, now.event]]));
}

export function join(judge: GenericJudge, name: string): void {
  const { thread, state, now } = judge;
  // All that the other one came after this thread comes after too; the other one does nothing more.
  const other = state.threads.get(name)?.after ?? judge.endedAfter.get(name) ?? new Map<string, number>();
  judge.endedAfter.delete(name);
  thread.after = merged(merged(thread.after, other), new Map([[name, now.event]]));
}

function merged(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const all = new Map(one);
  for (const [name, until] of other) all.set(name, Math.max(until, all.get(name) ?? -1));
  for (const name of all.keys()) {
    if (all.size <= mostBefore) break;
    all.delete(name);
  }
  return all;
}

export function assertHeld(judge: GenericJudge, name: string): void {
  const { thread, state } = judge;
  if (!judge.touch(name) || !judge.seesAll('got') || !judge.seesAll('released')) return;
  judge.exercised('heldWhereAsserted');
  if (thread.held.some(one => one.name === name)) return;
  const holder = state.holders(name)[0];
  const last = judge.lastReleased.get(name);
  // Seen from the middle on, it may have been taken before the trace began.
  if (judge.midway && holder === undefined && last === undefined) return;
  const who = holder === undefined ? 'nobody holds it' : `${holder.name} holds it`;
  judge.report('heldWhereAsserted', `${thread.name} needs ${name} here, but ${who}.`, {
    objects: { object: objectOf(name) },
    earlier: last ?? null,
    story: last === undefined ? [] : [step(last, `releases ${name}`)],
  });
}

/** Whoever writes the trace says that all is at rest. */
export function quiesce(judge: GenericJudge, stays: readonly string[]): void {
  judge.exercised('quietAtTheEnd');
  for (const thread of judge.state.threads.values())
    for (const one of thread.held)
      judge.report('quietAtTheEnd', `${thread.name} still ${sayHeld(one)}.`, { earlier: one.at, story: [taken(one)] });
  for (const object of judge.state.objects.values()) {
    const left = (why: string): void =>
      judge.report('quietAtTheEnd', `${object.name} is left behind: ${why}.`, { objects: { object: object.name } });
    for (const [name, { pending }] of object.works) if (pending !== null) left(`${name} is pending since event ${pending.event}`);
    if (stays.includes(object.name)) continue;
    for (const [name, { queue }] of object.entries) if (queue !== null) left(`${name} is on ${queue}`);
    for (const [name, { count, zero }] of object.counters)
      if (count === 0 && zero !== null) left(`${classOf(name)} is zero since event ${zero.event}, and nobody freed it`);
  }
}
