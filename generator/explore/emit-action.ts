/** Code for each action that is a step: what `program.ts` says it means, as one way on for each alternative. */

import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Action, Node, Target } from '../program.ts';
import {
  aliveCell,
  allocatedCell,
  dueCell,
  ensuredCell,
  exclusiveCell,
  fieldCell,
  flushCell,
  graceCell,
  readersCell,
  seenCell,
  soleCell,
  waitingCell,
} from './cells.ts';
import { inOrderWith, itemsOn } from './changing-cells.ts';
import {
  bounded,
  cell,
  type Emission,
  excess,
  fatal,
  finding,
  known,
  type Path,
  seenField,
  withCell,
  within,
  withNotes,
  withSlot,
} from './emission.ts';
import { isBusy, notesOn } from './emit-checks.ts';
import { isRunning } from './emit-predicate.ts';
import { assign, cases, denoted, mostOf, slotIn, valueOf } from './emit-value.ts';
import { add, all, any, both, type Code, either, equal, fork, hasMember, not, subtract } from './generated-code.ts';
import { anyLeft } from './left-cells.ts';
import { DEEPEST } from './may-hold.ts';

/** Goes on to a node after the step, as this alternative of it. */
export type GoOn = (next: number, path: Path, alternative: number) => string;

interface Taking {
  readonly e: Emission;
  readonly number: number;
  readonly node: Node;
  readonly go: GoOn;
}

/** Touches the object that the target names and goes on with its instance. */
export function touched(
  e: Emission,
  path: Path,
  number: number,
  target: Pick<Target, 'object' | 'type'>,
  then: (instance: number, path: Path) => string,
): string {
  return denoted(
    e,
    path,
    target.object,
    target.type,
    () => fatal(e, path, number, 'always.nullNeverFollowed'),
    (instance, at) =>
      stillAlive(e, at, number, target.type, instance, 0, () => then(instance, nobodyElses(e, at, number, target.type, instance))),
  );
}

/** Notes if the object is another thread's alone. */
function nobodyElses(e: Emission, path: Path, number: number, type: string, instance: number): Path {
  const name = soleCell(type, instance);
  if (!e.layout.bits.has(name)) return path;
  const sole = cell(e.layout, name);
  return withNotes(path, [
    { when: both(sole, not(equal(sole, path.thread + 1))), finding: finding(e, 'always.soleWhereAsserted', false, 'step'), node: number },
  ]);
}

function stillAlive(
  e: Emission,
  path: Path,
  number: number,
  type: string,
  instance: number,
  alternative: number,
  then: () => string,
): string {
  return fork(cell(e.layout, aliveCell(type, instance)), then, () => fatal(e, path, number, 'always.neverTouchedAfterFree', alternative));
}

export function emitStep(e: Emission, path: Path, number: number, node: Node, go: GoOn): string {
  const taking: Taking = { e, number, node, go };
  const { action } = node;
  const next = (at: Path): string => go(node.next, at, 0);
  const read = (name: string): Code => cell(e.layout, name);
  const judged = (at: Path, instance: number): Path => withNotes(at, notesOn(e, at, number, node, instance));
  const self = path.thread;
  /** The step acts on a field of one object and touches nothing else. */
  const on = (target: Target, then: (name: string, value: Code, path: Path, instance: number) => string): string =>
    touched(e, path, number, target, (instance, at) => {
      const name = fieldCell(target.type, instance, target.field);
      return then(name, read(name), judged(at, instance), instance);
    });
  const most = (target: Target): number => fieldOf(e.program, target.type, target.field).max;
  const broken = (at: Path, rule: string): string => fatal(e, at, number, `always.${rule}`);
  const one = (at: Path, slot: number, value: 0 | 1): string => next(withSlot(at, slot, value));

  switch (action.kind) {
    case 'read':
      return on(action.target, (_, value, at, instance) => {
        const { once } = action;
        if (once === undefined) return assign(e, at, number, action.slot, value, most(action.target), next);
        const before = slotIn(e, at, once),
          bit = 2 ** (instance - 1);
        const after = typeof before === 'number' ? before | bit : `(${before} | ${bit})`;
        return assign(e, at, number, action.slot, value, most(action.target), path => next(withSlot(path, once, after)));
      });
    case 'write':
      return on(action.target, (name, _, at) => {
        // Of a type that has no instance here there is only null.
        if (most(action.target) === 0) return next(at);
        const value = valueOf(e, at, action.value);
        return within(e, at, number, value, mostOf(e, at, action.value), most(action.target), () => next(withCell(at, name, value)));
      });

    case 'add':
    case 'remove':
    case 'has':
    case 'next':
    case 'pick':
    case 'next-entry':
      return emitMembers(taking, path, action);

    case 'lock':
      return on(action.target, (name, owner, at) =>
        fork(
          either(owner, readBy(e, name, null)),
          () =>
            fork(
              either(equal(owner, self + 1), readBy(e, name, self)),
              () => broken(at, 'neverTakenTwice'),
              () => '',
            ),
          () => next(withCell(at, name, self + 1)),
        ),
      );
    case 'read-lock':
      return on(action.target, (name, owner, at) => {
        const fair = fieldOf(e.program, action.target.type, action.target.field).kind === 'rwsem';
        const queued = (e.layout.changing.sleepers.get(name) ?? []).filter(thread => thread !== self);
        return fork(
          either(equal(owner, self + 1), fair ? readBy(e, name, self) : 0),
          () => broken(at, 'neverTakenTwice'),
          () =>
            fork(
              either(owner, any(queued.map(thread => read(waitingCell(thread, name))))),
              () => '',
              () => entered(taking, at, action.target, name, next),
            ),
        );
      });
    case 'read-unlock':
      return on(action.target, (name, _, at) => {
        const open = read(readersCell(self, name));
        return fork(
          open,
          () => next(withCell(at, readersCell(self, name), subtract(open, 1))),
          () => broken(at, 'releasedByHolder'),
        );
      });
    case 'write-lock':
      return on(action.target, (name, owner, at) =>
        fork(
          either(equal(owner, self + 1), readBy(e, name, self)),
          () => broken(at, 'neverTakenTwice'),
          () =>
            fork(
              either(owner, readBy(e, name, null)),
              () => go(node.otherwise, withCell(at, waitingCell(self, name), 1), 0),
              () => next(withCell(at, name, self + 1)),
            ),
        ),
      );
    case 'write-lock-queued':
      return on(action.target, (name, owner, at) =>
        fork(
          either(owner, readBy(e, name, null)),
          () => '',
          () => next(withCell(withCell(at, name, self + 1), waitingCell(self, name), 0)),
        ),
      );
    case 'unlock':
    case 'flag-free':
      return on(action.target, (name, owner, at) =>
        fork(
          equal(owner, self + 1),
          () => next(withCell(at, name, 0)),
          () => broken(at, 'releasedByHolder'),
        ),
      );
    case 'try-lock':
      return on(action.target, (name, owner, at) =>
        fork(
          equal(owner, 0),
          () => one(withCell(at, name, self + 1), action.slot, 1),
          () => one(at, action.slot, 0),
        ),
      );

    case 'flag-take':
      return on(action.target, (name, owner, at) =>
        fork(
          owner,
          () => broken(at, 'flagTakenWhenFree'),
          () => next(withCell(at, name, self + 1)),
        ),
      );
    case 'enter':
      return on(action.target, (name, _, at) => entered(taking, at, action.target, name, next));
    case 'exit':
      return on(action.target, (name, _, at) => {
        const open = read(readersCell(self, name)),
          left = subtract(open, 1);
        const waiting = (e.layout.changing.synchronizers.get(name) ?? []).map(thread => graceCell(thread, name, self));
        const lowered = waiting.reduce(
          (path, grace) => (e.layout.bits.has(grace) ? withCell(path, grace, atMost(read(grace), left)) : path),
          at,
        );
        return fork(
          open,
          () => next(withCell(lowered, readersCell(self, name), left)),
          () => broken(at, 'releasedByHolder'),
        );
      });
    case 'grace-begin':
      return on(action.target, (name, _, at) =>
        fork(
          read(readersCell(self, name)),
          () => broken(at, 'everyWaitEnds'),
          () =>
            next(
              (e.layout.changing.readers.get(name) ?? [])
                .filter(reader => reader !== self)
                .reduce((path, reader) => withCell(path, graceCell(self, name, reader), read(readersCell(reader, name))), at),
            ),
        ),
      );
    case 'grace-end':
      return on(action.target, (name, _, at) =>
        fork(
          any((e.layout.changing.readers.get(name) ?? []).map(reader => read(graceCell(self, name, reader)))),
          () => '',
          () => next(at),
        ),
      );

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

    case 'queue': {
      const queued = (name: string, pending: Code, at: Path): string =>
        fork(
          pending,
          () => one(at, action.slot, 0),
          () => one(withCell(at, name, placeBehind(e, name)), action.slot, 1),
        );
      const { on: queue } = action;
      if (queue === null) return on(action.target, queued);
      return touched(e, path, number, action.target, (instance, before) =>
        touched(e, before, number, queue, (_, at) => {
          const name = fieldCell(action.target.type, instance, action.target.field);
          return queued(name, read(name), judged(at, instance));
        }),
      );
    }
    case 'queue-after-grace':
      return touched(e, path, number, action.domain, (domain, before) =>
        touched(e, before, number, action.target, (instance, after) => {
          const at = judged(after, instance);
          const name = fieldCell(action.target.type, instance, action.target.field);
          const worker = indexOf(e.program).workers.get(name);
          const section = fieldCell(action.domain.type, domain, action.domain.field);
          const readers = worker === undefined ? [] : (e.layout.changing.readers.get(section) ?? []).filter(reader => reader !== worker);
          const noted = readers.reduce(
            (path, reader) => withCell(path, graceCell(worker ?? 0, section, reader), read(readersCell(reader, section))),
            withCell(at, name, 2),
          );
          return fork(
            read(name),
            () => one(at, action.slot, 0),
            () => one(noted, action.slot, 1),
          );
        }),
      );
    case 'take':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => '',
        (instance, at) => {
          const name = fieldCell(action.target.type, instance, action.target.field);
          // Pending work is in a live object, so there is nothing to touch before it is.
          return fork(
            all([read(name), not(any(stillReading(e, self))), ...isFirst(e, name)]),
            () => next(movedUp(e, withCell(judged(nobodyElses(e, at, number, action.target.type, instance), instance), name, 0), name)),
            () => '',
          );
        },
      );
    case 'done':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => next(path),
        (instance, at) => {
          const name = fieldCell(action.target.type, instance, action.target.field);
          const flushes = (e.layout.changing.flushers.get(name) ?? []).map(thread => flushCell(thread, name));
          return next(flushes.reduce((path, flush) => withCell(path, flush, lowered(read(flush))), judged(at, instance)));
        },
      );
    case 'flush-begin':
      return on(action.target, (name, pending, at) =>
        indexOf(e.program).workers.get(name) === self
          ? broken(at, 'neverFlushesItself')
          : next(withCell(at, flushCell(self, name), runs(e, pending, name))),
      );
    case 'cancel-begin':
      return on(action.target, (name, pending, at) => {
        if (indexOf(e.program).workers.get(name) === self) return broken(at, 'neverFlushesItself');
        const running = isRunning(e.program, read, name);
        const others = (e.layout.changing.flushers.get(name) ?? [])
          .filter(thread => thread !== self)
          .map(thread => flushCell(thread, name));
        // A run that is removed has ended for those who wait for it. It was the last that they could have noted.
        const gone = others.reduce((path, flush) => withCell(path, flush, atMost(read(flush), running)), withCell(at, name, 0));
        const worker = indexOf(e.program).workers.get(name);
        const notes = worker === undefined ? [] : graceCells(e, worker);
        const without = notes.reduce((path, note) => withCell(path, note, 0), movedUp(e, gone, name));
        return fork(
          pending,
          () => one(withCell(without, flushCell(self, name), running), action.slot, 1),
          () => one(withCell(at, flushCell(self, name), running), action.slot, 0),
        );
      });
    case 'flush-queue-begin':
      return on(action.target, (_, __, at) => {
        const works = itemsOn(e.program, action.target)
          .map(({ type, instance, field }) => fieldCell(type, instance, field))
          .filter(name => indexOf(e.program).workers.has(name));
        if (works.some(name => indexOf(e.program).workers.get(name) === self)) return broken(at, 'neverFlushesItself');
        return next(works.reduce((path, name) => withCell(path, flushCell(self, name), runs(e, read(name), name)), at));
      });
    case 'flush-end':
    case 'cancel-end':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => next(path),
        (instance, at) =>
          fork(
            read(flushCell(self, fieldCell(action.target.type, instance, action.target.field))),
            () => '',
            () => next(judged(at, instance)),
          ),
      );
    case 'flush-queue-end':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => next(path),
        (instance, at) =>
          fork(
            any(
              itemsOn(e.program, action.target).map(({ type, instance, field }) => read(flushCell(self, fieldCell(type, instance, field)))),
            ),
            () => '',
            () => next(judged(at, instance)),
          ),
      );

    case 'link':
    case 'unlink':
      return emitLink(taking, path, action);
    case 'wait-prepare':
      return on(action.target, (name, _, at) => next(withCell(at, waitingCell(self, name), 1)));
    case 'wait-sleep':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => broken(path, 'nullNeverFollowed'),
        (instance, before) => {
          const waiting = waitingCell(self, fieldCell(action.target.type, instance, action.target.field));
          const alive = (alternative: 0 | 1): string =>
            stillAlive(e, before, number, action.target.type, instance, alternative, () => {
              const at = withSlot(judged(nobodyElses(e, before, number, action.target.type, instance), instance), action.slot, alternative);
              return go(node.next, alternative === 1 ? withCell(at, waiting, 0) : at, alternative);
            });
          return fork(
            read(waiting),
            () => (action.timeout ? alive(1) : ''),
            () => alive(0),
          );
        },
      );
    case 'complete':
      return on(action.target, (name, _, at) => next(withCell(at, name, 1)));
    case 'wait-done':
      return denoted(
        e,
        path,
        action.target.object,
        action.target.type,
        () => broken(path, 'nullNeverFollowed'),
        (instance, before) => {
          const ended = (alternative: 0 | 1): string =>
            stillAlive(e, before, number, action.target.type, instance, alternative, () =>
              go(
                node.next,
                withSlot(judged(nobodyElses(e, before, number, action.target.type, instance), instance), action.slot, alternative),
                alternative,
              ),
            );
          return fork(
            read(fieldCell(action.target.type, instance, action.target.field)),
            () => ended(0),
            () => (action.timeout ? ended(1) : ''),
          );
        },
      );
    case 'wait-finish':
      return on(action.target, (name, _, at) => next(withCell(at, waitingCell(self, name), 0)));
    case 'wake-all':
      return on(action.target, (name, _, at) =>
        next((e.layout.changing.sleepers.get(name) ?? []).reduce((path, thread) => withCell(path, waitingCell(thread, name), 0), at)),
      );

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

    case 'choose':
      return action.alternatives.map((to, alternative) => `{ ${go(to, path, alternative)}} `).join('');
    case 'bug':
      return broken(path, 'bugNeverReached');
    case 'call-null':
      return broken(path, 'nullNeverFollowed');
    case 'called':
      return next(withNotes(path, notesOn(e, path, number, node, 0)));
    case 'call':
      return next(
        (e.program.threads[self]?.calls[action.call]?.contract ?? -1) < 0 || !e.layout.bits.has(dueCell(self))
          ? path
          : withCell(path, dueCell(self), 1),
      );
    case 'return':
      return next(
        [seenCell(self), dueCell(self), ensuredCell(self)].reduce(
          (at, ghost) => withCell(at, ghost, 0),
          withNotes(path, returnNotes(taking, path, action)),
        ),
      );
    case 'set':
    case 'branch':
    case 'jump':
    case 'read-constant':
    case 'assert-held':
      throw new Error(`${action.kind} is no step`);
  }
}

/** Cells of the sections that a thread's grace periods wait for. */
function graceCells(e: Emission, thread: number): readonly string[] {
  return [...e.layout.changing.synchronizers].flatMap(([domain, waiting]) =>
    waiting.includes(thread)
      ? (e.layout.changing.readers.get(domain) ?? [])
          .map(reader => graceCell(thread, domain, reader))
          .filter(note => e.layout.bits.has(note))
      : [],
  );
}

/** What a worker waits for that was queued to run after a grace period; in its runs it may wait for others, but not while it is idle. */
function stillReading(e: Emission, worker: number): readonly Code[] {
  return graceCells(e, worker).map(note => cell(e.layout, note));
}

/** Place at the end of an ordered queue; 1 for other work. */
function placeBehind(e: Emission, work: string): Code {
  return inOrderWith(e.program, work).reduce<Code>((sum, other) => add(sum, not(not(cell(e.layout, other)))), 1);
}

/** Of an item of an ordered queue: it is the first, and no other item runs. */
function isFirst(e: Emission, work: string): readonly Code[] {
  const others = inOrderWith(e.program, work);
  if (others.length === 0) return [];
  const running = others.map(other => isRunning(e.program, name => cell(e.layout, name), other));
  return [equal(cell(e.layout, work), 1), not(any(running))];
}

/** Those behind the item move up. */
function movedUp(e: Emission, path: Path, work: string): Path {
  const place = cell(e.layout, work);
  return inOrderWith(e.program, work).reduce((at, other) => {
    const behind = cell(e.layout, other);
    return withCell(at, other, `(${place} && ${behind} > ${place} ? ${behind} - 1 : ${behind})`);
  }, path);
}

/** One more read section, or read side. */
function entered({ e, number }: Taking, at: Path, target: Target, name: string, next: (path: Path) => string): string {
  const cellName = readersCell(at.thread, name);
  const open = cell(e.layout, cellName),
    max = 2 ** (e.layout.bits.get(cellName)?.width ?? 0) - 1;
  const deepest = e.layout.threads[at.thread]?.held[number]?.get(`${target.type}.${target.field}`) ?? 0;
  return bounded(e, at, number, add(open, 1), Math.min(deepest, DEEPEST) + 1, max, `${name}: read sections open`, () =>
    next(withCell(at, cellName, add(open, 1))),
  );
}

/** Whether the thread reads the lock; of null whether any does. */
function readBy(e: Emission, lock: string, thread: number | null): Code {
  const readers = e.layout.changing.readers.get(lock) ?? [];
  return any((thread === null ? readers : readers.filter(one => one === thread)).map(one => cell(e.layout, readersCell(one, lock))));
}

function atMost(value: Code, most: Code): Code {
  if (most === 0 || value === 0) return 0;
  return `(${value} < ${most} ? ${value} : ${most})`;
}

function lowered(count: Code): Code {
  return typeof count === 'number' ? Math.max(0, count - 1) : `(${count} ? ${count} - 1 : 0)`;
}

/** Pending and running runs. */
function runs(e: Emission, pending: Code, work: string): Code {
  return add(
    // A place in an ordered queue, say, is one pending run.
    not(not(pending)),
    isRunning(e.program, name => cell(e.layout, name), work),
  );
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

type Members = Extract<Action, { kind: 'add' | 'remove' | 'has' | 'next' | 'pick' | 'next-entry' }>;

/** Steps on the members of a set, or the entries of a queue. The member is touched too, before anything else is judged. */
function emitMembers({ e, number, node, go }: Taking, path: Path, action: Members): string {
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

function emitLink({ e, number, node, go }: Taking, path: Path, action: Extract<Action, { kind: 'link' | 'unlink' }>): string {
  const read = (name: string): Code => cell(e.layout, name);
  return touched(e, path, number, action.target, (queue, at) =>
    touched(e, at, number, action.entry, (owner, before) => {
      const lock = fieldCell(action.target.type, queue, action.target.field),
        entry = fieldCell(action.entry.type, owner, action.entry.field);
      const released = withCell(withNotes(before, notesOn(e, before, number, node, queue)), lock, 0);
      const put = (to: number, exclusive: 0 | 1): Path => withCell(withCell(released, entry, to), exclusiveCell(entry), exclusive);
      if (action.kind === 'unlink') return go(node.next, put(0, 0), 0);
      const place = indexOf(e.program).queueNumbers.get(lock) ?? 0;
      const taken = action.exclusive
        ? any(
            e.program.types.flatMap(type =>
              type.fields
                .filter(field => field.kind === 'wait-entry')
                .flatMap(field =>
                  Array.from({ length: type.pool }, (_, index) => {
                    const other = fieldCell(type.name, index + 1, field.name);
                    return both(
                      seenExclusive(e, type.name, index + 1, other),
                      equal(seenField(read, type.name, index + 1, field.name), place),
                    );
                  }),
                ),
            ),
          )
        : 0;
      return fork(
        taken,
        () => go(node.next, withSlot(released, action.slot, 0), 0),
        () => go(node.next, withSlot(put(place, action.exclusive ? 1 : 0), action.slot, 1), 0),
      );
    }),
  );
}

function seenExclusive(e: Emission, type: string, instance: number, entry: string): Code {
  return both(cell(e.layout, exclusiveCell(entry)), cell(e.layout, aliveCell(type, instance)));
}

function returnNotes(
  { e, node }: Taking,
  path: Path,
  action: Extract<Action, { kind: 'return' }>,
): readonly { readonly when: Code; readonly finding: number }[] {
  const call = e.program.threads[path.thread]?.calls[node.call];
  const contract = e.program.contracts[call?.contract ?? -1];
  if (call === undefined || contract === undefined) return [];
  const read = (name: string): Code => cell(e.layout, name);
  const result = valueOf(e, path, action.result);
  const failures = call.result.word ? contract.fails : [];
  const is = failures.map(({ value }) => equal(result, value));
  const undue = is.map((one, index) => both(one, not(hasMember(read(seenCell(path.thread)), index + 1))));
  const success = both(
    not(any(is)),
    either(equal(read(dueCell(path.thread)), 1), contract.ensures === null ? 0 : not(read(ensuredCell(path.thread)))),
  );
  const left = contract.mayLeave === undefined ? 0 : both(any(is), anyLeft(e, path.thread));
  const when = any([...undue, success, left]);
  return when === 0 ? [] : [{ when, finding: finding(e, contract.rule, false, 'step') }];
}
