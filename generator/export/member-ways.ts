/** Steps on the members of a set, or the entries of a wait queue: one way for each, and one for none. */
import type { Action, Node } from '../program.ts';
import { all, any, type Code, compare, has, not } from './code.ts';
import { judged } from './judge.ts';
import { instancesOf } from './predicate.ts';
import {
  allTouched,
  memberType,
  type Path,
  type Stand,
  type Then,
  touch,
  touchTarget,
  valueOf,
  type Way,
  where,
  withMusts,
  withSlot,
} from './step.ts';

export function memberWays(
  stand: Stand,
  path: Path,
  node: Node,
  action: Extract<Action, { kind: 'next' | 'pick' | 'next-entry' }>,
  go: Then,
): readonly Way[] {
  const { cells, thread } = stand,
    { type, field } = action.target;
  const of = valueOf(stand, path, action.target.object);
  const visited = action.kind === 'pick' ? 0 : valueOf(stand, path, { kind: 'slot', slot: action.visited });
  const member = action.kind === 'next-entry' ? action.entryType : memberType(cells, action.target);
  const judge = (path: Path) => withMusts(allTouched(path), judged(cells, thread, node, of));
  const isThere = (one: number): Code => {
    if (action.kind !== 'next-entry') return has(cells.field(type, of, field), one);
    const on = cells.field(action.entryType, one, action.entryField);
    return on === 0 ? 0 : compare('==', on, cells.queueNumber(type, of, field));
  };
  const there = instancesOf(cells, member).map((one): [number, Code] => [one, all([isThere(one), not(has(visited, one))])]);
  return touchTarget(stand, path, action.target, path => [
    ...there.flatMap(([one, is]) =>
      where(path, is, path =>
        touch(stand, path, member, one, path => {
          const at = withSlot(judge(path), action.slot, one);
          if (action.kind === 'pick') return go(at, node.next);
          const bit = 2 ** (one - 1);
          return go(withSlot(at, action.visited, typeof visited === 'number' ? visited | bit : `(${visited} | ${bit})`), node.next);
        }),
      ),
    ),
    ...where(path, not(any(there.map(([, is]) => is))), path =>
      action.kind === 'pick' ? go(withSlot(judge(path), action.slot, 0), node.next) : go(judge(path), node.otherwise),
    ),
  ]);
}
