/** Declared objects: which instance each one is. Those of one type are numbered from 1 in the order in which they are declared. */

type Globals = Readonly<Record<string, string>>;

/** 0 for a name that is none. */
export function globalInstance(globals: Globals, name: string): number {
  const type = globals[name];
  return type === undefined
    ? 0
    : 1 +
        Object.keys(globals)
          .filter(other => globals[other] === type)
          .indexOf(name);
}

/** How many there are of each type. */
export function globalCounts(globals: Globals): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of Object.values(globals)) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** `Kvm#1` of each. */
export function globalObjects(globals: Globals): string[] {
  return Object.entries(globals).map(([name, type]) => `${type}#${globalInstance(globals, name)}`);
}

/** Whose counter a field owns a reference on, if it is not null: `instance` is null where that is what it points to. */
export function ownedCounter(
  globals: Globals,
  to: string | null,
  owned: string | undefined,
): { readonly type: string; readonly counter: string; readonly instance: number | null } | null {
  if (owned === undefined) return null;
  const [global = '', counter] = owned.split('.');
  if (counter !== undefined) return { type: globals[global] ?? '', counter, instance: globalInstance(globals, global) };
  return to === null ? null : { type: to, counter: owned, instance: null };
}
