/** What each action of a program does, as ways of one step. Follows `program.ts`. */
import { typeOf } from '../interpret/program-index.ts';
import type { Node, Value } from '../program.ts';
import { any, type Code, has, not, plus } from './code.ts';
import { fieldWays } from './field-ways.ts';
import { ghost, returned } from './ghosts.ts';
import { busy, calledMusts, judged } from './judge.ts';
import { withField, withoutNotes } from './left-behind.ts';
import { lockWays } from './lock-ways.ts';
import { memberWays } from './member-ways.ts';
import { onTarget } from './on-target.ts';
import { instancesOf } from './predicate.ts';
import { queueWays } from './queue-ways.ts';
import {
  allTouched,
  fatal,
  memberType,
  type Path,
  type Stand,
  type Then,
  touch,
  touchTarget,
  valueOf,
  type Way,
  where,
  withChange,
  withMusts,
  withSlot,
} from './step.ts';
import { workWays } from './work-ways.ts';

/** Up to and including the step, and what follows it. */
export function stepWays(stand: Stand, path: Path, node: Node, go: Then): readonly Way[] {
  const { cells, thread } = stand,
    { action } = node;
  const then = (path: Path) => go(path, node.next);
  const number = (value: Value) => valueOf(stand, path, value);
  const judge = (path: Path, of: Code) => withMusts(allTouched(path), judged(cells, thread, node, of));
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
    case 'read-constant':
    case 'assert-held':
      throw new Error(`${action.kind} is no step`);
    case 'bug':
      return fatal(path, 'always.bugNeverReached', 1, () => []);
    case 'call-null':
      return fatal(path, 'always.nullNeverFollowed', 1, () => []);
    case 'assert-sole':
      return touch(stand, path, action.type, number(action.object), (path, of) =>
        then(withChange(judge(path, of), cells.sole(action.type, of), cells.owner(thread))),
      );
    case 'next-later': {
      const later = number({ kind: 'slot', slot: action.later });
      const each = instancesOf(cells, action.type).map(one => [one, has(later, one)] as const);
      return [
        ...each.flatMap(([one, is]) =>
          where(path, is, path => then(withSlot(withSlot(path, action.slot, one), action.later, `(${later} & ~only(${one}))`))),
        ),
        ...where(path, not(any(each.map(([, is]) => is))), then),
      ];
    }
    case 'called':
      return then(withMusts(path, calledMusts(cells, thread, action, action.with.map(number))));
    case 'choose':
      return action.alternatives.flatMap(next => go(path, next));
    case 'call': {
      const contract = cells.program.threads[thread]?.calls[action.call]?.contract ?? -1;
      return then(contract < 0 ? path : withChange(path, ghost(stand, 'due', 1), 1));
    }
    case 'return':
      return then(returned(stand, path, node, number(action.result)));
    case 'alloc': {
      const instance = plus(cells.allocated(action.type), 1);
      const fields = typeOf(cells.program, action.type).fields.map(({ name, kind }): [Code, Code] => {
        const given = action.fields[name];
        const value = given === undefined ? 0 : kind === 'word' && given.kind === 'constant' ? cells.word(given.value) : number(given);
        return [cells.field(action.type, instance, name), value];
      });
      // What is not given is 0 already: no instance is used twice.
      const made = fields.filter(([, value]) => value !== 0).reduce((path, [cell, value]) => withChange(path, cell, value), path);
      const counted = withChange(
        cells.keepsAlive(action.type) ? withChange(made, cells.alive(action.type, instance), 1) : made,
        cells.allocated(action.type),
        instance,
      );
      return then(withSlot(counted, action.slot, instance));
    }
    case 'free':
      return touch(stand, path, action.type, number(action.object), (path, of) =>
        fatal(judge(path, of), 'always.freedWhenIdle', busy(cells, action.type, of), path => {
          const dead = withChange(withChange(path, cells.alive(action.type, of), 0), cells.sole(action.type, of), 0);
          const gone = withoutNotes(stand, dead, action.type, of);
          return then(
            typeOf(cells.program, action.type).fields.reduce(
              (path, { name }) =>
                withChange(withChange(path, cells.field(action.type, of, name), 0), cells.exclusive(action.type, of, name), 0),
              gone,
            ),
          );
        }),
      );
    case 'add':
    case 'remove':
    case 'has':
      return touchTarget(stand, path, action.target, (path, of) =>
        touch(stand, path, memberType(cells, action.target), number(action.member), (path, member) => {
          const at = judge(path, of),
            set = cells.field(action.target.type, of, action.target.field);
          if (action.kind === 'has') return then(withSlot(at, action.slot, has(set, member)));
          const value = action.kind === 'add' ? `(${set} | only(${member}))` : `(${set} & ~only(${member}))`;
          return then(withField(stand, node, at, action.target.type, of, action.target.field, value));
        }),
      );
    case 'next':
    case 'pick':
    case 'next-entry':
      return memberWays(stand, path, node, action, go);
    case 'lock':
    case 'read-lock':
    case 'read-unlock':
    case 'write-lock':
    case 'write-lock-queued':
    case 'unlock':
    case 'flag-free':
    case 'flag-take':
    case 'try-lock':
    case 'enter':
    case 'exit':
    case 'grace-begin':
    case 'grace-end':
      return lockWays(onTarget(stand, path, node, action, go), action);
    case 'queue':
    case 'queue-after-grace':
    case 'take':
    case 'done':
    case 'flush-begin':
    case 'flush-end':
    case 'cancel-begin':
    case 'cancel-end':
    case 'flush-queue-begin':
    case 'flush-queue-end':
      return workWays(onTarget(stand, path, node, action, go), action);
    case 'link':
    case 'unlink':
    case 'wait-prepare':
    case 'wait-finish':
    case 'complete':
    case 'wait-done':
    case 'wait-sleep':
    case 'wake-all':
      return queueWays(onTarget(stand, path, node, action, go), action);
    default:
      return fieldWays(onTarget(stand, path, node, action, go), action);
  }
}
