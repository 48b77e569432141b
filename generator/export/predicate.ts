/** Conditions of rules as expressions. A rule over objects is written out for each choice of them. */

import { globalInstance } from '../instantiate/globals.ts';
import { wordNumber } from '../interpret/evaluate.ts';
import { typeOf } from '../interpret/program-index.ts';
import type { Operator, Predicate, SeenField, Variable } from '../model.ts';
import type { Value } from '../program.ts';
import type { Cells } from './cells.ts';
import { all, any, type Code, compare, either, has, minus, not, plus, truth } from './code.ts';

export interface Look {
  readonly cells: Cells;
  /** Of the event; null where there is none. */ readonly thread: number | null;
  readonly variables: ReadonlyMap<string, Code>;
}

/** An operand, and whether it is 0 or 1 by its kind. */
interface Operand {
  readonly value: Code;
  readonly truth: boolean;
}

/** As in JavaScript: `&&` and `||` give the operand that decides. */
export function operate(operator: Operator, of: readonly Operand[]): Code {
  const values = of.map(({ value }) => value);
  const [a = 0, b = 0] = values;
  switch (operator) {
    case '!':
      return truth(not(a));
    case '===':
      return compare('==', a, b);
    case '!==':
      return compare('!=', a, b);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(operator, a, b);
    case '+':
      return values.reduce(plus, 0);
    case '-':
      return of.length === 1 ? minus(0, a) : minus(a, b);
    case '&&':
      return of.every(({ truth }) => truth) ? all(values) : values.reduceRight((rest, one) => either(one, rest, 0));
    case '||':
      return of.every(({ truth }) => truth) ? any(values) : values.reduceRight((rest, one) => either(one, one, rest));
  }
}

export function isTruth(operator: Operator, of: readonly boolean[]): boolean {
  return operator === '&&' || operator === '||' ? of.every(one => one) : operator !== '+' && operator !== '-';
}

/** A value of a thread: its slots give what is in them. A constant that a word is compared with is named. */
export function valueCode(cells: Cells, value: Value, slot: (slot: number) => Code, isWord: (slot: number) => boolean = () => false): Code {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'slot':
      return slot(value.slot);
    case 'operator': {
      const words = value.of.some(one => one.kind === 'slot' && isWord(one.slot));
      return operate(
        value.operator,
        value.of.map(one => ({
          value: words && one.kind === 'constant' ? cells.word(one.value) : valueCode(cells, one, slot, isWord),
          truth: isTruthValue(one),
        })),
      );
    }
  }
}

function isTruthValue(value: Value): boolean {
  return value.kind === 'operator' && isTruth(value.operator, value.of.map(isTruthValue));
}

/** As a truth: not 0. */
export function condition(predicate: Predicate, look: Look): Code {
  if (predicate.kind === 'operator' && (predicate.operator === '&&' || predicate.operator === '||'))
    return (predicate.operator === '&&' ? all : any)(predicate.of.map(one => condition(one, look)));
  if (predicate.kind === 'operator' && predicate.operator === '!') return not(condition(predicate.of[0] ?? predicate, look));
  return code(predicate, look);
}

function isTruthPredicate(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case 'constant':
      return typeof predicate.value === 'boolean';
    case 'operator':
      return isTruth(predicate.operator, predicate.of.map(isTruthPredicate));
    case 'variable':
    case 'global':
    case 'current':
    case 'field':
      return false;
    default:
      return true;
  }
}

/** Null and freed objects have 0 in every field, so nothing asks whether an object is there before it looks. */
export function code(predicate: Predicate, look: Look): Code {
  const { cells } = look;
  switch (predicate.kind) {
    case 'constant':
      return typeof predicate.value === 'string' ? wordOf(cells, predicate.value) : Number(predicate.value ?? 0);
    case 'variable':
      return look.variables.get(predicate.name) ?? 0;
    case 'global':
      return globalInstance(cells.program.globals, predicate.name);
    case 'current':
      return look.thread === null ? 0 : (cells.program.threads[look.thread]?.process ?? 0);
    case 'field':
      return fieldIn(predicate.field, look);
    case 'operator':
      return operate(
        predicate.operator,
        predicate.of.map(one => ({ value: code(one, look), truth: isTruthPredicate(one) })),
      );
    case 'live':
      return live(cells, predicate.type, code(predicate.of, look));
    case 'queued': {
      const { type, field } = predicate.work,
        of = code(predicate.work.of, look);
      return all([cells.alive(type, of), any([cells.field(type, of, field), cells.runs(type, of, field)])]);
    }
    case 'on-queue':
      return compare('!=', fieldIn(predicate.entry, look), 0);
    case 'has':
      return has(fieldIn(predicate.set, look), code(predicate.member, look));
    case 'holds':
      return look.thread === null
        ? 0
        : holds(cells, look.thread, predicate.lock.type, code(predicate.lock.of, look), predicate.lock.field, predicate.toWrite);
    case 'held':
      return held(cells, predicate.lock.type, code(predicate.lock.of, look), predicate.lock.field, predicate.toWrite);
    case 'quantified': {
      const set = fieldIn(predicate.set, look);
      const each = instancesOf(cells, predicate.type).map((member): [Code, Code] => [
        has(set, member),
        condition(predicate.condition, { ...look, variables: new Map(look.variables).set(predicate.variable, member) }),
      ]);
      return predicate.every ? all(each.map(([is, then]) => any([not(is), then]))) : any(each.map(([is, then]) => all([is, then])));
    }
  }
}

/** Of a word that the program never uses: a number that equals no cell. */
function wordOf(cells: Cells, word: string): Code {
  const number = wordNumber(cells.program, word);
  return number < 0 ? number : cells.word(number);
}

function fieldIn(field: SeenField, look: Look): Code {
  return look.cells.field(field.type, code(field.of, look), field.field);
}

export function instancesOf(cells: Cells, type: string): readonly number[] {
  return Array.from({ length: typeOf(cells.program, type).pool }, (_, at) => at + 1);
}

/** Allocated, not freed, and no counter of it is 0. */
export function live(cells: Cells, type: string, of: Code): Code {
  const counters = typeOf(cells.program, type).fields.filter(({ kind }) => kind === 'refcount');
  return all([cells.alive(type, of), ...counters.map(({ name }) => cells.field(type, of, name))]);
}

/** Lock owned or read, or read section open, by this thread. `toWrite`: a lock that is read does not count. */
export function holds(cells: Cells, thread: number, type: string, of: Code, field: string, toWrite = false): Code {
  const owns = cells.facts.lockers.get(`${type}.${field}`)?.includes(thread)
    ? compare('==', cells.field(type, of, field), cells.owner(thread))
    : 0;
  return toWrite ? owns : any([owns, compare('!=', cells.sections(thread, type, of, field), 0)]);
}

/** By any thread. */
export function held(cells: Cells, type: string, of: Code, field: string, toWrite = false): Code {
  const { threads } = cells.program;
  return any([
    compare('!=', cells.field(type, of, field), 0),
    ...(toWrite ? [] : threads.map((_, thread) => compare('!=', cells.sections(thread, type, of, field), 0))),
  ]);
}

/** A rule is broken for some choice of live objects; `bound` are chosen already. */
export function brokenForSome(
  look: Look,
  over: readonly Variable[],
  rule: { readonly busy: Predicate | null; readonly when: Predicate | null; readonly then: Predicate },
): Code {
  const [first, ...rest] = over;
  if (first === undefined)
    return all([
      rule.busy === null ? 1 : not(condition(rule.busy, look)),
      rule.when === null ? 1 : condition(rule.when, look),
      not(condition(rule.then, look)),
    ]);
  return any(
    instancesOf(look.cells, first.type).map(instance =>
      all([
        live(look.cells, first.type, instance),
        brokenForSome({ ...look, variables: new Map(look.variables).set(first.name, instance) }, rest, rule),
      ]),
    ),
  );
}
