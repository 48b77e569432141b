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

export function createBindings(world: World): Bindings {
  function each(over: Readonly<Record<string, string>>, fixed: Readonly<Record<string, Thing>>, visit: (bound: Bound) => void): void {
    choose(
      Object.entries(over).filter(([variable]) => !(variable in fixed)),
      0,
      { ...fixed },
      visit,
    );
  }
  function choose(free: readonly (readonly [string, string])[], at: number, bound: Bound, visit: (bound: Bound) => void): void {
    const next = free[at];
    if (next === undefined) return visit(bound);
    const [variable, type] = next;
    for (const thing of world.objects.get(type)?.values() ?? []) {
      if (!isLive(thing)) continue;
      bound[variable] = thing;
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
