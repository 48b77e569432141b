/**
 * Judges the events that break nothing, on the world of an oracle, without building an event. Whatever is not plainly in order is declined
 * before anything was changed: then the caller builds the event and gives it to the oracle, which judges and explains it. So both count
 * the same, find the same, and may take turns.
 *
 * Every function returns false where it declines. Objects and what is inside them are those of the world, alive.
 */
import { type ClassRules, createClassTables } from './class-rules.ts';
import type { Condition } from './definition.ts';
import type { Scalar } from './event.ts';
import type { Oracle } from './oracle.ts';
import type { Slot, Thing, WaitQueue, Work, WorkQueue } from './thing.ts';
import { type Cells, type Counter, type Domain, type Entry, type Identity, identity, type Lock, type Part } from './thing.ts';
import type { Holding, Thread } from './thread.ts';
import type { Finding } from './verdict.ts';
import { zero } from './world.ts';

export interface FastLane {
  readonly want: (thread: Thread, lock: Lock, seq: number) => boolean;
  readonly got: (thread: Thread, lock: Lock, seq: number) => boolean;
  readonly released: (thread: Thread, lock: Lock) => boolean;
  readonly enter: (thread: Thread, domain: Domain, seq: number) => boolean;
  readonly exit: (thread: Thread, domain: Domain) => boolean;
  readonly get: (counter: Counter) => boolean;
  readonly put: (thread: Thread, counter: Counter) => boolean;
  /** The value of a pointer is the object's cells. */
  readonly read: (thread: Thread, place: Slot | Counter, value: Scalar | Cells) => boolean;
  readonly write: (thread: Thread, slot: Slot, value: Scalar | Cells, seq: number) => boolean;
  readonly addOrRemove: (thread: Thread, set: Slot, member: Cells, inside: boolean, seq: number) => boolean;
  /** `has` and `next`; null: there was none. */
  readonly looked: (thread: Thread, set: Slot, member: Cells | null, inside: boolean) => boolean;
  readonly queue: (work: Work, on: WorkQueue | null, queued: boolean, seq: number) => boolean;
  readonly runBegin: (thread: Thread, work: Work, seq: number) => boolean;
  readonly runEnd: (thread: Thread, work: Work) => boolean;
  readonly link: (queue: WaitQueue, entry: Entry, seq: number) => boolean;
  readonly unlink: (queue: WaitQueue, entry: Entry) => boolean;
  readonly callback: () => boolean;
  /** After an event that was not declined: what the state it led to breaks. */
  readonly settle: (thread: Thread, seq: number) => readonly Finding[];
  /** After the oracle judged an event that was declined: what it knows now need not be asked again. */
  readonly judged: (thread: Thread) => void;
  /** Events that were not declined. */
  readonly events: () => number;
}

const none: readonly Finding[] = [];

export function createFastLane({ inside }: Oracle): FastLane {
  const { judge, settle } = inside;
  const { always, here, stateRules } = judge;
  const { classes, nodes } = createClassTables(judge.definition, judge, stateRules.watches);
  const touched = always.neverTouchedAfterFree;
  /** Pairs of nodes that the lock graph, or the puts under locks, are known to have. */
  const knownEdges = new Uint8Array(nodes * nodes);
  const knownPuts = new Uint8Array(nodes * nodes);
  /** Which pair the declined event is about, if that is why it was declined. */
  let asking: { readonly lock: Lock | null; readonly put: Counter | null } | null = null;
  /** A state rule has to be judged, a call has seen another instant. */
  let instant = false;
  let events = 0;

  const rulesOf = (place: Slot | Part): ClassRules => {
    const rules = classes[place.number];
    if (rules === undefined) throw new Error(`${place.class} has no number`);
    return rules;
  };
  const nodeOf = ({ of }: Holding): number => (of.kind === 'work' ? of.number + classes.length : of.number);

  function changed(rules: ClassRules, object: Identity): void {
    if (rules.watched) stateRules.changed(rules.name, object);
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

  function want(thread: Thread, lock: Lock, seq: number): boolean {
    const rules = rulesOf(lock);
    const { owner } = lock;
    const { held } = thread;
    if (rules.atEvery || thread.releases.length > 0) return false;
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
        if (knownEdges[node * nodes + lock.number] === 0) {
          asking = { lock, put: null };
          return false;
        }
        pairs++;
      }
    }
    touched.exercised++;
    if (lock.sleeps) always.neverSleepsInAtomic.exercised++;
    for (let one = 0; one < rules.orders.length; one++) {
      const order = rules.orders[one];
      if (order !== undefined) order.state.exercised++;
    }
    always.neverTakenTwice.exercised++;
    always.noLockCycle.exercised += pairs;
    always.everyWaitEnds.exercised++;
    thread.waits = { kind: 'lock', lock, thread, since: seq };
    return true;
  }

  function got(thread: Thread, lock: Lock, seq: number): boolean {
    if (lock.owner !== null || lock.depth !== 0) return false;
    const rules = rulesOf(lock);
    touched.exercised++;
    thread.waits = null;
    lock.owner = thread;
    lock.depth = 1;
    lock.since = seq;
    thread.held.push({ of: lock, class: lock.class, since: seq });
    changed(rules, lock.of);
    return true;
  }

  function released(thread: Thread, lock: Lock): boolean {
    const rules = rulesOf(lock);
    if (lock.owner !== thread || lock.depth !== 1 || rules.atEvery || !leavesNested(thread, rules)) return false;
    touched.exercised++;
    always.releasedByHolder.exercised++;
    letGo(thread, lock);
    lock.depth = 0;
    lock.owner = null;
    changed(rules, lock.of);
    return true;
  }

  function enter(thread: Thread, domain: Domain, seq: number): boolean {
    const rules = rulesOf(domain);
    if (rules.atEvery) return false;
    touched.exercised++;
    domain.readers.set(thread, (domain.readers.get(thread) ?? 0) + 1);
    thread.held.push({ of: domain, class: domain.class, since: seq });
    changed(rules, domain.of);
    return true;
  }

  function exit(thread: Thread, domain: Domain): boolean {
    const rules = rulesOf(domain);
    const open = domain.readers.get(thread) ?? 0;
    if (open === 0 || domain.waiters.size > 0 || rules.atEvery || !leavesNested(thread, rules)) return false;
    touched.exercised++;
    always.releasedByHolder.exercised++;
    letGo(thread, domain);
    if (open === 1) domain.readers.delete(thread);
    else domain.readers.set(thread, open - 1);
    changed(rules, domain.of);
    return true;
  }

  function get(counter: Counter): boolean {
    const rules = rulesOf(counter);
    if (counter.count === 0 || rules.atEvery) return false;
    touched.exercised++;
    always.neverResurrected.exercised++;
    counter.count++;
    changed(rules, counter.of);
    return true;
  }

  function put(thread: Thread, counter: Counter): boolean {
    const rules = rulesOf(counter);
    const { held } = thread;
    if (counter.count < 2 || rules.atEvery) return false;
    for (let at = 0; at < held.length; at++) {
      const holding = held[at];
      if (holding === undefined || knownPuts[counter.number * nodes + nodeOf(holding)] === 1) continue;
      asking = { lock: null, put: counter };
      return false;
    }
    touched.exercised++;
    always.referencesBalance.exercised++;
    if (held.length > 0) always.lastPutTakesNoHeldLock.exercised++;
    counter.count--;
    changed(rules, counter.of);
    return true;
  }

  function read(thread: Thread, place: Slot | Counter, value: Scalar | Cells): boolean {
    const rules = rulesOf(place);
    if (place.kind === 'counter') return !rules.atEvery;
    if (place.cells[place.field] !== value) return false;
    if (!rules.constant) {
      if (rules.atEvery || !canRead(thread, place, rules)) return false;
      if (rules.guard !== null) rules.guard.exercised++;
    }
    touched.exercised++;
    if (rules.pointer) always.nullNeverFollowed.exercised++;
    return true;
  }

  function write(thread: Thread, slot: Slot, value: Scalar | Cells, seq: number): boolean {
    const rules = rulesOf(slot);
    if (rules.atEvery || slot.members !== null || !canWrite(thread, slot, rules)) return false;
    if (rules.guard !== null) rules.guard.exercised++;
    touched.exercised++;
    slot.cells[slot.field] = value === null || value === 0 ? zero(slot) : value;
    changed(rules, slot.of);
    slot.writtenAt = seq;
    slot.writtenBy = thread.name;
    return true;
  }

  function addOrRemove(thread: Thread, set: Slot, member: Cells, inside: boolean, seq: number): boolean {
    const rules = rulesOf(set);
    if (rules.atEvery || !canWrite(thread, set, rules)) return false;
    if (rules.guard !== null) rules.guard.exercised++;
    touched.exercised++;
    setMember(set, rules, member, inside);
    set.writtenAt = seq;
    set.writtenBy = thread.name;
    return true;
  }

  function looked(thread: Thread, set: Slot, member: Cells | null, inside: boolean): boolean {
    const rules = rulesOf(set);
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

  function queue(work: Work, on: WorkQueue | null, queued: boolean, seq: number): boolean {
    const rules = rulesOf(work);
    if (rules.atEvery) return false;
    touched.exercised += on === null ? 1 : 2;
    if (!queued) return true;
    work.pending = true;
    work.queuedAt = seq;
    work.on = on === null ? null : on.name;
    changed(rules, work.of);
    return true;
  }

  function runBegin(thread: Thread, work: Work, seq: number): boolean {
    const rules = rulesOf(work);
    touched.exercised++;
    work.pending = false;
    work.running = thread;
    thread.held.push({ of: work, class: rules.run, since: seq });
    changed(rules, work.of);
    return true;
  }

  function runEnd(thread: Thread, work: Work): boolean {
    const rules = rulesOf(work);
    if (work.waiters.size > 0 || thread.held.at(-1)?.of !== work) return false;
    thread.releases.length = 0;
    thread.held.pop();
    work.running = null;
    changed(rules, work.of);
    return true;
  }

  function link(on: WaitQueue, entry: Entry, seq: number): boolean {
    if (rulesOf(on).atEvery) return false;
    touched.exercised += 2;
    entry.queue?.entries.delete(entry);
    entry.queue = on;
    entry.linkedAt = seq;
    on.entries.add(entry);
    changed(rulesOf(entry), entry.of);
    return true;
  }

  function unlink(on: WaitQueue, entry: Entry): boolean {
    if (rulesOf(on).atEvery) return false;
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
    judge.begin(seq, thread);
    return settle(atInstant);
  }

  function judged(thread: Thread): void {
    const asked = asking;
    asking = null;
    instant = false;
    if (asked === null) return;
    const { waits } = thread;
    for (const holding of thread.held) {
      // Only if the oracle went as far as noting it: it may have broken off before.
      if (asked.lock !== null && waits?.kind === 'lock' && waits.lock === asked.lock)
        knownEdges[nodeOf(holding) * nodes + asked.lock.number] = 1;
      if (asked.put !== null) knownPuts[asked.put.number * nodes + nodeOf(holding)] = 1;
    }
  }

  return {
    want,
    got,
    released,
    enter,
    exit,
    get,
    put,
    read,
    write,
    addOrRemove,
    looked,
    queue,
    runBegin,
    runEnd,
    link,
    unlink,
    callback() {
      touched.exercised += 2;
      return true;
    },
    settle: settleFast,
    judged,
    events: () => events,
  };
}

const nobody: Identity = {
  name: '',
  type: '',
  alive: false,
  assumed: false,
  parts: [],
  counters: [],
  slots: [],
  places: [],
  memberOf: new Set(),
};
