/** A packed state after objects and threads have changed places: where each cell goes, and what its value becomes. */

import {
  aliveCell,
  allocatedCell,
  anchorCell,
  dueCell,
  ensuredCell,
  exclusiveCell,
  fieldCell,
  flushCell,
  graceCell,
  leftCell,
  readersCell,
  registerCell,
  seenCell,
  soleCell,
  waitingCell,
} from './cells.ts';
import type { Bits, Layout, ThreadLayout } from './layout.ts';
import type { SlotKinds } from './match-threads.ts';
import { movedCell, movedSet, movedThread, type Symmetry } from './moved-value.ts';
import { type Kind, typeOfKind } from './slot-kinds.ts';

export interface Move {
  readonly from: Bits;
  readonly to: Bits;
  /** What each value becomes, in one or more tables; none if it stays. */ readonly tables: readonly (readonly number[])[];
  /** Which of the tables counts, by the anchor that the thread is at; null if it is the first everywhere. */
  readonly at: { readonly anchor: Bits; readonly which: readonly number[] } | null;
}

export interface StateSymmetry {
  readonly symmetry: Symmetry;
  readonly moves: readonly Move[];
  /** Objects of these types must have been made, so many of each, for it to be one. */
  readonly made: readonly { readonly allocated: Bits; readonly least: number }[];
}

/** Tables of values are no longer than this. */
const WIDEST = 12;

/** Null if the layout does not go along with it. */
export function stateSymmetry(layout: Layout, kinds: SlotKinds, symmetry: Symmetry): StateSymmetry | null {
  const { program, bits } = layout;
  const moves: Move[] = [];
  let fits = true;
  const same = (value: number): number => value;
  const cell = (from: string, to: string, ...changes: readonly ((value: number) => number)[]): void => {
    place(from, to, changes, null);
  };
  const place = (from: string, to: string, changes: readonly ((value: number) => number)[], at: Move['at']): void => {
    const before = bits.get(from),
      after = bits.get(to);
    if (before === undefined && after === undefined) {
      // Both are what they always are.
      const always = layout.constants.get(from) ?? 0;
      if (changes.some(change => change(always) !== (layout.constants.get(to) ?? 0))) fits = false;
      return;
    }
    if (before === undefined || after === undefined || before.width !== after.width) {
      fits = false;
      return;
    }
    const count = 2 ** before.width;
    const isWide = before.width > WIDEST;
    const stays = changes.every(change =>
      isWide ? change === same : Array.from({ length: count }, (_, value) => change(value)).every((to, value) => to === value),
    );
    if (isWide && !stays) fits = false;
    else if (stays) moves.push({ from: before, to: after, tables: [], at: null });
    else
      moves.push({
        from: before,
        to: after,
        tables: changes.map(change => Array.from({ length: count }, (_, value) => change(value))),
        at,
      });
  };
  const object = (type: string, one: number): number => symmetry.objects.get(type)?.[one] ?? one;
  const thread = (one: number): number => symmetry.threads[one] ?? one;
  /** `Irqfd#1.srcu` to where it goes. */
  const domain = (name: string): string => {
    const hash = name.indexOf('#'),
      dot = name.indexOf('.', hash);
    const type = name.slice(0, hash);
    return fieldCell(type, object(type, Number(name.slice(hash + 1, dot))), name.slice(dot + 1));
  };
  const owner = (value: number): number => movedThread(symmetry.threads, value);

  for (const type of program.types) {
    cell(allocatedCell(type.name), allocatedCell(type.name), same);
    for (let one = 1; one <= type.pool; one++) {
      const to = object(type.name, one);
      cell(aliveCell(type.name, one), aliveCell(type.name, to), same);
      cell(soleCell(type.name, one), soleCell(type.name, to), owner);
      for (const { name } of type.fields) {
        const from = fieldCell(type.name, one, name),
          there = fieldCell(type.name, to, name);
        cell(from, there, value => movedCell(program, symmetry, type.name, name, value));
        cell(exclusiveCell(from), exclusiveCell(there), same);
      }
    }
  }
  const { readers, flushers, sleepers } = layout.changing;
  layout.threads.forEach((plan, index) => {
    const to = thread(index),
      twin = layout.threads[to];
    if (twin === undefined || !areAlike(plan, twin)) {
      fits = false;
      return;
    }
    cell(anchorCell(index), anchorCell(to), same);
    plan.registers.widths.forEach((_, register) => {
      const found = plan.anchors.nodes.map(node => kindAt(plan, kinds[index], register, node));
      const different = [...new Set(found)];
      const anchor = bits.get(anchorCell(index));
      place(
        registerCell(index, register),
        registerCell(to, register),
        different.map(kind => (kind === PLAIN ? same : value => moved(symmetry, kind, value))),
        anchor === undefined || different.length === 1 ? null : { anchor, which: found.map(kind => different.indexOf(kind)) },
      );
    });
    for (const [name, reading] of readers) {
      cell(readersCell(index, name), readersCell(to, domain(name)), same);
      for (const reader of reading) cell(graceCell(index, name, reader), graceCell(to, domain(name), thread(reader)), same);
    }
    for (const work of flushers.keys()) cell(flushCell(index, work), flushCell(to, domain(work)), same);
    for (const queue of sleepers.keys()) cell(waitingCell(index, queue), waitingCell(to, domain(queue)), same);
    for (const ghost of [seenCell, dueCell, ensuredCell]) cell(ghost(index), ghost(to), same);
    for (const { cell: changed, how, type, field } of layout.left[index] ?? [])
      cell(leftCell(index, changed), leftCell(to, domain(changed)), value => {
        if (how === 'counter' || value === 0) return value;
        return how === 'set' ? movedCell(program, symmetry, type, field, value) : 1 + movedCell(program, symmetry, type, field, value - 1);
      });
  });
  if (!fits || new Set(moves.map(({ from }) => `${from.word} ${from.shift}`)).size !== bits.size) return null;
  const made = program.types.flatMap(({ name, initial }) => {
    const least = Math.max(0, ...(symmetry.objects.get(name) ?? []).map((to, one) => (to === one || one <= initial ? 0 : one)));
    const allocated = bits.get(allocatedCell(name));
    return least === 0 || allocated === undefined ? [] : [{ allocated, least }];
  });
  return { symmetry, moves, made };
}

const PLAIN = 'plain';

/** As text, to be compared: what the slot is whose register it is there. */
function kindAt(plan: ThreadLayout, slots: ReadonlyMap<number, Kind> | undefined, register: number, node: number): string {
  for (const slot of plan.live[node] ?? [])
    if (plan.registers.of.get(slot) === register) {
      const kind = slots?.get(slot);
      const type = kind === undefined ? null : typeOfKind(kind);
      return kind === undefined || type === null ? PLAIN : `${kind.of} ${type}`;
    }
  return PLAIN;
}

function moved({ objects }: Symmetry, kind: string, value: number): number {
  if (kind === PLAIN) return value;
  const space = kind.indexOf(' ');
  const to = objects.get(kind.slice(space + 1)) ?? [];
  return kind.startsWith('set ') ? movedSet(to, value) : (to[value] ?? value);
}

function areAlike(one: ThreadLayout, other: ThreadLayout): boolean {
  return (
    JSON.stringify(one.anchors.nodes) === JSON.stringify(other.anchors.nodes) &&
    JSON.stringify([...one.registers.of].sort()) === JSON.stringify([...other.registers.of].sort()) &&
    JSON.stringify(one.registers.widths) === JSON.stringify(other.registers.widths)
  );
}

const read = ({ word, shift, width }: Bits, words: ArrayLike<number>): number => ((words[word] ?? 0) >>> shift) & (2 ** width - 1);

/** Whether it is a symmetry of this state: the objects that it moves exist, or did. */
export function applies({ made }: StateSymmetry, words: ArrayLike<number>): boolean {
  return made.every(({ allocated, least }) => read(allocated, words) >= least);
}

/** The state with everything in its new place. */
export function movedState({ moves }: StateSymmetry, words: ArrayLike<number>): Int32Array {
  const after = new Int32Array(words.length);
  for (const { from, to, tables, at } of moves) {
    const value = read(from, words);
    const table = tables[at === null ? 0 : (at.which[read(at.anchor, words)] ?? 0)];
    after[to.word] = (after[to.word] ?? 0) | ((table?.[value] ?? value) << to.shift);
  }
  return after;
}
