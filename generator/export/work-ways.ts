/** Steps on work items: queued, taken, done, waited for, removed. */
import type { Action, Target } from '../program.ts';
import type { Cells } from './cells.ts';
import { all, type Code, compare, either, minus, not, plus, truth } from './code.ts';
import { classOf } from './facts.ts';
import type { OnTarget } from './on-target.ts';
import { instancesOf } from './predicate.ts';
import { fatal, type Path, touchTarget, valueOf, type Way, where, withChange, withSlot } from './step.ts';

export type WorkAction = Extract<
  Action,
  {
    kind:
      | 'queue'
      | 'queue-after-grace'
      | 'take'
      | 'done'
      | 'flush-begin'
      | 'flush-end'
      | 'cancel-begin'
      | 'cancel-end'
      | 'flush-queue-begin'
      | 'flush-queue-end';
  }
>;

export function workWays({ stand, path, of, value, then, judge, touched, threads }: OnTarget, action: WorkAction): readonly Way[] {
  const { cells, thread } = stand,
    { type, field } = action.target;
  const own = cells.program.threads[thread]?.work;
  const ownRun = own?.type === type && own.field === field ? compare('==', of, own.instance) : 0;
  const pending = compare('!=', value, 0);
  switch (action.kind) {
    case 'queue':
      return touchTarget(stand, path, action.target, path => {
        const queued = (path: Path) =>
          then(
            withSlot(
              withChange(judge(path), value, either(pending, value, placeBehind(cells, action.target))),
              action.slot,
              truth(not(pending)),
            ),
          );
        return action.on === null ? queued(path) : touchTarget(stand, path, action.on, queued);
      });
    case 'queue-after-grace':
      return touchTarget(stand, path, action.domain, path =>
        touched(path, path => {
          const domain = valueOf(stand, path, action.domain.object);
          const noted = workersOf(cells, action.target).reduce(
            (path, { worker, instance }) =>
              threads.reduce((path, reader) => {
                const note = cells.grace(worker, reader, action.domain.type, domain, action.domain.field);
                const open = cells.sections(reader, action.domain.type, domain, action.domain.field);
                return withChange(path, note, either(all([not(pending), compare('==', of, instance)]), open, note));
              }, path),
            path,
          );
          return then(withSlot(withChange(noted, value, either(pending, value, 2)), action.slot, truth(not(pending))));
        }),
      );
    case 'take': {
      const others = inOrderWith(cells, action.target).filter(([, instance, its]) => its !== field || instance !== of);
      const isFirst = others.length === 0 ? pending : compare('==', value, 1);
      const running = others.map(([type, one, field]) => cells.runs(type, one, field));
      return where(path, all([isFirst, ...running.map(not), ...notesOf(cells, thread).map(not)]), path =>
        touched(path, path => {
          // Those behind move up.
          const moved = others.reduce((path, [type, one, field]) => {
            const behind = cells.field(type, one, field);
            return withChange(path, behind, behind === 0 ? 0 : minus(behind, compare('!=', behind, 0)));
          }, path);
          return then(withChange(withChange(moved, value, 0), cells.runs(type, of, field), 1));
        }),
      );
    }
    case 'done': {
      const counted = threads.reduce((path, other) => {
        const note = cells.flush(other, type, of, field);
        return withChange(path, note, note === 0 ? 0 : `(${note} - (${note} > 0))`);
      }, judge(path));
      return then(withChange(counted, cells.runs(type, of, field), 0));
    }
    case 'flush-begin':
      return touched(path, path =>
        fatal(path, 'always.neverFlushesItself', ownRun, path =>
          then(withChange(path, cells.flush(thread, type, of, field), plus(truth(pending), cells.runs(type, of, field)))),
        ),
      );
    case 'flush-end':
    case 'cancel-end':
      return where(path, compare('==', cells.flush(thread, type, of, field), 0), path => then(judge(path)));
    case 'cancel-begin':
      return touched(path, path =>
        fatal(path, 'always.neverFlushesItself', ownRun, path => {
          const running = cells.runs(type, of, field);
          // A run that is removed has ended for those who flush it, too.
          const told = threads
            .filter(other => other !== thread)
            .reduce((path, other) => {
              const note = cells.flush(other, type, of, field);
              return withChange(path, note, note === 0 ? 0 : either(all([pending, compare('>', note, running)]), running, note));
            }, path);
          const free = workersOf(cells, action.target).reduce(
            (path, { worker, instance }) =>
              notesOf(cells, worker).reduce<Path>(
                (path, note) => withChange(path, note, either(all([pending, compare('==', of, instance)]), 0, note)),
                path,
              ),
            told,
          );
          const removed = withChange(withoutRun(cells, free, action.target, of, value), cells.flush(thread, type, of, field), running);
          return then(withSlot(removed, action.slot, pending));
        }),
      );
    case 'flush-queue-begin':
      return touched(path, path => {
        const items = itemsOn(cells, action.target);
        const itself = items.some(
          ([itemType, one, itemField]) => own?.type === itemType && own.instance === one && own.field === itemField,
        );
        return fatal(path, 'always.neverFlushesItself', itself ? 1 : 0, path =>
          then(
            items.reduce((path, [type, one, field]) => {
              const isPending = truth(compare('!=', cells.field(type, one, field), 0));
              return withChange(path, cells.flush(thread, type, one, field), plus(isPending, cells.runs(type, one, field)));
            }, path),
          ),
        );
      });
    case 'flush-queue-end':
      return where(
        path,
        all(itemsOn(cells, action.target).map(([type, one, field]) => compare('==', cells.flush(thread, type, one, field), 0))),
        path => then(judge(path)),
      );
  }
}

type Item = readonly [type: string, instance: number, field: string];

/** Work items that a flush of the queue waits for. */
function itemsOn({ program }: Cells, target: Pick<Target, 'type' | 'field'>): readonly Item[] {
  const classes = program.onQueue[classOf(target)] ?? [];
  return program.threads.flatMap(({ work }) =>
    work !== null && classes.includes(classOf(work)) ? [[work.type, work.instance, work.field] as const] : [],
  );
}

/** All items of the ordered queue that the work is on; none if it is on no such queue. */
function inOrderWith(cells: Cells, work: Target): readonly Item[] {
  const { onQueue, ordered = [] } = cells.program;
  const queue = ordered.find(one => onQueue[one]?.includes(classOf(work)));
  if (queue === undefined) return [];
  const dot = queue.indexOf('.');
  return itemsOn(cells, { type: queue.slice(0, dot), field: queue.slice(dot + 1) });
}

/** Of an item that is idle: behind all others of its ordered queue, from 1. */
function placeBehind(cells: Cells, work: Target): Code {
  return inOrderWith(cells, work).reduce<Code>((sum, [type, one, field]) => plus(sum, compare('!=', cells.field(type, one, field), 0)), 1);
}

/** Threads that run the work, by the instances that have it. */
function workersOf({ program }: Cells, { type, field }: Target): readonly { readonly worker: number; readonly instance: number }[] {
  return program.threads.flatMap(({ work }, worker) =>
    work?.type === type && work.field === field ? [{ worker, instance: work.instance }] : [],
  );
}

/** Sections that the worker waits for before it begins a run. */
function notesOf(cells: Cells, worker: number): readonly Code[] {
  return [...cells.facts.synchronizers].flatMap(([domain, waiting]) => {
    if (!waiting.includes(worker)) return [];
    const dot = domain.indexOf('.'),
      type = domain.slice(0, dot);
    return cells.program.threads.flatMap((_, reader) =>
      instancesOf(cells, type)
        .map(one => cells.grace(worker, reader, type, one, domain.slice(dot + 1)))
        .filter(note => note !== 0),
    );
  });
}

/** The item is idle, and those behind it in its ordered queue move up. */
function withoutRun(cells: Cells, path: Path, work: Target, of: Code, value: Code): Path {
  const items = inOrderWith(cells, work);
  if (items.length === 0) return withChange(path, value, 0);
  // Each by its own number: the one that is removed may be any of them.
  const moved = items.reduce((path, [type, one, field]) => {
    const place = cells.field(type, one, field);
    const isItself = type === work.type && field === work.field ? compare('==', of, one) : 0;
    const up = all([value, compare('>', place, value)]);
    return withChange(path, place, either(isItself, 0, either(up, minus(place, 1), place)));
  }, path);
  return items.some(([type, one, field]) => type === work.type && field === work.field && one === of) || typeof of === 'string'
    ? moved
    : withChange(moved, value, 0);
}
