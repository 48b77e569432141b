/** Read sections and grace periods. */
import { type GenericJudge, step, taken } from './judge.ts';
import { learnUses } from './judge-lifetime.ts';
import { judgeWait, mustNotSleep, waitsFor } from './judge-locks.ts';
import { classOf, type Holding, objectOf, type Thread } from './state.ts';

export function enter(judge: GenericJudge, domain: string): void {
  if (!judge.touch(domain) || !judge.seesAll('exit')) return;
  const ofClass = classOf(domain);
  judge.thread.held.push({
    kind: 'section',
    name: domain,
    class: ofClass,
    place: judge.placeKind(ofClass),
    mode: 'recursive-read',
    irq: false,
    at: judge.now,
    used: new Map(),
  });
}

export function exit(judge: GenericJudge, domain: string): void {
  const { thread } = judge;
  judge.exercised('releasedByHolder');
  const at = thread.held.findLastIndex(one => one.kind === 'section' && one.name === domain);
  const alive = judge.touch(domain);
  const [section] = at >= 0 ? thread.held.splice(at, 1) : [];
  if (section !== undefined) learnUses(judge, section.class, section.used);
  else if (alive && judge.seesAll('enter') && !judge.midway)
    judge.report('releasedByHolder', `${thread.name} leaves ${domain}, but is not inside.`, { objects: { object: objectOf(domain) } });
}

function readersOf(judge: GenericJudge, domain: string): Map<Thread, Holding> {
  const readers = new Map<Thread, Holding>();
  for (const thread of judge.state.threads.values()) {
    const section = thread.held.find(one => one.kind === 'section' && one.name === domain);
    if (section !== undefined) readers.set(thread, section);
  }
  return readers;
}

export function graceBegin(judge: GenericJudge, domain: string): void {
  if (!judge.touch(domain)) return;
  const { thread } = judge;
  mustNotSleep(judge, `waits for the readers of ${domain}`);
  const own = thread.held.find(one => one.kind === 'section' && one.name === domain);
  judge.exercised('everyWaitEnds');
  if (own !== undefined) {
    judge.report('everyWaitEnds', `${thread.name} waits for the readers of ${domain}, and is one of them.`, {
      objects: { object: objectOf(domain) },
      earlier: own.at,
      story: [taken(own)],
    });
    return;
  }
  thread.graces.push({ domain: classOf(domain), begin: judge.now.event });
  waitsFor(judge, classOf(domain), domain, 'alone');
  judgeWait(judge, { kind: 'readers', name: domain, mode: 'alone', at: judge.now, blockers: readersOf(judge, domain) });
}

export function graceEnd(judge: GenericJudge, domain: string): void {
  const { thread } = judge;
  const wait = thread.waits;
  thread.waits = null;
  if (wait?.kind !== 'readers' || wait.name !== domain) return;
  judge.exercised('graceWaitsForReaders');
  for (const [reader, section] of wait.blockers ?? []) {
    if (!reader.held.includes(section)) continue;
    judge.report('graceWaitsForReaders', `The grace period of ${domain} ends although ${reader.name} is inside since before it began.`, {
      objects: { object: objectOf(domain) },
      earlier: section.at,
      story: [taken(section), step(wait.at, `begins to wait for the readers of ${domain}`)],
    });
    return;
  }
}
