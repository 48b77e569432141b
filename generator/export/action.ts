/** What each action of a program does, as ways of one step. Follows `program.ts`. */
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Action, Node, Target, Value } from '../program.ts';
import { all, any, type Code, compare, either, has, minus, not, plus, truth } from './code.ts';
import { classOf } from './facts.ts';
import { busy, calledMusts, judged } from './judge.ts';
import { held, holds, instancesOf } from './predicate.ts';
import {
  allTouched,
  fatal,
  fork,
  memberType,
  type Path,
  type Stand,
  touch,
  touchTarget,
  valueOf,
  type Way,
  where,
  withChange,
  withMusts,
  withSlot,
} from './step.ts';

type Then = (path: Path, next: number) => readonly Way[];

/** Up to and including the step, and what follows it. */
export function stepWays(stand: Stand, path: Path, node: Node, go: Then): readonly Way[] {
  const { cells, thread } = stand,
    { action } = node;
  const then = (path: Path) => go(path, node.next);
  const number = (value: Value) => valueOf(stand, path, value);
  const judge = (path: Path, of: Code) => withMusts(allTouched(path), judged(cells, thread, node, of));
  const others = cells.program.threads.map((_, index) => index);
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
          const gone = withChange(withChange(path, cells.alive(action.type, of), 0), cells.sole(action.type, of), 0);
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
          return then(withChange(at, set, action.kind === 'add' ? `(${set} | only(${member}))` : `(${set} & ~only(${member}))`));
        }),
      );
    case 'next':
    case 'pick':
    case 'next-entry':
      return members(stand, path, node, action, go);
    case 'flush-end':
    case 'cancel-end': {
      const { type, field } = action.target;
      return where(path, compare('==', cells.flush(thread, type, number(action.target.object), field), 0), then);
    }
    case 'done': {
      const { type, field } = action.target,
        of = number(action.target.object);
      const counted = others.reduce((path, other) => {
        const note = cells.flush(other, type, of, field);
        return withChange(path, note, note === 0 ? 0 : `(${note} - (${note} > 0))`);
      }, path);
      return then(withChange(counted, cells.runs(type, of, field), 0));
    }
    default:
      return onTarget(stand, path, node, action, go);
  }
}

type OnTarget = Exclude<
  Action,
  {
    kind:
      | 'set'
      | 'branch'
      | 'jump'
      | 'read-constant'
      | 'assert-held'
      | 'bug'
      | 'call-null'
      | 'assert-sole'
      | 'next-later'
      | 'called'
      | 'choose'
      | 'call'
      | 'return'
      | 'alloc'
      | 'free'
      | 'add'
      | 'remove'
      | 'has'
      | 'next'
      | 'pick'
      | 'next-entry'
      | 'flush-end'
      | 'cancel-end'
      | 'done';
  }
>;

/** Steps on one primitive or field of one object. Whether the step can be taken comes first, then whether the object is there. */
function onTarget(stand: Stand, path: Path, node: Node, action: OnTarget, go: Then): readonly Way[] {
  const { cells, thread } = stand,
    { type, field } = action.target;
  const of = valueOf(stand, path, action.target.object),
    value = cells.field(type, of, field),
    me = cells.owner(thread);
  const then = (path: Path) => go(path, node.next);
  const judge = (path: Path) => withMusts(allTouched(path), judged(cells, thread, node, of));
  const touched = (path: Path, next: (path: Path) => readonly Way[]) => touchTarget(stand, path, action.target, path => next(judge(path)));
  const threads = cells.program.threads.map((_, index) => index);
  const own = cells.program.threads[thread]?.work;
  const ownRun = own?.type === type && own.field === field ? compare('==', of, own.instance) : 0;
  switch (action.kind) {
    case 'read':
      return touched(path, path => {
        const read = withSlot(path, action.slot, value);
        if (action.once === undefined) return then(read);
        const before = valueOf(stand, path, { kind: 'slot', slot: action.once });
        const musts = indexOf(cells.program)
          .readOnce.filter(rule => rule.type === type && rule.field === field)
          .map(({ name }) => ({ rule: name, condition: not(has(before, of)) }));
        return then(withSlot(withMusts(read, musts), action.once, `(${before} | only(${of}))`));
      });
    case 'write': {
      const isWord = cells.program.types.some(
        one => one.name === type && one.fields.some(({ name, kind }) => name === field && kind === 'word'),
      );
      const given = isWord && action.value.kind === 'constant' ? cells.word(action.value.value) : valueOf(stand, path, action.value);
      const { kind, max } = fieldOf(cells.program, type, field);
      const beyond = kind === 'number' ? any([compare('<', given, 0), compare('>', given, max)]) : 0;
      return touched(path, path => fatal(path, 'always.valuesInBounds', beyond, path => then(withChange(path, value, given))));
    }
    case 'lock': {
      const twice = holds(cells, thread, type, of, field);
      return where(path, any([not(held(cells, type, of, field)), twice]), path =>
        touched(path, path => fatal(path, 'always.neverTakenTwice', twice, path => then(withChange(path, value, me)))),
      );
    }
    case 'read-lock': {
      const open = cells.sections(thread, type, of, field);
      const isFair = fieldOf(cells.program, type, field).kind === 'rwsem';
      const twice = any([compare('==', value, me), isFair ? compare('!=', open, 0) : 0]);
      const queued = threads.filter(other => other !== thread).map(other => not(cells.queued(other, type, of, field)));
      return where(path, any([all([compare('==', value, 0), ...queued]), twice]), path =>
        touched(path, path => fatal(path, 'always.neverTakenTwice', twice, path => then(withChange(path, open, plus(open, 1))))),
      );
    }
    case 'read-unlock': {
      const open = cells.sections(thread, type, of, field);
      return touched(path, path =>
        fatal(path, 'always.releasedByHolder', compare('==', open, 0), path => then(withChange(path, open, minus(open, 1)))),
      );
    }
    case 'write-lock':
      return touched(path, path =>
        fatal(path, 'always.neverTakenTwice', holds(cells, thread, type, of, field), path =>
          fork(
            path,
            held(cells, type, of, field),
            path => go(withChange(path, cells.queued(thread, type, of, field), 1), node.otherwise),
            path => then(withChange(path, value, me)),
          ),
        ),
      );
    case 'write-lock-queued':
      return where(path, not(held(cells, type, of, field)), path =>
        touchTarget(stand, path, action.target, path =>
          then(withChange(withChange(allTouched(path), value, me), cells.queued(thread, type, of, field), 0)),
        ),
      );
    case 'unlock':
    case 'flag-free':
      return touched(path, path =>
        fatal(path, 'always.releasedByHolder', compare('!=', value, me), path => then(withChange(path, value, 0))),
      );
    case 'flag-take':
      return touched(path, path =>
        fatal(path, 'always.flagTakenWhenFree', compare('!=', value, 0), path => then(withChange(path, value, me))),
      );
    case 'try-lock':
      return touched(path, path =>
        fork(
          path,
          compare('==', value, 0),
          path => then(withSlot(withChange(path, value, me), action.slot, 1)),
          path => then(withSlot(path, action.slot, 0)),
        ),
      );
    case 'enter': {
      const open = cells.sections(thread, type, of, field);
      return touched(path, path => then(withChange(path, open, plus(open, 1))));
    }
    case 'exit': {
      const open = cells.sections(thread, type, of, field);
      return touched(path, path =>
        fatal(path, 'always.releasedByHolder', compare('==', open, 0), path =>
          then(
            threads.reduce(
              (path, waiter) => {
                const note = cells.grace(waiter, thread, type, of, field);
                // A wait for this thread's sections is for no more than it still has open.
                return withChange(path, note, note === 0 ? 0 : `(${note} < ${open} -> ${note} : ${open} - 1)`);
              },
              withChange(path, open, minus(open, 1)),
            ),
          ),
        ),
      );
    }
    case 'grace-begin':
      return touched(path, path =>
        fatal(path, 'always.everyWaitEnds', compare('!=', cells.sections(thread, type, of, field), 0), path =>
          then(
            threads.reduce(
              (path, reader) => withChange(path, cells.grace(thread, reader, type, of, field), cells.sections(reader, type, of, field)),
              path,
            ),
          ),
        ),
      );
    case 'grace-end':
      return where(path, all(threads.map(reader => compare('==', cells.grace(thread, reader, type, of, field), 0))), path =>
        touched(path, then),
      );
    case 'get':
      return touched(path, path =>
        fatal(path, 'always.neverResurrected', compare('==', value, 0), path => then(withChange(path, value, plus(value, 1)))),
      );
    case 'get-unless-zero':
      return touched(path, path =>
        fork(
          path,
          compare('!=', value, 0),
          path => then(withSlot(withChange(path, value, plus(value, 1)), action.slot, 1)),
          path => then(withSlot(path, action.slot, 0)),
        ),
      );
    case 'put':
      return touched(path, path =>
        fatal(path, 'always.referencesBalance', compare('==', value, 0), path =>
          fork(
            path,
            compare('==', value, 1),
            path => go(withChange(path, value, 0), node.otherwise),
            path => then(withChange(path, value, minus(value, 1))),
          ),
        ),
      );
    case 'put-later':
      return touched(path, path =>
        fatal(path, 'always.referencesBalance', compare('==', value, 0), path => {
          const less = withChange(path, value, minus(value, 1));
          const later = valueOf(stand, path, { kind: 'slot', slot: action.later });
          return fork(less, compare('==', value, 1), path => then(withSlot(path, action.later, `(${later} | only(${of}))`)), then);
        }),
      );
    case 'queue':
      return touchTarget(stand, path, action.target, path => {
        const queued = (path: Path) => then(withSlot(withChange(judge(path), value, 1), action.slot, truth(not(value))));
        return action.on === null ? queued(path) : touchTarget(stand, path, action.on, queued);
      });
    case 'queue-after-grace':
      throw new Error('work that waits for a grace period is not exported');
    case 'take':
      return where(path, compare('!=', value, 0), path =>
        touched(path, path => then(withChange(withChange(path, value, 0), cells.runs(type, of, field), 1))),
      );
    case 'flush-begin':
      return touched(path, path =>
        fatal(path, 'always.neverFlushesItself', ownRun, path =>
          then(withChange(path, cells.flush(thread, type, of, field), plus(value, cells.runs(type, of, field)))),
        ),
      );
    case 'cancel-begin':
      return touched(path, path =>
        fatal(path, 'always.neverFlushesItself', ownRun, path => {
          const running = cells.runs(type, of, field);
          // A run that is removed has ended for those who flush it, too.
          const told = threads
            .filter(other => other !== thread)
            .reduce((path, other) => {
              const note = cells.flush(other, type, of, field);
              return withChange(path, note, note === 0 ? 0 : either(all([value, compare('>', note, running)]), running, note));
            }, path);
          const removed = withChange(withChange(told, value, 0), cells.flush(thread, type, of, field), running);
          return then(withSlot(removed, action.slot, compare('!=', value, 0)));
        }),
      );
    case 'flush-queue-end':
      return where(
        path,
        all(itemsOn(stand, action.target).map(([type, one, field]) => compare('==', cells.flush(thread, type, one, field), 0))),
        then,
      );
    case 'flush-queue-begin':
      return touched(path, path => {
        const items = itemsOn(stand, action.target);
        const itself = items.some(
          ([itemType, one, itemField]) => own?.type === itemType && own.instance === one && own.field === itemField,
        );
        return fatal(path, 'always.neverFlushesItself', itself ? 1 : 0, path =>
          then(
            items.reduce(
              (path, [type, one, field]) =>
                withChange(path, cells.flush(thread, type, one, field), plus(cells.field(type, one, field), cells.runs(type, one, field))),
              path,
            ),
          ),
        );
      });
    case 'link':
    case 'unlink': {
      const entryOwner = valueOf(stand, path, action.entry.object);
      const entry = cells.field(action.entry.type, entryOwner, action.entry.field),
        alone = cells.exclusive(action.entry.type, entryOwner, action.entry.field);
      const released = (path: Path) => withChange(path, value, 0);
      const put = (path: Path, on: Code, exclusive: Code) => withChange(withChange(released(path), entry, on), alone, exclusive);
      return touchTarget(stand, path, action.target, path =>
        touchTarget(stand, path, action.entry, touched => {
          const path = judge(touched);
          if (action.kind === 'unlink') return then(put(path, 0, 0));
          const queue = cells.queueNumber(type, of, field);
          return fork(
            path,
            action.exclusive ? hasExclusive(stand, queue) : 0,
            path => then(withSlot(released(path), action.slot, 0)),
            path => then(withSlot(put(path, queue, action.exclusive ? 1 : 0), action.slot, 1)),
          );
        }),
      );
    }
    case 'wait-prepare':
      return touched(path, path => then(withChange(path, cells.asleep(thread, type, of, field), 1)));
    case 'wait-finish':
      return touched(path, path => then(withChange(path, cells.asleep(thread, type, of, field), 0)));
    case 'complete':
      return touched(path, path => then(withChange(path, value, 1)));
    case 'wait-done':
      return fork(
        path,
        compare('!=', value, 0),
        path => touched(path, path => then(withSlot(path, action.slot, 0))),
        path => (action.timeout ? touched(path, path => then(withSlot(path, action.slot, 1))) : []),
      );
    case 'wait-sleep':
      return fork(
        path,
        cells.asleep(thread, type, of, field),
        path =>
          action.timeout
            ? touched(path, path => then(withSlot(withChange(path, cells.asleep(thread, type, of, field), 0), action.slot, 1)))
            : [],
        path => touched(path, path => then(withSlot(path, action.slot, 0))),
      );
    case 'wake-all':
      return touched(path, path =>
        then(threads.reduce((path, sleeper) => withChange(path, cells.asleep(sleeper, type, of, field), 0), path)),
      );
    case 'fget': {
      const file = memberType(cells, action.target);
      return touchTarget(stand, path, action.target, path =>
        fork(
          path,
          compare('==', value, 0),
          path => then(withSlot(judge(path), action.slot, 0)),
          path =>
            touch(stand, path, file, value, path => {
              const refs = cells.field(file, value, 'refs');
              return fatal(judge(path), 'always.neverResurrected', compare('==', refs, 0), path =>
                then(withSlot(withChange(path, refs, plus(refs, 1)), action.slot, value)),
              );
            }),
        ),
      );
    }
    case 'close-fd':
      return touched(path, path => then(withSlot(withChange(path, value, 0), action.slot, value)));
  }
}

/** One way for each member of a set, or entry of a queue, and one for none. */
function members(
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

/** Work items that a flush of the queue waits for: type, instance, field. */
function itemsOn({ cells: { program } }: Stand, target: Target): readonly (readonly [string, number, string])[] {
  const classes = program.onQueue[classOf(target)] ?? [];
  return program.threads.flatMap(({ work }) =>
    work !== null && classes.includes(classOf(work)) ? [[work.type, work.instance, work.field] as const] : [],
  );
}

function hasExclusive({ cells }: Stand, queue: Code): Code {
  return any(
    cells.program.types.flatMap(type =>
      type.fields
        .filter(({ kind }) => kind === 'wait-entry')
        .flatMap(({ name }) =>
          instancesOf(cells, type.name).map(one => {
            const on = cells.field(type.name, one, name);
            return on === 0 ? 0 : all([cells.exclusive(type.name, one, name), compare('==', on, queue)]);
          }),
        ),
    ),
  );
}

/** A ghost variable of the thread's running call. */
export function ghost(
  { cells, thread }: Pick<Stand, 'cells' | 'thread'>,
  what: 'watches' | 'seen' | 'due' | 'ensured',
  max: number,
): string {
  return cells.single(`${cells.thread(thread)}_${what}`, max, 0);
}

export function seenMax({ cells, thread }: Pick<Stand, 'cells' | 'thread'>): number {
  const calls = cells.program.threads[thread]?.calls ?? [];
  return 2 ** Math.max(0, ...calls.map(({ contract }) => cells.program.contracts[contract]?.fails.length ?? 0)) - 1;
}

function returned(stand: Stand, path: Path, node: Node, result: Code): Path {
  const { cells, thread } = stand;
  const call = cells.program.threads[thread]?.calls[node.call];
  const contract = cells.program.contracts[call?.contract ?? -1];
  if (call === undefined || contract === undefined) return path;
  const seen = ghost(stand, 'seen', seenMax(stand)),
    due = ghost(stand, 'due', 1),
    ensured = contract.ensures === null ? 1 : ghost(stand, 'ensured', 1);
  const failures = call.result.word ? contract.fails : [];
  const is = failures.map(({ value }) => compare('==', result, typeof result === 'number' ? value : cells.word(value)));
  const allowed = is.map((one, index) => any([not(one), `((${seen} & ${2 ** index}) != 0)`]));
  const succeeds = any([...is, all([not(due), ensured])]);
  const judgedPath = withMusts(path, [{ rule: contract.rule, condition: all([...allowed, succeeds]) }]);
  const cleared = contract.ensures === null ? judgedPath : withChange(judgedPath, ensured, 0);
  return withChange(withChange(cleared, seen, 0), due, 0);
}
