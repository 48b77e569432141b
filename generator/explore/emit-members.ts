/** Steps on the members of a set, or on the entries of a wait queue. */
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { fieldCell } from './cells.ts';
import { cell, known, type Path, seenField, withCell, withNotes, withSlot } from './emission.ts';
import { notesOn } from './emit-checks.ts';
import { assign, slotIn } from './emit-value.ts';
import { any, both, type Code, equal, fork, hasMember, not } from './generated-code.ts';
import { nobodyElses, stillAlive, type Taking, touched } from './taking.ts';

type Members = Extract<Action, { kind: 'add' | 'remove' | 'has' | 'next' | 'pick' | 'next-entry' }>;

/** Steps on the members of a set, or the entries of a queue. The member is touched too, before anything else is judged. */
export function emitMembers({ e, number, path, node, go }: Taking, action: Members): string {
  const read = (name: string): Code => cell(e.layout, name);
  const memberType =
    action.kind === 'next-entry'
      ? action.entryType
      : (fieldOf(e.program, action.target.type, action.target.field).to ?? action.target.type);
  const judged = (at: Path, instance: number): Path => withNotes(at, notesOn(e, at, number, node, instance));
  return touched(e, path, number, action.target, (instance, at) => {
    const name = fieldCell(action.target.type, instance, action.target.field),
      mask = read(name);
    switch (action.kind) {
      case 'add':
      case 'remove':
      case 'has':
        return touched(e, at, number, { object: action.member, type: memberType }, (member, before) => {
          const path = judged(before, instance),
            bit = 2 ** (member - 1);
          switch (action.kind) {
            case 'add':
              return go(node.next, withCell(path, name, typeof mask === 'number' ? mask | bit : `(${mask} | ${bit})`), 0);
            case 'remove':
              return go(node.next, withCell(path, name, typeof mask === 'number' ? mask & ~bit : `(${mask} & ${~bit})`), 0);
            case 'has':
              return assign(e, path, number, action.slot, hasMember(mask, member), 1, path => go(node.next, path, 0));
          }
        });
      default: {
        const queue = indexOf(e.program).queueNumbers.get(name) ?? 0;
        const isThere = (member: number): Code =>
          action.kind === 'next-entry'
            ? known(e, () => equal(seenField(read, action.entryType, member, action.entryField), queue))
            : hasMember(mask, member);
        const visited = action.kind === 'pick' ? 0 : slotIn(e, at, action.visited);
        const there = Array.from({ length: typeOf(e.program, memberType).pool }, (_, index) =>
          both(isThere(index + 1), not(hasMember(visited, index + 1))),
        );
        const ways = there.map((is, index) =>
          fork(
            is,
            () =>
              stillAlive(e, at, number, memberType, index + 1, index + 1, () => {
                const path = withSlot(judged(nobodyElses(e, at, number, memberType, index + 1), instance), action.slot, index + 1);
                const bit = 2 ** index;
                return go(
                  node.next,
                  action.kind === 'pick'
                    ? path
                    : withSlot(path, action.visited, typeof visited === 'number' ? visited | bit : `(${visited} | ${bit})`),
                  index + 1,
                );
              }),
            () => '',
          ),
        );
        const none = judged(at, instance);
        return `${ways.join('')}${fork(
          any(there),
          () => '',
          () => (action.kind === 'pick' ? go(node.next, withSlot(none, action.slot, 0), 0) : go(node.otherwise, none, 0)),
        )}`;
      }
    }
  });
}
