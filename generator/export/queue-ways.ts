/** Steps on wait queues, notifier chains and completions. */
import type { Action } from '../program.ts';
import { all, any, type Code, compare } from './code.ts';
import type { OnTarget } from './on-target.ts';
import { instancesOf } from './predicate.ts';
import { fork, type Path, type Stand, touchTarget, valueOf, type Way, withChange, withSlot } from './step.ts';

export type QueueAction = Extract<
  Action,
  { kind: 'link' | 'unlink' | 'wait-prepare' | 'wait-finish' | 'complete' | 'wait-done' | 'wait-sleep' | 'wake-all' }
>;

export function queueWays({ stand, path, of, value, then, judge, touched, threads }: OnTarget, action: QueueAction): readonly Way[] {
  const { cells, thread } = stand,
    { type, field } = action.target;
  switch (action.kind) {
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
      // Who has nothing to wait on goes wrong at once.
      return fork(
        path,
        any([compare('!=', value, 0), compare('==', of, 0)]),
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
  }
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
