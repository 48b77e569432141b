/** What the judges of all event kinds share: the state, the rules' counts, and how a finding is made. */
import type { EventKind, PlaceKind } from '../event.ts';
import type { Finding, Step, Strength } from '../verdict.ts';
import { createLockGraph, type LockGraph, type Mode } from './lock-graph.ts';
import type { GenericName } from './rules.ts';
import { createState, type Holding, type IrqUse, type Moment, objectOf, type State, type Thread } from './state.ts';

export interface GenericOptions {
  /** Event kinds that the trace shows; absent: all of them. */
  readonly observes?: readonly EventKind[] | undefined;
  /** Kinds of which some events may be missing, as a probe misses a hit now and then. What would follow from their absence is not judged. */
  readonly mayMiss?: readonly EventKind[] | undefined;
  readonly places?: Readonly<Record<string, PlaceKind>> | undefined;
  /** The trace begins in the middle: a lock may be let go of that nobody was seen to take. */
  readonly midway?: boolean;
}

/** Under which lock classes a last put of each counter class was made, which ones its release took, and which pairs were told of. */
export interface PutKnowledge {
  readonly lastUnder: Map<string, Map<string, Moment>>;
  readonly taken: Map<string, Map<string, Moment>>;
  readonly told: Set<string>;
}
/** By `Type domain`: how often an object of the type was freed after its thread had waited for the domain's readers, and how often not. */
export type GraceKnowledge = Map<string, { used: Moment | null; after: number; without: number }>;

interface Circumstances {
  readonly strength?: Strength;
  readonly objects?: Readonly<Record<string, string>>;
  readonly earlier?: Moment | null;
  readonly circle?: readonly string[];
  /** What happened before, in order; this event is added. */
  readonly story?: readonly Step[];
}

export interface GenericJudge {
  readonly state: State;
  readonly graph: LockGraph;
  /** Of single locks of one class, nested in each other. */
  readonly instances: LockGraph;
  /** Where each lock of a live object was released last. */
  readonly lastReleased: Map<string, Moment>;
  readonly irqUses: Map<string, IrqUse>;
  readonly puts: PutKnowledge;
  readonly graces: GraceKnowledge;
  /** Work classes that were put on a queue. */
  readonly queued: Map<string, Set<string>>;
  /** What the threads came after that have ended, until they are joined. */
  readonly endedAfter: Map<string, ReadonlyMap<string, number>>;
  readonly midway: boolean;
  readonly sees: (kind: EventKind) => boolean;
  /** The trace shows all of them. */
  readonly seesAll: (kind: EventKind) => boolean;
  readonly placeKind: (ofClass: string) => PlaceKind | null;
  thread: Thread;
  now: Moment;
  found: Finding[];
  readonly counts: (rule: GenericName) => { exercised: number; findings: number };
  readonly exercised: (rule: GenericName) => void;
  readonly report: (rule: GenericName, detail: string, circumstances?: Circumstances) => void;
  /** False after a finding, if the object of the place or the object itself was freed. */
  readonly touch: (name: string) => boolean;
}

export function createGenericJudge({ observes, mayMiss = [], places = {}, midway = false }: GenericOptions): GenericJudge {
  const state = createState();
  const counts = new Map<GenericName, { exercised: number; findings: number }>();
  const countsOf = (rule: GenericName) => {
    const known = counts.get(rule) ?? { exercised: 0, findings: 0 };
    counts.set(rule, known);
    return known;
  };
  const judge: GenericJudge = {
    state,
    graph: createLockGraph(),
    instances: createLockGraph(),
    lastReleased: new Map(),
    irqUses: new Map(),
    puts: { lastUnder: new Map(), taken: new Map(), told: new Set() },
    graces: new Map(),
    queued: new Map(),
    endedAfter: new Map(),
    midway,
    sees: kind => observes?.includes(kind) ?? true,
    seesAll: kind => !mayMiss.includes(kind) && judge.sees(kind),
    placeKind: ofClass => (Object.hasOwn(places, ofClass) ? (places[ofClass] ?? null) : null),
    thread: state.thread(''),
    now: { event: 0, thread: '', site: null },
    found: [],
    counts: countsOf,
    exercised: rule => countsOf(rule).exercised++,
    report(rule, detail, { strength = 'observed', objects = {}, earlier = null, story = [], circle } = {}) {
      countsOf(rule).findings++;
      const last: Step = step(judge.now, detail);
      const before = [...story].sort((one, other) => one.event - other.event);
      judge.found.push({
        rule: `always.${rule}`,
        strength,
        detail,
        objects,
        event: judge.now.event,
        thread: judge.now.thread,
        earlier: earlier?.event ?? before[0]?.event ?? null,
        story: before.some(one => one.event === last.event) ? before : [...before, last],
        ...(circle === undefined ? {} : { circle }),
      });
    },
    touch(name) {
      const object = name.includes('.') ? objectOf(name) : name;
      judge.exercised('neverTouchedAfterFree');
      const freed = state.freed.get(object);
      if (freed !== undefined) {
        judge.report('neverTouchedAfterFree', `${judge.thread.name} touches ${name}, and ${object} was freed at event ${freed.event}.`, {
          objects: { object },
          earlier: freed,
          story: [step(freed, `frees ${object}`)],
        });
        return false;
      }
      const { sole } = state.object(object);
      if (sole !== null && sole.thread !== judge.thread.name)
        judge.report('soleWhereAsserted', `${judge.thread.name} touches ${name}, which ${sole.thread} has to itself.`, {
          objects: { object },
          earlier: sole,
          story: [step(sole, `has ${object} to itself`)],
        });
      noteUse(judge.thread, object, judge.now);
      return true;
    },
  };
  return judge;
}

/** Objects that are noted for one section. */
const mostUsed = 64;

function noteUse(thread: Thread, object: string, at: Moment): void {
  if (thread.held.some(one => one.kind === 'lock' && one.mode === 'alone')) return;
  for (const { kind, used, name } of thread.held)
    if (kind === 'section' && used.size < mostUsed && !used.has(object) && objectOf(name) !== object) used.set(object, at);
}

export const step = ({ event, thread, site }: Moment, what: string): Step => ({ event, thread, what, site });
export const sayHeld = (one: Holding): string =>
  one.kind === 'run' ? `is in ${one.name}` : one.kind === 'section' ? `is in a read section of ${one.name}` : `holds ${one.name}`;
export const taken = (one: Holding): Step =>
  step(
    one.at,
    one.kind === 'run' ? `begins ${one.name}` : one.kind === 'section' ? `enters ${one.name}` : `takes ${one.name}${sayMode(one.mode)}`,
  );
export const sayMode = (mode: Mode): string => (mode === 'alone' ? '' : ' for reading');
