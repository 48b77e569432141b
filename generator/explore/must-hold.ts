/** Locks that a thread owns wherever it is in a local state, whatever happened before. */
import type { Program } from '../program.ts';
import type { LocalState } from './local-states.ts';
import type { Way } from './ways.ts';

export interface MustHold {
  /** By number of local state: cells of locks. */ readonly held: readonly ReadonlySet<string>[];
  /** Locks that may be let go by a thread that does not own them. */ readonly stolen: ReadonlySet<string>;
}

export function mustHold(program: Program, states: readonly LocalState[]): MustHold {
  const held: (Set<string> | null)[] = states.map(() => null);
  const left: number[] = [];
  const meet = (at: number, locks: ReadonlySet<string>): void => {
    const known = held[at];
    if (known === undefined) return;
    const both = known === null ? new Set(locks) : new Set([...known].filter(lock => locks.has(lock)));
    if (known !== null && both.size === known.size) return;
    held[at] = both;
    left.push(at);
  };
  const first = new Set<number>();
  states.forEach(({ thread }, at) => {
    // The first local state of a thread is the one that it starts in.
    if (first.has(thread)) return;
    first.add(thread);
    meet(at, new Set());
  });
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const one = states[at];
    for (const way of one?.ways ?? []) if (one !== undefined && way.to !== null) meet(way.to, after(one, way, held[at] ?? new Set()));
  }
  const stolen = new Set(
    states.flatMap((one, at) =>
      one.ways.flatMap(way =>
        way.kind === 'link' || way.kind === 'unlink'
          ? [...way.writes.keys()].filter(cell => way.writes.get(cell) === 0 && isWaitQueue(program, cell) && held[at]?.has(cell) !== true)
          : [],
      ),
    ),
  );
  return { held: held.map(one => one ?? new Set()), stolen };
}

function after({ thread }: LocalState, way: Way, before: ReadonlySet<string>): ReadonlySet<string> {
  const locks = new Set(before);
  for (const [cell, value] of way.writes)
    if (value === thread + 1 && cell === way.takes) locks.add(cell);
    else locks.delete(cell);
  return locks;
}

function isWaitQueue(program: Program, cell: string): boolean {
  return program.waitQueues.some(({ type, instance, field }) => `${type}#${instance}.${field}` === cell);
}
