/** Counters, objects that begin and end, and what descriptors open. */
import { fieldOf, typeOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { aliveCell, allocatedCell, exclusiveCell, fieldCell, soleCell } from './cells.ts';
import { cell, type Emission, excess, type Path, withCell, within, withNotes, withSlot } from './emission.ts';
import { isBusy, notesOn } from './emit-checks.ts';
import { assign, cases, mostOf, slotIn, valueOf } from './emit-value.ts';
import { add, any, type Code, equal, fork, hasMember, subtract } from './generated-code.ts';
import { nobodyElses, stillAlive, type Taking, touched } from './taking.ts';

type Lifetime = Extract<
  Action,
  { kind: 'get' | 'get-unless-zero' | 'put' | 'put-later' | 'next-later' | 'assert-sole' | 'alloc' | 'free' | 'fget' | 'close-fd' }
>;

export function emitLifetime(taking: Taking, action: Lifetime): string {
  const { e, path, number, node, go, next, read, judged, self, on, most, broken, one } = taking;
  switch (action.kind) {
    case 'get':
      return on(action.target, (name, count, at) =>
        fork(
          count,
          () => raise(taking, at, name, count, most(action.target), next),
          () => broken(at, 'neverResurrected'),
        ),
      );
    case 'get-unless-zero':
      return on(action.target, (name, count, at) =>
        fork(
          count,
          () => raise(taking, withSlot(at, action.slot, 1), name, count, most(action.target), next),
          () => one(at, action.slot, 0),
        ),
      );
    case 'put':
      return on(action.target, (name, count, at) =>
        fork(
          count,
          () =>
            fork(
              equal(count, 1),
              () => go(node.otherwise, withCell(at, name, 0), 0),
              () => next(withCell(at, name, subtract(count, 1))),
            ),
          () => broken(at, 'referencesBalance'),
        ),
      );
    case 'put-later':
      return on(action.target, (name, count, at, instance) => {
        const before = slotIn(e, at, action.later),
          bit = 2 ** (instance - 1);
        const after = typeof before === 'number' ? before | bit : `(${before} | ${bit})`;
        return fork(
          count,
          () =>
            fork(
              equal(count, 1),
              () => next(withSlot(withCell(at, name, 0), action.later, after)),
              () => next(withCell(at, name, subtract(count, 1))),
            ),
          () => broken(at, 'referencesBalance'),
        );
      });
    case 'next-later': {
      const waiting = slotIn(e, path, action.later);
      const members = Array.from({ length: typeOf(e.program, action.type).pool }, (_, index) => index + 1);
      const ways = members.map(one =>
        fork(
          hasMember(waiting, one),
          () => {
            const rest = typeof waiting === 'number' ? waiting & ~(2 ** (one - 1)) : `(${waiting} & ${~(2 ** (one - 1))})`;
            return `{ ${go(node.next, withSlot(withSlot(path, action.slot, one), action.later, rest), one)}} `;
          },
          () => '',
        ),
      );
      return `${ways.join('')}${fork(
        any(members.map(one => hasMember(waiting, one))),
        () => '',
        () => next(path),
      )}`;
    }
    case 'assert-sole':
      return touched(e, path, number, { object: action.object, type: action.type }, (instance, at) =>
        next(withCell(judged(at, instance), soleCell(action.type, instance), self + 1)),
      );
    case 'alloc':
      return emitAlloc(taking, path, action);
    case 'free':
      return touched(e, path, number, { object: action.object, type: action.type }, (instance, before) => {
        const at = judged(before, instance);
        return fork(
          isBusy(e, action.type, instance),
          () => broken(at, 'freedWhenIdle'),
          () => next(emptied(e, at, action.type, instance)),
        );
      });
    case 'fget':
      return touched(e, path, number, action.target, (instance, before) => {
        const file = fieldOf(e.program, action.target.type, action.target.field).to ?? action.target.type;
        const refs = fieldOf(e.program, file, 'refs').max;
        return cases(
          e,
          read(fieldCell(action.target.type, instance, action.target.field)),
          file,
          () => one(judged(before, instance), action.slot, 0),
          open =>
            stillAlive(e, before, number, file, open, 0, () => {
              const name = fieldCell(file, open, 'refs'),
                at = withSlot(judged(nobodyElses(e, before, number, file, open), instance), action.slot, open);
              return fork(
                read(name),
                () => raise(taking, at, name, read(name), refs, next),
                () => broken(at, 'neverResurrected'),
              );
            }),
        );
      });
    case 'close-fd':
      return on(action.target, (name, file, at) =>
        assign(e, at, number, action.slot, file, most(action.target), path => next(withCell(path, name, 0))),
      );
  }
}

function raise({ e, number }: Taking, path: Path, name: string, count: Code, max: number, then: (path: Path) => string): string {
  return within(e, path, number, add(count, 1), max + 1, max, () => then(withCell(path, name, add(count, 1))));
}

function emptied(e: Emission, path: Path, type: string, instance: number): Path {
  return typeOf(e.program, type)
    .fields.map(field => fieldCell(type, instance, field.name))
    .flatMap(name => [name, exclusiveCell(name)])
    .concat(soleCell(type, instance))
    .reduce((at, name) => (e.layout.bits.has(name) ? withCell(at, name, 0) : at), withCell(path, aliveCell(type, instance), 0));
}

function emitAlloc({ e, number, node, go }: Taking, before: Path, action: Extract<Action, { kind: 'alloc' }>): string {
  const { pool, initial, fields } = typeOf(e.program, action.type);
  const path = withNotes(before, notesOn(e, before, number, node, 0));
  const full = (): string => excess(e, path, number, `more than ${pool} objects of type ${action.type}`);
  const make = (instance: number): string => {
    const made = withCell(withCell(path, allocatedCell(action.type), instance), aliveCell(action.type, instance), 1);
    const give = (left: readonly { readonly name: string; readonly max: number }[], at: Path): string => {
      const [field, ...rest] = left;
      if (field === undefined) return assign(e, at, number, action.slot, instance, instance, path => go(node.next, path, 0));
      const given = action.fields[field.name];
      if (given === undefined) return give(rest, at);
      const value = valueOf(e, path, given),
        name = fieldCell(action.type, instance, field.name);
      return within(e, at, number, value, mostOf(e, path, given), field.max, () => give(rest, withCell(at, name, value)));
    };
    return give(fields, made);
  };
  const ways = Array.from({ length: pool - initial }, (_, at) => `case ${initial + at}: { ${make(initial + at + 1)}break; } `).join('');
  return `switch (${cell(e.layout, allocatedCell(action.type))}) { ${ways}default: { ${full()}} } `;
}
