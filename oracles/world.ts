/**
 * Everything that is known at one event: live objects and what is inside them, by name; threads; which names were freed.
 *
 * It grows with the number of live objects and threads only. Of what was freed it keeps the most recent names with their events, and for
 * each type how far the forgotten ones went: names are never used again, so an older name is still known as freed.
 */

import { isThing } from './bindings.ts';
import type { GuardTable, OracleDefinition } from './definition.ts';
import type { Scalar } from './event.ts';
import {
  type Cells,
  type Completion,
  type Counter,
  type Domain,
  type Entry,
  type Identity,
  identity,
  type Lock,
  type Part,
  type Slot,
  type Thing,
  type WaitQueue,
  type Work,
  type WorkQueue,
} from './thing.ts';
import { firstProcess, newThread, type Thread } from './thread.ts';

/** What was freed at `at`, by `thread`. */
interface Tombstone {
  readonly at: number;
  readonly thread: string;
}
const mostTombstones = 65_536;

export interface World {
  readonly definition: OracleDefinition;
  /** Live objects by type, then by name. */
  readonly objects: ReadonlyMap<string, Map<string, Cells>>;
  readonly threads: Map<string, Thread>;
  readonly globals: Readonly<Record<string, Thing>>;
  // What is inside live objects, by name: `Irqfd#1.kvm`.
  readonly slots: Map<string, Slot>;
  readonly locks: Map<string, Lock>;
  readonly waitQueues: Map<string, WaitQueue>;
  readonly domains: Map<string, Domain>;
  readonly counters: Map<string, Counter>;
  readonly works: Map<string, Work>;
  readonly workQueues: Map<string, WorkQueue>;
  readonly entries: Map<string, Entry>;
  readonly completions: Map<string, Completion>;
  readonly thread: (name: string) => Thread;
  readonly live: (name: string) => Cells | null;
  /** Null: not known to have been freed. `at` is null if that was too long ago. */
  readonly freed: (name: string) => { readonly at: number | null; readonly thread: string | null } | null;
  readonly create: (name: string) => Cells;
  /** Forgets the object, and resets what was inside it, so that a rule that still reaches it reads nothing. */
  readonly remove: (object: Identity, at: number, thread: string) => void;
  /** Value of a field as a rule sees it: the object behind a name. */
  readonly valueOf: (value: Scalar) => Thing | Scalar;
  // For the fast engine, which hands over what it knows.
  /** Forgets all that lives, and the threads. */
  readonly clear: () => void;
  /** A declared object, where another one stood for it. */
  readonly declare: (name: string, object: Thing) => void;
  /** It was freed. */
  readonly bury: (name: string, at: number, thread: string) => void;
  /** Objects of the type were freed too long ago to be remembered, the highest of this number. */
  readonly forget: (type: string, number: number) => void;
}

/** `Irqfd` of `Irqfd#1`. */
export const typeOf = (objectName: string): string => objectName.slice(0, objectName.indexOf('#'));
const numberOf = (objectName: string): number => Number(objectName.slice(objectName.indexOf('#') + 1));
/** `Irqfd#1` of `Irqfd#1.kvm`. */
export function objectOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? name : name.slice(0, dot);
}

/** For each type the number of its first field's class; the others follow in the order of the table. */
export function classNumbers(definition: OracleDefinition): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  let next = 0;
  for (const [type, { fields }] of Object.entries(definition.types)) {
    first.set(type, next);
    next += Object.keys(fields).length;
  }
  return first;
}

export function createWorld(definition: OracleDefinition): World {
  const objects = new Map(Object.keys(definition.types).map(type => [type, new Map<string, Cells>()]));
  const guards = new Map<string, { rule: string; guard: GuardTable }>();
  for (const rule of definition.rules) {
    if (rule.kind !== 'guards') continue;
    for (const [field, guard] of Object.entries(rule.fields))
      if (guard !== null) guards.set(`${rule.type}.${field}`, { rule: rule.name, guard });
  }
  const firstNumber = classNumbers(definition);
  const threads = new Map<string, Thread>();
  const slots = new Map<string, Slot>();
  const locks = new Map<string, Lock>();
  const waitQueues = new Map<string, WaitQueue>();
  const domains = new Map<string, Domain>();
  const counters = new Map<string, Counter>();
  const works = new Map<string, Work>();
  const workQueues = new Map<string, WorkQueue>();
  const entries = new Map<string, Entry>();
  const completions = new Map<string, Completion>();
  const tombstones = new Map<string, Tombstone>();
  /** Names of the tombstones, as a ring. */
  const recent: string[] = [];
  let nextRecent = 0;
  /** Highest number among forgotten tombstones, by type. */
  const forgotten = new Map<string, number>();

  const live = (name: string): Cells | null => objects.get(typeOf(name))?.get(name) ?? null;

  function create(name: string): Cells {
    const type = typeOf(name);
    const table = definition.types[type];
    const ofType = objects.get(type);
    if (table === undefined || ofType === undefined) throw new Error(`No object type ${type} in ${definition.system}`);
    const places: (Slot | Part)[] = [];
    const self: Identity = {
      name,
      type,
      alive: true,
      assumed: false,
      sole: null,
      parts: [],
      counters: [],
      slots: [],
      places,
      memberOf: new Set(),
    };
    const cells = table.make(self);
    let number = firstNumber.get(type) ?? 0;
    for (const [field, fieldTable] of Object.entries(table.fields)) {
      const cell = cells[field];
      if (typeof cell === 'object' && cell !== null && 'kind' in cell) {
        cell.number = number++;
        places.push(cell);
        if (fieldTable.kind !== 'flag') continue;
      }
      const slot: Slot = {
        kind: 'slot',
        name: `${name}.${field}`,
        class: `${type}.${field}`,
        of: self,
        field,
        table: fieldTable,
        cells,
        members: cell instanceof Set ? cell : null,
        guard: guards.get(`${type}.${field}`) ?? null,
        writtenAt: 0,
        number: fieldTable.kind === 'flag' ? number - 1 : number++,
      };
      slots.set(slot.name, slot);
      // A flag is read and written like a field, but what is in it is a lock.
      if (fieldTable.kind === 'flag') continue;
      places.push(slot);
      self.slots.push(slot);
    }
    for (const part of self.parts) {
      switch (part.kind) {
        case 'lock':
          locks.set(part.name, part);
          break;
        case 'wait-queue':
          locks.set(part.name, part);
          waitQueues.set(part.name, part);
          break;
        case 'domain':
          domains.set(part.name, part);
          break;
        case 'counter':
          counters.set(part.name, part);
          break;
        case 'work':
          works.set(part.name, part);
          break;
        case 'work-queue':
          workQueues.set(part.name, part);
          break;
        case 'entry':
          entries.set(part.name, part);
          break;
        case 'completion':
          completions.set(part.name, part);
          break;
      }
    }
    ofType.set(name, cells);
    return cells;
  }

  function reset(self: Identity): void {
    for (const slot of self.slots) {
      slots.delete(slot.name);
      if (slot.members !== null) {
        for (const member of slot.members) member[identity].memberOf.delete(slot);
        slot.members.clear();
      } else slot.cells[slot.field] = zero(slot);
    }
    for (const part of self.parts) {
      switch (part.kind) {
        case 'lock':
          locks.delete(part.name);
          slots.delete(part.name);
          part.owner = null;
          part.readers?.clear();
          break;
        case 'wait-queue':
          locks.delete(part.name);
          waitQueues.delete(part.name);
          part.owner = null;
          for (const entry of part.entries) entry.queue = null;
          part.entries.clear();
          break;
        case 'domain':
          domains.delete(part.name);
          part.readers.clear();
          break;
        case 'counter':
          counters.delete(part.name);
          part.count = 0;
          break;
        case 'work':
          works.delete(part.name);
          part.pending = false;
          part.running = null;
          break;
        case 'work-queue':
          workQueues.delete(part.name);
          break;
        case 'entry':
          entries.delete(part.name);
          part.queue?.entries.delete(part);
          part.queue = null;
          break;
        case 'completion':
          completions.delete(part.name);
          part.done = false;
          break;
      }
    }
    for (const set of self.memberOf) for (const member of set.members ?? []) if (member[identity] === self) set.members?.delete(member);
    self.memberOf.clear();
  }

  function bury(name: string, at: number, thread: string): void {
    tombstones.set(name, { at, thread });
    const oldest = recent[nextRecent];
    recent[nextRecent] = name;
    nextRecent = (nextRecent + 1) % mostTombstones;
    if (oldest === undefined) return;
    tombstones.delete(oldest);
    forget(typeOf(oldest), numberOf(oldest));
  }
  const forget = (type: string, number: number): void => void forgotten.set(type, Math.max(forgotten.get(type) ?? 0, number));

  function remove(self: Identity, at: number, thread: string): void {
    reset(self);
    self.alive = false;
    objects.get(self.type)?.delete(self.name);
    bury(self.name, at, thread);
  }

  function freed(name: string): { at: number | null; thread: string | null } | null {
    const stone = tombstones.get(name);
    if (stone !== undefined) return { at: stone.at, thread: stone.thread };
    return live(name) === null && numberOf(name) <= (forgotten.get(typeOf(name)) ?? 0) ? { at: null, thread: null } : null;
  }

  function valueOf(value: Scalar): Thing | Scalar {
    if (typeof value !== 'string' || !value.includes('#')) return value;
    const cells = live(value);
    if (cells !== null) return cells;
    for (const slot of slots.values()) {
      const cell = slot.cells[slot.field];
      if (isThing(cell) && cell[identity].name === value) return cell;
    }
    const table = definition.types[typeOf(value)];
    if (table === undefined) return null;
    // No pointer leads to the one that was freed, so nobody can tell this one from it.
    return table.make({
      name: value,
      type: typeOf(value),
      alive: false,
      assumed: false,
      sole: null,
      parts: [],
      counters: [],
      slots: [],
      places: [],
      memberOf: new Set(),
    });
  }

  function thread(name: string): Thread {
    const known = threads.get(name);
    if (known !== undefined) return known;
    const made = newThread(name);
    made.process = globals[firstProcess] ?? null;
    threads.set(name, made);
    return made;
  }

  const globals: Record<string, Thing> = {};
  for (const [name, type] of Object.entries(definition.globals)) {
    const before = Object.keys(definition.globals).slice(0, Object.keys(definition.globals).indexOf(name));
    const cells = create(`${type}#${1 + before.filter(other => definition.globals[other] === type).length}`);
    cells[identity].assumed = true;
    globals[name] = cells;
  }
  return {
    definition,
    objects,
    threads,
    globals,
    slots,
    locks,
    waitQueues,
    domains,
    counters,
    works,
    workQueues,
    entries,
    completions,
    thread,
    live,
    freed,
    create,
    remove,
    valueOf,
    clear() {
      for (const map of [
        ...objects.values(),
        threads,
        slots,
        locks,
        waitQueues,
        domains,
        counters,
        works,
        workQueues,
        entries,
        completions,
      ])
        map.clear();
    },
    declare: (name, object) => void (globals[name] = object),
    bury,
    forget,
  };
}

/** What a field is where nothing was given. */
export function zero(slot: Slot): Scalar {
  switch (slot.table.kind) {
    case 'boolean':
      return false;
    case 'number':
      return 0;
    default:
      return null;
  }
}
