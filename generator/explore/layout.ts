/**
 * Where each cell of a state sits in its words.
 *
 * A state is stored whole, nothing is hashed away. A cell gets bits only if some thread can change it, and never crosses a word.
 */

import type { Contract, Program, ProgramField, ProgramType, Thread } from '../program.ts';
import { type Anchors, anchors } from './anchors.ts';
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
import { type Changing, changing } from './changing-cells.ts';
import { bitsFor } from './generated-code.ts';
import { type Asked, askedOf, mostLeft } from './left-cells.ts';
import { liveness } from './liveness.ts';
import { deepest, type MayHold, mayHold } from './may-hold.ts';
import { type Registers, registers } from './registers.ts';

export interface Bits {
  readonly word: number;
  readonly shift: number;
  readonly width: number;
}

export interface ThreadLayout {
  readonly anchors: Anchors;
  /** Slots live at each node. */ readonly live: readonly ReadonlySet<number>[];
  readonly registers: Registers;
  readonly held: MayHold;
}

export interface Layout {
  readonly program: Program;
  /** Words of a state, at least 1. */ readonly words: number;
  readonly bits: ReadonlyMap<string, Bits>;
  /** Cells without bits that are not 0. Those of a field count only while its object is alive. */ readonly constants: ReadonlyMap<
    string,
    number
  >;
  readonly threads: readonly ThreadLayout[];
  readonly changing: Changing;
  /** By thread, fields that its calls may have to put back. */ readonly left: readonly (readonly Asked[])[];
  /** Takes the names of the cells that code is made to look at, for whoever asks. */ readonly looked?: Set<string>;
}

/** Widest cell: with one more, `>>>` would give values that are no small integers. */
const WIDEST = 31;

function widthOf(program: Program, field: ProgramField): number {
  switch (field.kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
    case 'wait-queue':
      return bitsFor(program.threads.length + 1);
    case 'wait-entry':
      return bitsFor(program.waitQueues.length + 1);
    case 'srcu':
    case 'rcu':
    case 'work-queue':
      return 0;
    default:
      return bitsFor(field.max + 1);
  }
}

/** What every alloc gives the field, or null if they differ or it is not known before running. */
function givenBy(changes: Changing, type: string, field: string): number | null {
  let given: number | null = null;
  for (const alloc of changes.allocs) {
    if (alloc.type !== type) continue;
    const value = alloc.fields[field] ?? { kind: 'constant', value: 0 };
    if (value.kind !== 'constant' || (given !== null && given !== value.value)) return null;
    given = value.value;
  }
  return given;
}

export function contractsOf(program: Program, thread: Thread): readonly Contract[] {
  return thread.calls.flatMap(call => program.contracts[call.contract] ?? []);
}

/** Words by first fit, widest cell first; cells of one width in the order they were asked for. */
function pack(wanted: ReadonlyMap<string, number>): { readonly words: number; readonly bits: ReadonlyMap<string, Bits> } {
  const used: number[] = [];
  const bits = new Map<string, Bits>();
  for (const [cell, width] of [...wanted].sort(([, a], [, b]) => b - a)) {
    if (width > WIDEST) throw new Error(`${cell} needs ${width} bits; a cell may have ${WIDEST}`);
    const fits = used.findIndex(filled => filled + width <= 32);
    const word = fits < 0 ? used.length : fits;
    const shift = used[word] ?? 0;
    bits.set(cell, { word, shift, width });
    used[word] = shift + width;
  }
  return { words: Math.max(1, used.length), bits };
}

const layouts = new WeakMap<Program, Layout>();

/** Looked for once in each program. */
export function layout(program: Program): Layout {
  const known = layouts.get(program);
  if (known !== undefined) return known;
  const made = lay(program);
  layouts.set(program, made);
  return made;
}

function lay(program: Program): Layout {
  const changes = changing(program);
  const wanted = new Map<string, number>();
  const constants = new Map<string, number>();
  const want = (cell: string, width: number): void => {
    if (width > 0) wanted.set(cell, width);
  };
  const fix = (cell: string, value: number): void => {
    if (value !== 0) constants.set(cell, value);
  };

  const instance = (type: ProgramType, one: number): void => {
    const alive = aliveCell(type.name, one);
    const first = program.initial.alive[`${type.name}#${one}`] ?? 0;
    const allocated = one > type.initial && changes.allocs.some(alloc => alloc.type === type.name);
    if (first === 0 && !allocated) return;
    if (changes.cells.has(alive)) want(alive, 1);
    else fix(alive, first);
    if (changes.cells.has(soleCell(type.name, one))) want(soleCell(type.name, one), bitsFor(program.threads.length + 1));
    for (const field of type.fields) {
      const cell = fieldCell(type.name, one, field.name);
      const given = allocated ? givenBy(changes, type.name, field.name) : (program.initial.cells[cell] ?? 0);
      if (changes.cells.has(cell) || given === null || (given !== 0 && changes.cleared.has(cell))) want(cell, widthOf(program, field));
      else fix(cell, given);
      const exclusive = exclusiveCell(cell),
        linked = program.initial.exclusive[cell] ?? 0;
      if (changes.cells.has(exclusive) || (linked !== 0 && changes.cleared.has(exclusive))) want(exclusive, 1);
      else fix(exclusive, linked);
    }
  };
  for (const type of program.types) {
    const counter = allocatedCell(type.name);
    if (changes.cells.has(counter)) want(counter, bitsFor(type.pool + 1));
    else fix(counter, program.initial.allocated[type.name] ?? 0);
    for (let one = 1; one <= type.pool; one++) instance(type, one);
  }

  const held = program.threads.map(mayHold);
  for (const [domain, readers] of changes.readers)
    for (const reader of readers) {
      const thread = program.threads[reader];
      const width = thread === undefined ? 0 : bitsFor(deepest(thread, held[reader] ?? [], domain.replace(/#\d+\./, '.')) + 1);
      want(readersCell(reader, domain), width);
      for (const waiting of changes.synchronizers.get(domain) ?? [])
        if (waiting !== reader) want(graceCell(waiting, domain, reader), width);
    }
  for (const [work, flushers] of changes.flushers) for (const thread of flushers) want(flushCell(thread, work), 2);
  for (const [queue, sleepers] of changes.sleepers) for (const thread of sleepers) want(waitingCell(thread, queue), 1);

  const threads = program.threads.map((thread, index): ThreadLayout => {
    const places = anchors(program, index),
      live = liveness(thread),
      shared = registers(thread, places, live);
    want(anchorCell(index), bitsFor(places.nodes.length));
    shared.widths.forEach((width, register) => want(registerCell(index, register), width));
    const contracts = contractsOf(program, thread);
    const failures = Math.max(0, ...contracts.map(contract => contract.fails.length));
    want(seenCell(index), failures);
    want(dueCell(index), Math.min(1, failures));
    want(ensuredCell(index), contracts.some(contract => contract.ensures !== null) ? 1 : 0);
    return { anchors: places, live, registers: shared, held: held[index] ?? [] };
  });
  const left = program.threads.map((_, thread) => askedOf(program, thread));
  left.forEach((all, thread) => {
    for (const asked of all) want(leftCell(thread, asked.cell), bitsFor(mostLeft(program, asked) + 1));
  });
  return { program, ...pack(wanted), constants, threads, changing: changes, left };
}
