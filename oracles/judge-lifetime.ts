/** The beginning and the end of objects. */

import { isLive } from './condition.ts';
import type { Scalar } from './event.ts';
import type { Judge } from './judge.ts';
import { reportPuts } from './judge-counters.ts';
import { store } from './judge-fields.ts';
import { type Identity, identity } from './thing.ts';
import { TraceError } from './trace-error.ts';

export function alloc(judge: Judge, name: string, fields: Readonly<Record<string, Scalar>>): void {
  const { world } = judge;
  const known = world.live(name);
  const freed = world.freed(name);
  if (known !== null && !known[identity].assumed) throw usedAgain(name, 'is in use');
  if (freed !== null) throw usedAgain(name, freed.at === null ? 'was freed long ago' : `was freed at event ${freed.at}`);
  const cells = known ?? world.create(name);
  const self = cells[identity];
  self.assumed = false;
  for (const [field, value] of Object.entries(fields)) {
    const counter = self.counters.find(one => one.field === field);
    const slot = self.slots.find(one => one.field === field);
    if (counter !== undefined && typeof value === 'number') counter.count = value;
    else if (slot !== undefined && slot.members === null) store(judge, slot, value);
  }
  allChanged(judge, self);
}

export function free(judge: Judge, name: string): void {
  const { world, thread, always } = judge;
  const object = judge.object(name);
  if (object === null) return;
  const self = object[identity];
  judge.atEvery('free', self.type, self);
  always.freedWhenIdle.exercised++;
  const busy = whyBusy(self);
  if (busy.length > 0) {
    const earlier = busy.find(one => one.since > 0)?.since ?? null;
    judge.breakOff(always.freedWhenIdle, `${thread.name} frees ${name}, but ${busy.map(one => one.why).join('; ')}.`, {
      objects: { object: name },
      earlier,
    });
  }
  reportPuts(judge, judge.releases.ends(thread, name));
  allChanged(judge, self);
  for (const set of self.memberOf) judge.changed(set.class, set.of);
  judge.soles.delete(name);
  world.remove(self, judge.seq, thread.name);
}

/** What is not idle inside, and since which event; 0 where that is not kept. A run under way is none: it shows itself by what it touches later. */
function whyBusy(self: Identity): { readonly why: string; readonly since: number }[] {
  const busy: { why: string; since: number }[] = [];
  for (const part of self.parts) {
    switch (part.kind) {
      case 'lock':
      case 'wait-queue':
        if (part.owner !== null) busy.push({ why: `${part.owner.name} holds ${part.name}`, since: part.since });
        for (const reader of part.readers?.keys() ?? [])
          busy.push({ why: `${reader.name} reads ${part.name}`, since: reader.held.find(one => one.of === part)?.since ?? 0 });
        if (part.kind === 'wait-queue')
          for (const entry of part.entries) busy.push({ why: `${entry.name} is on ${part.name}`, since: entry.linkedAt });
        break;
      case 'work':
        if (part.pending) busy.push({ why: `${part.name} is pending`, since: part.queuedAt });
        break;
      case 'entry':
        if (part.queue !== null && part.queue.of !== self)
          busy.push({ why: `${part.name} is on ${part.queue.name}`, since: part.linkedAt });
        break;
      case 'domain':
        for (const reader of part.readers.keys())
          busy.push({
            why: `${reader.name} is in a read section of ${part.name}`,
            since: reader.held.find(one => one.of === part)?.since ?? 0,
          });
        break;
      case 'counter':
        if (part.count > 0) busy.push({ why: `${part.name} is ${part.count}`, since: 0 });
        break;
      case 'work-queue':
        break;
    }
  }
  // A set of an object whose counter is zero is going away with it.
  for (const set of self.memberOf) if (isLive(set.cells)) busy.push({ why: `it is in ${set.name}`, since: set.writtenAt });
  return busy;
}

export function assertSole(judge: Judge, name: string): void {
  const object = judge.object(name);
  if (object === null) return;
  object[identity].sole = judge.thread;
  judge.soles.add(name);
}

function allChanged(judge: Judge, self: Identity): void {
  judge.changed(self.type, self);
  for (const slot of self.slots) judge.changed(slot.class, self);
  for (const part of self.parts) judge.changed(part.class, self);
}

const usedAgain = (name: string, state: string): TraceError =>
  new TraceError(0, 'object', `${name} ${state}, so its name cannot be given again. Count names up, also where the memory is recycled.`);
