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
  // By slot, the anchors where it is live.
  const places = new Map<number, number[]>();
  anchors.nodes.forEach((at, place) => {
    if (at === END) return;
    for (const slot of live[at] ?? []) {
      const known = places.get(slot);
      if (known === undefined) places.set(slot, [place]);
      else known.push(place);
    }
  });
  const needed = [...places.keys()].sort((a, b) => width(b) - width(a) || a - b);
  const of = new Map<number, number>();
  /** By register, 1 for each anchor where one of its slots is live. */
  const taken: Uint8Array[] = [];
  const widths: number[] = [];
  for (const slot of needed) {
    const own = places.get(slot) ?? [];
    const free = taken.findIndex(used => own.every(place => used[place] === 0));
    const register = free < 0 ? taken.length : free;
    const used = (taken[register] ??= new Uint8Array(anchors.nodes.length));
    for (const place of own) used[place] = 1;
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
