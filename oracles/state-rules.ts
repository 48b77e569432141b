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
}

export interface StateRules {
  /** A field (`Irqfd.kvm`), or a lifetime (`Irqfd`), of this object. */
  readonly changed: (what: string, object: Identity) => void;
  /** Whether anything that some rule looks at has changed since they were judged. */
  readonly due: () => boolean;
  /** Whether some rule looks at this. */
  readonly watches: (what: string) => boolean;
  readonly judge: (
    here: Here,
    thingOf: (object: Identity) => Thing | null,
    broken: (state: RuleState, objects: Readonly<Record<string, string>>) => void,
  ) => void;
}

export function createStateRules(definition: OracleDefinition, bindings: Bindings, stateOf: (rule: string) => RuleState): StateRules {
  const monitors: Monitor[] = [];
  let anyDue = true;
  /** Empty between uses: nearly always nothing is broken, and then no set has to be made. */
  let spare = new Set<string>();
  for (const rule of definition.rules) {
    if (rule.kind !== 'invariant' && rule.kind !== 'settled') continue;
    const state = stateOf(rule.name);
    if (state.judged !== 'not') monitors.push({ rule, state, due: true, dueFor: new Set(), broken: new Set() });
  }
  const watchers = new Map<string, Monitor[]>();
  for (const monitor of monitors) for (const what of monitor.rule.looksAt) watchers.set(what, [...(watchers.get(what) ?? []), monitor]);

  type Report = Parameters<StateRules['judge']>[2];

  function judge(here: Here, thingOf: (object: Identity) => Thing | null, report: Report): void {
    if (!anyDue) return;
    anyDue = false;
    for (const monitor of monitors) {
      if (monitor.due) judgeAll(monitor, here, report);
      else if (monitor.dueFor.size > 0) judgeSome(monitor, here, thingOf, report);
      else continue;
      monitor.due = false;
      monitor.dueFor.clear();
    }
  }
  function judgeAll(monitor: Monitor, here: Here, report: Report): void {
    const stillBroken = monitor.broken.size === 0 ? spare : new Set<string>();
    bindings.each(monitor.rule.over, {}, bound => visit(monitor, bound, here, stillBroken, report));
    if (stillBroken !== spare) monitor.broken = stillBroken;
    else if (spare.size > 0) {
      monitor.broken = spare;
      spare = new Set();
    }
  }
  function judgeSome(monitor: Monitor, here: Here, thingOf: (object: Identity) => Thing | null, report: Report): void {
    const variable = Object.keys(monitor.rule.over)[0] ?? '';
    for (const object of monitor.dueFor) {
      const thing = thingOf(object);
      const stillBroken = monitor.broken.size === 0 ? spare : new Set<string>();
      if (thing !== null && isLive(thing)) visit(monitor, { [variable]: thing }, here, stillBroken, report);
      if (stillBroken.size > 0) monitor.broken.add(object.name);
      else if (monitor.broken.size > 0) monitor.broken.delete(object.name);
      spare.clear();
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
      const watching = watchers.get(what);
      if (watching === undefined) return;
      anyDue = true;
      for (const monitor of watching) {
        if (monitor.rule.ownFieldsOnly) monitor.dueFor.add(object);
        else monitor.due = true;
      }
    },
    due: () => anyDue,
    watches: what => watchers.has(what),
    judge,
  };
}
