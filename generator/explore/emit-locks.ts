/** Locks, flags used as locks, read sections and grace periods. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Action, Target } from '../program.ts';
import { graceCell, readersCell, waitingCell } from './cells.ts';
import { bounded, cell, type Emission, type Path, withCell } from './emission.ts';
import { add, any, type Code, either, equal, fork, subtract } from './generated-code.ts';
import { DEEPEST } from './may-hold.ts';
import { atMost, type Taking } from './taking.ts';

type Locking = Extract<
  Action,
  {
    kind:
      | 'lock'
      | 'read-lock'
      | 'read-unlock'
      | 'write-lock'
      | 'write-lock-queued'
      | 'unlock'
      | 'flag-free'
      | 'try-lock'
      | 'flag-take'
      | 'enter'
      | 'exit'
      | 'grace-begin'
      | 'grace-end';
  }
>;

export function emitLocking(taking: Taking, action: Locking): string {
  const { e, node, go, next, read, self, on, broken, one } = taking;
  switch (action.kind) {
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
  }
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
