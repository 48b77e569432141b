/** Whom a thread waits for that cannot take its next step. */

import type { Action } from '../program.ts';
import { type CellTable, type Place, valueAt } from './cell-table.ts';
import type { Dependence, NextStep } from './dependence.ts';
import { objectOf } from './known-object.ts';

/**
 * Chooses those without whom the thread cannot go on: one for each step that it may be waiting to take; all `others`, threads that may do something,
 * where it is not known whom it waits for.
 */
export type WaitsFor = (
  packed: ArrayLike<number>,
  at: number,
  thread: number,
  anchor: number,
  next: readonly NextStep[],
  others: readonly number[],
  choose: (thread: number) => void,
) => void;

export function waitsForIn(table: CellTable, dependence: Dependence): WaitsFor {
  const { onQueue } = table.program;
  const waitsForOne = (
    packed: ArrayLike<number>,
    at: number,
    thread: number,
    anchor: number,
    only: NextStep,
    others: readonly number[],
    choose: (thread: number) => void,
  ): boolean => {
    const { action, role } = only;
    const value = (place: Place | null): number => (place === null ? 0 : valueAt(packed, at, place));
    const anchorAt = (other: number): number => value(table.threads[other]?.anchor ?? null);
    const runOf = (work: string, owner: number): boolean => {
      const worker = table.works[owner]?.find(one => one.role === work)?.worker ?? -1;
      if (worker < 0 || value(table.threadPlaceOf(`flush ${work}`, owner, thread)) === 0) return false;
      choose(worker);
      for (const other of others) if (dependence.cancels(dependence.future(other, anchorAt(other), 0), work)) choose(other);
      return true;
    };
    if (action.kind === 'flush-queue-end') {
      for (const work of onQueue[role] ?? [])
        for (let owner = 0; owner < table.objects.length; owner += 1) if (runOf(work, owner)) return true;
      return false;
    }
    const own = objectOf(table, only, packed, at, thread, anchor);
    if (own < 0) return false;
    switch (action.kind) {
      case 'lock': {
        const owner = value(table.placeOf(role, own));
        if (owner === 0) return false;
        choose(owner - 1);
        return true;
      }
      case 'grace-end':
        for (let reader = 0; reader < table.threads.length; reader += 1) {
          if (value(table.threadPlaceOf(`grace ${role}`, own, thread, reader)) === 0) continue;
          choose(reader);
          return true;
        }
        return false;
      case 'flush-end':
      case 'cancel-end':
        return runOf(role, own);
      default:
        return false;
    }
  };
  return (packed, at, thread, anchor, next, others, choose) => {
    const waiting = next.filter(({ action }) => mayBeStuck(action));
    const isKnown = waiting.map(step => waitsForOne(packed, at, thread, anchor, step, others, choose)).every(Boolean);
    if (!isKnown || waiting.length === 0) others.forEach(choose);
  };
}

/** All other steps can be taken at any time. */
function mayBeStuck({ kind }: Action): boolean {
  switch (kind) {
    case 'lock':
    case 'read-lock':
    case 'write-lock-queued':
    case 'grace-end':
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
    case 'wait-sleep':
    case 'wait-done':
    case 'take':
      return true;
    default:
      return false;
  }
}
