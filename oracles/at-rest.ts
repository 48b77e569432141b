/** What has to be true when all is at rest: nothing left behind, and every counter as high as it has owners. */

import { isThing } from './bindings.ts';
import type { OracleDefinition } from './definition.ts';
import type { Judge } from './judge.ts';
import { type Cells, type Counter, identity, type Slot, type Thing } from './thing.ts';
import { TraceError } from './trace-error.ts';
import type { World } from './world.ts';

/** Objects that a field leads to. */
function behind(slot: Slot): Iterable<Thing> {
  if (slot.members !== null) return slot.members;
  const cell = slot.cells[slot.field];
  return isThing(cell) ? [cell] : [];
}

function* liveObjects(world: World): Generator<Cells> {
  for (const ofType of world.objects.values()) yield* ofType.values();
}

/** Classes of counters that some field owns a reference on. */
export function ownedClasses(definition: OracleDefinition): ReadonlySet<string> {
  const owned = new Set<string>();
  for (const type of Object.values(definition.types)) {
    for (const [field, counter] of Object.entries(type.owns)) {
      const [global = '', own] = counter.split('.');
      owned.add(own === undefined ? `${type.fields[field]?.to ?? ''}.${counter}` : `${definition.globals[global] ?? ''}.${own}`);
    }
  }
  return owned;
}

function ownersOf(world: World): ReadonlyMap<Counter, number> {
  const owners = new Map<Counter, number>();
  for (const object of liveObjects(world)) {
    const self = object[identity];
    const owns = world.definition.types[self.type]?.owns ?? {};
    for (const slot of self.slots) {
      const field = owns[slot.field];
      if (field === undefined) continue;
      const [global = '', own] = field.split('.');
      if (own !== undefined) {
        // A pointer to a function of a module, say: it owns a reference on a declared object.
        const counter = world.globals[global]?.[identity].counters.find(one => one.field === own);
        if (counter !== undefined && slot.cells[slot.field] !== null) owners.set(counter, (owners.get(counter) ?? 0) + 1);
        continue;
      }
      for (const owned of behind(slot)) {
        const counter = owned[identity].counters.find(one => one.field === field);
        if (counter !== undefined) owners.set(counter, (owners.get(counter) ?? 0) + 1);
      }
    }
  }
  return owners;
}

/** Before the first thread: what is held by nobody's field belongs to the scenario, and has to be there again at the end. */
export function noteHandles(world: World): void {
  const owners = ownersOf(world);
  for (const counter of world.counters.values()) counter.handles = counter.count - (owners.get(counter) ?? 0);
}

export function quiesce(judge: Judge, stays: readonly string[]): void {
  const { world, always, definition } = judge;
  for (const name of stays) {
    if (world.live(name) === null && world.freed(name) === null)
      throw new TraceError(0, 'stays', `${name} was never announced, so it cannot stay. Name live objects only.`);
  }
  const mayStay = reachable(world, stays);
  const left = (what: string, object: string, earlier: number | null = null): void =>
    judge.report(always.quietAtTheEnd, what, { objects: { object }, earlier });

  always.quietAtTheEnd.exercised++;
  for (const object of liveObjects(world)) {
    const self = object[identity];
    if (!mayStay.has(object)) left(`${self.name} is not freed.`, self.name);
    for (const part of self.parts) {
      switch (part.kind) {
        case 'lock':
        case 'wait-queue':
          if (part.owner !== null) left(`${part.owner.name} still holds ${part.name}.`, self.name, part.since);
          for (const reader of part.readers?.keys() ?? []) left(`${reader.name} still reads ${part.name}.`, self.name);
          break;
        case 'domain':
          for (const reader of part.readers.keys()) left(`${reader.name} is still in a read section of ${part.name}.`, self.name);
          break;
        case 'work':
          if (part.pending) left(`${part.name} is still pending.`, self.name, part.queuedAt);
          if (part.running !== null) left(`${part.running.name} still runs ${part.name}.`, self.name);
          break;
        case 'entry':
          if (part.queue !== null && !mayStay.has(object)) left(`${part.name} is still on ${part.queue.name}.`, self.name, part.linkedAt);
          break;
        case 'counter':
        case 'completion':
        case 'work-queue':
          break;
      }
    }
  }

  const owners = ownersOf(world);
  const owned = ownedClasses(definition);
  for (const counter of world.counters.values()) {
    const object = world.live(counter.of.name);
    if (!owned.has(counter.class) || object === null || !mayStay.has(object)) continue;
    always.referencesBalance.exercised++;
    const expected = counter.handles + (owners.get(counter) ?? 0);
    if (counter.count !== expected)
      judge.report(always.referencesBalance, `${counter.name} is ${counter.count}, but has ${expected} owners.`, {
        objects: { object: counter.of.name },
      });
  }
}

function reachable(world: World, stays: readonly string[]): ReadonlySet<Thing> {
  const found = new Set<Thing>(Object.values(world.globals));
  for (const name of stays) {
    const object = world.live(name);
    if (object !== null) found.add(object);
  }
  for (const object of found) for (const slot of object[identity].slots) for (const next of behind(slot)) found.add(next);
  return found;
}
