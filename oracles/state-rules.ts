/** Monitors of invariants and settled rules: after each event, the rules that look at something it changed. */
import type { Bindings } from './bindings.ts';
import type { Here, OracleDefinition, StateRule } from './definition.ts';
import type { RuleState } from './judge.ts';
import { isLive } from './condition.ts';
import { type Identity, type Thing } from './thing.ts';

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
  readonly judge: (here: Here, thingOf: (object: Identity) => Thing | null, broken: (state: RuleState, objects: Readonly<Record<string, string>>) => void) => void;
}

export function createStateRules(definition: OracleDefinition, bindings: Bindings, stateOf: (rule: string) => RuleState): StateRules {
  const monitors: Monitor[] = [];
  for (const rule of definition.rules) {
    if (rule.kind !== 'invariant' && rule.kind !== 'settled') continue;
    const state = stateOf(rule.name);
    if (state.judged !== 'not') monitors.push({ rule, state, due: true, dueFor: new Set(), broken: new Set() });
  }
  const watchers = new Map<string, Monitor[]>();
  for (const monitor of monitors) for (const what of monitor.rule.looksAt) watchers.set(what, [...watchers.get(what) ?? [], monitor]);

  function judge(here: Here, thingOf: (object: Identity) => Thing | null, report: (state: RuleState, objects: Readonly<Record<string, string>>) => void): void {
    for (const monitor of monitors) {
      const { rule } = monitor;
      if (monitor.due) {
        const stillBroken = new Set<string>();
        bindings.each(rule.over, {}, (bound) => visit(bound, stillBroken));
        monitor.broken = stillBroken;
      } else if (monitor.dueFor.size > 0) {
        const variable = Object.keys(rule.over)[0] ?? '';
        for (const object of monitor.dueFor) {
          const thing = thingOf(object);
          const stillBroken = new Set<string>();
          if (isLive(thing) && thing !== null) visit({ [variable]: thing }, stillBroken);
          if (stillBroken.size > 0) monitor.broken.add(object.name);
          else monitor.broken.delete(object.name);
        }
      }
      monitor.due = false;
      monitor.dueFor.clear();

      function visit(bound: Parameters<typeof rule.then>[0], stillBroken: Set<string>): void {
        if (rule.busy !== null && rule.busy(bound, here)) {
          // Not looked at now; what was reported before is not reported again when it settles as it was.
          if (monitor.broken.size > 0 && monitor.broken.has(keyOf(bound))) stillBroken.add(keyOf(bound));
          return;
        }
        if (rule.when !== null && !rule.when(bound, here)) return;
        monitor.state.exercised++;
        if (rule.then(bound, here)) return;
        const key = keyOf(bound);
        stillBroken.add(key);
        if (!monitor.broken.has(key)) report(monitor.state, bindings.names(bound));
      }
    }
  }
  const keyOf = (bound: Parameters<StateRule['then']>[0]): string => Object.values(bindings.names(bound)).join(' ');

  return {
    changed(what, object) {
      const watching = watchers.get(what);
      if (watching === undefined) return;
      for (const monitor of watching) {
        if (monitor.rule.ownFieldsOnly) monitor.dueFor.add(object);
        else monitor.due = true;
      }
    },
    judge,
  };
}
