/**
 * Variables for the slots of a thread. Slots of one name that are never needed at the same place share a variable; a slot that no other
 * step needs has none. What a contract of a running call looks at is global, because every step of anyone lets the contract look.
 */
import { liveSlots } from '../interpret/slot-liveness.ts';
import type { Thread, Value } from '../program.ts';
import { identifier, namer } from './names.ts';

export interface Local {
  readonly name: string;
  readonly max: number;
  readonly global: boolean;
  readonly slots: readonly number[];
}
export interface Locals {
  readonly all: readonly Local[];
  /** Variable of a slot, if it has one. */ readonly of: ReadonlyMap<number, Local>;
  /** For each node, the slots that will still be read there. */ readonly live: readonly ReadonlySet<number>[];
}

/** `places`: nodes at which the thread can stand. `owner`: what global variables begin with. */
export function localsOf(thread: Thread, places: readonly number[], owner: string): Locals {
  const live = liveSlots(thread);
  const together = places.map(at => live[at] ?? new Set<number>());
  const groups: { base: string; slots: number[] }[] = [];
  for (const slot of [...new Set(together.flatMap(set => [...set]))].sort((a, b) => a - b)) {
    const base = identifier(thread.slots[slot]?.name ?? 'value');
    const fits = groups.find(
      group => group.base === base && !group.slots.some(other => together.some(set => set.has(slot) && set.has(other))),
    );
    if (fits === undefined) groups.push({ base, slots: [slot] });
    else fits.slots.push(slot);
  }
  const watched = new Set(thread.calls.flatMap(call => (call.contract >= 0 ? call.arguments.flatMap(({ value }) => slotsIn(value)) : [])));
  const name = namer();
  const all = groups.map(({ base, slots }, index): Local => {
    const global = slots.some(slot => watched.has(slot));
    const own = name(`${index}`, base);
    return { name: global ? `${owner}_${own}` : own, global, slots, max: Math.max(...slots.map(slot => thread.slots[slot]?.max ?? 0)) };
  });
  return { all, live, of: new Map(all.flatMap(local => local.slots.map((slot): [number, Local] => [slot, local]))) };
}

function slotsIn(value: Value): readonly number[] {
  return value.kind === 'slot' ? [value.slot] : value.kind === 'operator' ? value.of.flatMap(slotsIn) : [];
}
