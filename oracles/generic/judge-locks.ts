/** Locks: order, owner, context. */
import type { ReadMode } from '../event.ts';
import { type GenericJudge, sayHeld, sayMode, step, taken } from './judge.ts';
import type { Mode, Waited } from './lock-graph.ts';
import { classOf, type Holding, objectOf, type Thread, type Wait } from './state.ts';

export interface LockEvent {
  readonly lock: string;
  readonly irq?: boolean;
  readonly mode?: ReadMode;
}

const sleeping = ['mutex', 'rw-semaphore', 'semaphore'];
const spinning = ['spinlock', 'wait-queue', 'rw-lock'];

export function want(judge: GenericJudge, event: LockEvent): void {
  if (!judge.touch(event.lock)) return;
  const { thread } = judge;
  const ofClass = classOf(event.lock);
  const kind = judge.placeKind(ofClass);
  if (kind !== null && sleeping.includes(kind)) mustNotSleep(judge, `waits for ${event.lock}`);
  const mode: Mode = event.mode ?? 'alone';
  const twice = kind === 'semaphore' ? undefined : thread.held.find(one => one.kind === 'lock' && one.name === event.lock);
  judge.exercised('neverTakenTwice');
  if (twice !== undefined && (twice.mode === 'alone' || mode !== 'recursive-read')) {
    const certain = twice.mode === 'alone' || mode === 'alone';
    const why = certain ? '' : ': it waits for ever if a writer comes in between';
    judge.report('neverTakenTwice', `${thread.name} waits for ${event.lock}${sayMode(mode)}, which it holds itself${why}.`, {
      strength: certain ? 'observed' : 'possible',
      objects: { object: objectOf(event.lock) },
      earlier: twice.at,
      story: [taken(twice)],
    });
    return;
  }
  waitsFor(judge, ofClass, event.lock, mode);
  judgeWait(judge, { kind: 'lock', name: event.lock, mode, at: judge.now, blockers: null });
}

export function got(judge: GenericJudge, event: LockEvent): void {
  const wanted = judge.thread.waits;
  judge.thread.waits = null;
  if (wanted?.name !== event.lock && !judge.sees('want')) {
    want(judge, event);
    judge.thread.waits = null;
  }
  take(judge, event);
}

export function tried(judge: GenericJudge, event: LockEvent & { readonly got: boolean }): void {
  if (judge.touch(event.lock) && event.got) take(judge, event);
}

function take(judge: GenericJudge, { lock, irq = false, mode = undefined }: LockEvent): void {
  // What is never seen released would seem to be held for ever.
  if (!judge.seesAll('released')) return;
  const { thread, now } = judge;
  const ofClass = classOf(lock);
  const place = judge.placeKind(ofClass);
  const holding: Holding = { kind: 'lock', name: lock, class: ofClass, place, mode: mode ?? 'alone', irq, at: now, used: new Map() };
  irqSafety(judge, holding);
  thread.held.push(holding);
}

export function released(judge: GenericJudge, { lock }: LockEvent): void {
  const { thread, state } = judge;
  judge.exercised('releasedByHolder');
  const at = thread.held.findLastIndex(one => one.kind === 'lock' && one.name === lock);
  if (state.freed.has(objectOf(lock))) {
    judge.touch(lock);
    if (at >= 0) thread.held.splice(at, 1);
    return;
  }
  if (at >= 0) {
    const [holding] = thread.held.splice(at, 1);
    if (holding !== undefined) judge.lastReleased.set(lock, judge.now);
    return;
  }
  if (!judge.seesAll('got')) return;
  const before = judge.lastReleased.get(lock);
  const holder = state.holders(lock)[0];
  const kind = judge.placeKind(classOf(lock));
  if (holder !== undefined) {
    // A semaphore has no owner: whoever is handed it may release it.
    letGo(holder, lock);
    if (kind === 'semaphore' || kind === 'rw-semaphore') return;
    judge.report('releasedByHolder', `${thread.name} releases ${lock}, which ${holder.name} holds.`, {
      objects: { object: objectOf(lock) },
    });
    return;
  }
  // Seen from the middle on, a lock that was never seen taken may have been held all along.
  if (before === undefined && judge.midway) return;
  if (kind === 'semaphore') return;
  judge.report('releasedByHolder', `${thread.name} releases ${lock}, which nobody holds.`, {
    objects: { object: objectOf(lock) },
    earlier: before ?? null,
    story: before === undefined ? [] : [step(before, `releases ${lock}`)],
  });
}

function letGo(thread: Thread, lock: string): void {
  const at = thread.held.findLastIndex(one => one.kind === 'lock' && one.name === lock);
  if (at >= 0) thread.held.splice(at, 1);
}

/** Adds the edges from everything that the thread has to what it waits for. */
export function waitsFor(judge: GenericJudge, inner: string, innerName: string, innerMode: Mode): void {
  const { thread, now } = judge;
  for (const { took } of thread.releases) if (!took.has(inner)) took.set(inner, now);
  for (const outer of thread.held) {
    const nested = outer.class === inner;
    if (nested && outer.kind !== 'lock') continue;
    if (nested && outer.name === innerName) continue;
    const gates = thread.held.filter(one => one !== outer && one.kind === 'lock' && one.mode === 'alone').map(one => one.name);
    const edge: Waited = {
      thread: thread.name,
      outer: nested ? outer.name : outer.class,
      outerName: outer.name,
      outerMode: outer.mode,
      outerAt: outer.at,
      inner: nested ? innerName : inner,
      innerName,
      innerMode,
      innerAt: now,
      gates,
      after: thread.after,
    };
    judge.exercised('noLockCycle');
    const cycle = (nested ? judge.instances : judge.graph).add(edge);
    if (cycle !== null) reportCycle(judge, cycle);
  }
}

function reportCycle(judge: GenericJudge, cycle: readonly Waited[]): void {
  const steps = cycle.map(edge => `${edge.thread} has ${edge.outerName} and waits for ${edge.innerName} (event ${edge.innerAt.event})`);
  judge.report('noLockCycle', `${steps.join('; ')}.`, {
    strength: 'possible',
    earlier: cycle[1]?.innerAt ?? null,
    circle: cycle.map(edge => (edge.inner.includes('#') ? classOf(edge.inner) : edge.inner)).sort(),
    story: cycle.flatMap(edge => [
      step(edge.outerAt, `has ${edge.outerName}${sayMode(edge.outerMode)}`),
      step(edge.innerAt, `waits for ${edge.innerName}${sayMode(edge.innerMode)} with ${edge.outerName} in hand`),
    ]),
  });
}

export function mustNotSleep(judge: GenericJudge, doing: string): void {
  const { thread } = judge;
  judge.exercised('neverSleepsInAtomic');
  if (thread.context === 'hardirq') {
    judge.report('neverSleepsInAtomic', `${thread.name} ${doing}, which may sleep, in an interrupt.`);
    return;
  }
  const because = thread.held.find(one => one.place !== null && (spinning.includes(one.place) || one.place === 'rcu'));
  if (because === undefined) return;
  judge.report('neverSleepsInAtomic', `${thread.name} ${doing}, which may sleep, while it ${sayHeld(because)}.`, {
    objects: { object: objectOf(because.name) },
    earlier: because.at,
    story: [taken(because)],
  });
}

function irqSafety(judge: GenericJudge, holding: Holding): void {
  if (holding.place === null || !spinning.includes(holding.place)) return;
  const { thread } = judge;
  const use = judge.irqUses.get(holding.class) ?? { inIrq: null, irqsOn: null, told: false };
  judge.irqUses.set(holding.class, use);
  if (thread.context === 'hardirq') use.inIrq ??= holding;
  else if (!holding.irq && !thread.held.some(one => one.irq)) use.irqsOn ??= holding;
  else return;
  judge.exercised('irqLocksKeepIrqsOff');
  if (use.inIrq === null || use.irqsOn === null || use.told) return;
  // Readers do not exclude each other.
  if (use.inIrq.mode !== 'alone' && use.irqsOn.mode !== 'alone') return;
  use.told = true;
  const detail = `${holding.class} is taken in an interrupt by ${use.inIrq.at.thread} (event ${use.inIrq.at.event}), and with interrupts on by ${use.irqsOn.at.thread} (event ${use.irqsOn.at.event}).`;
  judge.report('irqLocksKeepIrqsOff', detail, {
    strength: 'possible',
    earlier: use.inIrq.at,
    story: [
      step(use.inIrq.at, `takes ${use.inIrq.name} in an interrupt`),
      step(use.irqsOn.at, `takes ${use.irqsOn.name} with interrupts on`),
    ],
  });
}

/** Reports the wait that begins now if it closes a circle of waits; otherwise notes it. */
export function judgeWait(judge: GenericJudge, wait: Wait): void {
  const { thread } = judge;
  thread.waits = wait;
  if (!judge.seesAll('released')) return;
  judge.exercised('everyWaitEnds');
  const chain = stuck(judge, thread);
  if (chain === null) return;
  const says = chain.map(
    (one, at) =>
      `${one.name} waits for ${one.waits?.name ?? 'nothing: it has ended'}, which ${chain[(at + 1) % chain.length]?.name ?? ''} has`,
  );
  judge.report('everyWaitEnds', `${says.join('; ')}.`, {
    story: chain.flatMap(one => (one.waits === null ? [] : [step(one.waits.at, `waits for ${one.waits.name}`)])),
  });
}

/** Threads of which each waits for the next, and the last for the first. One stuck blocker is enough: every one of them has to go on. */
function stuck(judge: GenericJudge, start: Thread): readonly Thread[] | null {
  const path: Thread[] = [start];
  const visited = new Set<Thread>();
  const search = (thread: Thread): boolean => {
    if (thread.waits === null) return false;
    for (const next of blockers(judge, thread.waits)) {
      if (next === start) return true;
      if (visited.has(next)) continue;
      visited.add(next);
      path.push(next);
      if (search(next)) return true;
      path.pop();
    }
    return false;
  };
  return search(start) ? path : null;
}

function blockers(judge: GenericJudge, wait: Wait): readonly Thread[] {
  if (wait.kind === 'lock')
    return judge.state
      .holders(wait.name)
      .filter(holder => wait.mode === 'alone' || holder.held.some(one => one.name === wait.name && one.mode === 'alone'));
  return [...(wait.blockers ?? [])].filter(([thread, holding]) => thread.held.includes(holding)).map(([thread]) => thread);
}
