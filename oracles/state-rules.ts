/** Monitors of invariants and settled rules: after each event, the rules that look at something it changed. */
import type { Bindings } from './bindings.ts';
import { isLive } from './condition.ts';
import type { Bound, Here, OracleDefinition, StateRule } from './definition.ts';
import type { RuleState } from './judge.ts';
import type { Identity, Thing } from './thing.ts';

interface Monitor {
  readonly rule: StateRule;
  readonly state: RuleState;
  /** Something changed that the rule looks at. */
  due: boolean;
  /** Objects that changed, where the rule depends on one object's own fields only. */
  readonly dueFor: Set<Identity>;
  /** Choices of objects for which it is false, and was reported. */
  broken: Set<string>;
  /** All choices of live objects; null: one was made, or has ended, since they were listed. */
  choices: Bound[] | null;
}

export interface StateRules {
  /** A field (`Irqfd.kvm`), or a lifetime (`Irqfd`), of this object. */
  readonly changed: (what: string, object: Identity) => void;
  /** Nothing is to be looked at, and nothing is broken. */
  readonly atRest: () => boolean;
  /** All objects are others now, and nothing is to be looked at. */
  readonly restart: () => void;
  /** The rule is looked at again: for this object, or (null) for all. */
  readonly again: (rule: string, object: Identity | null) => void;
  readonly judge: (
    here: Here,
    thingOf: (object: Identity) => Thing | null,
    broken: (state: RuleState, objects: Readonly<Record<string, string>>) => void,
  ) => void;
}

const none: readonly Monitor[] = [];
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

export function createStateRules(definition: OracleDefinition, bindings: Bindings, stateOf: (rule: string) => RuleState): StateRules {
  const monitors: Monitor[] = [];
  let anyDue = true;
  /** Empty between uses: nearly always nothing is broken, and then no set has to be made. */
  let spare = new Set<string>();
  for (const rule of definition.rules) {
    if (rule.kind !== 'invariant' && rule.kind !== 'settled') continue;
    const state = stateOf(rule.name);
    if (state.judged !== 'not') monitors.push({ rule, state, due: true, dueFor: new Set(), broken: new Set(), choices: null });
  }
  const watchers = new Map<string, Monitor[]>();
  for (const monitor of monitors) for (const what of monitor.rule.looksAt) watchers.set(what, [...(watchers.get(what) ?? []), monitor]);

  /** Monitors by the types that their variables range over. */
  const quantifying = new Map<string, Monitor[]>();
  for (const monitor of monitors)
    for (const type of new Set(Object.values(monitor.rule.over))) quantifying.set(type, [...(quantifying.get(type) ?? []), monitor]);

  function mark(watching: readonly Monitor[], object: Identity): void {
    for (let at = 0; at < watching.length; at++) {
      const monitor = watching[at];
      if (monitor === undefined) continue;
      anyDue = true;
      if (monitor.rule.ownFieldsOnly) monitor.dueFor.add(object);
      else monitor.due = true;
    }
  }

  type Report = Parameters<StateRules['judge']>[2];

  function judge(here: Here, thingOf: (object: Identity) => Thing | null, report: Report): void {
    if (!anyDue) return;
    anyDue = false;
    for (let at = 0; at < monitors.length; at++) {
      const monitor = monitors[at];
      if (monitor === undefined) continue;
      if (monitor.due) judgeAll(monitor, here, report);
      else if (monitor.dueFor.size > 0) judgeSome(monitor, here, thingOf, report);
      else continue;
      monitor.due = false;
      // Emptying an empty set is not free.
      if (monitor.dueFor.size > 0) monitor.dueFor.clear();
    }
  }
  function judgeAll(monitor: Monitor, here: Here, report: Report): void {
    const stillBroken = monitor.broken.size === 0 ? spare : new Set<string>();
    const choices = monitor.choices ?? (monitor.choices = listChoices(monitor.rule));
    for (let at = 0; at < choices.length; at++) {
      const bound = choices[at];
      if (bound !== undefined) visit(monitor, bound, here, stillBroken, report);
    }
    if (stillBroken !== spare) monitor.broken = stillBroken;
    else if (spare.size > 0) {
      monitor.broken = spare;
      spare = new Set();
    }
  }
  /** They stay the same from one birth or death to the next, and a rule is judged far more often. */
  function listChoices(rule: StateRule): Bound[] {
    const choices: Bound[] = [];
    bindings.each(rule.over, {}, bound => void choices.push({ ...bound }));
    return choices;
  }
  function judgeSome(monitor: Monitor, here: Here, thingOf: (object: Identity) => Thing | null, report: Report): void {
    const variable = Object.keys(monitor.rule.over)[0] ?? '';
    for (const object of monitor.dueFor) {
      const thing = thingOf(object);
      const stillBroken = monitor.broken.size === 0 ? spare : new Set<string>();
      if (thing !== null && isLive(thing)) visit(monitor, { [variable]: thing }, here, stillBroken, report);
      if (stillBroken.size > 0) monitor.broken.add(object.name);
      else if (monitor.broken.size > 0) monitor.broken.delete(object.name);
      if (spare.size > 0) spare.clear();
    }
  }
  function visit({ rule, state, broken }: Monitor, bound: Bound, here: Here, stillBroken: Set<string>, report: Report): void {
    if (rule.busy?.(bound, here)) {
      // Not looked at now; what was reported before is not reported again when it settles as it was.
      if (broken.size > 0 && broken.has(keyOf(bound))) stillBroken.add(keyOf(bound));
      return;
    }
    if (rule.when !== null && !rule.when(bound, here)) return;
    state.exercised++;
    if (rule.then(bound, here)) return;
    const key = keyOf(bound);
    stillBroken.add(key);
    if (!broken.has(key)) report(state, bindings.names(bound));
  }
  const keyOf = (bound: Bound): string => Object.values(bindings.names(bound)).join(' ');

  return {
    changed(what, object) {
      for (const monitor of quantifying.get(what) ?? []) monitor.choices = null;
      mark(watchers.get(what) ?? none, object);
    },
    atRest: () => !anyDue && monitors.every(({ due, dueFor, broken }) => !due && dueFor.size === 0 && broken.size === 0),
    restart() {
      anyDue = false;
      for (const monitor of monitors) {
        monitor.due = false;
        monitor.dueFor.clear();
        monitor.choices = null;
      }
    },
    again(rule, object) {
      for (const monitor of monitors) if (monitor.rule.name === rule) mark([monitor], object ?? nobody);
    },
    judge,
  };
}
