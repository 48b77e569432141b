/** Hands the state over to the reference engine: its world is made anew, as if it had judged every event itself. */
import type { Scalar } from '../event.ts';
import type { Oracle } from '../oracle.ts';
import {
  type Cell,
  type Cells,
  type Entry,
  type Identity,
  identity,
  type Lock,
  type Part,
  type Slot,
  type Thing,
  type WaitQueue,
  type Work,
} from '../thing.ts';
import { type Holding, itemsOn, runClass, type Thread, type Wait } from '../thread.ts';
import type { World } from '../world.ts';
import type { Engine } from './engine.ts';
import {
  alive,
  assumed,
  count,
  done,
  firstEntry,
  firstIn,
  firstLink,
  handles,
  nextEntry,
  numberValue,
  onQueue,
  owner,
  pending,
  queuedOn,
  running,
  sections,
  serial,
  typeNumber,
} from './layout.ts';
import { deepest, linkMember, linkOwner, linkSet, nextMember, nextSet } from './memory.ts';
import type { Class } from './tables.ts';
import { type Call, modes, type Promised, waitsFor } from './threads.ts';

type Place = Slot | Part;

export function toWorld(engine: Engine, { world, inside }: Oracle): void {
  const { core } = engine;
  const { tables, memory, threads, frees } = core;
  const { i, d, links } = memory;
  const { judge } = inside;
  const wordOf = new Map([...tables.words].map(([word, number]) => [number, word]));
  const cellsOf = new Map<number, Cells>();
  const nameOf = (object: number): string => `${tables.types[i[object + typeNumber]]}#${d[object + alive]}`;

  world.clear();
  for (const [type, name] of tables.types.entries()) if (frees.lost(type) > 0) world.forget(name, frees.lost(type));
  for (const { type, number, at, thread } of frees.take()) world.bury(`${tables.types[type]}#${number}`, at, thread);

  /** Of an object that was freed, what only pointers lead to. */
  function thingAt(object: number): Cells {
    const known = cellsOf.get(object);
    if (known !== undefined) return known;
    const type = tables.types[i[object + typeNumber]];
    const made = core.definition.types[type].make(deadIdentity(nameOf(object), type));
    cellsOf.set(object, made);
    return made;
  }
  const pointed = (object: number): Thing | null => (object === 0 ? null : thingAt(object));
  function placeAt(object: number, of: Class): Place {
    const cells = thingAt(object);
    const place = cells[identity].places[of.number - tables.firstClass[of.type]];
    if (place !== undefined) return place;
    const part = cells[of.field];
    if (typeof part === 'object' && part !== null && 'kind' in part) return part;
    throw new Error(`${nameOf(object)} was freed, and its field ${of.field} is asked for`);
  }
  const classAt = (object: number, place: number): Class => {
    const type = i[object + typeNumber];
    const found = tables.classes.find(one => one.type === type && object + one.offset === place);
    if (found === undefined) throw new Error(`There is no field at ${place} of ${nameOf(object)}`);
    return found;
  };
  const threadOf = (number: number): Thread | null => (number === 0 ? null : world.thread(threads.names[number]));

  // Declared objects before threads, which begin on behalf of one.
  const born = memory.live
    .flatMap((list, type) => [...list.subarray(0, memory.lives[type])])
    .sort((one, other) => d[one + serial] - d[other + serial]);
  for (const object of born) cellsOf.set(object, world.create(nameOf(object)));
  for (const [at, name] of Object.keys(core.definition.globals).entries()) world.declare(name, thingAt(memory.globals[at]));
  for (const object of born) thingAt(object)[identity].assumed = i[object + assumed] !== 0;
  for (const [name, number] of threads.numbers) world.thread(name).context = contexts[threads.context[number]];
  for (const object of born) fill(object);
  for (const object of born) {
    const { memberOf } = thingAt(object)[identity];
    memberOf.clear();
    for (let at = i[object + firstIn]; at !== 0; at = links[at + nextSet]) {
      const set = placeAt(links[at + linkOwner], classAt(links[at + linkOwner], links[at + linkSet]));
      if (set.kind === 'slot') memberOf.add(set);
    }
  }
  for (const number of threads.numbers.values()) fillThread(number);
  readersInOrder(world);
  writersInOrder(world);
  judge.stateRules.restart();
  engine.hand();

  function fill(object: number): void {
    for (const of of tables.classes) {
      if (of.type !== i[object + typeNumber]) continue;
      const at = object + of.offset;
      const place = placeAt(object, of);
      switch (place.kind) {
        case 'slot':
          fillSlot(place, of, at);
          break;
        case 'counter':
          place.count = i[at + count];
          place.handles = i[at + handles];
          place.zeroAt = d[at + count];
          break;
        case 'wait-queue':
          fillLock(place, at);
          fillQueue(place, at);
          break;
        case 'lock':
          fillLock(place, at);
          break;
        case 'work':
          place.pending = i[at + pending] !== 0;
          place.queuedAt = d[at + pending];
          place.running = threadOf(i[at + running]);
          place.on = i[at + queuedOn] === 0 ? null : queueName(i[at + queuedOn] - 1, d[at + queuedOn]);
          break;
        case 'completion':
          place.done = i[at + done] !== 0;
          break;
        case 'domain':
        case 'work-queue':
        case 'entry':
          break;
      }
    }
  }
  function queueName(of: number, number: number): string {
    const { type, field } = tables.classes[of];
    return `${tables.types[type]}#${number}.${field}`;
  }
  function fillSlot(slot: Slot, of: Class, at: number): void {
    slot.writtenAt = d[at];
    switch (of.kind) {
      case 'set':
        for (let link = i[at + firstLink]; link !== 0; link = links[link + nextMember])
          slot.members?.add(thingAt(links[link + linkMember]));
        break;
      case 'pointer':
        slot.cells[of.field] = pointed(i[at]);
        break;
      case 'word':
        slot.cells[of.field] = wordOf.get(i[at]) ?? null;
        break;
      case 'boolean':
        slot.cells[of.field] = i[at] !== 0;
        break;
      default:
        slot.cells[of.field] = d[at + numberValue];
    }
  }
  function fillLock(lock: Lock, at: number): void {
    lock.owner = threadOf(i[at + owner]);
    lock.depth = lock.owner === null ? 0 : 1;
    lock.since = d[at + owner];
    // A flag used as a lock is a field too, and was written.
    const slot = world.slots.get(lock.name);
    if (slot !== undefined) slot.writtenAt = d[at + sections];
  }
  function fillQueue(queue: WaitQueue, at: number): void {
    for (let entryAt = i[at + firstEntry]; entryAt !== 0; entryAt = i[entryAt + nextEntry]) {
      const entry = entryWith(entryAt);
      entry.queue = queue;
      entry.linkedAt = d[entryAt + onQueue];
      queue.entries.add(entry);
    }
  }
  function entryWith(at: number): Entry {
    for (const of of tables.classes) {
      if (of.kind !== 'wait-entry' && of.kind !== 'notifier-block') continue;
      const object = at - of.offset;
      if (!cellsOf.has(object) || i[object + typeNumber] !== of.type || i[object + alive] === 0) continue;
      const entry = placeAt(object, of);
      if (entry.kind === 'entry') return entry;
    }
    throw new Error(`There is no entry at ${at}`);
  }

  function fillThread(number: number): void {
    const thread = world.thread(threads.names[number]);
    const from = number * deepest;
    const holdings: Holding[] = [];
    for (let at = from; at < from + memory.depth[number]; at++) {
      const held = holdingOf(memory.heldObject[at], memory.heldPlace[at], memory.heldNode[at], memory.heldSince[at]);
      holdings.push({ ...held, irqsOff: memory.heldIrqsOff[at] !== 0 });
    }
    thread.held.push(...holdings);
    for (const call of threads.calls[number]) thread.calls.push(callOf(call, holdings));
    for (const { counter, object, number: its, took } of threads.releases[number])
      thread.releases.push({
        counter: tables.classes[counter].name,
        object: `${tables.types[i[object + typeNumber]]}#${its}`,
        took: new Map([...(took ?? [])].map(([node, at]) => [nodeName(node), at])),
      });
    thread.prepared = threads.prepared[number] === 0 ? null : placeNamed(threads.prepared[number]);
    thread.process = pointed(memory.process[number]);
    for (const of of threads.flags[number]) thread.flags.push(nodeName(of));
    thread.waits = waitOf(number, thread);
  }
  function nodeName(node: number): string {
    const many = tables.classes.length;
    return node < many ? tables.classes[node].name : runClass(tables.classes[node - many].name);
  }
  /** Name of a wait queue by its place. */
  function placeNamed(place: number): string {
    for (const of of tables.classes) {
      const object = place - of.offset;
      if (of.kind === 'wait-queue' && cellsOf.has(object) && i[object + typeNumber] === of.type) return `${nameOf(object)}.${of.field}`;
    }
    throw new Error(`There is no wait queue at ${place}`);
  }
  function holdingOf(object: number, place: number, node: number, since: number): Holding {
    const of = placeAt(object, classAt(object, place));
    if (of.kind !== 'lock' && of.kind !== 'wait-queue' && of.kind !== 'domain' && of.kind !== 'work')
      throw new Error(`${of.name} is held, but is a ${of.kind}`);
    return { of, class: nodeName(node), since, irqsOff: false };
  }
  function callOf(
    { name, since, places, objects, nodes, sinces, promised, reads }: Call,
    holdings: readonly Holding[],
  ): Thread['calls'][number] {
    return {
      call: name,
      since,
      held: places.map((place, at) => {
        const made = holdingOf(objects[at], place, nodes[at], sinces[at]);
        return holdings.find(one => one.of === made.of && one.since === made.since && one.class === made.class) ?? made;
      }),
      contracts: promised.map(({ contract, of, values, due, alwaysDue, ensured, left }) => {
        const rule = core.definition.rules.find(one => one.name === contract.name);
        if (rule?.kind !== 'contract') throw new Error(`There is no contract ${contract.name}`);
        const bound = rule.parameters.map((parameter, at): readonly [string, Thing | Scalar] => [
          parameter,
          contract.objects[at] ? pointed(of[at]) : values[at],
        ]);
        return {
          rule,
          state: contract.state,
          bound: Object.fromEntries(bound),
          left: leftOf(left),
          due: new Set(contract.errnos.filter((_, at) => (due & (1 << at)) !== 0)),
          alwaysDue,
          ensured,
        };
      }),
      reads: new Map([...reads].flatMap(([place, at]) => (readName(place) === null ? [] : [[readName(place) ?? '', at] as const]))),
    };
  }
  /** Of what was freed since nothing is asked. */
  function leftOf(left: Promised['left']): Thread['calls'][number]['contracts'][number]['left'] {
    const changed: Thread['calls'][number]['contracts'][number]['left'] = new Map();
    for (const { of, object, birth, was, members } of left.values()) {
      if (i[object + alive] === 0 || d[object + serial] !== birth) continue;
      const place = placeAt(object, tables.classes[of]);
      if (place.kind === 'counter') changed.set(place, was);
      else if (place.kind === 'slot')
        changed.set(place, members === null ? cellOf(tables.classes[of], was) : new Set([...members].map(thingAt)));
    }
    return changed;
  }
  function cellOf({ kind }: Class, value: number): Cell {
    if (kind === 'pointer') return pointed(value);
    if (kind === 'word') return wordOf.get(value) ?? null;
    return kind === 'boolean' ? value !== 0 : value;
  }
  /** Null: the object was freed since, and its name is not used again. */
  function readName(place: number): string | null {
    for (const of of tables.readOnce.keys()) {
      const { type, offset, field } = tables.classes[of];
      const object = place - offset;
      if (cellsOf.has(object) && i[object + typeNumber] === type && i[object + alive] !== 0) return `${nameOf(object)}.${field}`;
    }
    return null;
  }
  function waitOf(number: number, thread: Thread): Wait | null {
    const since = threads.waitSince[number];
    const waited = threads.waited[number];
    if (threads.waits[number] === waitsFor.nothing) return null;
    const object = threads.waitObject[number];
    const on = placeAt(object, classAt(object, threads.waitPlace[number]));
    if (on.kind === 'lock' || on.kind === 'wait-queue') {
      const mode = threads.waitMode[number];
      const asked = mode === modes.alone ? undefined : mode === modes.read ? 'read' : 'recursive-read';
      return { kind: 'lock', lock: on, mode: asked, thread, since };
    }
    if (on.kind === 'domain') {
      const wait: Wait = { kind: 'grace', domain: on, readers: byThread(waited?.readers ?? new Map()), thread, since };
      on.waiters.add(wait);
      return wait;
    }
    const runs = new Map<Work, number>();
    const during = new Map<Work, Thread>();
    const wait: Wait = { kind: 'flush', on: on.kind === 'work' ? on.name : `${itemsOn}${on.name}`, runs, during, thread, since };
    for (const [place, left] of waited?.runs ?? []) {
      const its = waited?.objects.get(place) ?? 0;
      const work = placeAt(its, classAt(its, place));
      if (work.kind !== 'work') continue;
      runs.set(work, left);
      work.waiters.add(wait);
      const runner = threadOf(waited?.during.get(place) ?? 0);
      if (runner !== null) during.set(work, runner);
    }
    return wait;
  }
  function byThread(readers: ReadonlyMap<number, number>): Map<Thread, number> {
    return new Map([...readers].map(([number, open]) => [world.thread(threads.names[number]), open]));
  }
}

/** A domain, or a lock, has its readers in the order in which they came. */
function readersInOrder(world: World): void {
  const entered: { readonly readers: Map<Thread, number>; readonly thread: Thread; readonly since: number }[] = [];
  for (const thread of world.threads.values()) {
    for (const { of, since } of thread.held) {
      if (of.kind === 'work' || (of.kind !== 'domain' && of.owner === thread) || of.readers === null) continue;
      entered.push({ readers: of.readers, thread, since });
    }
  }
  for (const { readers, thread } of entered.sort((one, other) => one.since - other.since))
    readers.set(thread, (readers.get(thread) ?? 0) + 1);
}
/** And those who wait to own a lock that may be read, where plain readers queue behind them. */
function writersInOrder(world: World): void {
  const waiting = [...world.threads.values()].flatMap(({ waits }) => (waits?.kind === 'lock' && waits.mode === undefined ? [waits] : []));
  for (const { lock, thread } of waiting.sort((one, other) => one.since - other.since))
    if (lock.readers !== null && lock.sleeps) lock.queued.add(thread);
}

const contexts = ['task', 'hardirq', 'worker'] as const;

export const deadIdentity = (name: string, type: string): Identity => ({
  name,
  type,
  alive: false,
  assumed: false,
  sole: null,
  parts: [],
  counters: [],
  slots: [],
  places: [],
  memberOf: new Set(),
});
