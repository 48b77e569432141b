/**
 * What all parts of an oracle share while one event is judged: the world, who acts, what was found, and the checks that every step makes
 * in the same order: freed object, sleeping in atomic context, guard, order, `at-every` rules. What a verb itself can break comes after.
 */

import { createBindings } from './bindings.ts';
import { type BuiltInName, builtInNames } from './built-in.ts';
import type { AtEveryRule, Bound, Here, OracleDefinition, OrderRule } from './definition.ts';
import type { EventKind } from './event.ts';
import { createIrqUses, type IrqUses } from './irq-uses.ts';
import { taking } from './judge-taking.ts';
import { type Judgeable, judgeable, kindOfAction } from './observed.ts';
import { createLockGraph, heldInside } from './order.ts';
import { createReleases, type Releases } from './releases.ts';
import { createStateRules } from './state-rules.ts';
import { type Identity, identity, type Slot, type Thing } from './thing.ts';
import { atomicBecause, type Holding, newThread, type Thread } from './thread.ts';
import { TraceError } from './trace-error.ts';
import type { Finding, Strength } from './verdict.ts';
import { createWorld, objectOf, typeOf, type World } from './world.ts';

export interface RuleState extends Judgeable {
  readonly id: string;
  exercised: number;
  findings: number;
}
interface Circumstances {
  readonly objects?: Readonly<Record<string, string>>;
  readonly earlier?: number | null;
  readonly strength?: Strength;
}

export interface Judge {
  readonly definition: OracleDefinition;
  readonly world: World;
  readonly rules: ReadonlyMap<string, RuleState>;
  readonly always: Readonly<Record<BuiltInName, RuleState>>;
  readonly here: Here;
  /** The event: its number, its thread, what it breaks so far, and whether it broke off. */
  seq: number;
  thread: Thread;
  found: Finding[];
  brokeOff: boolean;
  /** Something that rules can look at is not as it was. */
  hasChanged: boolean;
  readonly releases: Releases;
  readonly irqs: IrqUses;
  /** Objects of which a thread says that nobody else can reach them. */
  readonly soles: Set<string>;

  /** `found`: an empty list to use, where it is known that nobody has it. */
  readonly begin: (seq: number, thread: Thread, found?: Finding[]) => void;
  readonly report: (rule: RuleState, detail: string, circumstances?: Circumstances) => void;
  /** Reports, and the step has no further effect. False if the rule is not judged in this trace: then the step goes on. */
  readonly breakOff: (rule: RuleState, detail: string, circumstances?: Circumstances) => boolean;
  readonly rule: (name: string) => RuleState;
  /** The state inside the object that a name leads to. Null, and reported, if the object was freed. */
  readonly find: <Part>(parts: ReadonlyMap<string, Part>, name: string) => Part | null;
  /** The live object of this name; null, and reported, if it was freed. */
  readonly object: (name: string) => Thing | null;
  /** Makes sure that a name in a value was announced. It may have been freed. */
  readonly mentioned: (name: string) => void;
  readonly mustNotSleep: (doing: string) => void;
  readonly guarded: (slot: Slot, access: 'read' | 'write') => void;
  /** Declared orders, before the thread waits for locks of these classes. */
  readonly ordered: (classes: readonly string[]) => void;
  /** Notes that the thread waits for something of these classes. Two locks of one class have no order among themselves. */
  readonly waitsFor: (classes: readonly string[]) => void;
  /** Whether waiting for this class with the other one held was noted before, so that to do it again says nothing new. */
  readonly knowsEdge: (outer: string, inner: string) => boolean;
  /** `toRead`: on the read side of a lock. */
  readonly atEvery: (kind: EventKind, on: string, object: Identity, toRead?: boolean) => void;
  readonly changed: (what: string, object: Identity) => void;
}

export interface JudgeOptions {
  /** Event kinds that the trace shows; null: all. */
  readonly observes: readonly EventKind[] | null;
  /** Rules to leave out. */
  readonly without: readonly string[];
}

export function createJudge(
  definition: OracleDefinition,
  options: JudgeOptions,
): Judge & { readonly stateRules: ReturnType<typeof createStateRules> } {
  const world = createWorld(definition);
  const seesAlloc = options.observes === null || options.observes.includes('alloc');
  const rules = new Map<string, RuleState>();
  for (const [id, able] of judgeable(definition, options.observes))
    if (!options.without.includes(id)) rules.set(id, { ...able, id, exercised: 0, findings: 0 });
  const rule = (id: string): RuleState => rules.get(id) ?? { id, judged: 'not', missing: [], exercised: 0, findings: 0 };
  const always = Object.fromEntries(builtInNames.map(name => [name, rule(`always.${name}`)])) as Record<BuiltInName, RuleState>;
  const here = { thread: newThread(''), globals: world.globals };
  const soles = new Set<string>();
  const bindings = createBindings(world);
  const graph = createLockGraph(definition.rules);
  const orders = definition.rules.filter((one): one is OrderRule => one.kind === 'order');
  const atEveryRules = new Map<string, AtEveryRule[]>();
  for (const one of definition.rules) {
    if (one.kind !== 'at-every') continue;
    const event = `${kindOfAction(one.verb) ?? ''} ${one.on}${isReadSide(one.verb) ? ' to read' : ''}`;
    atEveryRules.set(event, [...(atEveryRules.get(event) ?? []), one]);
  }

  function report(state: RuleState, detail: string, { objects = {}, earlier = null, strength = 'observed' }: Circumstances = {}): void {
    if (state.judged === 'not') return;
    state.findings++;
    judge.found.push({ rule: state.id, strength, detail, objects, event: judge.seq, thread: judge.thread.name, earlier });
  }
  function breakOff(state: RuleState, detail: string, circumstances?: Circumstances): boolean {
    if (state.judged === 'not') return false;
    report(state, detail, circumstances);
    judge.brokeOff = true;
    return true;
  }

  /** True if the object lives now. */
  function present(name: string): boolean {
    if (world.live(name) !== null) return true;
    const freed = world.freed(name);
    if (freed !== null) {
      const when = freed.at === null ? 'long ago' : `at event ${freed.at} by ${freed.thread}`;
      breakOff(always.neverTouchedAfterFree, `${judge.thread.name} touches ${name}, which was freed ${when}.`, {
        objects: { object: name },
        earlier: freed.at,
      });
      return false;
    }
    announce(name);
    return true;
  }
  function announce(name: string): void {
    if (seesAlloc) throw neverAnnounced(name);
    world.create(name);
    judge.changed(typeOf(name), identityOf(name));
  }
  function identityOf(name: string): Identity {
    const thing = world.live(name);
    if (thing === null) throw new Error(`${name} is not known`);
    return thing[identity];
  }
  function find<Part>(parts: ReadonlyMap<string, Part>, name: string): Part | null {
    const known = parts.get(name);
    if (known !== undefined) {
      always.neverTouchedAfterFree.exercised++;
      if (soles.size > 0) nobodyElses(objectOf(name));
      return known;
    }
    if (!present(objectOf(name))) return null;
    const made = parts.get(name);
    if (made === undefined) throw new TraceError(0, name, `${name} is not a field that this event can act on.`);
    return made;
  }

  /** Reports a touch of what another thread says is its alone. */
  function nobodyElses(name: string): void {
    const sole = world.live(name)?.[identity].sole ?? null;
    if (sole === null) return;
    always.soleWhereAsserted.exercised++;
    if (sole !== judge.thread)
      report(always.soleWhereAsserted, `${judge.thread.name} touches ${name}, which ${sole.name} says nobody else can reach.`, {
        objects: { object: name },
      });
  }

  function guarded(slot: Slot, access: 'read' | 'write'): void {
    if (slot.guard === null) return;
    const state = rule(slot.guard.rule);
    if (state.judged === 'not') return;
    state.exercised++;
    const { guard } = slot.guard;
    const bound: Bound = { object: slot.cells };
    const fine =
      slot.of.sole === judge.thread ||
      (access === 'read'
        ? guard.read.length === 0 || guard.read.some(condition => condition(bound, here))
        : guard.write.every(condition => condition(bound, here)));
    if (fine) return;
    const act = access === 'read' ? 'reads' : 'writes';
    report(state, `${judge.thread.name} ${act} ${slot.name} without ${guard.names[access]}.`, {
      objects: { object: slot.of.name },
      earlier: slot.writtenAt > 0 ? slot.writtenAt : null,
    });
  }

  function ordered(classes: readonly string[]): void {
    for (const order of orders) {
      const state = rule(order.name);
      if (!classes.some(one => order.classes.includes(one))) continue;
      state.exercised++;
      const broken = firstOf(classes, one => {
        const inside = heldInside(order, definition.rules, judge.thread, one);
        return inside && { inside, waitedFor: one };
      });
      if (broken === null) continue;
      const { inside, waitedFor } = broken;
      report(state, `${judge.thread.name} waits for ${waitedFor} while it has ${nameOf(inside)}, which belongs inside.`, {
        earlier: inside.since,
      });
    }
  }

  function waitsFor(classes: readonly string[]): void {
    judge.releases.takes(judge.thread, classes, judge.seq);
    for (const holding of judge.thread.held) {
      for (const inner of classes) {
        if (holding.class === inner) continue;
        always.noLockCycle.exercised++;
        const cycle = graph.add({ outer: holding.class, inner, thread: judge.thread.name, event: judge.seq });
        if (cycle === null) continue;
        const steps = cycle.map(edge => `${edge.thread} has ${edge.outer} and waits for ${edge.inner} (event ${edge.event})`);
        report(always.noLockCycle, `${steps.join('; ')}.`, { strength: 'possible', earlier: cycle[1]?.event ?? holding.since });
      }
    }
  }

  function atEvery(kind: EventKind, on: string, object: Identity, toRead = false): void {
    if (atEveryRules.size === 0) return;
    for (const one of atEveryRules.get(`${kind} ${on}${toRead ? ' to read' : ''}`) ?? []) {
      const state = rule(one.name);
      const thing = world.live(object.name);
      if (state.judged === 'not' || thing === null) continue;
      bindings.each(one.over, { [one.object]: thing }, bound => {
        if (one.when !== null && !one.when(bound, here)) return;
        state.exercised++;
        if (!one.then(bound, here))
          report(state, `${judge.thread.name} does ${one.verb} on ${object.name}.`, { objects: bindings.names(bound) });
      });
    }
  }

  const stateRules = createStateRules(definition, bindings, rule);
  const judge = {
    definition,
    world,
    rules,
    always,
    here,
    seq: 0,
    thread: here.thread,
    found: [] as Finding[],
    brokeOff: false,
    hasChanged: false,
    stateRules,
    irqs: createIrqUses(),
    releases: createReleases(name => world.live(name) !== null),
    begin(seq: number, thread: Thread, found: Finding[] = []) {
      judge.seq = seq;
      judge.thread = thread;
      judge.found = found;
      judge.brokeOff = false;
      judge.hasChanged = false;
      here.thread = thread;
    },
    report,
    breakOff,
    rule,
    find,
    guarded,
    ordered,
    waitsFor,
    knowsEdge: graph.knows,
    atEvery,
    soles,
    object(name: string) {
      if (soles.size > 0) nobodyElses(name);
      return present(name) ? world.live(name) : null;
    },
    mentioned(name: string) {
      if (world.live(name) === null && world.freed(name) === null) announce(name);
    },
    mustNotSleep(doing: string) {
      always.neverSleepsInAtomic.exercised++;
      const because = atomicBecause(judge.thread);
      if (because !== null)
        report(always.neverSleepsInAtomic, `${judge.thread.name} ${doing}, which may sleep, while ${because.why}.`, {
          earlier: because.since,
        });
      const { prepared } = judge.thread;
      if (prepared !== null)
        report(always.conditionNeverSleeps, `${judge.thread.name} ${doing}, which may sleep, while it is about to sleep on ${prepared}.`);
      taking(judge, null, false);
    },
    changed(what: string, object: Identity) {
      judge.hasChanged = true;
      stateRules.changed(what, object);
    },
  };
  return judge;
}

const isReadSide = (verb: string): boolean => verb === 'read-lock' || verb === 'read-unlock';

function firstOf<From, To>(all: readonly From[], found: (one: From) => To | null): To | null {
  for (const one of all) {
    const to = found(one);
    if (to !== null) return to;
  }
  return null;
}
const nameOf = (holding: Holding): string => (holding.of.kind === 'work' ? `the run of ${holding.of.name}` : holding.of.name);

const neverAnnounced = (name: string): TraceError =>
  new TraceError(
    0,
    name,
    `${name} was never announced. Log an alloc event before anything else about an object, or leave alloc out of the header's observes.`,
  );
