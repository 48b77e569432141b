/**
 * One step of a thread together with all that needs no place of its own around it: before it what may be put off until then, after it what may
 * be taken at once. A thread never stands between taking a lock and what it does under it.
 */
import type { StepperSource } from '../explore/emit-stepper.ts';
import { type CellTable, valueAt } from './cell-table.ts';
import type { Dependence, NextStep } from './dependence.ts';
import type { FreeSteps } from './free-steps.ts';
import { Excess, type Moves } from './moves.ts';
import { isSeen } from './uses.ts';

/** One of the small steps, as `steps` may be taken in the state; `isStuck`: none of them can be taken now. */
export type SmallStep = (packed: ArrayLike<number>, at: number, anchor: number, steps: readonly NextStep[], isStuck: boolean) => void;

export interface CoarseSteps {
  /** What the last walk led to, one state after the other. */ readonly states: () => Int32Array;
  /** Whether the thread has returned in it, and waited for all work of a queue on the way. */
  readonly hasReturned: (result: number) => boolean;
  readonly hasFlushed: (result: number) => boolean;
  /**
   * All that the thread may do next, up to its return only if it `returns`; gives how many states. Throws an Excess where the program has
   * no room for an object; of all else that ends a way, `lost` is told.
   */
  readonly walk: (
    thread: number,
    packed: Int32Array,
    at: number,
    callers: number,
    returns: boolean,
    small: SmallStep | null,
    lost: ((what: string) => void) | null,
  ) => number;
}

const deepest = 100;

/** `free` is null where every step is to be seen. */
export function coarseSteps(
  source: StepperSource,
  table: CellTable,
  moves: Moves,
  dependence: Dependence,
  free: FreeSteps | null,
): CoarseSteps {
  const { program } = source.layout;
  const { words } = table;
  const actionOf = source.leaves.map(({ thread, node }) => program.threads[thread]?.nodes[node]?.action);
  const isSeenLeaf = actionOf.map(action => action === undefined || isSeen(action));
  const isReturn = actionOf.map(action => action?.kind === 'return');
  const isFlush = actionOf.map(action => action?.kind === 'flush-queue-end');
  const frames: Int32Array[] = [];
  const taken: NextStep[] = [];
  const after = new Int32Array(words);
  let states = new Int32Array(words * 16);
  let flags = new Uint8Array(16);
  let count = 0;

  const push = (from: ArrayLike<number>, at: number, flag: number): void => {
    if ((count + 1) * words > states.length) {
      const more = new Int32Array(states.length * 2);
      more.set(states);
      states = more;
      const moreFlags = new Uint8Array(flags.length * 2);
      moreFlags.set(flags);
      flags = moreFlags;
    }
    for (let word = 0; word < words; word += 1) states[count * words + word] = from[at + word] ?? 0;
    flags[count] = flag;
    count += 1;
  };
  const frameOf = (depth: number, size: number): Int32Array => {
    const known = frames[depth];
    if (known !== undefined && known.length >= size) return known;
    const made = new Int32Array(Math.max(size, moves.stride * 4));
    frames[depth] = made;
    return made;
  };

  const go = (
    thread: number,
    packed: Int32Array,
    at: number,
    depth: number,
    flushed: boolean,
    callers: number,
    returns: boolean,
    small: SmallStep | null,
    lost: ((what: string) => void) | null,
  ): void => {
    const place = table.threads[thread]?.anchor;
    const anchor = place == null ? 0 : valueAt(packed, at, place);
    const possible = dependence.next(thread, anchor);
    let steps = 0;
    try {
      steps = moves.step(thread, packed, at);
    } catch (fault) {
      if (!(fault instanceof Excess) || (fault.type !== null && lost !== null)) throw fault;
      lost?.(fault.message);
    }
    if (lost !== null) for (const finding of moves.cuts()) lost(source.findings[finding]?.rule ?? '');
    if (steps === 0) {
      small?.(packed, at, anchor, possible, moves.cuts().length === 0);
      return;
    }
    const frame = frameOf(depth, steps * moves.stride);
    frame.set(moves.buffer().subarray(0, steps * moves.stride));
    if (small !== null) {
      taken.length = 0;
      for (const step of possible) {
        const isTaken = possible.length === 1 || took(frame, steps, step.node);
        if (!isTaken) continue;
        const moving = free === null ? 'none' : free.moverOf(thread, anchor, step, packed, at);
        if (moving === 'none' || moving === 'right') taken.push(step);
      }
      if (taken.length > 0) small(packed, at, anchor, taken, false);
    }
    for (let step = 0; step < steps; step += 1) {
      const from = step * moves.stride;
      const leaf = frame[from] ?? 0;
      const hasFlushed = flushed || isFlush[leaf] === true;
      if (isSeenLeaf[leaf] === true) {
        if (returns && isReturn[leaf] === true) push(frame, from + 1, hasFlushed ? 3 : 1);
        else if (depth > 0) push(packed, at, hasFlushed ? 2 : 0);
        continue;
      }
      const node = moves.nodeOf(leaf);
      const one = possible.length === 1 ? possible[0] : possible.find(next => next.node === node);
      const moving = free === null || one === undefined ? 'none' : free.moverOf(thread, anchor, one, packed, at);
      if ((moving === 'right' || moving === 'both') && depth < deepest) {
        go(thread, frame, from + 1, depth + 1, hasFlushed, callers, returns, small, lost);
        continue;
      }
      for (let word = 0; word < words; word += 1) after[word] = frame[from + 1 + word] ?? 0;
      free?.take(after, callers);
      push(after, 0, hasFlushed ? 2 : 0);
    }
  };
  const took = (frame: Int32Array, steps: number, node: number): boolean => {
    for (let step = 0; step < steps; step += 1) if (moves.nodeOf(frame[step * moves.stride] ?? 0) === node) return true;
    return false;
  };
  return {
    states: () => states,
    hasReturned: result => ((flags[result] ?? 0) & 1) !== 0,
    hasFlushed: result => ((flags[result] ?? 0) & 2) !== 0,
    walk(thread, packed, at, callers, returns, small, lost) {
      count = 0;
      go(thread, packed, at, 0, false, callers, returns, small, lost);
      return count;
    },
  };
}
