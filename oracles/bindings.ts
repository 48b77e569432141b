/** All choices of live objects for the variables of a rule. */
import { isLive } from './condition.ts';
import type { Bound } from './definition.ts';
import { type Identity, identity, type Thing } from './thing.ts';
import type { World } from './world.ts';

export interface Bindings {
  /**
   * Calls `visit` for each choice, with `fixed` variables as given. The record is the same each time: whoever keeps it copies it.
   */
  readonly each: (over: Readonly<Record<string, string>>, fixed: Readonly<Record<string, Thing>>, visit: (bound: Bound) => void) => void;
  readonly names: (bound: Bound) => Readonly<Record<string, string>>;
}

interface Variable {
  readonly name: string;
  /** Live objects of its type. */
  readonly of: ReadonlyMap<string, Thing>;
}

export function createBindings(world: World): Bindings {
  function each(over: Readonly<Record<string, string>>, fixed: Readonly<Record<string, Thing>>, visit: (bound: Bound) => void): void {
    const bound: Bound = {};
    const free: Variable[] = [];
    for (const variable of variablesOf(over)) {
      bound[variable.name] = fixed[variable.name] ?? null;
      if (!(variable.name in fixed)) free.push(variable);
    }
    for (const variable in fixed) bound[variable] = fixed[variable] ?? null;
    choose(free, 0, bound, visit);
  }
  /** Kept for each rule: rules are few, and are asked for at every event. */
  const variables = new WeakMap<Readonly<Record<string, string>>, readonly Variable[]>();
  function variablesOf(over: Readonly<Record<string, string>>): readonly Variable[] {
    const known = variables.get(over);
    if (known !== undefined) return known;
    const made = Object.entries(over).map(([name, type]) => ({ name, of: world.objects.get(type) ?? new Map<string, Thing>() }));
    variables.set(over, made);
    return made;
  }
  function choose(free: readonly Variable[], at: number, bound: Bound, visit: (bound: Bound) => void): void {
    const next = free[at];
    if (next === undefined) return visit(bound);
    for (const thing of next.of.values()) {
      if (!isLive(thing)) continue;
      bound[next.name] = thing;
      choose(free, at + 1, bound, visit);
    }
  }
  return {
    each,
    names(bound) {
      const names: Record<string, string> = {};
      for (const [variable, value] of Object.entries(bound)) {
        const self = identityOf(value);
        if (self !== null) names[variable] = self.name;
      }
      return names;
    },
  };
}

export function identityOf(value: unknown): Identity | null {
  return isThing(value) ? value[identity] : null;
}
export const isThing = (value: unknown): value is Thing => typeof value === 'object' && value !== null && identity in value;
