/**
 * The hidden steps that lead from states to a caller's return. Of all orders of steps only those are taken that can be told apart: in each state
 * the steps of a stubborn set of threads (Valmari), which holds the caller, whoever may matter to the next step of one of them, and, for one that
 * has to wait, whoever it waits for. All others may take their steps afterwards.
 */
import type { StepperSource } from '../explore/emit-stepper.ts';
import { type CellTable, type Place, valueAt } from './cell-table.ts';
import { type Dependence, isSeen, type NextStep, standsAlone } from './dependence.ts';
import { hangTogether, heapOf } from './heap.ts';
import { objectOf } from './known-object.ts';
import { Excess, type Moves } from './moves.ts';
import { stateTable } from './state-table.ts';

/** States looked at for one return, beyond which it is given up. */
export const mostStates = 400_000;

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
    found: (buffer: Int32Array, at: number) => void,
  ) => void;
  /** Threads that do not stand at the same place in all of the states. */
  readonly apart: (packed: Int32Array, count: number) => ReadonlySet<number>;
}

/** What may be got at from a thread, at the beginning of a run. */
interface Reach {
  readonly objects: Uint8Array;
}

export function runsOf(source: StepperSource, table: CellTable, moves: Moves, dependence: Dependence, reduced: boolean): Runs {
  const { program } = source.layout;
  const { words } = table;
  const scratch = stateTable(words);
  const actionOf = source.leaves.map(({ thread, node }) => program.threads[thread]?.nodes[node]?.action);
  const seenAs = actionOf.map(action => (action === undefined || !isSeen(action) ? 0 : action.kind === 'return' ? 2 : 1));
  const isFlushed = actionOf.map(action => action?.kind === 'flush-queue-end');
  const workerObject = table.threads.map((_, thread) => table.works.findIndex(works => works.some(({ worker }) => worker === thread)));
  const pendingPlace = table.threads.map(
    (_, thread) => table.works[workerObject[thread] ?? -1]?.find(({ worker }) => worker === thread)?.place ?? null,
  );
  const anchorAt = (packed: ArrayLike<number>, at: number, thread: number): number => {
    const place = table.threads[thread]?.anchor;
    return place == null ? 0 : valueAt(packed, at, place);
  };

  /** Threads that can do something unseen, or wait to. */
  const active = (packed: ArrayLike<number>, at: number, callers: number): number[] => {
    const found: number[] = [];
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

  /** Objects that each thread may get at from here on. One that gives objects to a place where another looks gives it all it can get at. */
  const reachesIn = (
    packed: ArrayLike<number>,
    at: number,
    callers: number,
  ): { of: (Reach | null)[]; wasThere: (object: number) => boolean } => {
    const heap = heapOf(table, packed, at, callers);
    const entries: number[][] = table.objects.map(() => []);
    table.edges.forEach((edges, object) => {
      for (const edge of edges) {
        if (edge.kind !== 'entry') continue;
        const queue = valueAt(packed, at, edge);
        if (queue !== 0) entries[table.queueObjects[queue - 1] ?? 0]?.push(object);
      }
    });
    const futures = table.threads.map((_, thread) => dependence.future(thread, anchorAt(packed, at, thread)));
    const of = table.threads.map((_, thread): Reach | null => {
      const roots: number[] = [];
      if (thread < table.callers) {
        if (thread >= callers) return null;
        roots.push(...(heap.inHand[thread] ?? []));
      } else {
        const owner = workerObject[thread] ?? -1;
        if (owner < 0 || !heap.alive(owner)) {
          // A worker may be at its end when its object is gone, and get at nothing more.
          if (anchorAt(packed, at, thread) === 0) return null;
        } else roots.push(owner);
        for (const [worker, has] of heap.working) if (worker === owner) roots.push(...has);
      }
      const follows = futures[thread]?.follows;
      const objects = new Uint8Array(table.objects.length);
      const visit = (object: number): void => {
        if (objects[object] === 1) return;
        objects[object] = 1;
        for (const edge of table.edges[object] ?? []) {
          if (edge.kind === 'entry' || follows?.has(edge.role) !== true) continue;
          const value = valueAt(packed, at, edge);
          if (value === 0) continue;
          if (edge.kind === 'pointer') visit(edge.first + value - 1);
          else for (let rest = value; rest !== 0; rest &= rest - 1) visit(edge.first + 31 - Math.clz32(rest & -rest));
        }
        for (const entry of entries[object] ?? [])
          if (table.edges[entry]?.some(edge => edge.kind === 'entry' && follows?.has(edge.role) === true) === true) visit(entry);
      };
      roots.forEach(visit);
      return { objects };
    });
    for (let changed = true; changed; ) {
      changed = false;
      for (let giver = 0; giver < of.length; giver += 1)
        for (let taker = 0; taker < of.length; taker += 1) {
          const given = of[giver];
          const taken = of[taker];
          if (giver === taker || given == null || taken == null) continue;
          if (![...(futures[giver]?.links ?? [])].some(field => futures[taker]?.follows.has(field) === true)) continue;
          given.objects.forEach((is, object) => {
            if (is === 0 || taken.objects[object] === 1) return;
            taken.objects[object] = 1;
            changed = true;
          });
        }
    }
    return { of, wasThere: heap.alive };
  };

  const toReturn: Runs['toReturn'] = (states, from, callers, caller, arrive, lost, see) => {
    scratch.clear();
    // Nothing that is not there at first can be got at but by who makes it, and those it gives it to.
    const sources: { reach: ReturnType<typeof reachesIn>; part: number[] }[] = [];
    const origin: number[] = [];
    const flushed: boolean[] = [];
    for (const first of states) {
      const number = scratch.add(from, first * words);
      origin[number] = sources.length;
      flushed[number] = false;
      sources.push({ reach: reachesIn(from, first * words, callers), part: partsIn(from, first * words, callers) });
    }
    const chosen: number[] = [];
    const mark = new Int32Array(table.threads.length);
    for (let at = 0; at < scratch.size(); at += 1) {
      if (scratch.size() > mostStates) throw new TooMuch();
      const source_ = sources[origin[at] ?? 0];
      if (source_ === undefined) return;
      const here = at * words;
      see?.(scratch.words().slice(here, here + words));
      const others = active(scratch.words(), here, callers);
      chosen.length = 0;
      const choose = (thread: number): void => {
        if (mark[thread] === at + 1) return;
        mark[thread] = at + 1;
        chosen.push(thread);
      };
      choose(caller);
      if (!reduced) others.forEach(choose);
      for (let index = 0; index < chosen.length; index += 1) {
        const thread = chosen[index] ?? 0;
        let steps = 0;
        try {
          steps = moves.step(thread, scratch.words(), here);
        } catch (fault) {
          if (!(fault instanceof Excess) || fault.type !== null) throw fault;
          lost(fault.message);
        }
        for (const finding of moves.cuts()) lost(source.findings[finding]?.rule ?? '');
        const waits = steps === 0 && moves.cuts().length === 0;
        const buffer = moves.buffer();
        for (let step = 0; step < steps; step += 1) {
          const position = step * moves.stride;
          const leaf = buffer[position] ?? 0;
          const hasFlushed = flushed[at] === true || (thread === caller && isFlushed[leaf] === true);
          if (seenAs[leaf] === 2 && thread === caller) arrive({ packed: buffer, at: position + 1, flushed: hasFlushed });
          if (seenAs[leaf] !== 0) continue;
          const before = scratch.size();
          const number = scratch.add(buffer, position + 1);
          if (number === before) {
            origin[number] = origin[at] ?? 0;
            flushed[number] = hasFlushed;
          } else if (!hasFlushed) flushed[number] = false;
        }
        if (!reduced) continue;
        const packed = scratch.words();
        const anchor = anchorAt(packed, here, thread);
        const possible = dependence.next(thread, anchor);
        const next = steps === 0 || possible.length === 1 ? possible : possible.filter(({ node }) => took(buffer, steps, node));
        if (waits && waitsFor(packed, here, thread, anchor, next, others, choose)) continue;
        for (const other of others)
          if (mark[other] !== at + 1 && mayMatter(packed, here, thread, anchor, next, other, source_)) choose(other);
      }
    }
  };

  const took = (buffer: Int32Array, steps: number, node: number): boolean => {
    for (let step = 0; step < steps; step += 1) if (moves.nodeOf(buffer[step * moves.stride] ?? 0) === node) return true;
    return false;
  };

  const partsIn = (packed: ArrayLike<number>, at: number, callers: number): number[] => {
    const together = hangTogether(table, heapOf(table, packed, at, callers));
    return table.threads.map((_, thread) => {
      if (thread < table.callers) return thread < callers ? together.ofCaller(thread) : -1;
      const owner = workerObject[thread] ?? -1;
      return owner < 0 ? -1 : together.of(owner);
    });
  };

  /** Whether the order of the thread's next step and something that the other may yet do can be told. */
  const mayMatter = (
    packed: ArrayLike<number>,
    at: number,
    thread: number,
    anchor: number,
    next: readonly NextStep[],
    other: number,
    { reach, part }: { reach: ReturnType<typeof reachesIn>; part: readonly number[] },
  ): boolean => {
    const future = dependence.future(other, anchorAt(packed, at, other));
    for (const { action, object, section, minds } of next) {
      if (section !== null && standsAlone(section, future)) continue;
      for (const [field, uses] of minds) {
        if (((future.uses[field] ?? 0) & uses) === 0) continue;
        if (dependence.notes(future, field)) return true;
        if (part[thread] !== part[other]) continue;
        const theirs = reach.of[other];
        if (theirs == null) return true;
        const own =
          'target' in action && action.target !== null ? objectOf(table, object, action.target.type, packed, at, thread, anchor) : -1;
        if (own < 0 || !reach.wasThere(own) || theirs.objects[own] === 1) return true;
      }
    }
    return false;
  };

  /** Chooses one of those without whom the thread cannot go on; false if that is not known. */
  const waitsFor = (
    packed: ArrayLike<number>,
    at: number,
    thread: number,
    anchor: number,
    next: readonly NextStep[],
    others: readonly number[],
    choose: (thread: number) => void,
  ): boolean => {
    const [only, ...more] = next;
    if (only === undefined || more.length > 0) return false;
    const { action, object } = only;
    const value = (place: Place | null): number => (place === null ? 0 : valueAt(packed, at, place));
    const runOf = (role: string, owner: number): boolean => {
      const worker = table.works[owner]?.find(work => work.role === role)?.worker ?? -1;
      if (worker < 0 || value(table.threadPlaceOf(`flush ${role}`, owner, thread)) === 0) return false;
      choose(worker);
      for (const other of others) if (dependence.cancels(dependence.future(other, anchorAt(packed, at, other)), role)) choose(other);
      return true;
    };
    switch (action.kind) {
      case 'lock': {
        const own = objectOf(table, object, action.target.type, packed, at, thread, anchor);
        if (own < 0) return false;
        const owner = value(table.placeOf(`${action.target.type}.${action.target.field}`, own));
        if (owner === 0) return false;
        choose(owner - 1);
        return true;
      }
      case 'grace-end': {
        const own = objectOf(table, object, action.target.type, packed, at, thread, anchor);
        if (own < 0) return false;
        for (let reader = 0; reader < table.threads.length; reader += 1) {
          if (value(table.threadPlaceOf(`grace ${action.target.type}.${action.target.field}`, own, thread, reader)) === 0) continue;
          choose(reader);
          return true;
        }
        return false;
      }
      case 'flush-end':
      case 'cancel-end': {
        const own = objectOf(table, object, action.target.type, packed, at, thread, anchor);
        return own >= 0 && runOf(`${action.target.type}.${action.target.field}`, own);
      }
      case 'flush-queue-end':
        for (const role of program.onQueue[`${action.target.type}.${action.target.field}`] ?? [])
          for (let owner = 0; owner < table.objects.length; owner += 1) if (runOf(role, owner)) return true;
        return false;
      default:
        return false;
    }
  };

  return {
    toReturn,
    apart(packed, count) {
      const found = new Set<number>();
      for (let thread = 0; thread < table.threads.length; thread += 1) {
        const pending = pendingPlace[thread] ?? null;
        const standing = (state: number): number =>
          2 * anchorAt(packed, state * words, thread) + (pending === null ? 0 : valueAt(packed, state * words, pending));
        for (let state = 1; state < count; state += 1) if (standing(state) !== standing(0)) found.add(thread);
      }
      return found;
    },
    step(packed, at, callers, only, found) {
      for (const thread of active(packed, at, callers)) {
        if (only !== null && !only.has(thread)) continue;
        let steps = 0;
        try {
          steps = moves.step(thread, packed, at);
        } catch (fault) {
          if (!(fault instanceof Excess)) throw fault;
        }
        const buffer = moves.buffer();
        for (let step = 0; step < steps; step += 1)
          if (seenAs[buffer[step * moves.stride] ?? 0] === 0) found(buffer, step * moves.stride + 1);
      }
    },
  };
}
