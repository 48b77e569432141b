/** States by names, and the words they are packed into. */

import { END, type State, type ThreadState } from '../program.ts';
import { atAnchor } from './anchors.ts';
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
import type { Bits, Layout } from './layout.ts';

function valueIn({ word, shift, width }: Bits, packed: ArrayLike<number>): number {
  return ((packed[word] ?? 0) >>> shift) & (2 ** width - 1);
}

/** What `decode` gives for one slot of a thread. */
export function slotIn(of: Layout, packed: ArrayLike<number>, thread: number, slot: number): number {
  const plan = of.threads[thread];
  const standing = of.bits.get(anchorCell(thread));
  const node = plan?.anchors.nodes[standing === undefined ? 0 : valueIn(standing, packed)] ?? END;
  const register = plan?.live[node]?.has(slot) === true ? plan.registers.of.get(slot) : undefined;
  const at = register === undefined ? undefined : of.bits.get(registerCell(thread, register));
  return at === undefined ? 0 : valueIn(at, packed);
}

/** Cells that are 0 are left out. */
export function decode(of: Layout, packed: ArrayLike<number>): State {
  const { program, constants, bits } = of;
  const read = (cell: string): number => {
    const at = bits.get(cell);
    return at === undefined ? (constants.get(cell) ?? 0) : valueIn(at, packed);
  };
  const allocated: Record<string, number> = {},
    alive: Record<string, number> = {},
    cells: Record<string, number> = {},
    exclusive: Record<string, number> = {};
  const keep = (into: Record<string, number>, name: string, value: number): void => {
    if (value !== 0) into[name] = value;
  };
  const sole: Record<string, number> = {};
  for (const type of program.types) {
    keep(allocated, type.name, read(allocatedCell(type.name)));
    for (let one = 1; one <= type.pool; one++) {
      if (read(aliveCell(type.name, one)) === 0) continue;
      alive[`${type.name}#${one}`] = 1;
      keep(sole, `${type.name}#${one}`, read(soleCell(type.name, one)));
      for (const field of type.fields) {
        const cell = fieldCell(type.name, one, field.name);
        keep(cells, cell, read(cell));
        keep(exclusive, cell, read(exclusiveCell(cell)));
      }
    }
  }
  const leftIn = (thread: number): { left?: Record<string, number> } => {
    const left: Record<string, number> = {};
    for (const { cell } of of.left[thread] ?? []) keep(left, cell, read(leftCell(thread, cell)));
    return Object.keys(left).length === 0 ? {} : { left };
  };
  const threads = of.threads.map(({ anchors: places, live, registers: shared }, thread): ThreadState => {
    const node = places.nodes[read(anchorCell(thread))] ?? END;
    const slots: Record<number, number> = {},
      readers: Record<string, number> = {},
      grace: Record<string, number> = {},
      flush: Record<string, number> = {},
      waiting: Record<string, number> = {};
    for (const slot of [...(live[node] ?? [])].sort((a, b) => a - b)) {
      const register = shared.of.get(slot),
        value = register === undefined ? 0 : read(registerCell(thread, register));
      if (value !== 0) slots[slot] = value;
    }
    for (const [domain, reading] of of.changing.readers) {
      keep(readers, domain, read(readersCell(thread, domain)));
      for (const reader of reading) keep(grace, `${domain} ${reader}`, read(graceCell(thread, domain, reader)));
    }
    for (const work of of.changing.flushers.keys()) keep(flush, work, read(flushCell(thread, work)));
    for (const queue of of.changing.sleepers.keys()) keep(waiting, queue, read(waitingCell(thread, queue)));
    return {
      node,
      slots,
      readers,
      grace,
      flush,
      waiting,
      seen: read(seenCell(thread)),
      due: read(dueCell(thread)),
      ensured: read(ensuredCell(thread)),
      ...leftIn(thread),
    };
  });
  return { allocated, alive, cells, exclusive, ...(Object.keys(sole).length === 0 ? {} : { sole }), threads };
}

/** A state of this program. A value that the layout has no room for is one that no thread can bring about, and throws. */
export function encode(of: Layout, state: State): Int32Array {
  const packed = new Int32Array(of.words);
  const put = (cell: string, value: number): void => {
    const at = of.bits.get(cell);
    if (at === undefined) return;
    if (value < 0 || value > 2 ** at.width - 1) throw new Error(`${cell} cannot be ${value}: it has ${at.width} bits`);
    packed[at.word] = (packed[at.word] ?? 0) | (value << at.shift);
  };
  for (const [type, count] of Object.entries(state.allocated)) put(allocatedCell(type), count);
  for (const [object, value] of Object.entries(state.alive)) put(`alive ${object}`, value);
  for (const [object, value] of Object.entries(state.sole ?? {})) put(`sole ${object}`, value);
  for (const [cell, value] of Object.entries(state.cells)) put(cell, value);
  for (const [cell, value] of Object.entries(state.exclusive)) put(exclusiveCell(cell), value);
  of.program.threads.forEach((thread, index) => {
    const from = state.threads[index] ?? { node: thread.start, slots: {} };
    const { node, slots } = atAnchor(of.program, thread, from);
    const plan = of.threads[index];
    const number = plan?.anchors.number.get(node);
    if (plan === undefined || number === undefined) throw new Error(`${thread.name} cannot stand at node ${node} between two steps`);
    put(anchorCell(index), number);
    for (const slot of plan.live[node] ?? []) {
      const register = plan.registers.of.get(slot);
      if (register !== undefined) put(registerCell(index, register), slots[slot] ?? 0);
    }
    if (!('readers' in from)) return;
    for (const [domain, value] of Object.entries(from.readers)) put(readersCell(index, domain), value);
    for (const [pair, value] of Object.entries(from.grace)) put(`grace ${index} ${pair}`, value);
    for (const [work, value] of Object.entries(from.flush)) put(flushCell(index, work), value);
    for (const [queue, value] of Object.entries(from.waiting)) put(waitingCell(index, queue), value);
    put(seenCell(index), from.seen);
    put(dueCell(index), from.due);
    put(ensuredCell(index), from.ensured);
    for (const [cell, value] of Object.entries(from.left ?? {})) put(leftCell(index, cell), value);
  });
  return packed;
}
