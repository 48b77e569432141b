/** What values and predicates are in one state. Reading through null or a freed object gives 0. */
import { globalInstance } from '../instantiate/globals.ts';
import type { Operator, Predicate, SeenField, Variable } from '../model.ts';
import type { Program, State, Value } from '../program.ts';
import { fieldOf, indexOf, nodeAt, threadAt, typeOf } from './program-index.ts';

export function objectName(type: string, instance: number): string {
  return `${type}#${instance}`;
}

export function cellName(type: string, instance: number, field: string): string {
  return `${type}#${instance}.${field}`;
}

export function bit(instance: number): number {
  return 2 ** (instance - 1);
}

/** Instances in a set, lowest first. */
export function membersOf(mask: number): number[] {
  const members: number[] = [];
  for (let instance = 1, rest = mask; rest > 0; instance++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) members.push(instance);
  return members;
}

/** Number of a word; -1, which equals no cell, for a word that the program never uses. */
export function wordNumber(program: Program, word: string): number {
  return program.words.indexOf(word) + 1 || -1;
}

/** `&&` and `||` give the operand that decides, as in JavaScript; comparisons and `!` give 0 or 1. */
export function operate(operator: Operator, of: readonly number[]): number {
  const [a = 0, b = 0] = of;
  switch (operator) {
    case '!':
      return a === 0 ? 1 : 0;
    case '===':
      return a === b ? 1 : 0;
    case '!==':
      return a !== b ? 1 : 0;
    case '<':
      return a < b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '+':
      return of.reduce((sum, one) => sum + one, 0);
    case '-':
      return of.length === 1 ? -a : a - b;
    case '&&':
      return of.find(one => one === 0) ?? of.at(-1) ?? 1;
    case '||':
      return of.find(one => one !== 0) ?? of.at(-1) ?? 0;
  }
}

export type Slots = Readonly<Record<number, number>>;

export function evaluate(value: Value, slots: Slots): number {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'slot':
      return slots[value.slot] ?? 0;
    case 'operator':
      return operate(
        value.operator,
        value.of.map(one => evaluate(one, slots)),
      );
  }
}

export function isAlive(state: State, type: string, instance: number): boolean {
  return (state.alive[objectName(type, instance)] ?? 0) === 1;
}

/** Allocated, not freed, and no counter of it is 0. */
export function isLive(program: Program, state: State, type: string, instance: number): boolean {
  return (
    isAlive(state, type, instance) &&
    typeOf(program, type).fields.every(field => field.kind !== 'refcount' || (state.cells[cellName(type, instance, field.name)] ?? 0) !== 0)
  );
}

export function liveInstances(program: Program, state: State, type: string): number[] {
  const live: number[] = [];
  for (let instance = 1; instance <= (state.allocated[type] ?? 0); instance++)
    if (isLive(program, state, type, instance)) live.push(instance);
  return live;
}

/** Between `take` and `done`. */
export function isRunning(program: Program, state: State, work: string): boolean {
  const worker = indexOf(program).workers.get(work);
  const at = worker === undefined ? undefined : state.threads[worker];
  return worker !== undefined && at !== undefined && nodeAt(threadAt(program, worker), at.node).action.kind !== 'take';
}

/** Lock owned or read, or read section open, by this thread. `toWrite`: a lock that is read does not count. */
export function isHeldBy(state: State, cell: string, thread: number, toWrite = false): boolean {
  return state.cells[cell] === thread + 1 || (!toWrite && (state.threads[thread]?.readers[cell] ?? 0) > 0);
}

export interface Look {
  readonly program: Program;
  readonly state: State;
  /** Of the event, or null where there is none: then nothing is held by it. */
  readonly thread: number | null;
  readonly variables: Readonly<Record<string, number>>;
}

export function look(predicate: Predicate, at: Look): number {
  const { program, state } = at;
  switch (predicate.kind) {
    case 'constant':
      return typeof predicate.value === 'string' ? wordNumber(program, predicate.value) : Number(predicate.value ?? 0);
    case 'variable':
      return at.variables[predicate.name] ?? 0;
    case 'global':
      return globalInstance(program.globals, predicate.name);
    case 'current':
      return at.thread === null ? 0 : (threadAt(program, at.thread).process ?? 0);
    case 'field':
      return seenCell(predicate.field, at, cell => state.cells[cell] ?? 0);
    case 'operator':
      return operate(
        predicate.operator,
        predicate.of.map(one => look(one, at)),
      );
    case 'live':
      return isLive(program, state, predicate.type, look(predicate.of, at)) ? 1 : 0;
    case 'queued':
      return seenCell(predicate.work, at, cell => ((state.cells[cell] ?? 0) !== 0 || isRunning(program, state, cell) ? 1 : 0));
    case 'on-queue':
      return seenCell(predicate.entry, at, cell => ((state.cells[cell] ?? 0) !== 0 ? 1 : 0));
    case 'has':
      return setOf(predicate.set, at).includes(look(predicate.member, at)) ? 1 : 0;
    case 'holds':
      return seenCell(predicate.lock, at, cell => (at.thread !== null && isHeldBy(state, cell, at.thread, predicate.toWrite) ? 1 : 0));
    case 'held':
      return seenCell(predicate.lock, at, cell =>
        state.threads.some((_, thread) => isHeldBy(state, cell, thread, predicate.toWrite)) ? 1 : 0,
      );
    case 'quantified': {
      const holds = (member: number) =>
        look(predicate.condition, { ...at, variables: { ...at.variables, [predicate.variable]: member } }) !== 0;
      const members = setOf(predicate.set, at);
      return (predicate.every ? members.every(holds) : members.some(holds)) ? 1 : 0;
    }
  }
}

export function setOf(set: SeenField, at: Look): number[] {
  return membersOf(seenCell(set, at, cell => at.state.cells[cell] ?? 0));
}

function seenCell(field: SeenField, at: Look, see: (cell: string) => number): number {
  const instance = look(field.of, at);
  // Also catches a misspelt name, which would otherwise read 0 for ever.
  fieldOf(at.program, field.type, field.field);
  return isAlive(at.state, field.type, instance) ? see(cellName(field.type, instance, field.field)) : 0;
}

/** Every choice of live objects for the variables. */
export function* choices(
  program: Program,
  state: State,
  over: readonly Variable[],
  bound: Readonly<Record<string, number>> = {},
): Generator<Readonly<Record<string, number>>> {
  const [first, ...rest] = over;
  if (!first) return yield bound;
  for (const instance of liveInstances(program, state, first.type))
    yield* choices(program, state, rest, { ...bound, [first.name]: instance });
}

/** `{ irqfd: 'Irqfd#1' }` of the variables' numbers. */
export function objectNames(over: readonly Variable[], variables: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(over.map(({ name, type }) => [name, objectName(type, variables[name] ?? 0)]));
}
