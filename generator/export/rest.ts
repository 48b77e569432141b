/** Judging of states where all has ended: what may stay, and what every counter must be. */

import { ownedCounter } from '../instantiate/globals.ts';
import { typeOf } from '../interpret/program-index.ts';
import { mayStay } from '../interpret/quiescence.ts';
import type { Program, ProgramType, State } from '../program.ts';
import type { Cells } from './cells.ts';
import { all, any, bare, type Code, compare, has, not, plus } from './code.ts';
import { holds, instancesOf } from './predicate.ts';

/** All threads have ended, all workers are idle, and no work is pending. */
export function atRest(cells: Cells, ended: string): Code {
  const { threads } = cells.program;
  return all([
    compare('==', ended, threads.filter(({ work }) => work === null).length),
    ...threads.flatMap(({ work }) =>
      work === null ? [] : [not(cells.runs(work.type, work.instance, work.field)), not(cells.field(work.type, work.instance, work.field))],
    ),
  ]);
}

/** Lines that judge such a state, and change none. */
export function quiescence(cells: Cells): readonly string[] {
  const { program } = cells;
  const objects = program.types.flatMap(({ name }) => instancesOf(cells, name).map((one): [string, number] => [name, one]));
  const stays = (type: string, instance: Code) => cells.hiddenArray(`${type}_stays`, type)(instance);
  const quiet = cells.rule('always.quietAtTheEnd'),
    balance = cells.rule('always.referencesBalance');
  const roots = new Set(mayStay(program));
  const first = objects.map(([type, one]) => `${stays(type, one)} = ${roots.has(`${type}#${one}`) ? bare(cells.alive(type, one)) : 0}`);
  const follow = objects.flatMap(([type, one]) =>
    typeOf(program, type).fields.flatMap(({ name, kind, to }): string[] => {
      const value = cells.field(type, one, name);
      if (to === null || value === 0) return [];
      const keep = (other: Code, when: Code) =>
        `${stays(to, other)} = ${stays(to, other)} || ${all([stays(type, one), when, cells.alive(to, other)])}`;
      return kind === 'set' ? instancesOf(cells, to).map(member => keep(member, has(value, member))) : [keep(value, 1)];
    }),
  );
  const passes = cells.single('passes', 255, 0, true);
  const left = objects.flatMap(([type, one]): Code[] => [
    any([not(cells.alive(type, one)), stays(type, one)]),
    ...typeOf(program, type).fields.flatMap(({ name, kind }): Code[] => {
      const value = cells.field(type, one, name);
      switch (kind) {
        case 'wait-entry':
          return [any([compare('==', value, 0), stays(type, one)])];
        case 'mutex':
        case 'spinlock':
        case 'flag':
        case 'wait-queue':
          return [compare('==', value, 0)];
        case 'rwlock':
        case 'rwsem':
        case 'srcu':
        case 'rcu':
          return program.threads.map((_, thread) => not(holds(cells, thread, type, one, name)));
        default:
          return [];
      }
    }),
  ]);
  const balanced = objects.flatMap(([type, one]) =>
    typeOf(program, type)
      .fields.filter(({ name, kind }) => kind === 'refcount' && canBeOwned(program, type, name))
      .map(({ name }) => {
        const owners = ownersOf(cells, type, one, name).reduce(plus, 0);
        return any([
          not(stays(type, one)),
          compare('==', cells.field(type, one, name), plus(owners, handles(program, program.initial, typeOf(program, type), one, name))),
        ]);
      }),
  );
  const judge = (rule: string, conditions: readonly Code[]) => [
    `${rule} = true`,
    ...[...new Set(conditions)].filter(one => one !== 1).map(one => `${rule} = ${rule} && ${one}`),
    `assert(${rule})`,
  ];
  return [
    ...first,
    `${passes} = 0`,
    ...(follow.length === 0
      ? []
      : [
          `do\n     :: ${passes} < ${objects.length} -> /* what stays keeps what it points to */\n${follow.map(line => `        ${line}`).join(';\n')};\n        ${passes}++\n     :: else -> break\n     od`,
        ]),
    `${passes} = 0`,
    ...judge(quiet, left),
    ...judge(balance, balanced),
  ];
}

function canBeOwned(program: Program, type: string, counter: string): boolean {
  return program.types.some(({ owns, fields }) =>
    fields.some(({ name, to }) => {
      const owned = ownedCounter(program.globals, to, owns[name]);
      return owned?.type === type && owned.counter === counter;
    }),
  );
}

/** For each field that may own a reference on the counter, whether it does. */
function ownersOf(cells: Cells, type: string, instance: number, counter: string): Code[] {
  return cells.program.types.flatMap(owner =>
    owner.fields
      .map(field => ({ ...field, owned: ownedCounter(cells.program.globals, field.to, owner.owns[field.name]) }))
      .filter(({ owned }) => owned?.type === type && owned.counter === counter && (owned.instance ?? instance) === instance)
      .flatMap(({ name, kind, owned }) =>
        instancesOf(cells, owner.name).map(one => {
          const value = cells.field(owner.name, one, name);
          if (owned?.instance !== null) return compare('!=', value, 0);
          return kind === 'set' ? has(value, instance) : compare('==', value, instance);
        }),
      ),
  );
}

/** References that the scenario itself holds: those of the first state that no field owns. */
function handles(program: Program, { alive, cells }: State, { name: type }: ProgramType, instance: number, counter: string): number {
  if (alive[`${type}#${instance}`] !== 1) return 0;
  const owned = program.types.flatMap(owner =>
    owner.fields
      .map(field => ({ ...field, owned: ownedCounter(program.globals, field.to, owner.owns[field.name]) }))
      .filter(({ owned }) => owned?.type === type && owned.counter === counter && (owned.instance ?? instance) === instance)
      .flatMap(({ name, kind, owned }) =>
        Array.from({ length: owner.pool }, (_, at): number => {
          const value = alive[`${owner.name}#${at + 1}`] === 1 ? (cells[`${owner.name}#${at + 1}.${name}`] ?? 0) : 0;
          if (owned?.instance !== null) return Number(value !== 0);
          return kind === 'set' ? (value >> (instance - 1)) & 1 : Number(value === instance);
        }),
      ),
  );
  return (cells[`${type}#${instance}.${counter}`] ?? 0) - owned.reduce((sum, one) => sum + one, 0);
}
