/** Locks and read sections: what each event can break, and what it changes. */
import type { ReadMode } from './event.ts';
import type { Judge } from './judge.ts';
import { taking } from './judge-taking.ts';
import type { Domain, Lock } from './thing.ts';
import { letGo, type Thread } from './thread.ts';
import { TraceError } from './trace-error.ts';
import { sayChain, stuckChain } from './waiting.ts';
import { objectOf } from './world.ts';

export function want(judge: Judge, name: string, mode?: ReadMode): void {
  const lock = judge.find(judge.world.locks, name);
  if (lock === null) return;
  const { thread, always } = judge;
  if (lock.sleeps) judge.mustNotSleep(`waits for ${name}`);
  judge.ordered([lock.class]);
  taking(judge, lock.class, true);
  judge.atEvery('want', lock.class, lock.of, lock.readers !== null && mode !== undefined);
  always.neverTakenTwice.exercised++;
  if (
    (lock.owner === thread || (mode !== 'recursive-read' && lock.readers?.has(thread))) &&
    judge.breakOff(always.neverTakenTwice, `${thread.name} waits for ${name}, which it holds itself.`, about(lock, lock.since))
  )
    return;
  judge.waitsFor([lock.class]);
  thread.waits = { kind: 'lock', lock, mode, thread, since: judge.seq };
  if (lock.readers !== null && lock.sleeps && mode === undefined) lock.queued.add(thread);
  judgeWait(judge, thread);
}

/** Reports the wait that has just begun if it closes a circle of waits. */
export function judgeWait(judge: Judge, thread: Thread): void {
  judge.always.everyWaitEnds.exercised++;
  const chain = stuckChain(thread);
  if (chain !== null) judge.report(judge.always.everyWaitEnds, sayChain(chain), { earlier: chain[1]?.waits?.since ?? null });
}

export function got(judge: Judge, name: string, mode?: ReadMode, irq = false): void {
  judge.thread.waits = null;
  const lock = judge.find(judge.world.locks, name);
  if (lock !== null) take(judge, lock, mode, irq);
}

export function take(judge: Judge, lock: Lock, mode: ReadMode | undefined, irq: boolean): void {
  const { thread } = judge;
  lock.queued.delete(thread);
  const toRead = lock.readers !== null && mode !== undefined;
  const [reader] = toRead ? [] : [...(lock.readers?.keys() ?? [])].filter(one => one !== thread);
  if (reader !== undefined && judge.always.releasedByHolder.judged === 'fully') {
    throw new TraceError(
      0,
      'lock',
      `${thread.name} got ${lock.name} to write, which ${reader.name} reads and has not released. Either the lock does not exclude, or released is logged too late: log it before letting go.`,
    );
  }
  if (lock.owner !== null && lock.owner !== thread && judge.always.releasedByHolder.judged === 'fully') {
    throw new TraceError(
      0,
      'lock',
      `${thread.name} got ${lock.name}, which ${lock.owner.name} got at event ${lock.since} and has not released. Either the lock does not exclude, or released is logged too late: log it before letting go.`,
    );
  }
  if (toRead) lock.readers?.set(thread, (lock.readers.get(thread) ?? 0) + 1);
  else {
    lock.owner = thread;
    lock.depth++;
    lock.since = judge.seq;
  }
  // Who may not sleep while holding it spins.
  if (lock.atomic) judge.irqs.takes(judge, lock.class, irq, toRead);
  thread.held.push({ of: lock, class: lock.class, since: judge.seq, irqsOff: irq || (lock.kind === 'wait-queue' && lock.atomic) });
  judge.changed(lock.class, lock.of);
}

export function tried(judge: Judge, name: string, success: boolean, mode?: ReadMode, irq = false): void {
  const lock = judge.find(judge.world.locks, name);
  if (lock === null) return;
  taking(judge, lock.class, true);
  judge.atEvery('tried', lock.class, lock.of);
  if (success) take(judge, lock, mode, irq);
}

export function released(judge: Judge, name: string, mode?: ReadMode): void {
  const lock = judge.find(judge.world.locks, name);
  const { thread, always } = judge;
  if (lock === null) {
    // The object is gone, but what made the thread atomic is over.
    letGo(thread, name);
    return;
  }
  if (lock.readers !== null && mode !== undefined) {
    releasedByReader(judge, lock, lock.readers);
    return;
  }
  judge.atEvery('released', lock.class, lock.of);
  always.releasedByHolder.exercised++;
  if (lock.owner !== thread) {
    const holder = lock.owner === null ? 'nobody holds' : `${lock.owner.name} holds`;
    judge.breakOff(
      always.releasedByHolder,
      `${thread.name} releases ${name}, which ${holder}.`,
      about(lock, lock.owner === null ? null : lock.since),
    );
    if (lock.owner !== null) letGo(lock.owner, name);
    lock.depth = 0;
  } else {
    letGo(thread, name);
    lock.depth--;
  }
  if (lock.depth === 0) lock.owner = null;
  judge.changed(lock.class, lock.of);
  releasedInReverse(judge, lock);
}

function releasedByReader(judge: Judge, lock: Lock, readers: Map<Thread, number>): void {
  const { thread, always } = judge;
  judge.atEvery('released', lock.class, lock.of, true);
  always.releasedByHolder.exercised++;
  const sides = readers.get(thread) ?? 0;
  if (sides === 0) {
    judge.breakOff(
      always.releasedByHolder,
      `${thread.name} releases the read side of ${lock.name}, which it does not have.`,
      about(lock, null),
    );
    releasedInReverse(judge, lock);
    return;
  }
  letGo(thread, lock.name);
  if (sides === 1) readers.delete(thread);
  else readers.set(thread, sides - 1);
  judge.changed(lock.class, lock.of);
  releasedInReverse(judge, lock);
}

export function releasedInReverse(judge: Judge, on: Lock | Domain): void {
  for (const order of judge.definition.rules) {
    if (order.kind !== 'order' || !order.nested) continue;
    const place = order.classes.indexOf(on.class);
    if (place < 0) continue;
    const inside = judge.thread.held.find(holding => order.classes.indexOf(holding.class) > place);
    if (inside !== undefined)
      judge.report(
        judge.rule(order.name),
        `${judge.thread.name} lets go of ${on.name} while it has ${inside.of.name}, which belongs inside.`,
        { earlier: inside.since },
      );
  }
}

export function assertHeld(judge: Judge, name: string): void {
  const { world, thread, always } = judge;
  if (judge.object(objectOf(name)) === null) return;
  always.heldWhereAsserted.exercised++;
  const domain = world.domains.get(name);
  const lock = world.locks.get(name);
  if (domain === undefined ? lock?.owner === thread || lock?.readers?.has(thread) : domain.readers.has(thread)) return;
  const holder = lock?.owner ? `${lock.owner.name} holds it since event ${lock.since}` : 'nobody holds it';
  judge.report(
    always.heldWhereAsserted,
    `${thread.name} says that it holds ${name}, but ${domain === undefined ? holder : 'it is not inside'}.`,
    { objects: { object: objectOf(name) }, earlier: lock?.owner ? lock.since : null },
  );
}

export function enter(judge: Judge, name: string): void {
  const domain = judge.find(judge.world.domains, name);
  if (domain === null) return;
  const { thread } = judge;
  taking(judge, domain.class, false);
  judge.atEvery('enter', domain.class, domain.of);
  domain.readers.set(thread, (domain.readers.get(thread) ?? 0) + 1);
  thread.held.push({ of: domain, class: domain.class, since: judge.seq, irqsOff: false });
  judge.changed(domain.class, domain.of);
}

export function exit(judge: Judge, name: string): void {
  const domain = judge.find(judge.world.domains, name);
  const { thread, always } = judge;
  if (domain === null) {
    letGo(thread, name);
    return;
  }
  judge.atEvery('exit', domain.class, domain.of);
  always.releasedByHolder.exercised++;
  const open = domain.readers.get(thread) ?? 0;
  if (open === 0) {
    judge.breakOff(always.releasedByHolder, `${thread.name} leaves ${name}, but is not inside.`, about(domain, null));
    releasedInReverse(judge, domain);
    return;
  }
  letGo(thread, name);
  if (open === 1) domain.readers.delete(thread);
  else domain.readers.set(thread, open - 1);
  for (const wait of domain.waiters) {
    if (wait.kind !== 'grace') continue;
    const noted = Math.min(wait.readers.get(thread) ?? 0, open - 1);
    if (noted === 0) wait.readers.delete(thread);
    else wait.readers.set(thread, noted);
  }
  judge.changed(domain.class, domain.of);
  releasedInReverse(judge, domain);
}

export function graceBegin(judge: Judge, name: string): void {
  const domain = judge.find(judge.world.domains, name);
  if (domain === null) return;
  const { thread, always } = judge;
  judge.mustNotSleep(`waits for the readers of ${name}`);
  judge.ordered([domain.class]);
  judge.atEvery('grace-begin', domain.class, domain.of);
  if (domain.readers.has(thread)) {
    always.everyWaitEnds.exercised++;
    const entered = thread.held.find(holding => holding.of === domain)?.since ?? null;
    if (
      judge.breakOff(always.everyWaitEnds, `${thread.name} waits for the readers of ${name}, and is one of them.`, about(domain, entered))
    )
      return;
  }
  judge.waitsFor([domain.class]);
  thread.waits = { kind: 'grace', domain, readers: new Map(domain.readers), thread, since: judge.seq };
  domain.waiters.add(thread.waits);
  judgeWait(judge, thread);
}

export function graceEnd(judge: Judge, name: string): void {
  const wait = judge.thread.waits;
  judge.thread.waits = null;
  if (wait?.kind === 'grace') {
    wait.domain.waiters.delete(wait);
    const [left] = wait.readers.keys();
    if (left !== undefined && judge.always.releasedByHolder.judged === 'fully') {
      throw new TraceError(
        0,
        'domain',
        `The grace period of ${name} ended although ${left.name}, inside since before it began at event ${wait.since}, has not left. Either it does not wait, or exit is logged too late: log it before leaving.`,
      );
    }
  }
  judge.find(judge.world.domains, name);
}

export const about = ({ of }: Lock | Domain, earlier: number | null) => ({ objects: { object: of.name }, earlier });
