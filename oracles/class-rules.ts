/** What the rules of a system ask for at each class of fields, looked up by the class's number: made once, so that judging an event only reads. */
import type { Condition, FieldKind, OracleDefinition } from './definition.ts';
import type { Judge, RuleState } from './judge.ts';
import { kindOfAction } from './observed.ts';
import type { Monitor } from './state-rules.ts';
import { runClass } from './thread.ts';

/** A rule of order as it is for one class: what a thread must not have while it waits for it. By number of the node. */
export interface OrderAt {
  readonly state: RuleState;
  readonly inside: readonly boolean[];
}
export interface ClassRules {
  /** `Irqfd.kvm`, and the class of its runs if it is a work item. */
  readonly name: string;
  readonly run: string;
  readonly kind: FieldKind;
  /** Never written after the object was made. */
  readonly constant: boolean;
  readonly pointer: boolean;
  /** Null: no guard, or it is not judged in this trace. */
  readonly guard: RuleState | null;
  readonly read: readonly Condition[];
  readonly write: readonly Condition[];
  readonly orders: readonly OrderAt[];
  /** Orders whose locks are let go in reverse: what the thread must not have when it lets go of this one. */
  readonly nested: readonly OrderAt[];
  /** A rule that the slow way judges asks for each event on it: `at-every`, `innermost` and the like. */
  readonly atEvery: boolean;
  /** Rules about states that look at it. */
  readonly watching: readonly Monitor[];
  /** Some contract looks at it. */
  readonly contracts: boolean;
}
export interface ClassTables {
  readonly classes: readonly ClassRules[];
  /** Nodes of the lock graph: a class has its number, its runs have that and `classes.length`. */
  readonly nodes: number;
}

export function createClassTables(definition: OracleDefinition, judge: Judge, watching: (what: string) => readonly Monitor[]): ClassTables {
  const names = Object.entries(definition.types).flatMap(([type, { fields }]) => Object.keys(fields).map(field => `${type}.${field}`));
  const nodeNames = [...names, ...names.map(runClass)];
  const exceptions = new Set(definition.rules.flatMap(rule => (rule.kind === 'order-exception' ? [`${rule.outer} ${rule.inner}`] : [])));
  const acted = new Set(definition.rules.flatMap(rule => (rule.kind === 'at-every' && kindOfAction(rule.verb) !== null ? [rule.on] : [])));
  const asked = new Set(definition.rules.flatMap(rule => (rule.kind === 'contract' ? rule.looksAt : [])));
  const ordersAt = (name: string, nestedOnly: boolean): OrderAt[] =>
    definition.rules.flatMap(rule => {
      if (rule.kind !== 'order' || !rule.classes.includes(name) || (nestedOnly && !rule.nested)) return [];
      const place = rule.classes.indexOf(name);
      const isInside = (node: string): boolean => rule.classes.indexOf(node) > place && (nestedOnly || !exceptions.has(`${node} ${name}`));
      return [{ state: judge.rule(rule.name), inside: nodeNames.map(isInside) }];
    });
  const asksWhoTakes = definition.rules.some(
    rule => rule.kind === 'innermost' || rule.kind === 'takes-only' || (rule.kind === 'contract' && rule.mayLeave !== undefined),
  );
  const classes = Object.entries(definition.types).flatMap(([type, { fields }]) =>
    Object.entries(fields).map(([field, table]): ClassRules => {
      const name = `${type}.${field}`;
      const isSole = definition.sole?.includes(type) === true;
      const [guards] = definition.rules.flatMap(rule => {
        const guard = rule.kind === 'guards' && rule.type === type ? (rule.fields[field] ?? null) : null;
        return guard === null ? [] : [{ state: judge.rule(rule.name), guard }];
      });
      return {
        name,
        run: runClass(name),
        kind: table.kind,
        constant: table.constant && !isSole,
        pointer: table.kind === 'pointer',
        guard: guards === undefined || guards.state.judged === 'not' ? null : guards.state,
        read: guards?.guard.read ?? [],
        write: guards?.guard.write ?? [],
        orders: ordersAt(name, false),
        nested: ordersAt(name, true),
        atEvery:
          acted.has(name) || asksWhoTakes || isSole || definition.rules.some(rule => rule.kind === 'read-once' && rule.field === name),
        watching: watching(name),
        contracts: asked.has(name),
      };
    }),
  );
  return { classes, nodes: nodeNames.length };
}
