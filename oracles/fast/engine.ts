/**
 * Judges events that break nothing, on a state of numbers. An event that it is not sure of is declined before anything was changed: then the
 * reference engine takes over, with the state as it is (`to-world.ts`), and says what is wrong. So both find the same and count the same.
 */
import type { OracleDefinition } from '../definition.ts';
import type { RuleState } from '../judge.ts';
import type { OracleInside } from '../oracle.ts';
import { firstProcess, runClass } from '../thread.ts';
import { createCalls } from './calls.ts';
import { isLive } from './conditions.ts';
import { codeOf, createHandlers } from './dispatch.ts';
import { createFrees } from './frees.ts';
import { alive, typeNumber } from './layout.ts';
import { createLeft } from './left.ts';
import { createLifetime, type Lifetime } from './lifetime.ts';
import { createStore, deepest, type Memory, type Store } from './memory.ts';
import { createTables, type FastAtEvery, type Tables } from './tables.ts';
import { createThreads, type Promised, type Threads } from './threads.ts';

/**
 * An event at something inside an object, of class number `of`. `other`: what else it names, as a number: 0 for null, 1 for true, the number of
 * a word, an object or a place; `about`: the type of that object, the class of that place, else -1. `tag`: which of these it is. False: declined.
 */
export type Handler = (
  thread: number,
  seq: number,
  object: number,
  place: number,
  of: number,
  tag: number,
  other: number,
  about: number,
  flag: boolean,
) => boolean;

/** Pairs of a class and a node that the reference knows: `outer * nodes + inner`. */
export interface KnownPairs {
  readonly known: Uint8Array;
  /** Asks the reference, and remembers it if it is so. */
  readonly ask: (of: number, node: number) => boolean;
}

/** What the parts of the engine share. */
export interface Core {
  readonly definition: OracleDefinition;
  readonly tables: Tables;
  readonly store: Store;
  readonly memory: Memory;
  readonly threads: Threads;
  readonly always: OracleInside['judge']['always'];
  /** How often each rule was put to the test, by its place in `rules`. */
  readonly exercised: Float64Array;
  readonly counter: (state: RuleState) => number;
  /** Edges of the lock graph; counters and what they are put under; counters and what their last put takes. */
  readonly edges: KnownPairs;
  readonly puts: KnownPairs;
  readonly taken: KnownPairs;
  /** Classes of spinning locks that are known to be taken in an interrupt, and those with interrupts on. */
  readonly inIrq: KnownPairs;
  readonly irqsOn: KnownPairs;
  readonly changed: (of: number, object: number) => void;
  readonly lifeChanged: (type: number, object: number) => void;
  /** Whether what the rules ask for there is so; they are counted if it is. */
  readonly allowed: (rules: readonly FastAtEvery[], thread: number, object: number) => boolean;
  readonly frees: ReturnType<typeof createFrees>;
  /** The object, which may have been freed, whose work item of this class and number the thread runs; 0 if it does not. */
  readonly runOn: (thread: number, of: number, number: number) => number;
  readonly wasFreed: (type: number, number: number) => boolean;
  /** Rules about states, as bits, to look at again; objects whose own fields changed; whether contracts see an instant. */
  due: number;
  readonly own: number[];
  instant: boolean;
  /** Contracts of all calls under way. */
  readonly underWay: Promised[];
  events: number;
  /** `seq` of the last event. */
  seq: number;
}

export interface Engine extends Lifetime {
  readonly core: Core;
  /** Number of a kind of events at something inside an object; 0: it is no such kind. */
  readonly codeOf: (kind: string) => number;
  /** By the number of the kind. */
  readonly handlers: readonly Handler[];
  readonly calls: ReturnType<typeof createCalls>;
  /**
   * After an event that was not declined, where something is due (`core.due`, `own`, `instant`). False: some rule about states is broken now, and
   * nothing was counted for them.
   */
  readonly settle: () => boolean;
  /** `Irqfd#1`. */
  readonly nameOf: (object: number) => string;
  /** Counts the rules' tests where the reference counts them. */
  readonly hand: () => void;
}

/** A state is nobody's: in a rule about states no thread holds anything. */
const nobody = -1;

/** Null: the system has something that this engine does not know. */
export function createEngine(definition: OracleDefinition, { judge }: OracleInside): Engine | null {
  const tables = createTables(definition, judge);
  if (tables === null) return null;
  const store = createStore(
    tables.layouts.map(({ size }) => size),
    tables.counters,
  );
  const { memory } = store;
  const threads = createThreads(memory, store, Object.keys(definition.globals).indexOf(firstProcess));
  const rules = [...judge.rules.values()];
  const places = new Map(rules.map((state, at) => [state, at]));
  const exercised = new Float64Array(rules.length + 1);
  const { classes } = tables;
  const nodeNames = [...classes.map(({ name }) => name), ...classes.map(({ name }) => runClass(name))];
  const dueOf = Int32Array.from(classes, ({ due }) => due);
  const ownOf = Int32Array.from(classes, ({ own: bits }) => bits);
  const contractsOf = tables.where(({ contracts }) => contracts);
  const own: number[] = [];
  const frees = createFrees(tables.types.length);
  const core: Core = {
    definition,
    tables,
    store,
    memory,
    threads,
    always: judge.always,
    exercised,
    // A rule that is left out is counted where nobody looks.
    counter: state => places.get(state) ?? rules.length,
    edges: knownPairs(nodeNames, judge.knowsEdge),
    puts: knownPairs(nodeNames, judge.releases.knowsPut),
    taken: knownPairs(nodeNames, judge.releases.knowsTaken),
    inIrq: knownPairs(nodeNames, what => judge.irqs.knows(what, 'inIrq')),
    irqsOn: knownPairs(nodeNames, what => judge.irqs.knows(what, 'irqsOn')),
    changed(of, object) {
      core.due |= dueOf[of];
      if (ownOf[of] !== 0) noteOwn(ownOf[of], object);
      if (contractsOf[of] !== 0) core.instant = true;
    },
    lifeChanged(type, object) {
      core.due |= tables.typeDue[type];
      if (tables.typeOwn[type] !== 0) noteOwn(tables.typeOwn[type], object);
      if (tables.typeContracts[type]) core.instant = true;
    },
    allowed,
    frees,
    runOn(thread, of, number) {
      for (let at = thread * deepest + memory.depth[thread] - 1; at >= thread * deepest; at--)
        if (memory.heldNode[at] === of + classes.length && memory.d[memory.heldObject[at] + alive] === number) return memory.heldObject[at];
      return 0;
    },
    wasFreed: (type, number) => frees.has(type, number) || judge.world.freed(`${tables.types[type]}#${number}`) !== null,
    due: 0,
    own,
    instant: false,
    underWay: [],
    events: 0,
    seq: -1,
  };
  const left = createLeft(core);
  const calls = createCalls(core, left);
  const { states } = tables;
  const stateCounters = states.map(({ state }) => core.counter(state));
  const seen = new Float64Array(states.length);

  /** Rules that depend on one object's own fields, in pairs of bits and object. */
  function noteOwn(bits: number, object: number): void {
    for (let at = 0; at < own.length; at += 2) {
      if (own[at + 1] !== object) continue;
      own[at] |= bits;
      return;
    }
    own.push(bits, object);
  }
  function settle(): boolean {
    const { due } = core;
    if (own.length === 0 && (due & (due - 1)) === 0) {
      // Nearly always one rule is due, or none.
      if (due !== 0) {
        const at = 31 - Math.clz32(due);
        const found = states[at].all(memory);
        if (found < 0) return false;
        if (found > 0) exercised[stateCounters[at]] += found;
        core.due = 0;
      }
    } else if (!settleAll(due)) return uncounted();
    if (core.instant) {
      core.instant = false;
      if (core.underWay.length > 0) calls.atInstant();
    }
    return true;
  }
  function settleAll(all: number): boolean {
    for (let due = all; due !== 0; ) {
      const at = 31 - Math.clz32(due);
      due &= ~(1 << at);
      const found = states[at].all(memory);
      if (found < 0) return false;
      seen[at] += found;
    }
    if (!settleOwn()) return false;
    for (let at = 0; at < states.length; at++) {
      if (seen[at] === 0) continue;
      exercised[stateCounters[at]] += seen[at];
      seen[at] = 0;
    }
    core.due = 0;
    own.length = 0;
    return true;
  }
  /** The reference will judge these rules again. */
  function uncounted(): false {
    seen.fill(0);
    return false;
  }
  function settleOwn(): boolean {
    for (let at = 0; at < own.length; at += 2) {
      if (!isLive(memory, own[at + 1])) continue;
      for (let bits = own[at]; bits !== 0; ) {
        const rule = 31 - Math.clz32(bits);
        bits &= ~(1 << rule);
        const found = states[rule].one(memory, nobody, own[at + 1]);
        if (found < 0) return false;
        seen[rule] += found;
      }
    }
    return true;
  }

  function allowed(of: readonly FastAtEvery[], thread: number, object: number): boolean {
    if (of.length === 0) return true;
    if (of.length === 1) {
      const tests = timesTested(memory, of[0], thread, object);
      if (tests >= 0) exercised[core.counter(of[0].state)] += tests;
      return tests >= 0;
    }
    const tested: number[] = [];
    for (const rule of of) {
      const tests = timesTested(memory, rule, thread, object);
      if (tests < 0) return false;
      tested.push(tests);
    }
    for (const [at, tests] of tested.entries()) exercised[core.counter(of[at].state)] += tests;
    return true;
  }

  return {
    core,
    codeOf,
    handlers: createHandlers(core, left),
    calls,
    ...createLifetime(core),
    settle,
    nameOf: object => `${tables.types[memory.i[object + typeNumber]]}#${memory.d[object + alive]}`,
    hand() {
      for (const [at, state] of rules.entries()) state.exercised += exercised[at];
      exercised.fill(0);
    },
  };
}

function knownPairs(nodes: readonly string[], isKnown: (of: string, node: string) => boolean): KnownPairs {
  const known = new Uint8Array(nodes.length * nodes.length);
  return {
    known,
    ask(of, node) {
      const is = isKnown(nodes[of], nodes[node]);
      if (is) known[of * nodes.length + node] = 1;
      return is;
    },
  };
}

/** -1: it is broken. */
function timesTested(memory: Memory, { over, fixed, verdict }: FastAtEvery, thread: number, object: number): number {
  if (over.length === 1) return verdict(memory, thread, object);
  const type = over[1 - fixed];
  let tests = 0;
  for (let at = 0; at < memory.lives[type]; at++) {
    const other = memory.live[type][at];
    if (!isLive(memory, other)) continue;
    const found = fixed === 0 ? verdict(memory, thread, object, other) : verdict(memory, thread, other, object);
    if (found < 0) return -1;
    tests += found;
  }
  return tests;
}
