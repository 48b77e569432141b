/** What the thread's calls have changed and not put back, for contracts that ask. */
import type { CallUnderWay } from './contract.ts';
import type { Judge } from './judge.ts';
import type { Cell, Counter, Slot, Thing } from './thing.ts';

type Asking = CallUnderWay['contracts'][number];

function asking(judge: Judge, place: Slot | Counter): readonly Asking[] {
  return judge.thread.calls.flatMap(({ contracts }) =>
    contracts.filter(({ rule }) => rule.mayLeave !== undefined && !rule.mayLeave.includes(place.class)),
  );
}

/** Call before the field is written. */
export function fieldChanges(judge: Judge, slot: Slot, to: Cell): void {
  const before = slot.cells[slot.field] ?? null;
  if (before === to) return;
  for (const { left } of asking(judge, slot)) {
    const found = left.get(slot);
    if (found === undefined) left.set(slot, before);
    else if (found === to) left.delete(slot);
  }
}

/** The member goes in or out. */
export function memberChanges(judge: Judge, slot: Slot, member: Thing): void {
  for (const { left } of asking(judge, slot)) {
    const known = left.get(slot);
    const changed = known instanceof Set ? known : new Set<Thing>();
    if (!changed.delete(member)) changed.add(member);
    if (changed.size === 0) left.delete(slot);
    else left.set(slot, changed);
  }
}

export function countChanges(judge: Judge, counter: Counter, by: 1 | -1): void {
  for (const { left } of asking(judge, counter)) {
    const now = Number(left.get(counter) ?? 0) + by;
    if (now === 0) left.delete(counter);
    else left.set(counter, now);
  }
}
