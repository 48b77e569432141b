/** Applies a variant: the same system with some of its functions and rules exchanged, also where its own functions call them. */
import type { Expression, Operation, Rule, Statement, System, Variant } from '../model.ts';
import { settle } from '../read/settle.ts';

/** The variant and those it builds on, the base first. */
function chain(system: System, name: string): Variant[] {
  const variant = system.variants.find(one => one.name === name);
  if (variant === undefined) throw new Error(`${system.name} has no variant ${name}`);
  return variant.of === null ? [variant] : [...chain(system, variant.of), variant];
}

export function applyVariant(system: System, name: string | null): System {
  if (name === null) return system;
  const applied = known.get(system) ?? new Map<string, System>();
  known.set(system, applied);
  const before = applied.get(name);
  if (before !== undefined) return before;
  const result = chain(system, name).reduce(applyOne, system);
  applied.set(name, result);
  return result;
}

/** The same variant of the same system is the same object, so what was found out of it need not be looked for again. */
const known = new WeakMap<System, Map<string, System>>();

function applyOne(system: System, variant: Variant): System {
  const operations: Record<string, Operation> = { ...system.operations };
  for (const [name, by] of Object.entries(variant.operations)) {
    const old = operations[name];
    if (by === null) {
      delete operations[name];
      continue;
    }
    // Inside its own replacement a name means what it meant before.
    const kept = `${name} of ${variant.of ?? system.name}`;
    const body = renameCalls(by.body, name, kept);
    operations[name] = { ...by, body, doc: by.doc || (old?.doc ?? '') };
    if (old !== undefined && JSON.stringify(body) !== JSON.stringify(by.body)) operations[kept] = old;
  }
  const rules = [
    ...system.rules.flatMap((rule): Rule[] => {
      const by = variant.rules[rule.name];
      if (by === null) return [];
      return [by === undefined ? rule : { ...by, doc: by.doc || rule.doc, source: by.source ?? rule.source }];
    }),
    ...variant.also,
  ];
  const objects = Object.fromEntries(
    Object.entries(system.objects).map(([name, object]) => [
      name,
      { ...object, runs: variant.runs[name] ?? object.runs, owns: variant.owns[name] ?? object.owns },
    ]),
  );
  return {
    ...system,
    operations,
    objects,
    rules: rules.map(rule => settle(rule, rules)),
    scenarios: system.scenarios.filter(scenario => !variant.absentScenarios.includes(scenario.name)),
  };
}

function renameCalls(body: readonly Statement[], from: string, to: string): Statement[] {
  const inside = <Part>(part: Part): Part => {
    if (Array.isArray(part)) return part.map(inside) as Part;
    if (part === null || typeof part !== 'object') return part;
    const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, inside(value)])) as Part;
    const call = copy as Part & Partial<Expression>;
    return call.kind === 'call' && call.of === from ? { ...copy, of: to } : copy;
  };
  return body.map(inside);
}
