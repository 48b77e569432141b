/** When a settled rule is judged: while nobody holds a lock that guards writing a field which it reads. */
import type { Predicate, Rule, SeenField } from '../model.ts';

/** A settled rule waits until nobody holds a lock that guards writing a field which it reads. */
export function settle(rule: Rule, guards: readonly Rule[]): Rule {
  if (rule.kind !== 'settled') return rule;
  const busy: Predicate[] = [];
  const seen = new Set<string>();
  const visit = (field: SeenField): void => {
    predicateFields(field.of).forEach(visit);
    for (const guard of guards) {
      const own = guard.kind === 'guards' && guard.type === field.type ? guard.fields[field.field] : undefined;
      for (const term of own?.write ?? []) {
        if (term.kind !== 'holds') continue;
        const lock = substitute(term.lock, field.of);
        const key = JSON.stringify(lock);
        if (!seen.has(key))
          busy.push({ kind: 'held', lock, ...(term.toWrite === undefined ? {} : { toWrite: term.toWrite }), text: term.text });
        seen.add(key);
      }
    }
  };
  // Under a quantifier the variable has no value outside it: such fields settle with the set they are members of.
  for (const part of [rule.when, rule.then]) if (part !== null) predicateFields(part).forEach(visit);
  const all = busy.reduce<Predicate | null>(
    (left, right) => (left === null ? right : { kind: 'operator', operator: '||', of: [left, right], text: 'somebody holds a guard' }),
    null,
  );
  return { ...rule, busy: all ?? { kind: 'constant', value: false } };
}

/** Fields that a predicate reads, outermost first; inside quantifiers only the set itself. */
export function predicateFields(predicate: Predicate): SeenField[] {
  switch (predicate.kind) {
    case 'constant':
    case 'variable':
    case 'global':
    case 'current':
      return [];
    case 'field':
      return [predicate.field];
    case 'operator':
      return predicate.of.flatMap(predicateFields);
    case 'live':
      return predicateFields(predicate.of);
    case 'queued':
      return [predicate.work];
    case 'on-queue':
      return [predicate.entry];
    case 'has':
      return [predicate.set, ...predicateFields(predicate.member)];
    case 'holds':
    case 'held':
      return predicateFields(predicate.lock.of);
    case 'quantified':
      return [predicate.set];
  }
}

function substitute(field: SeenField, object: Predicate): SeenField {
  const inside = (predicate: Predicate): Predicate => {
    if (predicate.kind === 'variable' && predicate.name === 'object') return object;
    if (predicate.kind === 'field') return { ...predicate, field: substitute(predicate.field, object) };
    return predicate;
  };
  return { ...field, of: inside(field.of) };
}
