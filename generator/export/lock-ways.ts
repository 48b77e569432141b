/** Steps on locks, flags used as locks, and read sections. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { all, any, compare, minus, not, plus } from './code.ts';
import type { OnTarget } from './on-target.ts';
import { held, holds } from './predicate.ts';
import { allTouched, fatal, fork, touchTarget, type Way, where, withChange, withSlot } from './step.ts';

export type LockAction = Extract<
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
      | 'flag-take'
      | 'try-lock'
      | 'enter'
      | 'exit'
      | 'grace-begin'
      | 'grace-end';
  }
>;

export function lockWays({ stand, path, node, of, value, me, then, go, touched, threads }: OnTarget, action: LockAction): readonly Way[] {
  const { cells, thread } = stand,
    { type, field } = action.target;
  switch (action.kind) {
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
  }
}
