/** Slots of a thread that are never live at the same anchor share a register. */
import { END, type Program, type Slot, type Thread } from '../program.ts';
import type { Anchors } from './anchors.ts';
import { bitsFor } from './generated-code.ts';

export interface Registers {
  /** Register by slot; a slot without one is live at no anchor. */ readonly of: ReadonlyMap<number, number>;
  /** Bits, by register. */ readonly widths: readonly number[];
}

export function registers(thread: Thread, anchors: Anchors, live: readonly ReadonlySet<number>[]): Registers {
  const width = (slot: number): number => bitsFor((thread.slots[slot]?.max ?? 0) + 1);
  const together = anchors.nodes.filter(at => at !== END).map(at => live[at] ?? new Set<number>());
  const needed = [...new Set(together.flatMap(set => [...set]))].sort((a, b) => width(b) - width(a) || a - b);
  const of = new Map<number, number>();
  const users: Set<number>[] = [];
  const widths: number[] = [];
  for (const slot of needed) {
    const rivals = new Set(together.filter(set => set.has(slot)).flatMap(set => [...set]));
    const free = users.findIndex(set => ![...set].some(other => rivals.has(other)));
    const register = free < 0 ? users.length : free;
    (users[register] ??= new Set()).add(slot);
    widths[register] = Math.max(widths[register] ?? 0, width(slot));
    of.set(slot, register);
  }
  return { of, widths };
}

/** Largest value of the slot. */
export function largest(program: Program, thread: number, slot: number): number {
  const one: Slot | undefined = program.threads[thread]?.slots[slot];
  return one?.max ?? 0;
}
