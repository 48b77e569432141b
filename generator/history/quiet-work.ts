/**
 * Runs work that nobody can ever tell has run, or not: it changes nothing, or it acts only on objects that no handle, no call and no other work
 * can get at, and waits for others at most. Such work would else be kept, pending, for as long as something it points to is used.
 */
import { type CellTable, valueAt } from './cell-table.ts';
import type { Dependence, NextStep } from './dependence.ts';
import { type Heap, heapOf } from './heap.ts';
import type { IdleWork } from './idle-work.ts';
import { objectOf } from './known-object.ts';
import { Excess, type Moves } from './moves.ts';

const mostSteps = 1000;

/** The state afterwards; the same one if there is no such work. `callers`: those whose calls go on. */
export function quietWorkDone(
  table: CellTable,
  moves: Moves,
  dependence: Dependence,
  idle: IdleWork,
  packed: Int32Array,
  handles: readonly number[],
  callers: readonly number[],
): Int32Array {
  let state = packed;
  for (let changed = true; changed; ) {
    changed = false;
    const heap = heapOf(table, state, 0, table.callers);
    for (const [owner] of heap.working) {
      for (const { place, worker } of table.works[owner] ?? []) {
        const anchor = table.threads[worker]?.anchor;
        if (worker < 0 || (valueAt(state, 0, place) === 0 && (anchor == null || valueAt(state, 0, anchor) === 0))) continue;
        const isIdle = anchor == null || valueAt(state, 0, anchor) === 0;
        const nobody = isIdle && idle.isIdle(state, worker) ? new Set<number>() : null;
        const others = nobody ?? reached(heap, owner, handles, callers);
        if (others.has(owner)) continue;
        const after = runAlone(table, moves, dependence, state, worker, place, others);
        if (after === null) continue;
        state = after;
        changed = true;
      }
      if (changed) break;
    }
  }
  return state;
}

/** What can be got at, other than from this object's work. */
function reached(heap: Heap, owner: number, handles: readonly number[], callers: readonly number[]): ReadonlySet<number> {
  const seen = new Set<number>();
  const left = [...handles, ...callers.flatMap(caller => heap.inHand[caller] ?? [])];
  for (const [other, has] of heap.working) if (other !== owner) left.push(other, ...has);
  for (let object = left.pop(); object !== undefined; object = left.pop()) {
    if (seen.has(object)) continue;
    seen.add(object);
    left.push(...(heap.pointers[object] ?? []), ...(heap.members[object] ?? []));
  }
  return seen;
}

/** What a run of the worker, and of nobody else, comes to. Null if it would have to wait, could go more than one way, or does something that others can see. */
export function runAlone(
  table: CellTable,
  moves: Moves,
  dependence: Dependence,
  from: Int32Array,
  worker: number,
  pending: { readonly word: number; readonly shift: number; readonly mask: number },
  others: ReadonlySet<number>,
): Int32Array | null {
  let state = from;
  for (let count = 0; count < mostSteps; count += 1) {
    const place = table.threads[worker]?.anchor;
    const anchor = place == null ? 0 : valueAt(state, 0, place);
    if (count > 0 && anchor === 0 && valueAt(state, 0, pending) === 0) return state;
    let steps = 0;
    try {
      steps = moves.step(worker, state, 0);
    } catch (fault) {
      if (!(fault instanceof Excess)) throw fault;
      return null;
    }
    if (steps !== 1 || moves.cuts().length > 0) return null;
    const node = moves.nodeOf(moves.buffer()[0] ?? 0);
    const step = dependence.next(worker, anchor).find(one => one.node === node);
    if (step === undefined || !isQuiet(table, step, state, worker, anchor, others)) return null;
    state = moves.buffer().slice(1, table.words + 1);
  }
  return null;
}

function isQuiet(
  table: CellTable,
  step: NextStep,
  state: Int32Array,
  worker: number,
  anchor: number,
  others: ReadonlySet<number>,
): boolean {
  const { action, type } = step;
  switch (action.kind) {
    // They only wait, or let others go on. The object may have gone with the run.
    case 'grace-begin':
    case 'grace-end':
    case 'done':
      return true;
    case 'choose':
    case 'alloc':
    case 'fget':
    case 'link':
    case 'flush-queue-begin':
    case 'flush-queue-end':
      return false;
    case 'queue':
      if (action.on !== null) return false;
  }
  if (type === null) return false;
  const own = objectOf(table, step, state, 0, worker, anchor);
  return own >= 0 && !others.has(own);
}
