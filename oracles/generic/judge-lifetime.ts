/** The beginning and the end of objects. */
import type { Scalar } from '../event.ts';
import { TraceError } from '../trace-error.ts';
import type { Step } from '../verdict.ts';
import { type GenericJudge, sayHeld, step, taken } from './judge.ts';
import { counted, releaseEnds } from './judge-references.ts';
import { bury, type Moment, objectOf, typeOf } from './state.ts';

/** Frees of a type with a grace period of its thread before them that it takes to believe that the type needs one. */
const enoughToBelieve = 3;

/** Throws a TraceError if the name was used before: then nobody could tell a touch after free. */
export function alloc(judge: GenericJudge, name: string, fields: Readonly<Record<string, Scalar>>): void {
  const freed = judge.state.freed.get(name);
  if (freed !== undefined)
    throw new TraceError(
      0,
      'object',
      `${name} was freed at event ${freed.event}, so its name cannot be given again. Count names up, also where the memory is recycled.`,
    );
  judge.state.object(name);
  for (const [field, value] of Object.entries(fields)) if (typeof value === 'number') counted(judge, `${name}.${field}`, value);
}

export function free(judge: GenericJudge, name: string): void {
  if (!judge.touch(name)) return;
  const { thread, state, now } = judge;
  judge.exercised('freedWhenIdle');
  const busy = whyBusy(judge, name);
  if (busy.length > 0)
    judge.report('freedWhenIdle', `${thread.name} frees ${name}, but ${busy.map(one => one.why).join('; ')}.`, {
      objects: { object: name },
      story: busy.map(one => one.step),
    });
  else usedByReader(judge, name);
  withoutGrace(judge, name);
  releaseEnds(judge, thread, name);
  for (const other of state.threads.values())
    for (let at = other.held.length - 1; at >= 0; at--) {
      const one = other.held[at];
      if (one === undefined || one.kind === 'run' || objectOf(one.name) !== name) continue;
      other.held.splice(at, 1);
    }
  for (const lock of judge.lastReleased.keys()) if (objectOf(lock) === name) judge.lastReleased.delete(lock);
  bury(state, name, now);
}

function whyBusy(judge: GenericJudge, name: string): readonly { readonly why: string; readonly step: Step }[] {
  const { state, thread } = judge;
  const busy: { why: string; step: Step }[] = [];
  for (const other of state.threads.values())
    for (const one of other.held)
      if (one.kind !== 'run' && objectOf(one.name) === name) busy.push({ why: `${other.name} ${sayHeld(one)}`, step: taken(one) });
  const object = state.objects.get(name);
  for (const [work, { pending, running }] of object?.works ?? []) {
    if (pending !== null && judge.seesAll('run-begin') && judge.seesAll('cancel-begin'))
      busy.push({ why: `${work} is pending`, step: step(pending, `queues ${work}`) });
    const run = running?.held.find(one => one.name === `the run of ${work}`);
    if (running !== null && running !== thread && run !== undefined) busy.push({ why: `${running.name} runs ${work}`, step: taken(run) });
  }
  if (judge.seesAll('unlink'))
    for (const [entry, { queue, at }] of object?.entries ?? [])
      if (queue !== null && objectOf(queue) !== name)
        busy.push({ why: `${entry} is on ${queue}`, step: step(at, `puts ${entry} on ${queue}`) });
  return busy;
}

/** A thread that used the object inside a section, under no lock, is still inside. */
function usedByReader(judge: GenericJudge, name: string): void {
  for (const reader of judge.state.threads.values()) {
    if (reader === judge.thread) continue;
    const section = reader.held.find(one => one.kind === 'section' && one.used.has(name));
    const used = section?.used.get(name);
    if (section === undefined || used === undefined) continue;
    judge.exercised('freedAfterGrace');
    judge.report(
      'freedAfterGrace',
      `${judge.thread.name} frees ${name}, which ${reader.name} used in a read section of ${section.name} that it has not left.`,
      {
        strength: 'possible',
        objects: { object: name },
        earlier: used,
        story: [taken(section), step(used, `uses ${name}`)],
      },
    );
    return;
  }
}

/** Learns for which types a grace period comes between taking off and freeing, and tells where it is missing for one that always had it. */
function withoutGrace(judge: GenericJudge, name: string): void {
  const removed = judge.state.objects.get(name)?.removed ?? null;
  if (removed === null || !judge.seesAll('grace-begin')) return;
  const { thread, graces } = judge;
  const type = typeOf(name);
  const waitedFor = new Set(thread.graces.filter(({ begin }) => begin > removed.event).map(({ domain }) => domain));
  for (const domain of waitedFor)
    if (!graces.has(`${type} ${domain}`)) graces.set(`${type} ${domain}`, { used: null, after: 0, without: 0 });
  for (const [pair, known] of graces) {
    const [ofType, domain = ''] = pair.split(' ');
    if (ofType !== type) continue;
    judge.exercised('freedAfterGrace');
    if (waitedFor.has(domain)) known.after++;
    else if (known.without === 0 && known.after >= enoughToBelieve && known.used !== null) {
      tellMissing(judge, name, domain, removed, known.used, known.after);
      return;
    } else known.without++;
  }
}

function tellMissing(judge: GenericJudge, name: string, domain: string, removed: Moment, used: Moment, before: number): void {
  judge.report(
    'freedAfterGrace',
    `${judge.thread.name} frees ${name} without waiting for the readers of ${domain} after it was taken off, as ${before} of ${before} frees before it did.`,
    {
      strength: 'possible',
      objects: { object: name },
      earlier: removed,
      story: [step(used, `uses a ${typeOf(name)} in a read section of ${domain}`), step(removed, `takes ${name} off its set`)],
    },
  );
}

/** A section is over: what its reader used under no lock tells which types the domain protects. */
export function learnUses(judge: GenericJudge, domainClass: string, used: ReadonlyMap<string, Moment>): void {
  for (const [object, at] of used) {
    const known = judge.graces.get(`${typeOf(object)} ${domainClass}`);
    if (known !== undefined) known.used ??= at;
    else judge.graces.set(`${typeOf(object)} ${domainClass}`, { used: at, after: 0, without: 0 });
  }
}
