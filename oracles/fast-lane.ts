/**
 * Judges the events that break nothing, on the world of an oracle, without building an event. Whatever is not plainly in order is declined
 * before anything was changed: then the caller builds the event and gives it to the oracle, which judges and explains it. So both count
 * the same, find the same, and may take turns.
 *
 * What its handlers are given is alive.
 */
import { type ClassRules, createClassTables } from './class-rules.ts';
import type { Condition } from './definition.ts';
import type { EventKind, Scalar } from './event.ts';
import type { Oracle } from './oracle.ts';
import type { Slot, Thing, WaitQueue, Work, WorkQueue } from './thing.ts';
import { type Cells, type Counter, type Domain, type Entry, type Identity, identity, type Lock, type Part } from './thing.ts';
import type { Holding, Thread, Wait } from './thread.ts';
import type { Finding } from './verdict.ts';
import { zero } from './world.ts';

/** What an event acts on, and what else it names: the cells of an object, something inside one, or a plain value. */
export type Place = Slot | Part;
export type Other = Scalar | Cells | Place;
/** `flag` is what the event says of its success: queued, linked, found, got. False: declined. */
export type Handler = (thread: Thread, place: Place, rules: ClassRules, other: Other, flag: boolean, seq: number) => boolean;

export interface FastLane {
  readonly handlers: Readonly<Partial<Record<EventKind, Handler>>>;
  /** By the number of the class. */
  readonly classes: readonly ClassRules[];
  /** After an event that was not declined: what the state it led to breaks. */
  readonly settle: (thread: Thread, seq: number) => readonly Finding[];
  /** After the oracle judged an event that was declined: what it knows now need not be asked again. */
  readonly judged: (thread: Thread | null, seq: number) => void;
  /** Pairs of nodes that the lock graph, or the puts under locks, are known to have: the outer one, or the counter, times the number of nodes, plus the other. */
  readonly knownEdges: Uint8Array;
  readonly knownPuts: Uint8Array;
  /** Events that were not declined. */
  readonly events: () => number;
}

const none: readonly Finding[] = [];
/** Before the name of a queue that is flushed, in what a wait says that it is for. */
export const itemsOn = 'the items on ';

export function createFastLane({ inside }: Oracle): FastLane {
  const { judge, settle } = inside;
  const { stateRules } = judge;
  const {
    neverTouchedAfterFree: touched,
    everyWaitEnds,
    lastPutTakesNoHeldLock,
    neverResurrected,
    neverSleepsInAtomic,
    neverTakenTwice,
    noLockCycle,
    nullNeverFollowed,
    referencesBalance,
    releasedByHolder,
    valuesInBounds,
  } = judge.always;
  const here = { thread: judge.thread, globals: judge.world.globals };
  const { classes, nodes } = createClassTables(judge.definition, judge, stateRules.watching);
  /** Pairs of nodes that the lock graph, or the puts under locks, are known to have. */
  const knownEdges = new Uint8Array(nodes * nodes);
  const knownPuts = new Uint8Array(nodes * nodes);
  /** Counter whose put was declined because it is under a lock that is not known to be one of those. */
  let asking: Counter | null = null;
  /** A state rule has to be judged, a call has seen another instant. */
  let instant = false;
  let events = 0;
  /** What is found goes into it; nearly always nothing is. */
  let fresh: Finding[] = [];

  const rulesOf = (place: Slot | Part): ClassRules => {
    const rules = classes[place.number];
    if (rules === undefined) throw new Error(`${place.class} has no number`);
    return rules;
  };
  const nodeOf = ({ of }: Holding): number => (of.kind === 'work' ? of.number + classes.length : of.number);

  function changed(rules: ClassRules, object: Identity): void {
    if (rules.watching.length > 0) stateRules.mark(rules.watching, object);
    if (rules.contracts) instant = true;
  }
  function isAtomic(thread: Thread): boolean {
    if (thread.context === 'hardirq') return true;
    for (let at = 0; at < thread.held.length; at++) if (thread.held[at]?.of.atomic) return true;
    return false;
  }

  const bound: { object: Thing } = { object: { [identity]: nobody } };
  /** No judged guard is missing. */
  function guarded(thread: Thread, slot: Slot, rules: ClassRules, conditions: readonly Condition[], all: boolean): boolean {
    if (rules.guard === null || conditions.length === 0) return true;
    bound.object = slot.cells;
    here.thread = thread;
    for (let at = 0; at < conditions.length; at++) if (conditions[at]?.(bound, here) !== all) return !all;
    return all;
  }
  const canRead = (thread: Thread, slot: Slot, rules: ClassRules): boolean => guarded(thread, slot, rules, rules.read, false);
  const canWrite = (thread: Thread, slot: Slot, rules: ClassRules): boolean => guarded(thread, slot, rules, rules.write, true);

  /** Removes the holding, which is the youngest in nearly all cases. The caller knows that there is one. */
  function letGo(thread: Thread, of: Holding['of']): void {
    const { held } = thread;
    let at = held.length - 1;
    if (held[at]?.of === of) {
      held.pop();
      return;
    }
    while (at >= 0 && held[at]?.of !== of) at--;
    if (at >= 0) held.splice(at, 1);
  }
  /** The thread has nothing that an order puts inside of this one, apart from one holding of it. */
  function leavesNested(thread: Thread, rules: ClassRules): boolean {
    for (const order of rules.nested) for (const holding of thread.held) if (order.inside[nodeOf(holding)]) return false;
    return true;
  }

  function want(thread: Thread, lock: Lock, rules: ClassRules, seq: number): boolean {
    const { owner } = lock;
    const { held } = thread;
    if (rules.atEvery || lock.readers !== null || thread.releases.length > 0 || thread.prepared !== null) return false;
    if (owner !== null && (owner === thread || owner.waits !== null || owner.ended)) return false;
    let pairs = 0;
    if (held.length > 0 || thread.context === 'hardirq') {
      if (lock.sleeps && isAtomic(thread)) return false;
      const { orders } = rules;
      for (let at = 0; at < held.length; at++) {
        const holding = held[at];
        if (holding === undefined) continue;
        const node = nodeOf(holding);
        for (let one = 0; one < orders.length; one++) if (orders[one]?.inside[node]) return false;
        if (node === lock.number) continue;
        if (knownEdges[node * nodes + lock.number] === 0) return false;
        pairs++;
      }
    }
    touched.exercised++;
    if (lock.sleeps) neverSleepsInAtomic.exercised++;
    for (let one = 0; one < rules.orders.length; one++) {
      const order = rules.orders[one];
      if (order !== undefined) order.state.exercised++;
    }
    neverTakenTwice.exercised++;
    noLockCycle.exercised += pairs;
    everyWaitEnds.exercised++;
    thread.waits = { kind: 'lock', lock, thread, since: seq };
    return true;
  }

  function got(thread: Thread, lock: Lock, rules: ClassRules, seq: number): boolean {
    if (lock.readers !== null || lock.owner !== null || lock.depth !== 0) return false;
    touched.exercised++;
    thread.waits = null;
    lock.owner = thread;
    lock.depth = 1;
    lock.since = seq;
    thread.held.push({ of: lock, class: lock.class, since: seq });
    changed(rules, lock.of);
    return true;
  }

  function released(thread: Thread, lock: Lock, rules: ClassRules): boolean {
    if (lock.readers !== null || lock.owner !== thread || lock.depth !== 1 || rules.atEvery || !leavesNested(thread, rules)) return false;
    touched.exercised++;
    releasedByHolder.exercised++;
    letGo(thread, lock);
    lock.depth = 0;
    lock.owner = null;
    changed(rules, lock.of);
    return true;
  }

  function enter(thread: Thread, domain: Domain, rules: ClassRules, seq: number): boolean {
    if (rules.atEvery) return false;
    touched.exercised++;
    domain.readers.set(thread, (domain.readers.get(thread) ?? 0) + 1);
    thread.held.push({ of: domain, class: domain.class, since: seq });
    changed(rules, domain.of);
    return true;
  }

  function exit(thread: Thread, domain: Domain, rules: ClassRules): boolean {
    const open = domain.readers.get(thread) ?? 0;
    if (open === 0 || domain.waiters.size > 0 || rules.atEvery || !leavesNested(thread, rules)) return false;
    touched.exercised++;
    releasedByHolder.exercised++;
    letGo(thread, domain);
    if (open === 1) domain.readers.delete(thread);
    else domain.readers.set(thread, open - 1);
    changed(rules, domain.of);
    return true;
  }

  function get(counter: Counter, rules: ClassRules): boolean {
    if (counter.count === 0 || rules.atEvery) return false;
    touched.exercised++;
    neverResurrected.exercised++;
    counter.count++;
    changed(rules, counter.of);
    return true;
  }

  function put(thread: Thread, counter: Counter, rules: ClassRules): boolean {
    const { held } = thread;
    if (counter.count < 2 || rules.atEvery) return false;
    for (let at = 0; at < held.length; at++) {
      const holding = held[at];
      if (holding === undefined || knownPuts[counter.number * nodes + nodeOf(holding)] === 1) continue;
      asking = counter;
      return false;
    }
    touched.exercised++;
    referencesBalance.exercised++;
    if (held.length > 0) lastPutTakesNoHeldLock.exercised++;
    counter.count--;
    changed(rules, counter.of);
    return true;
  }

  function read(thread: Thread, place: Slot, rules: ClassRules, value: Scalar | Cells): boolean {
    if (place.cells[place.field] !== value) return false;
    if (!rules.constant) {
      if (rules.atEvery || !canRead(thread, place, rules)) return false;
      if (rules.guard !== null) rules.guard.exercised++;
    }
    touched.exercised++;
    if (rules.pointer) nullNeverFollowed.exercised++;
    return true;
  }

  function write(thread: Thread, slot: Slot, rules: ClassRules, value: Scalar | Cells, seq: number): boolean {
    if (rules.atEvery || !fits(slot, value) || !canWrite(thread, slot, rules)) return false;
    if (rules.guard !== null) rules.guard.exercised++;
    touched.exercised++;
    if (rules.kind === 'number') valuesInBounds.exercised++;
    slot.cells[slot.field] = value === null || value === 0 ? zero(slot) : value;
    changed(rules, slot.of);
    slot.writtenAt = seq;
    slot.writtenBy = thread.name;
    return true;
  }

  function addOrRemove(thread: Thread, set: Slot, rules: ClassRules, member: Cells, inside: boolean, seq: number): boolean {
    if (rules.atEvery || !canWrite(thread, set, rules)) return false;
    if (rules.guard !== null) rules.guard.exercised++;
    touched.exercised++;
    setMember(set, rules, member, inside);
    set.writtenAt = seq;
    set.writtenBy = thread.name;
    return true;
  }

  function looked(thread: Thread, set: Slot, rules: ClassRules, member: Cells | null, inside: boolean): boolean {
    if (rules.atEvery || !canRead(thread, set, rules)) return false;
    if (rules.guard !== null) rules.guard.exercised++;
    touched.exercised++;
    if (member !== null) setMember(set, rules, member, inside);
    return true;
  }

  function setMember(set: Slot, rules: ClassRules, member: Cells, inside: boolean): void {
    const { members } = set;
    if (members === null || members.has(member) === inside) return;
    if (inside) {
      members.add(member);
      member[identity].memberOf.add(set);
    } else {
      members.delete(member);
      member[identity].memberOf.delete(set);
    }
    changed(rules, set.of);
  }

  function queue(work: Work, rules: ClassRules, on: WorkQueue | null, queued: boolean, seq: number): boolean {
    if (rules.atEvery) return false;
    touched.exercised += on === null ? 1 : 2;
    if (!queued) return true;
    work.pending = true;
    work.queuedAt = seq;
    work.on = on === null ? null : on.name;
    changed(rules, work.of);
    return true;
  }

  function runBegin(thread: Thread, work: Work, rules: ClassRules, seq: number): boolean {
    touched.exercised++;
    work.pending = false;
    work.running = thread;
    thread.held.push({ of: work, class: rules.run, since: seq });
    changed(rules, work.of);
    return true;
  }

  function runEnd(thread: Thread, work: Work, rules: ClassRules): boolean {
    if (work.waiters.size > 0 || thread.held.at(-1)?.of !== work) return false;
    thread.releases.length = 0;
    thread.held.pop();
    work.running = null;
    changed(rules, work.of);
    return true;
  }

  function link(on: WaitQueue, rules: ClassRules, entry: Entry, seq: number): boolean {
    if (rules.atEvery) return false;
    touched.exercised += 2;
    entry.queue?.entries.delete(entry);
    entry.queue = on;
    entry.linkedAt = seq;
    on.entries.add(entry);
    changed(rulesOf(entry), entry.of);
    return true;
  }

  function unlink(rules: ClassRules, entry: Entry): boolean {
    if (rules.atEvery) return false;
    touched.exercised += 2;
    entry.queue?.entries.delete(entry);
    entry.queue = null;
    changed(rulesOf(entry), entry.of);
    return true;
  }

  function settleFast(thread: Thread, seq: number): readonly Finding[] {
    events++;
    if (!stateRules.due() && !instant) return none;
    const atInstant = instant;
    instant = false;
    judge.begin(seq, thread, fresh);
    const found = settle(atInstant);
    if (found.length > 0) fresh = [];
    return found;
  }

  function judged(thread: Thread | null, seq: number): void {
    const asked = asking;
    asking = null;
    instant = false;
    if (thread === null) return;
    const { waits } = thread;
    // Only if the oracle went as far as noting it: it may have broken off before.
    if (waits !== null && waits.since === seq)
      for (const node of waitedFor(waits)) for (const holding of thread.held) knownEdges[nodeOf(holding) * nodes + node] = 1;
    if (asked !== null) for (const holding of thread.held) knownPuts[asked.number * nodes + nodeOf(holding)] = 1;
  }
  /** Nodes of the lock graph that the wait leads to; of a flush of a queue those whose runs it found. */
  function waitedFor(waits: Wait): number[] {
    switch (waits.kind) {
      case 'lock':
        return [waits.lock.number];
      case 'grace':
        return [waits.domain.number];
      case 'flush': {
        const of = judge.world.works.get(waits.on);
        if (of !== undefined) return [of.number + classes.length];
        const queue = judge.world.workQueues.get(waits.on.slice(itemsOn.length));
        const names = (queue && judge.definition.queues[queue.class]) ?? [];
        return classes.flatMap(({ name }, number) => (names.includes(name) ? [number + classes.length] : []));
      }
    }
  }

  return {
    handlers: {
      want: (thread, place, rules, _other, _flag, seq) => isLock(place, rules) && want(thread, place, rules, seq),
      got: (thread, place, rules, _other, _flag, seq) => isLock(place, rules) && got(thread, place, rules, seq),
      released: (thread, place, rules) => isLock(place, rules) && released(thread, place, rules),
      read: (thread, place, rules, value) =>
        isPlain(place, rules)
          ? isValue(value) && read(thread, place, rules, value)
          : isCounter(place, rules) && !rules.atEvery && Number.isSafeInteger(value) && Number(value) >= 0,
      write: (thread, place, rules, value, _flag, seq) =>
        isPlain(place, rules) && isValue(value) && write(thread, place, rules, value, seq),
      get: (_thread, place, rules) => isCounter(place, rules) && get(place, rules),
      put: (thread, place, rules) => isCounter(place, rules) && put(thread, place, rules),
      enter: (thread, place, rules, _other, _flag, seq) => isDomain(place, rules) && enter(thread, place, rules, seq),
      exit: (thread, place, rules) => isDomain(place, rules) && exit(thread, place, rules),
      add: (thread, place, rules, member, _flag, seq) =>
        isSet(place, rules) && isObject(member) && addOrRemove(thread, place, rules, member, true, seq),
      remove: (thread, place, rules, member, _flag, seq) =>
        isSet(place, rules) && isObject(member) && addOrRemove(thread, place, rules, member, false, seq),
      has: (thread, place, rules, member, found) => isSet(place, rules) && isObject(member) && looked(thread, place, rules, member, found),
      next: (thread, place, rules, member) =>
        isSet(place, rules) && (member === null || isObject(member)) && looked(thread, place, rules, member, true),
      queue: (_thread, place, rules, on, queued, seq) =>
        isWork(place, rules) && (on === null || isWorkQueue(on)) && queue(place, rules, on, queued, seq),
      'run-begin': (thread, place, rules, _other, _flag, seq) => isWork(place, rules) && runBegin(thread, place, rules, seq),
      'run-end': (thread, place, rules) => isWork(place, rules) && runEnd(thread, place, rules),
      link: (_thread, place, rules, entry, linked, seq) =>
        isWaitQueue(place, rules) && isEntry(entry) && linked && link(place, rules, entry, seq),
      unlink: (_thread, place, rules, entry) => isWaitQueue(place, rules) && isEntry(entry) && unlink(rules, entry),
      callback(_thread, place, rules, entry) {
        if (!isWaitQueue(place, rules) || !isEntry(entry)) return false;
        touched.exercised += 2;
        return true;
      },
    },
    classes,
    settle: settleFast,
    judged,
    knownEdges,
    knownPuts,
    events: () => events,
  };
}

// What a place is, told by the rules of its class: looking at the place itself, of which there are many shapes, takes far longer.
const isLock = (_: Place, { kind }: ClassRules): _ is Lock => kind === 'mutex' || kind === 'spinlock' || kind === 'wait-queue';
const isPlain = (_: Place, { kind }: ClassRules): _ is Slot =>
  kind === 'pointer' || kind === 'boolean' || kind === 'number' || kind === 'word';
const isCounter = (_: Place, { kind }: ClassRules): _ is Counter => kind === 'refcount';
const isDomain = (_: Place, { kind }: ClassRules): _ is Domain => kind === 'srcu' || kind === 'rcu';
const isSet = (_: Place, { kind }: ClassRules): _ is Slot => kind === 'set';
const isWork = (_: Place, { kind }: ClassRules): _ is Work => kind === 'work';
const isWaitQueue = (_: Place, { kind }: ClassRules): _ is WaitQueue => kind === 'wait-queue';
const isObject = (other: Other): other is Cells => typeof other === 'object' && other !== null && identity in other;
const isPlace = (other: Other): other is Place => typeof other === 'object' && other !== null && !(identity in other);
const isWorkQueue = (other: Other): other is WorkQueue => isPlace(other) && other.kind === 'work-queue';
const isEntry = (other: Other): other is Entry => isPlace(other) && other.kind === 'entry';
const isValue = (other: Other): other is Scalar | Cells => !isPlace(other);

/** Whether a field of this kind may be given the value; whoever reads traces says why not. */
function fits({ table }: Slot, value: Scalar | Cells): boolean {
  switch (table.kind) {
    case 'pointer':
      return value === null || (typeof value === 'object' && value[identity].type === table.to);
    case 'word':
      return value === null || (typeof value === 'string' && table.words?.includes(value) === true);
    case 'boolean':
      return typeof value === 'boolean';
    case 'number':
      return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= (table.max ?? Number.POSITIVE_INFINITY);
    default:
      return false;
  }
}

const nobody: Identity = {
  name: '',
  type: '',
  alive: false,
  assumed: false,
  sole: null,
  parts: [],
  counters: [],
  slots: [],
  places: [],
  memberOf: new Set(),
};
