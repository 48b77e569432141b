/** Code for predicates of rules: looked at in one state, at once. */

import { globalInstance } from '../instantiate/globals.ts';
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Predicate, SeenField, Variable } from '../model.ts';
import type { Program } from '../program.ts';
import { aliveCell, anchorCell, fieldCell, readersCell } from './cells.ts';
import { isLive, type Reader, seenField } from './emission.ts';
import { all, any, both, type Code, either, equal, hasMember, not, operate } from './generated-code.ts';

export interface Look {
  readonly program: Program;
  readonly read: Reader;
  /** Reads what tells whether the thread of the event has a lock; as `read` if absent. */ readonly own?: Reader;
  /** Of the event, or null where there is none: then nothing is held by it. */ readonly thread: number | null;
  readonly variables: ReadonlyMap<string, Code>;
}

export function withVariable(look: Look, name: string, value: Code): Look {
  return { ...look, variables: new Map(look.variables).set(name, value) };
}

/** The value for the instance that is denoted, 0 for null. */
function chosen(look: Look, of: Code, type: string, one: (instance: number) => Code): Code {
  const { pool } = typeOf(look.program, type);
  if (typeof of === 'number') return of >= 1 && of <= pool ? one(of) : 0;
  const arms = Array.from({ length: pool }, (_, at) => ({ instance: at + 1, value: one(at + 1) })).filter(arm => arm.value !== 0);
  if (arms.length === 0) return 0;
  return `(${arms.map(({ instance, value }) => `${of} === ${instance} ? ${value} : `).join('')}0)`;
}

function fieldIn(look: Look, field: SeenField, see: (instance: number) => Code): Code {
  return chosen(look, predicate(field.of, look), field.type, see);
}

/** Between `take` and `done`. The anchor of a worker that is idle is number 0. */
export function isRunning(program: Program, read: Reader, work: string): Code {
  const worker = indexOf(program).workers.get(work);
  return worker === undefined ? 0 : not(equal(read(anchorCell(worker)), 0));
}

/** By this thread: lock owned or read, read section open. `toWrite`: a lock that is read does not count. */
export function heldBy(
  program: Program,
  read: Reader,
  thread: number,
  type: string,
  instance: number,
  field: string,
  toWrite = false,
): Code {
  const name = fieldCell(type, instance, field);
  switch (fieldOf(program, type, field).kind) {
    case 'srcu':
    case 'rcu':
      return read(readersCell(thread, name));
    case 'rwlock':
    case 'rwsem':
      return either(equal(read(name), thread + 1), toWrite ? 0 : read(readersCell(thread, name)));
    default:
      return equal(read(name), thread + 1);
  }
}

export function heldByAny(program: Program, read: Reader, type: string, instance: number, field: string, toWrite = false): Code {
  const name = fieldCell(type, instance, field);
  switch (fieldOf(program, type, field).kind) {
    case 'srcu':
    case 'rcu':
      return any(program.threads.map((_, thread) => read(readersCell(thread, name))));
    case 'rwlock':
    case 'rwsem':
      return either(read(name), toWrite ? 0 : any(program.threads.map((_, thread) => read(readersCell(thread, name)))));
    default:
      return read(name);
  }
}

/** A word that the program never uses equals no cell. */
function wordNumber(program: Program, word: string): number {
  return program.words.indexOf(word) + 1 || -1;
}

export function predicate(of: Predicate, look: Look): Code {
  const { program, read } = look;
  switch (of.kind) {
    case 'constant':
      return typeof of.value === 'string' ? wordNumber(program, of.value) : Number(of.value ?? 0);
    case 'variable':
      return look.variables.get(of.name) ?? 0;
    case 'global':
      return globalInstance(program.globals, of.name);
    case 'current':
      return look.thread === null ? 0 : (program.threads[look.thread]?.process ?? 0);
    case 'field':
      return fieldIn(look, of.field, one => seenField(read, of.field.type, one, of.field.field));
    case 'operator':
      return operate(
        of.operator,
        of.of.map(one => predicate(one, look)),
      );
    case 'live':
      return chosen(look, predicate(of.of, look), of.type, one => not(not(isLive(program, read, of.type, one))));
    case 'queued':
      return fieldIn(look, of.work, one => {
        const work = fieldCell(of.work.type, one, of.work.field);
        return both(read(aliveCell(of.work.type, one)), either(read(work), isRunning(program, read, work)));
      });
    case 'on-queue':
      return fieldIn(look, of.entry, one => not(not(seenField(read, of.entry.type, one, of.entry.field))));
    case 'has':
      return hasMember(setIn(look, of.set), predicate(of.member, look));
    case 'holds':
      return fieldIn(look, of.lock, one =>
        look.thread === null ? 0 : not(not(heldBy(program, look.own ?? read, look.thread, of.lock.type, one, of.lock.field, of.toWrite))),
      );
    case 'held':
      return fieldIn(look, of.lock, one => not(not(heldByAny(program, read, of.lock.type, one, of.lock.field, of.toWrite))));
    case 'quantified': {
      const mask = setIn(look, of.set);
      const holds = Array.from({ length: typeOf(program, of.type).pool }, (_, at) => {
        const member = hasMember(mask, at + 1),
          condition = predicate(of.condition, withVariable(look, of.variable, at + 1));
        return of.every ? either(not(member), condition) : both(member, condition);
      });
      return not(not(of.every ? all(holds) : any(holds)));
    }
  }
}

function setIn(look: Look, set: SeenField): Code {
  return fieldIn(look, set, one => seenField(look.read, set.type, one, set.field));
}

/** For every choice of live objects: the condition under which it is one, and the choice. */
export function choices(look: Look, over: readonly Variable[]): readonly { readonly live: Code; readonly look: Look }[] {
  return over.reduce<readonly { readonly live: Code; readonly look: Look }[]>(
    (before, { name, type }) =>
      before.flatMap(choice =>
        Array.from({ length: typeOf(look.program, type).pool }, (_, at) => ({
          live: both(choice.live, isLive(look.program, look.read, type, at + 1)),
          look: withVariable(choice.look, name, at + 1),
        })).filter(({ live }) => live !== 0),
      ),
    [{ live: 1, look }],
  );
}

/** Whether an implication is false for some choice of live objects. */
export function brokenForSome(
  look: Look,
  over: readonly Variable[],
  unless: Predicate | null,
  when: Predicate | null,
  then: Predicate,
): Code {
  return any(
    choices(look, over).map(choice =>
      all([
        choice.live,
        unless === null ? 1 : not(predicate(unless, choice.look)),
        when === null ? 1 : predicate(when, choice.look),
        not(predicate(then, choice.look)),
      ]),
    ),
  );
}

/** Whether the condition of a rule is true for some choice of live objects. */
export function arisesForSome(look: Look, over: readonly Variable[], unless: Predicate | null, when: Predicate | null): Code {
  return any(
    choices(look, over).map(choice =>
      all([choice.live, unless === null ? 1 : not(predicate(unless, choice.look)), when === null ? 1 : predicate(when, choice.look)]),
    ),
  );
}
