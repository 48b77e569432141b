/**
 * The variables of an exported model. Each field is an array over the instances of its type, from 1; element 0 belongs to null and
 * stays 0. What nobody changes is `hidden`, and so no part of a state. A variable is declared if something asked for it.
 */
import { startOf } from '../interpret/interpret.ts';
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Program, State } from '../program.ts';
import { type Code, compare } from './code.ts';
import { type Facts, factsOf } from './facts.ts';
import { type Asked, askedBy } from './left-behind.ts';
import { identifier, namer } from './names.ts';

export interface Variable {
  readonly name: string;
  readonly max: number;
  /** Element 0 included; of one that is no array, its only value. */ readonly first: readonly number[];
  readonly array: boolean;
  readonly hidden: boolean;
}

export interface Cells {
  readonly program: Program;
  readonly facts: Facts;
  readonly start: State;
  readonly declared: ReadonlyMap<string, Variable>;
  readonly name: (key: string, wanted: string) => string;
  /** Short name of a thread. */ readonly thread: (index: number) => string;
  /** The thread as owner of a lock. */ readonly owner: (thread: number) => string;
  readonly rule: (name: string) => string;
  /** Rules by the names they have here, so far. */ readonly rules: ReadonlyMap<string, string>;
  readonly word: (value: number) => Code;
  readonly field: (type: string, instance: Code, field: string) => Code;
  /** Allocated and not freed. */ readonly alive: (type: string, instance: Code) => Code;
  /** Whether that is a variable of its own. */ readonly keepsAlive: (type: string) => boolean;
  readonly allocated: (type: string) => string;
  /** Owner of the thread whose alone the object is, or 0. */ readonly sole: (type: string, instance: Code) => Code;
  readonly exclusive: (type: string, instance: Code, field: string) => Code;
  readonly runs: (type: string, instance: Code, field: string) => Code;
  /** Read sections that the thread has open, or read sides of a lock. */ readonly sections: (
    thread: number,
    type: string,
    instance: Code,
    field: string,
  ) => Code;
  /** Sections of the reader that the thread waits for. */
  readonly grace: (thread: number, reader: number, type: string, instance: Code, field: string) => Code;
  readonly flush: (thread: number, type: string, instance: Code, field: string) => Code;
  readonly asleep: (thread: number, type: string, instance: Code, field: string) => Code;
  /** The thread waits to write the lock, and readers wait behind it. */
  readonly queued: (thread: number, type: string, instance: Code, field: string) => Code;
  /** What a wait entry says that is on this wait queue. */ readonly queueNumber: (type: string, instance: Code, field: string) => Code;
  /** By thread: fields that a failing call has to put back. */ readonly left: readonly (readonly Asked[])[];
  /** What the thread's call has changed there and not put back, 0 for nothing. */
  readonly note: (thread: number, asked: Asked, instance: Code) => string;
  /** A variable that is no array; made when first asked for. */
  readonly single: (wanted: string, max: number, first: number, hidden?: boolean) => string;
  readonly hiddenArray: (wanted: string, type: string) => (instance: Code) => string;
}

export function largestOf(program: Program, type: string, field: string): number {
  const { kind, max } = fieldOf(program, type, field);
  switch (kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
    case 'wait-queue':
      return program.threads.length;
    case 'wait-entry':
      return program.waitQueues.length;
    default:
      return max;
  }
}

export function cellsOf(program: Program): Cells {
  const facts = factsOf(program),
    start = startOf(program),
    name = namer();
  const declared = new Map<string, Variable>(),
    rules = new Map<string, string>();
  const array = (wanted: string, type: string, max: number, hidden: boolean, first: (instance: number) => number) => {
    const own = name(wanted, wanted);
    if (!declared.has(own)) {
      const { pool } = typeOf(program, type);
      declared.set(own, {
        name: own,
        max,
        array: true,
        hidden,
        first: Array.from({ length: pool + 1 }, (_, at) => (at === 0 ? 0 : first(at))),
      });
    }
    return (instance: Code): string => `${own}[${instance}]`;
  };
  const nothing = () => 0;
  const thread = (index: number) => {
    const { name: given = '' } = program.threads[index] ?? {};
    return name(`thread ${index}`, identifier(given.replace(/#(\d+)\./, '$1 ')));
  };
  // Before all others, so that they have the names that a person expects.
  program.threads.forEach((_, index) => thread(index));
  const wait = (
    what: string,
    among: 'flushers' | 'sleepers' | 'queuers',
    own: number,
    type: string,
    instance: Code,
    field: string,
    max: number,
  ): Code =>
    instance !== 0 && facts[among].get(`${type}.${field}`)?.includes(own)
      ? array(`${thread(own)}_${what}_${type}_${field}`, type, max, false, nothing)(instance)
      : 0;
  const firstAlive = (type: string) => (one: number) => start.alive[`${type}#${one}`] ?? 0;
  // Where nothing is freed, not even by the setup, a pointer that is not null is enough.
  const keepsAlive = (type: string): boolean =>
    facts.freed.has(type) ||
    Array.from({ length: typeOf(program, type).initial }, (_, at) => at + 1).some(one => firstAlive(type)(one) === 0);
  const allocated = (type: string): string => {
    const own = name(`${type} allocated`, `${type}_allocated`);
    declared.set(own, { name: own, max: typeOf(program, type).pool, array: false, hidden: false, first: [start.allocated[type] ?? 0] });
    return own;
  };
  return {
    program,
    facts,
    start,
    declared,
    name,
    thread,
    owner: index => `by_${thread(index)}`,
    rules,
    rule: given => {
      const own = name(`rule ${given}`, /[A-Z.]/.test(given) ? given : `rule_${given}`);
      rules.set(own, given);
      if (!declared.has(own)) declared.set(own, { name: own, max: 1, array: false, hidden: true, first: [0] });
      return own;
    },
    word: value => {
      const text = program.words[value - 1];
      return text === undefined ? value : name(`word ${value}`, `word_${identifier(text)}`);
    },
    field: (type, instance, field) => {
      const { written, freed } = facts,
        { pool } = typeOf(program, type),
        isWritten = written.has(`${type}.${field}`);
      if (instance === 0) return 0;
      const first = (one: number) => start.cells[`${type}#${one}.${field}`] ?? 0;
      if (!isWritten && !Array.from({ length: pool }, (_, at) => first(at + 1)).some(value => value !== 0)) return 0;
      return array(`${type}_${field}`, type, largestOf(program, type, field), !isWritten && !freed.has(type), first)(instance);
    },
    keepsAlive,
    alive: (type, instance) => {
      const { initial, pool } = typeOf(program, type);
      if (instance === 0 || (typeof instance === 'number' && (instance > pool || (instance > initial && !facts.allocated.has(type)))))
        return 0;
      if (keepsAlive(type))
        return array(`${type}_alive`, type, 1, !facts.freed.has(type) && !facts.allocated.has(type), firstAlive(type))(instance);
      return typeof instance === 'string' ? compare('!=', instance, 0) : instance <= initial ? 1 : compare('>=', allocated(type), instance);
    },
    allocated,
    sole: (type, instance) =>
      instance !== 0 &&
      (facts.sole.has(type) || (start.sole !== undefined && Object.keys(start.sole).some(name => name.startsWith(`${type}#`))))
        ? array(`${type}_sole`, type, program.threads.length, false, one => start.sole?.[`${type}#${one}`] ?? 0)(instance)
        : 0,
    exclusive: (type, instance, field) =>
      instance !== 0 && facts.exclusive.has(`${type}.${field}`)
        ? array(`${type}_${field}_exclusive`, type, 1, false, one => start.exclusive[`${type}#${one}.${field}`] ?? 0)(instance)
        : 0,
    runs: (type, instance, field) =>
      instance !== 0 && program.threads.some(({ work }) => work?.type === type && work.field === field)
        ? array(`${type}_${field}_runs`, type, 1, false, nothing)(instance)
        : 0,
    sections: (own, type, instance, field) =>
      instance !== 0 && facts.readers.get(`${type}.${field}`)?.includes(own)
        ? array(`${thread(own)}_in_${type}_${field}`, type, 255, false, nothing)(instance)
        : 0,
    grace: (own, reader, type, instance, field) =>
      instance !== 0 &&
      own !== reader &&
      facts.synchronizers.get(`${type}.${field}`)?.includes(own) &&
      facts.readers.get(`${type}.${field}`)?.includes(reader)
        ? array(`${thread(own)}_awaits_${type}_${field}_${thread(reader)}`, type, 255, false, nothing)(instance)
        : 0,
    flush: (own, type, instance, field) => wait('flushes', 'flushers', own, type, instance, field, 2),
    asleep: (own, type, instance, field) => wait('sleeps_on', 'sleepers', own, type, instance, field, 1),
    queued: (own, type, instance, field) => wait('waits_to_write', 'queuers', own, type, instance, field, 1),
    queueNumber: (type, instance, field) => {
      const numbers = indexOf(program).queueNumbers;
      // No entry is ever on a queue that the program does not list.
      const none = program.waitQueues.length + 1;
      const of = (one: number) => numbers.get(`${type}#${one}.${field}`) ?? none;
      return typeof instance === 'number' ? of(instance) : array(`number_of_${type}_${field}`, type, none, true, of)(instance);
    },
    left: askedBy(program),
    note: (own, { type, field, max }, instance) => array(`${thread(own)}_left_${type}_${field}`, type, max, false, nothing)(instance),
    single: (wanted, max, first, hidden = false) => {
      const own = name(`single ${wanted}`, wanted);
      if (!declared.has(own)) declared.set(own, { name: own, max, array: false, hidden, first: [first] });
      return own;
    },
    hiddenArray: (wanted, type) => array(wanted, type, 1, true, nothing),
  };
}

export function declaration({ name, max, first, array, hidden }: Variable): string {
  // SPIN hides no bits.
  const type = max <= 1 && !hidden ? 'bit' : max <= 255 ? 'byte' : max <= 32767 ? 'short' : 'int';
  const given = first.some(value => value !== 0) ? ` = ${array ? `{${first.join(', ')}}` : first[0]}` : '';
  return `${hidden ? 'hidden ' : ''}${type} ${name}${array ? `[${first.length}]` : ''}${given};`;
}
