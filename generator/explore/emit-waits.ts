/** Wait queues and their entries, and completions. */
import { indexOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { aliveCell, exclusiveCell, fieldCell, waitingCell } from './cells.ts';
import { cell, type Emission, type Path, seenField, withCell, withNotes, withSlot } from './emission.ts';
import { notesOn } from './emit-checks.ts';
import { denoted } from './emit-value.ts';
import { any, both, type Code, equal, fork } from './generated-code.ts';
import { nobodyElses, stillAlive, type Taking, touched } from './taking.ts';

type Waiting = Extract<
  Action,
  { kind: 'link' | 'unlink' | 'wait-prepare' | 'wait-sleep' | 'complete' | 'wait-done' | 'wait-finish' | 'wake-all' }
>;

export function emitWaiting(taking: Taking, action: Waiting): string {
  const { e, path, number, node, go, next, read, judged, self, on, broken } = taking;
  switch (action.kind) {
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
  }
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
