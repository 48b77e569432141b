/**
 * The hidden steps that lead from states to a caller's return. Of all orders of steps only those are taken that can be told apart: in each state
 * the steps of a stubborn set of threads (Valmari), which holds the caller, whoever may matter to the next step of one of them, and, for one that
 * has to wait, whoever it waits for. All others may take their steps afterwards.
 */
import type { StepperSource } from '../explore/emit-stepper.ts';
import { type CellTable, valueAt } from './cell-table.ts';
import { type CoarseSteps, coarseSteps, type SmallStep } from './coarse-steps.ts';
import { type Dependence, type Future, type NextStep, standsAlone } from './dependence.ts';
import type { FreeSteps } from './free-steps.ts';
import { keptCounters } from './kept-counters.ts';
import { objectOf } from './known-object.ts';
import { Excess, type Moves } from './moves.ts';
import { anyPart, type Reach, reachIn, workerObjects } from './reach.ts';
import { stateTable } from './state-table.ts';
import { LAST_BEGIN, PUT } from './uses.ts';
import { waitsForIn } from './waits-for.ts';

/** States looked at for one return, beyond which it is given up. */
export const mostStates = 60_000;

/** More hidden steps than one return may take. */
export class TooMuch extends Error {}

export interface Arrival {
  readonly packed: ArrayLike<number>;
  readonly at: number;
  /** However it came about, the caller has waited for all work on a queue. */ readonly flushed: boolean;
}

export interface Runs {
  /** From all the states to each in which the caller has just returned. `lost`: what some runs were lost to. */
  readonly toReturn: (
    states: Int32Array,
    from: ArrayLike<number>,
    callers: number,
    caller: number,
    arrive: (arrival: Arrival) => void,
    lost: (what: string) => void,
    see?: (packed: Int32Array) => void,
  ) => void;
  /** What each hidden step of anyone, or of `only` these, leads to. What there is no room for is left out. */
  readonly step: (
    packed: Int32Array,
    at: number,
    callers: number,
    only: ReadonlySet<number> | null,
    found: (states: Int32Array, at: number) => void,
  ) => void;
  /** Threads that do not stand at the same place in all of the states. */
  readonly apart: (packed: Int32Array, count: number) => ReadonlySet<number>;
}

/** What is known of all runs from one state. */
interface Source {
  readonly caller: number;
  /** Counters that do not come to zero. */ readonly kept: number;
  /** Worked out where it is asked for. */ readonly reach: () => Reach;
}

export function runsOf(source: StepperSource, table: CellTable, moves: Moves, dependence: Dependence, free: FreeSteps | null): Runs {
  const { words } = table;
  const scratch = stateTable(words);
  const coarse = coarseSteps(source, table, moves, dependence, free);
  const fine = coarseSteps(source, table, moves, dependence, null);
  const keptIn = keptCounters(table, dependence);
  const waitsFor = waitsForIn(table, dependence);
  const workerObject = workerObjects(table);
  const pendingPlace = table.threads.map(
    (_, thread) => table.works[workerObject[thread] ?? -1]?.find(({ worker }) => worker === thread)?.place ?? null,
  );
  const counterOf = new Map(dependence.counters.map((counter, bit) => [dependence.fields.get(counter) ?? -1, 1 << bit]));
  const anchorAt = (packed: ArrayLike<number>, at: number, thread: number): number => {
    const place = table.threads[thread]?.anchor;
    return place == null ? 0 : valueAt(packed, at, place);
  };

  /** Threads that can do something unseen, or wait to. */
  const activeIn = (packed: ArrayLike<number>, at: number, callers: number, found: number[]): number[] => {
    found.length = 0;
    for (let thread = 0; thread < table.threads.length; thread += 1) {
      const anchor = anchorAt(packed, at, thread);
      if (thread < table.callers) {
        if (thread < callers && dependence.acts(thread, anchor)) found.push(thread);
        continue;
      }
      const pending = pendingPlace[thread];
      if (anchor !== 0 || (pending != null && valueAt(packed, at, pending) !== 0)) found.push(thread);
    }
    return found;
  };
  const sourceOf = (packed: ArrayLike<number>, at: number, callers: number, caller: number): Source => {
    const kept = keptIn(packed, at, activeIn(packed, at, callers, []));
    // The states may be elsewhere when it is asked for.
    const state = Int32Array.from({ length: words }, (_, word) => packed[at + word] ?? 0);
    let reach: Reach | null = null;
    return {
      caller,
      kept,
      reach() {
        const futures = table.threads.map((_, thread): Future => dependence.future(thread, anchorAt(state, 0, thread), kept));
        reach ??= reachIn(table, workerObject, state, 0, callers, futures);
        return reach;
      },
    };
  };

  /** Whether the order of the thread's next step and something that the other may yet do can be told. */
  const mayMatter = (
    packed: ArrayLike<number>,
    at: number,
    thread: number,
    anchor: number,
    next: readonly NextStep[],
    other: number,
    source: Source,
  ): boolean => {
    const future = dependence.future(other, anchorAt(packed, at, other), source.kept);
    for (const step of next) {
      if (step.section !== null && standsAlone(step.section, future)) continue;
      for (const [field, minds] of step.minds) {
        // A read section of the caller is at its end when it returns: whoever has only to wait for that can do so then.
        const met = (future.uses[field] ?? 0) & minds & (thread === source.caller ? ~LAST_BEGIN : ~0);
        if (met === 0) continue;
        if (dependence.notes(future, field)) return true;
        const { of, part, wasThere } = source.reach();
        if (part[thread] !== part[other] && part[thread] !== anyPart && part[other] !== anyPart) continue;
        const own = objectOf(table, step, packed, at, thread, anchor);
        const theirs = of[other];
        if (theirs == null || own < 0 || !wasThere(own)) return true;
        if (theirs[own] !== 1) continue;
        // Whoever puts it, it is not the last.
        if ((met & ~PUT) === 0 && (source.kept & (counterOf.get(field) ?? 0)) !== 0) continue;
        // All that anybody writes there is there.
        const place = step.same === null ? null : table.placeOf(step.role, own);
        if (place !== null && valueAt(packed, at, place) === step.same) continue;
        return true;
      }
    }
    return false;
  };

  const toReturn: Runs['toReturn'] = (states, from, callers, caller, arrive, lost, see) => {
    scratch.clear();
    // Nothing that is not there at first can be got at but by who makes it, and those it gives it to.
    const sources: Source[] = [];
    const origin: number[] = [];
    const flushed: boolean[] = [];
    for (const first of states) {
      const number = scratch.add(from, first * words);
      origin[number] = sources.length;
      flushed[number] = false;
      sources.push(sourceOf(from, first * words, callers, caller));
    }
    const steps: CoarseSteps = see === undefined ? coarse : fine;
    const chosen: number[] = [];
    const others: number[] = [];
    const mark = new Int32Array(table.threads.length);
    let now = 0;
    let thread = caller;
    const choose = (one: number): void => {
      if (mark[one] === now + 1) return;
      mark[one] = now + 1;
      chosen.push(one);
    };
    const small: SmallStep = (packed, at, anchor, next, isStuck) => {
      const own = sources[origin[now] ?? 0];
      if (own === undefined) return;
      if (isStuck) return waitsFor(packed, at, thread, anchor, next, others, choose);
      for (const other of others) if (mark[other] !== now + 1 && mayMatter(packed, at, thread, anchor, next, other, own)) choose(other);
    };
    for (; now < scratch.size(); now += 1) {
      if (scratch.size() > mostStates) throw new TooMuch();
      const here = now * words;
      see?.(scratch.words().slice(here, here + words));
      activeIn(scratch.words(), here, callers, others);
      chosen.length = 0;
      choose(caller);
      if (free === null) others.forEach(choose);
      for (let index = 0; index < chosen.length; index += 1) {
        thread = chosen[index] ?? 0;
        const count = steps.walk(thread, scratch.words(), here, callers, thread === caller, free === null ? null : small, lost);
        for (let result = 0; result < count; result += 1) {
          const hasFlushed = flushed[now] === true || (thread === caller && steps.hasFlushed(result));
          if (steps.hasReturned(result)) {
            arrive({ packed: steps.states(), at: result * words, flushed: hasFlushed });
            continue;
          }
          const before = scratch.size();
          const number = scratch.add(steps.states(), result * words);
          if (number === before) {
            origin[number] = origin[now] ?? 0;
            flushed[number] = hasFlushed;
          } else if (!hasFlushed) flushed[number] = false;
        }
      }
    }
  };

  const standing: number[] = [];
  return {
    toReturn,
    apart(packed, count) {
      const found = new Set<number>();
      for (let thread = 0; thread < table.threads.length; thread += 1) {
        const pending = pendingPlace[thread] ?? null;
        const placeIn = (state: number): number =>
          2 * anchorAt(packed, state * words, thread) + (pending === null ? 0 : valueAt(packed, state * words, pending));
        for (let state = 1; state < count; state += 1) if (placeIn(state) !== placeIn(0)) found.add(thread);
      }
      return found;
    },
    step(packed, at, callers, only, found) {
      for (const thread of [...activeIn(packed, at, callers, standing)]) {
        if (only !== null && !only.has(thread)) continue;
        let count = 0;
        try {
          count = coarse.walk(thread, packed, at, callers, false, null, null);
        } catch (fault) {
          if (!(fault instanceof Excess)) throw fault;
        }
        for (let result = 0; result < count; result += 1) found(coarse.states(), result * words);
      }
    },
  };
}
