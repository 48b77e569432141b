/** The words of a system: every string that its operations, fields and rules can compare or return, in a fixed order. */
import type { System } from '../model.ts';

/**
 * A word's value is 1 + its index, and a function may return a small number or an errno. So that the two never meet,
 * the first words are the numbers that such functions return.
 */
export function wordsOf(system: System): readonly string[] {
  const before = known.get(system);
  if (before !== undefined) return before;
  const words = lookForWords(system);
  known.set(system, words);
  return words;
}

const known = new WeakMap<System, readonly string[]>();

function lookForWords(system: System): string[] {
  const words = new Set<string>();
  let largest = 0;
  const visit = (part: unknown, inReturn: boolean): void => {
    if (Array.isArray(part)) {
      for (const one of part) visit(one, inReturn);
      return;
    }
    if (part === null || typeof part !== 'object') return;
    const { kind, value } = part as { kind?: unknown; value?: unknown };
    if (kind === 'constant' && typeof value === 'string') words.add(value);
    if (kind === 'constant' && typeof value === 'number' && inReturn) largest = Math.max(largest, value);
    if (kind === 'contract') for (const { errno } of (part as { fails: { errno: string }[] }).fails) words.add(errno);
    for (const inner of Object.values(part)) visit(inner, inReturn || kind === 'return');
  };
  for (const operation of Object.values(system.operations)) {
    for (const errno of operation.errnos) words.add(errno);
    visit(operation.body, false);
    if (JSON.stringify(operation.body).includes('"verb":"waitForTimeout"')) for (const word of ['done', 'timeout']) words.add(word);
    if (JSON.stringify(operation.body).includes('"verb":"waitEventTimeout"')) for (const word of ['woken', 'timeout']) words.add(word);
  }
  visit(system.rules, false);
  visit(
    system.scenarios.map(scenario => scenario.body),
    false,
  );
  for (const name of Object.values(system.given)) for (const value of Object.values(name)) if (typeof value === 'string') words.add(value);
  for (const object of Object.values(system.objects))
    for (const { type } of object.fields)
      if (type.kind === 'flag') for (const word of ['free', 'taken']) words.add(word);
      else if (type.kind === 'word') for (const word of type.values) words.add(word);
  const mixed = Object.values(system.operations).some(operation => operation.errnos.length > 0);
  const numbers = mixed ? Array.from({ length: largest }, (_, index) => String(index + 1)) : [];
  return [...numbers, ...[...words].sort()];
}
