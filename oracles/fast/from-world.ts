/** Takes the state over from the reference engine. What the fast engine cannot hold stays there. */
import { isThing } from '../bindings.ts';
import type { Scalar } from '../event.ts';
import type { Oracle } from '../oracle.ts';
import { type Cells, identity, type Lock, type Part, type Slot, type Thing, type WaitQueue } from '../thing.ts';
import { type Holding, itemsOn, type Thread, type Wait } from '../thread.ts';
import { noLeft, pinAll, plainArgument } from './calls.ts';
import type { Engine } from './engine.ts';
import {
  assumed,
  count,
  done,
  firstIn,
  handles,
  lastIn,
  numberValue,
  owner,
  pending,
  queuedOn,
  running,
  sections,
  serial,
  typeNumber,
  waiters,
  workWaiters,
} from './layout.ts';
import { deepest, nextSet, previousSet } from './memory.ts';
import type { Class, FastContract } from './tables.ts';
import { type Call, type Left, modes, type Promised, waitsFor } from './threads.ts';
import { putOn } from './wait-queues.ts';

/** False: something in it is not as the fast engine knows it, and the reference goes on. */
export function fromWorld(engine: Engine, { world, inside }: Oracle): boolean {
  const { core } = engine;
  const { tables, memory, store, threads } = core;
  const { judge } = inside;
  if (!inside.underWay() || judge.soles.size > 0 || !judge.stateRules.atRest()) return false;
  const objects = new Map<Thing, number>();
  const numbers = new Map<Thread, number>();
  /** Freed objects, which are kept until all that leads to them is there. */
  const pinned: number[] = [];
  let strange = false;
  /** What cannot be is noted, and found at the end. */
  function no(): 0 {
    strange = true;
    return 0;
  }

  store.clear();
  threads.clear();
  core.due = 0;
  core.own.length = 0;
  core.instant = false;
  core.underWay.length = 0;
  const classOf = (place: Slot | Part): Class => tables.classes[place.number];

  // In the order of birth, as far as it matters: work items in the order in which they are known, others as those of their type.
  const inOrder = new Set<Cells>();
  for (const { of } of world.works.values()) {
    const cells = world.live(of.name);
    if (cells !== null) inOrder.add(cells);
  }
  for (const ofType of world.objects.values()) for (const cells of ofType.values()) inOrder.add(cells);
  const live = [...inOrder];
  for (const cells of live) create(cells);
  for (const name of Object.keys(core.definition.globals)) {
    const object = objectAt(world.globals[name]);
    memory.globals.push(object);
    store.pin(object);
  }
  for (const thread of world.threads.values()) {
    if (thread.ended || thread.held.length >= deepest) return false;
    numbers.set(thread, threads.add(thread.name));
  }
  for (const cells of live) fill(cells);
  for (const cells of live) fillQueues(cells);
  for (const cells of live) fillSets(cells);
  for (const cells of live) if (cells[identity].memberOf.size > 1) orderSets(cells);
  for (const [thread, number] of numbers) fillThread(thread, number);
  for (const object of pinned) store.unpin(object);
  return !strange;

  function create(cells: Cells): number {
    const { name, type, assumed: isAssumed } = cells[identity];
    const object = store.create(tables.types.indexOf(type), Number(name.slice(name.indexOf('#') + 1)));
    memory.i[object + assumed] = isAssumed ? 1 : 0;
    objects.set(cells, object);
    return object;
  }
  /** Of one that was freed nothing is left but its name. */
  function objectAt(thing: Thing): number {
    const known = objects.get(thing);
    if (known !== undefined) return known;
    const { name, type, alive } = thing[identity];
    const at = tables.types.indexOf(type);
    if (alive || at < 0) return no();
    const object = store.create(at, Number(name.slice(name.indexOf('#') + 1)));
    store.pin(object);
    store.remove(object);
    // The pin goes once all that leads here is there.
    pinned.push(object);
    objects.set(thing, object);
    return object;
  }
  function threadAt(thread: Thread | null): number {
    return thread === null ? 0 : (numbers.get(thread) ?? no());
  }
  /** Where a part of an object is, which may have been freed. */
  function placeAt(part: Slot | Part): { readonly object: number; readonly place: number; readonly of: Class } {
    const cells = cellsWith(part);
    const object = cells === null ? no() : objectAt(cells);
    const of = tables.classes.find(one => one.name === part.class);
    if (of === undefined) throw new Error(`${part.class} is no class`);
    return { object, place: object + of.offset, of };
  }
  function cellsWith({ of }: Slot | Part): Thing | null {
    const cells = world.live(of.name);
    if (cells !== null) return cells[identity] === of ? cells : null;
    for (const known of objects.keys()) if (known[identity] === of) return known;
    return of.alive ? null : { [identity]: of };
  }

  function fill(cells: Cells): void {
    const { i, d } = memory;
    const object = objectAt(cells);
    for (const place of cells[identity].places) {
      const of = classOf(place);
      const at = object + of.offset;
      switch (place.kind) {
        case 'slot':
          d[at] = place.writtenAt;
          if (of.kind !== 'set') fillSlot(of, at, place.cells[place.field]);
          break;
        case 'counter':
          if (place.count < 0 || place.count >= 1 << 30) no();
          i[at + count] = place.count;
          i[at + handles] = place.handles;
          d[at + count] = place.zeroAt;
          break;
        case 'lock':
        case 'wait-queue':
          fillLock(place, at);
          break;
        case 'completion':
          i[at + done] = place.done ? 1 : 0;
          break;
        case 'work':
          i[at + pending] = place.pending ? 1 : 0;
          d[at + pending] = place.queuedAt;
          i[at + running] = threadAt(place.running);
          fillQueuedOn(at, place.on);
          break;
        case 'domain':
          onlyLiving(place.readers);
          break;
        case 'work-queue':
        case 'entry':
          break;
      }
    }
  }
  function fillLock(lock: Lock, at: number): void {
    const { i, d } = memory;
    if (lock.depth > 1 || (lock.owner !== null && (lock.readers?.size ?? 0) > 0)) no();
    i[at + owner] = threadAt(lock.owner);
    d[at + owner] = lock.since;
    // A flag used as a lock is a field too, and was written.
    const slot = world.slots.get(lock.name);
    if (slot !== undefined) d[at + sections] = slot.writtenAt;
    onlyLiving(lock.readers ?? none);
    for (const { waits } of lock.queued) if (waits?.kind !== 'lock' || waits.lock !== lock || waits.mode !== undefined) no();
  }
  /** A reader that has ended inside never leaves. */
  function onlyLiving(readers: ReadonlyMap<Thread, number>): void {
    for (const reader of readers.keys()) if (!numbers.has(reader)) no();
  }
  function fillQueuedOn(at: number, on: string | null): void {
    if (on === null) return;
    const [type = '', rest = ''] = on.split('#');
    const dot = rest.indexOf('.');
    const of = tables.classes.find(one => one.name === `${type}.${rest.slice(dot + 1)}`);
    memory.i[at + queuedOn] = of === undefined ? no() : of.number + 1;
    memory.d[at + queuedOn] = Number(rest.slice(0, dot));
  }
  function fillSlot(of: Class, at: number, value: Cells[string]): void {
    const { i, d } = memory;
    if (of.kind === 'number') d[at + numberValue] = typeof value === 'number' ? value : no();
    else if (of.kind === 'boolean') i[at] = typeof value === 'boolean' ? Number(value) : no();
    else if (of.kind === 'word') i[at] = value === null ? 0 : ((typeof value === 'string' ? tables.words.get(value) : undefined) ?? no());
    else if (value !== null) {
      const to = isThing(value) ? objectAt(value) : no();
      if (to !== 0 && i[to + typeNumber] !== of.to) no();
      memory.i[at] = to;
      store.pin(to);
    }
  }
  function fillSets(cells: Cells): void {
    const object = objectAt(cells);
    for (const place of cells[identity].places) {
      if (place.kind !== 'slot' || place.members === null) continue;
      for (const member of place.members) {
        if (!member[identity].alive || tables.types.indexOf(member[identity].type) !== classOf(place).to) no();
        else store.link(object + classOf(place).offset, object, objectAt(member));
      }
    }
  }
  /** Links were made set by set; a member has its own order of them. */
  function orderSets(cells: Cells): void {
    const { i, links } = memory;
    const object = objectAt(cells);
    const found = new Map([...cells[identity].memberOf].map(set => [set, store.find(placeAt(set).place, object)]));
    let last = 0;
    const all = [...cells[identity].memberOf].map(set => found.get(set) ?? no());
    for (const link of all) {
      links[link + previousSet] = last;
      if (last === 0) i[object + firstIn] = link;
      else links[last + nextSet] = link;
      last = link;
    }
    if (last !== 0) links[last + nextSet] = 0;
    i[object + lastIn] = last;
  }
  function fillQueues(cells: Cells): void {
    for (const place of cells[identity].places) if (place.kind === 'wait-queue') fillQueue(place);
  }
  function fillQueue(queue: WaitQueue): void {
    const { object, place } = placeAt(queue);
    for (const entry of queue.entries) {
      if (!entry.of.alive) no();
      else putOn(memory, placeAt(entry).place, place, object, entry.linkedAt);
    }
  }

  function fillThread(thread: Thread, number: number): void {
    const process = thread.process === null ? 0 : objectAt(thread.process);
    store.pin(process);
    store.unpin(memory.process[number]);
    memory.process[number] = process;
    for (const name of thread.flags) threads.flags[number].push(nodeOf(name));
    threads.context[number] = contexts.indexOf(thread.context);
    if (thread.context === 'hardirq') threads.atomic[number]++;
    for (const holding of thread.held) hold(number, thread, holding);
    for (const { counter, object, took } of thread.releases) {
      const cells = world.live(object);
      const of = tables.classes.find(({ name }) => name === counter);
      // Freed by another thread, and so no release of this one.
      if (cells === null) continue;
      if (of === undefined) throw new Error(`${counter} is no class`);
      const its = objectAt(cells);
      store.pin(its);
      const nodes = [...took].map(([name, at]): readonly [number, number] => [nodeOf(name), at]);
      threads.releases[number].push({ counter: of.number, object: its, number: memory.d[its], took: new Map(nodes) });
    }
    for (const call of thread.calls) {
      const begun = callOf(call, number);
      pinAll(begun, store.pin);
      threads.calls[number].push(begun);
      for (const one of begun.promised) core.underWay.push(one);
    }
    if (thread.prepared !== null) {
      const queue = world.waitQueues.get(thread.prepared);
      threads.prepared[number] = queue === undefined ? no() : placeAt(queue).place;
    }
    if (thread.waits !== null) wait(number, thread.waits);
  }
  function nodeOf(name: string): number {
    const at = tables.classes.findIndex(one => one.name === name);
    if (at >= 0) return at;
    const run = tables.classes.findIndex(one => `run of ${one.name}` === name);
    return run < 0 ? no() : run + tables.classes.length;
  }
  function hold(number: number, thread: Thread, { of: part, class: name, since, irqsOff }: Holding): void {
    const { object, place } = placeAt(part);
    if (part.kind === 'work') {
      store.pin(object);
      if (part.of.alive && part.running !== thread) no();
    } else if (!part.of.alive) no();
    else if (part.kind === 'domain') memory.i[place + sections]++;
    else if (part.owner !== thread) {
      if (part.readers?.has(thread) === true) memory.i[place + sections]++;
      else no();
    }
    if (part.atomic) threads.atomic[number]++;
    const at = number * deepest + memory.depth[number]++;
    memory.heldPlace[at] = place;
    memory.heldObject[at] = object;
    memory.heldNode[at] = nodeOf(name);
    memory.heldSince[at] = since;
    memory.heldIrqsOff[at] = irqsOff ? 1 : 0;
  }
  function callOf({ call, since, held, contracts, reads }: Thread['calls'][number], thread: number): Call {
    const places = held.map(one => placeAt(one.of));
    return {
      name: call,
      since,
      places: places.map(({ place }) => place),
      objects: places.map(({ object }) => object),
      nodes: held.map(one => nodeOf(one.class)),
      sinces: held.map(one => one.since),
      promised: contracts.map((one): Promised => {
        const contract = tables.contracts.get(call)?.find(({ name }) => name === one.rule.name);
        if (contract === undefined) throw new Error(`${call} has no contract ${one.rule.name}`);
        const values = one.rule.parameters.map((parameter): Scalar => {
          const value = one.bound[parameter];
          return isThing(value) ? value[identity].name : value;
        });
        const of = boundOf(
          one.rule.parameters.map(parameter => one.bound[parameter]),
          contract,
        );
        return {
          contract,
          thread,
          of,
          values,
          due: contract.errnos.reduce((bits, errno, at) => (one.due.has(errno) ? bits | (1 << at) : bits), 0),
          alwaysDue: one.alwaysDue,
          ensured: one.ensured,
          left: contract.mayLeave === null ? noLeft : leftOf(one.left),
        };
      }),
      reads: new Map(
        [...reads].flatMap(([name, at]) => {
          const slot = world.slots.get(name);
          return slot !== undefined && tables.readOnce.has(slot.number) ? [[placeAt(slot).place, at] as const] : [];
        }),
      ),
    };
  }
  function leftOf(left: Thread['calls'][number]['contracts'][number]['left']): Map<number, Left> {
    const changed = new Map<number, Left>();
    for (const [part, found] of left) {
      if (!part.of.alive) continue;
      const { object, place, of } = placeAt(part);
      const members = found instanceof Set ? new Set([...found].map(objectAt)) : null;
      const was = members !== null ? 0 : of.kind === 'refcount' ? Number(found) : numberOf(of, found);
      if (of.kind === 'pointer') store.pin(was);
      for (const member of members ?? []) store.pin(member);
      changed.set(place, { of: of.number, object, birth: memory.d[object + serial], was, members });
    }
    return changed;
  }
  function numberOf(of: Class, cell: unknown): number {
    if (cell === null) return 0;
    if (isThing(cell)) return objectAt(cell);
    if (of.kind === 'word') return (typeof cell === 'string' ? tables.words.get(cell) : undefined) ?? no();
    return Number(cell);
  }
  function boundOf(values: readonly (Thing | Scalar)[], contract: FastContract): number[] {
    const of = values.map((value, at): number => {
      if (contract.objects[at]) return isThing(value) ? objectAt(value) : value === null ? 0 : no();
      return isThing(value) ? no() : (plainArgument(tables, value) ?? no());
    });
    if (of.length > 4) no();
    while (of.length < 4) of.push(0);
    return of;
  }
  function wait(number: number, waits: Wait): void {
    const { i } = memory;
    threads.waitSince[number] = waits.since;
    const begin = (kind: number, part: Slot | Part): number => {
      const { object, place, of } = placeAt(part);
      if (!part.of.alive && kind !== waitsFor.runs) no();
      store.pin(object);
      threads.waits[number] = kind;
      threads.waitPlace[number] = place;
      threads.waitObject[number] = object;
      threads.waitNode[number] = of.number;
      return place;
    };
    if (waits.kind === 'lock') {
      const { mode } = waits;
      i[begin(waitsFor.lock, waits.lock) + waiters]++;
      threads.waitMode[number] = mode === undefined ? modes.alone : mode === 'read' ? modes.read : modes.recursive;
      if (mode !== undefined && waits.lock.readers === null) no();
    } else if (waits.kind === 'grace') {
      i[begin(waitsFor.readers, waits.domain) + waiters]++;
      const readers = new Map([...waits.readers].map(([thread, open]) => [threadAt(thread), open]));
      threads.waited[number] = { readers, runs: new Map(), objects: new Map(), during: new Map() };
    } else {
      const isQueue = waits.on.startsWith(itemsOn);
      const on = isQueue ? world.workQueues.get(waits.on.slice(itemsOn.length)) : world.works.get(waits.on);
      if (on === undefined) {
        no();
        return;
      }
      begin(waitsFor.runs, on);
      const works = [...waits.runs].map(([work, left]) => ({ work, left, ...placeAt(work) }));
      for (const { work, place, object } of works) {
        if (work.of.alive) i[place + workWaiters]++;
        store.pin(object);
      }
      threads.waited[number] = {
        readers: new Map(),
        runs: new Map(works.map(({ place, left }) => [place, left])),
        objects: new Map(works.map(({ place, object }) => [place, object])),
        during: new Map([...waits.during].map(([work, thread]) => [placeAt(work).place, threadAt(thread)])),
      };
    }
  }
}

const none: ReadonlyMap<Thread, number> = new Map();
const contexts: readonly Thread['context'][] = ['task', 'hardirq', 'worker'];
