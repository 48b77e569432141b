/** Work items and their runs. */
import { indexOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { fieldCell, flushCell, graceCell, readersCell } from './cells.ts';
import { inOrderWith, itemsOn } from './changing-cells.ts';
import { cell, type Emission, type Path, withCell } from './emission.ts';
import { isRunning } from './emit-predicate.ts';
import { denoted } from './emit-value.ts';
import { add, all, any, type Code, equal, fork, not } from './generated-code.ts';
import { atMost, nobodyElses, type Taking, touched } from './taking.ts';

type Work = Extract<
  Action,
  {
    kind:
      | 'queue'
      | 'queue-after-grace'
      | 'take'
      | 'done'
      | 'flush-begin'
      | 'cancel-begin'
      | 'flush-queue-begin'
      | 'flush-end'
      | 'cancel-end'
      | 'flush-queue-end';
  }
>;

export function emitWork(taking: Taking, action: Work): string {
  const { e, path, number, next, read, judged, self, on, broken, one } = taking;
  switch (action.kind) {
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
    // That of an object which is never made.
    if (!e.layout.bits.has(other)) return at;
    const behind = cell(e.layout, other);
    return withCell(at, other, `(${place} && ${behind} > ${place} ? ${behind} - 1 : ${behind})`);
  }, path);
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
