/** What the fast engine looks up by the number of a class or a type: made once for a definition and the rules that this trace lets judge. */
import type { AtEveryRule, FieldKind, OracleDefinition, OrderRule } from '../definition.ts';
import type { EventKind } from '../event.ts';
import type { Judge, RuleState } from '../judge.ts';
import { kindOfAction } from '../observed.ts';
import { isExcepted } from '../order.ts';
import { runClass } from '../thread.ts';
import type { FastRules, Test, Verdict } from './conditions.ts';
import { type Layout, layoutOf, wordNumbers } from './layout.ts';
import type { Memory } from './memory.ts';

export interface Class {
  readonly number: number;
  /** `Irqfd.kvm`. */
  readonly name: string;
  readonly field: string;
  readonly kind: FieldKind;
  readonly type: number;
  /** Where it is in an object. */
  readonly offset: number;
  readonly constant: boolean;
  /** Type of what a pointer leads to, or of a set's members; -1: none. */
  readonly to: number;
  /** Largest value of a number. */
  readonly max: number;
  /** Numbers of the words that it may be. */
  readonly words: ReadonlySet<number>;
  /** Null: no guard, or it is not judged in this trace. */
  readonly guard: RuleState | null;
  readonly read: Test | null;
  readonly write: Test | null;
  /** Rules about states that look at it, as bits; of those that look at one object's own fields only, apart. */
  readonly due: number;
  readonly own: number;
  readonly contracts: boolean;
}
/** What is asked before a thread waits for a lock, a domain or a run: by its node. */
export interface Waiting {
  readonly orders: readonly RuleState[];
  /** By node: 1 if some order forbids to have it then. */
  readonly forbidden: Uint8Array;
  /** The same for letting go. */
  readonly nested: Uint8Array;
}
export interface FastState {
  readonly state: RuleState;
  readonly one: Verdict;
  readonly all: (memory: Memory) => number;
  readonly own: boolean;
}
export interface FastAtEvery {
  readonly state: RuleState;
  /** Types of the variables, and which of them is the object acted on. */
  readonly over: readonly number[];
  readonly fixed: number;
  readonly verdict: Verdict;
}
export interface FastContract {
  readonly state: RuleState;
  readonly name: string;
  readonly objects: readonly boolean[];
  /** Errnos, and when each is due; null: it is allowed at any time and never due. */
  readonly errnos: readonly string[];
  readonly fails: readonly (Test | null)[];
  readonly ensures: Test | null;
  /** 1 for each class of fields that a failing call may leave changed; null: any. */
  readonly mayLeave: Uint8Array | null;
}
export interface TakesOnly {
  readonly state: RuleState;
  readonly calls: ReadonlySet<string>;
  readonly allowed: Uint8Array;
}
export interface Tables {
  readonly types: readonly string[];
  readonly layouts: readonly Layout[];
  readonly firstClass: readonly number[];
  readonly counters: readonly (readonly number[])[];
  readonly classes: readonly Class[];
  /** 1 for each class that is so. */
  readonly where: (is: (one: Class) => boolean) => Uint8Array;
  /** Classes, and after them their runs. */
  readonly nodes: number;
  readonly waiting: readonly Waiting[];
  readonly states: readonly FastState[];
  /** Bits of the rules about states that ask for a type's lifetime. */
  readonly typeDue: readonly number[];
  readonly typeOwn: readonly number[];
  readonly typeContracts: readonly boolean[];
  /** Rules about events of this kind, by class; null: there are none. */
  readonly atEvery: (kind: EventKind, toRead?: boolean) => readonly (readonly FastAtEvery[])[] | null;
  /** Rules about the end of objects, by type. */
  readonly atFree: readonly (readonly FastAtEvery[])[];
  readonly contracts: ReadonlyMap<string, readonly FastContract[]>;
  readonly innermost: readonly { readonly node: number; readonly state: RuleState }[];
  readonly takesOnly: readonly TakesOnly[];
  readonly readOnce: ReadonlyMap<number, readonly RuleState[]>;
  readonly words: ReadonlyMap<string, number>;
  /** Those that fields can be, and so those that conditions know. */
  readonly fieldWords: ReadonlySet<string>;
  /** Work classes, as nodes of their runs, by the class of the queue. */
  readonly queues: ReadonlyMap<number, readonly number[]>;
}

const mostStates = 30;
/** How a sleep on a wait queue ends. */
export const sleepResults = ['woken', 'timeout'];
/** And a wait for a completion. */
export const waitResults = ['done', 'timeout'];
export const flagWords = { taken: 'taken', free: 'free' } as const;
export const readModes = { read: 'read', recursive: 'recursive-read' } as const;

/** Null: the system has something that the fast engine does not know. */
export function createTables(definition: OracleDefinition, judge: Judge): Tables | null {
  const { fast } = definition;
  if (fast === undefined) return null;
  const types = Object.keys(definition.types);
  const layouts = Object.values(definition.types).map(({ fields }) => layoutOf(fields));
  const words = wordNumbers(definition.types);
  const fieldWords = new Set(words.keys());
  for (const word of [...sleepResults, ...waitResults, ...Object.values(flagWords), ...Object.values(readModes)])
    if (!words.has(word)) words.set(word, words.size + 1);
  const guardOf = (type: string, field: string): RuleState | null => {
    const rule = definition.rules.find(one => one.kind === 'guards' && one.type === type && (one.fields[field] ?? null) !== null);
    const state = rule === undefined ? null : judge.rule(rule.name);
    return state === null || state.judged === 'not' ? null : state;
  };
  const asked = new Set(definition.rules.flatMap(rule => (rule.kind === 'contract' ? rule.looksAt : [])));
  const states = statesOf(definition, judge, fast);
  if (states === null || states.length > mostStates) return null;
  const bitsOf = (what: string, own: boolean): number =>
    states.reduce((bits, one, at) => (one.own === own && lookedAt(definition, one).includes(what) ? bits | (1 << at) : bits), 0);
  const classes: Class[] = [];
  const firstClass: number[] = [];
  for (const [type, name] of types.entries()) {
    firstClass.push(classes.length);
    for (const [field, table] of Object.entries(definition.types[name].fields)) {
      const number = classes.length;
      const full = `${name}.${field}`;
      const guard = fast.guards[full];
      const state = guardOf(name, field);
      if (state !== null && guard === undefined) return null;
      classes.push({
        number,
        name: full,
        field,
        kind: table.kind,
        type,
        offset: layouts[type].offsets[field],
        constant: table.constant,
        to: types.indexOf(table.to ?? ''),
        max: table.max ?? Number.POSITIVE_INFINITY,
        words: new Set((table.words ?? []).map(word => words.get(word) ?? -1)),
        guard: state,
        read: guard?.read ?? null,
        write: guard?.write ?? null,
        due: bitsOf(full, false),
        own: bitsOf(full, true),
        contracts: asked.has(full),
      });
    }
  }
  const nodeNames = [...classes.map(({ name }) => name), ...classes.map(({ name }) => runClass(name))];
  const contracts = contractsOf(definition, judge, fast, classes);
  const atEvery = atEveryOf(definition, judge, fast);
  if (contracts === null || atEvery === null) return null;
  return {
    types,
    layouts,
    firstClass,
    counters: types.map((_, type) => classes.filter(one => one.type === type && one.kind === 'refcount').map(({ offset }) => offset)),
    classes,
    where: is => Uint8Array.from(classes, one => (is(one) ? 1 : 0)),
    nodes: nodeNames.length,
    waiting: nodeNames.map(name => waitingFor(definition, judge, nodeNames, name)),
    states,
    typeDue: types.map(name => bitsOf(name, false)),
    typeOwn: types.map(name => bitsOf(name, true)),
    typeContracts: types.map(name => asked.has(name)),
    atEvery(kind, toRead = false) {
      const of = classes.map(({ name }) => atEvery.get(eventOn(kind, name, toRead)) ?? []);
      return of.every(rules => rules.length === 0) ? null : of;
    },
    atFree: types.map(name => atEvery.get(eventOn('free', name)) ?? []),
    contracts,
    innermost: definition.rules.flatMap(rule =>
      rule.kind === 'innermost' ? [{ node: nodeNames.indexOf(rule.lock), state: judge.rule(rule.name) }] : [],
    ),
    takesOnly: definition.rules.flatMap(rule =>
      rule.kind === 'takes-only'
        ? [
            {
              state: judge.rule(rule.name),
              calls: new Set(rule.calls),
              allowed: Uint8Array.from(nodeNames, name => (rule.classes.includes(name) ? 1 : 0)),
            },
          ]
        : [],
    ),
    readOnce: new Map(
      classes.flatMap(({ number, name }) => {
        const of = definition.rules.flatMap(rule => (rule.kind === 'read-once' && rule.field === name ? [judge.rule(rule.name)] : []));
        return of.length === 0 ? [] : [[number, of] as const];
      }),
    ),
    words,
    fieldWords,
    queues: new Map(
      Object.entries(definition.queues).map(([queue, works]) => [
        classes.findIndex(({ name }) => name === queue),
        works.map(work => nodeNames.indexOf(runClass(work))),
      ]),
    ),
  };
}

const typesOver = (definition: OracleDefinition, over: Readonly<Record<string, string>>): number[] =>
  Object.values(over).map(type => Object.keys(definition.types).indexOf(type));

function statesOf(definition: OracleDefinition, judge: Judge, fast: FastRules): FastState[] | null {
  const states: FastState[] = [];
  for (const rule of definition.rules) {
    if (rule.kind !== 'invariant' && rule.kind !== 'settled') continue;
    const state = judge.rule(rule.name);
    if (state.judged === 'not') continue;
    const made = Object.hasOwn(fast.states, rule.name) ? fast.states[rule.name] : undefined;
    if (made === undefined) return null;
    states.push({ state, ...made, own: rule.ownFieldsOnly });
  }
  return states;
}
const lookedAt = (definition: OracleDefinition, { state }: FastState): readonly string[] => {
  const rule = definition.rules.find(({ name }) => name === state.id);
  return rule !== undefined && 'looksAt' in rule ? rule.looksAt : [];
};

function contractsOf(
  definition: OracleDefinition,
  judge: Judge,
  fast: FastRules,
  classes: readonly Class[],
): Map<string, FastContract[]> | null {
  const byCall = new Map<string, FastContract[]>();
  for (const rule of definition.rules) {
    if (rule.kind !== 'contract') continue;
    const made = fast.contracts[rule.name];
    if (made === undefined || Object.keys(made.fails).length > 30) return null;
    const contract: FastContract = {
      state: judge.rule(rule.name),
      name: rule.name,
      objects: made.objects,
      errnos: Object.keys(made.fails),
      fails: Object.values(made.fails),
      ensures: made.ensures,
      mayLeave:
        rule.mayLeave === undefined ? null : Uint8Array.from(classes, ({ name }) => (rule.mayLeave?.includes(name) === true ? 1 : 0)),
    };
    for (const call of rule.calls) byCall.set(call, [...(byCall.get(call) ?? []), contract]);
  }
  return byCall;
}

function atEveryOf(definition: OracleDefinition, judge: Judge, fast: FastRules): Map<string, FastAtEvery[]> | null {
  const byEvent = new Map<string, FastAtEvery[]>();
  for (const rule of definition.rules) {
    if (rule.kind !== 'at-every') continue;
    const state = judge.rule(rule.name);
    const made: Verdict | undefined = fast.atEvery[rule.name];
    const over = typesOver(definition, rule.over);
    const fixed = Object.keys(rule.over).indexOf(rule.object);
    if (state.judged === 'not') continue;
    if (made === undefined || over.length > 2 || fixed < 0) return null;
    const event = eventOf(rule);
    byEvent.set(event, [...(byEvent.get(event) ?? []), { state, over, fixed, verdict: made }]);
  }
  return byEvent;
}
const eventOn = (kind: string, on: string, toRead = false): string => `${kind} ${on}${toRead ? ' to read' : ''}`;
const eventOf = ({ verb, on }: AtEveryRule): string => eventOn(kindOfAction(verb) ?? '', on, /^read-(un)?lock$/.test(verb));

function waitingFor(definition: OracleDefinition, judge: Judge, nodeNames: readonly string[], name: string): Waiting {
  const orders = definition.rules.filter((rule): rule is OrderRule => rule.kind === 'order' && rule.classes.includes(name));
  const judged = orders.filter(order => judge.rule(order.name).judged !== 'not');
  const isInside = (order: OrderRule, node: string): boolean => order.classes.indexOf(node) > order.classes.indexOf(name);
  return {
    orders: orders.map(order => judge.rule(order.name)),
    forbidden: Uint8Array.from(nodeNames, node =>
      judged.some(order => isInside(order, node) && !isExcepted(definition.rules, node, name)) ? 1 : 0,
    ),
    nested: Uint8Array.from(nodeNames, node => (judged.some(order => order.nested && isInside(order, node)) ? 1 : 0)),
  };
}
