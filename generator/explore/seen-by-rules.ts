/**
 * Which steps the rules about states cannot notice, or notice only to the worse: steps that leave every rule broken that was broken, and the
 * condition of every rule true that was true.
 *
 * A rule is broken where a formula is true whose parts ask one cell each: is it 0, is it this number, has it this member. A part that asks
 * for the opposite of another is another part. A step leaves the formula true if every part that asks a cell it writes is true afterwards.
 */

import { globalInstance } from '../instantiate/globals.ts';
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Predicate, SeenField } from '../model.ts';
import type { Program } from '../program.ts';
import { aliveCell, fieldCell, objectName, readersCell } from './cells.ts';
import { cell } from './emission.ts';
import { choices, type Look, predicate } from './emit-predicate.ts';
import { all, both, type Code, not } from './generated-code.ts';
import type { Layout } from './layout.ts';
import type { Way } from './ways.ts';

/** What a part of the formula wants of a cell to be true. */
type Wish =
  | { readonly kind: 'zero' | 'not zero' | 'anything' }
  | { readonly kind: 'is' | 'is not'; readonly value: number }
  | { readonly kind: 'has' | 'has not'; readonly member: number };

export interface SeenByRules {
  /** The way leaves true whatever was true before it. */ readonly leaves: (way: Way) => boolean;
}

/** A wish, and the objects that the rule is about; where one of them is not alive the rule says nothing. */
interface Wanted {
  readonly wish: Wish;
  readonly objects: readonly string[];
}

type Bound = ReadonlyMap<string, number>;

export function seenByRules(layout: Layout): SeenByRules {
  const { program, bits } = layout;
  const wishes = new Map<string, Map<string, Wanted>>();
  let objects: readonly string[] = [];
  const wish = (cell: string, wish: Wish): void => {
    const known = wishes.get(cell) ?? new Map<string, Wanted>();
    wishes.set(cell, known.set(JSON.stringify([wish, objects]), { wish, objects }));
  };
  const truth = (cell: string, wanted: boolean): void => wish(cell, { kind: wanted ? 'not zero' : 'zero' });
  const alive = (type: string, instance: number, wanted: boolean): void => {
    const counters = typeOf(program, type)
      .fields.filter(field => field.kind === 'refcount')
      .map(field => fieldCell(type, instance, field.name));
    for (const counter of counters) truth(counter, wanted);
    // As `isLive` of the stepper: a stored counter above 0 shows that the object is alive.
    if (!counters.some(counter => bits.has(counter))) truth(aliveCell(type, instance), wanted);
  };
  /** Instances that an expression may denote; what it depends on may be anything. */
  const denoted = (of: Predicate, type: string, bound: Bound): readonly number[] => {
    const { pool } = typeOf(program, type);
    switch (of.kind) {
      case 'variable': {
        const known = bound.get(of.name);
        return known === undefined ? [] : [known];
      }
      case 'global':
        return [globalInstance(program.globals, of.name)];
      default:
        depends(of, bound);
        return Array.from({ length: pool }, (_, at) => at + 1);
    }
  };
  const cellsOf = (field: SeenField, bound: Bound): readonly { readonly cell: string; readonly instance: number }[] =>
    denoted(field.of, field.type, bound).map(instance => ({ cell: fieldCell(field.type, instance, field.field), instance }));
  const held = (lock: SeenField, toWrite: boolean | undefined, wanted: boolean, bound: Bound): void => {
    const { kind } = fieldOf(program, lock.type, lock.field);
    for (const { cell } of cellsOf(lock, bound)) {
      if (kind !== 'srcu' && kind !== 'rcu') truth(cell, wanted);
      if (toWrite !== true) program.threads.forEach((_, thread) => truth(readersCell(thread, cell), wanted));
    }
  };
  /** Whatever the expression looks at may matter in any way. */
  const depends = (of: Predicate, bound: Bound): void => {
    asks(of, true, bound);
    asks(of, false, bound);
    if (of.kind === 'field') for (const { cell } of cellsOf(of.field, bound)) wish(cell, { kind: 'anything' });
    if (of.kind === 'operator') for (const one of of.of) depends(one, bound);
  };
  /** What has to be so for the expression to be true, or false. */
  const asks = (of: Predicate, wanted: boolean, bound: Bound): void => {
    switch (of.kind) {
      case 'constant':
      case 'variable':
      case 'global':
      case 'current':
        return;
      case 'field':
        for (const { cell, instance } of cellsOf(of.field, bound)) {
          truth(cell, wanted);
          // A field of an object that is gone reads 0.
          if (fieldOf(program, of.field.type, of.field.field).constant) truth(aliveCell(of.field.type, instance), wanted);
        }
        return;
      case 'operator':
        return operator(of, wanted, bound);
      case 'live':
        for (const instance of denoted(of.of, of.type, bound)) alive(of.type, instance, wanted);
        return;
      case 'queued':
        for (const { cell, instance } of cellsOf(of.work, bound)) {
          truth(cell, wanted);
          truth(aliveCell(of.work.type, instance), wanted);
          const worker = indexOf(program).workers.get(cell);
          if (worker !== undefined) truth(`run ${worker}`, wanted);
        }
        return;
      case 'on-queue':
        for (const { cell } of cellsOf(of.entry, bound)) truth(cell, wanted);
        return;
      case 'has': {
        const type = fieldOf(program, of.set.type, of.set.field).to ?? of.set.type;
        const members = denoted(of.member, type, bound);
        for (const { cell } of cellsOf(of.set, bound))
          for (const member of members) wish(cell, { kind: wanted ? 'has' : 'has not', member });
        return;
      }
      case 'holds':
      case 'held':
        return held(of.lock, of.toWrite, wanted, bound);
      case 'quantified':
        for (const { cell } of cellsOf(of.set, bound))
          for (let member = 1; member <= typeOf(program, of.type).pool; member++)
            wish(cell, { kind: of.every === wanted ? 'has not' : 'has', member });
        for (let member = 1; member <= typeOf(program, of.type).pool; member++)
          asks(of.condition, wanted, new Map(bound).set(of.variable, member));
        return;
      default:
        return unheardOf(of);
    }
  };
  const operator = (of: Extract<Predicate, { kind: 'operator' }>, wanted: boolean, bound: Bound): void => {
    const [first, second] = of.of;
    if (first === undefined) return;
    switch (of.operator) {
      case '!':
        return asks(first, !wanted, bound);
      case '&&':
      case '||':
        for (const one of of.of) asks(one, wanted, bound);
        return;
      case '===':
      case '!==': {
        const is = (of.operator === '===') === wanted;
        const number = second === undefined ? null : numberOf(program, second, bound);
        if (first.kind === 'field' && number !== null && !fieldOf(program, first.field.type, first.field.field).constant) {
          for (const { cell } of cellsOf(first.field, bound)) wish(cell, { kind: is ? 'is' : 'is not', value: number });
          return;
        }
        for (const one of of.of) depends(one, bound);
        return;
      }
      default:
        for (const one of of.of) depends(one, bound);
    }
  };
  const look: Look = { program, read: name => cell(layout, name), thread: null, variables: new Map() };
  for (const rule of indexOf(program).stateRules) {
    const busy = rule.kind === 'settled' ? rule.busy : null;
    for (const { live, look: chosen } of choices(look, rule.over)) {
      const condition = all([
        live,
        busy === null ? 1 : not(predicate(busy, chosen)),
        rule.when === null ? 1 : predicate(rule.when, chosen),
      ]);
      // What never comes about needs no looking after.
      if (condition === 0) continue;
      const bound = new Map([...chosen.variables].map(([name, value]): [string, number] => [name, Number(value)]));
      objects = rule.over.map(({ name, type }) => objectName(type, bound.get(name) ?? 0));
      for (const { name, type } of rule.over) alive(type, bound.get(name) ?? 0, true);
      if (busy !== null) asks(busy, false, bound);
      if (rule.when !== null) asks(rule.when, true, bound);
      if (both(condition, not(predicate(rule.then, chosen))) !== 0) asks(rule.then, false, bound);
    }
  }
  const wanted = (name: string, gone: string | null): readonly Wish[] =>
    [...(wishes.get(name)?.values() ?? [])].flatMap(({ wish, objects }) => (gone !== null && objects.includes(gone) ? [] : [wish]));
  return {
    leaves: way => {
      const gone = freed(program, way);
      return (
        [...way.writes].every(([name, value]) => wanted(name, gone).every(one => isGranted(one, value))) &&
        // A counter that is raised or lowered was not 0 and is not.
        (way.counts === null || wanted(way.counts.cell, null).every(({ kind }) => kind === 'zero' || kind === 'not zero'))
      );
    },
  };
}

/** An object that is freed and has counters, which are 0: it was not alive before either. */
function freed(program: Program, way: Way): string | null {
  if (way.kind !== 'free') return null;
  for (const type of program.types)
    for (let one = 1; one <= type.pool; one++)
      if (way.writes.get(aliveCell(type.name, one)) === 0 && type.fields.some(field => field.kind === 'refcount'))
        return objectName(type.name, one);
  return null;
}

function unheardOf(of: never): never {
  throw new Error(`a rule asks what was not thought of: ${JSON.stringify(of)}`);
}

function numberOf(program: Program, of: Predicate, bound: Bound): number | null {
  switch (of.kind) {
    case 'constant':
      return typeof of.value === 'string' ? program.words.indexOf(of.value) + 1 || -1 : Number(of.value ?? 0);
    case 'variable':
      return bound.get(of.name) ?? null;
    case 'global':
      return globalInstance(program.globals, of.name);
    default:
      return null;
  }
}

const ADDED = / \| (\d+)\)$/,
  REMOVED = / & (-\d+)\)$/;

function isGranted(wish: Wish, value: Code): boolean {
  switch (wish.kind) {
    case 'zero':
      return value === 0;
    case 'not zero':
      return typeof value === 'number' && value !== 0;
    case 'is':
      return value === wish.value;
    case 'is not':
      return typeof value === 'number' && value !== wish.value;
    case 'has':
    case 'has not': {
      const wanted = wish.kind === 'has',
        bit = 2 ** (wish.member - 1);
      if (typeof value === 'number') return ((value & bit) !== 0) === wanted;
      // Others than the member that is put in or taken out stay as they are.
      const added = ADDED.exec(value)?.[1],
        removed = REMOVED.exec(value)?.[1];
      if (added !== undefined) return wanted || Number(added) !== bit;
      if (removed !== undefined) return !wanted || (~Number(removed) & bit) === 0;
      return false;
    }
    case 'anything':
      return false;
  }
}
