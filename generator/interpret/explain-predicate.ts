/** What the parts of a rule that is broken were, in the names of the spec: for the table below a counterexample. */
import type { Predicate, Rule } from '../model.ts';
import type { Program, State } from '../program.ts';
import { type Look, look, objectName, setOf } from './evaluate.ts';
import { fieldScalar } from './scalar.ts';

export interface Part {
  readonly text: string;
  readonly value: string;
}

/**
 * The condition is split at `&&`, `||`, `!`, comparisons and implications; parts that occur twice are named once. `objects` are those of the
 * finding, by variable. For guards it is every condition of the type's guards.
 */
export function explainFalse(
  program: Program,
  state: State,
  rule: Rule,
  objects: Readonly<Record<string, string>>,
  thread: number | null,
): Part[] {
  const variables = Object.fromEntries(
    Object.entries(objects).map(([name, object]) => [name, Number(object.slice(object.indexOf('#') + 1))]),
  );
  const at: Look = { program, state, thread, variables };
  const parts = conditionsOf(rule).flatMap(condition => partsOf(condition, at));
  return [...new Map(parts.map(part => [part.text, part])).values()];
}

function conditionsOf(rule: Rule): Predicate[] {
  switch (rule.kind) {
    case 'invariant':
    case 'settled':
    case 'at-every':
      return rule.when === null ? [rule.then] : [rule.when, rule.then];
    case 'guards':
      return Object.values(rule.fields).flatMap(guard => (guard ? [...guard.read, ...guard.write] : []));
    case 'contract':
      return [...rule.fails.map(({ when }) => when), ...(rule.ensures ? [rule.ensures] : [])];
    case 'ends':
      return rule.given ? [rule.given] : [];
    case 'order':
    case 'order-exception':
    case 'innermost':
    case 'takes-only':
    case 'read-once':
      return [];
  }
}

function partsOf(predicate: Predicate, at: Look): Part[] {
  const truth = () => (look(predicate, at) !== 0 ? 'true' : 'false');
  switch (predicate.kind) {
    case 'constant':
      return [];
    case 'operator':
      return predicate.of.flatMap(one => partsOf(one, at));
    case 'variable':
      return [{ text: predicate.name, value: named(predicate.type, look(predicate, at)) }];
    case 'global':
      return [{ text: predicate.name, value: named(predicate.type, look(predicate, at)) }];
    case 'current':
      return [{ text: 'current', value: named('Process', look(predicate, at)) }];
    case 'field':
      return [{ text: predicate.text, value: fieldValue(predicate, at) }];
    case 'live':
    case 'queued':
    case 'on-queue':
    case 'has':
      return [{ text: predicate.text, value: truth() }];
    // A guard is written as the lock alone.
    case 'holds':
      return [{ text: predicate.text.includes('(') ? predicate.text : `${predicate.text} held by this thread`, value: truth() }];
    case 'held':
      return [{ text: predicate.text.includes('(') ? predicate.text : `${predicate.text} held by somebody`, value: truth() }];
    case 'quantified': {
      // The members that decide it: those that fail an `every`, or all of a `some` that none satisfies.
      const decides = setOf(predicate.set, at).flatMap(member => {
        const inside: Look = { ...at, variables: { ...at.variables, [predicate.variable]: member } };
        if (look(predicate.condition, inside) !== 0) return [];
        const name = objectName(predicate.type, member);
        return partsOf(predicate.condition, inside).map(({ text, value }) => ({ text: `${text} of ${name}`, value }));
      });
      return [{ text: predicate.text, value: truth() }, ...(look(predicate, at) === 0 ? decides : [])];
    }
  }
}

function fieldValue(predicate: Extract<Predicate, { kind: 'field' }>, at: Look): string {
  const { type, field } = predicate.field;
  const value = look(predicate, at);
  const kind = at.program.types.find(({ name }) => name === type)?.fields.find(({ name }) => name === field)?.kind;
  if (kind === 'set') return `{${setOf(predicate.field, at).join(', ')}}`;
  return String(fieldScalar(at.program, type, field, value));
}

function named(type: string | null, value: number): string {
  if (type !== null) return value === 0 ? 'null' : objectName(type, value);
  return String(value);
}
