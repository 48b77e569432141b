/**
 * What each thread may do from each place where it can stand, whatever the others do: its local states, and the ways out of each.
 *
 * A local state is an anchor and values of the slots that are live there. Nothing is said twice of what an action means: the stepper's own
 * generator is run for each local state with its slots known, and is watched for what it looks at and what it changes. What is in a cell
 * is not known, only which values may ever be in it; so there are more ways here than in the model, never fewer.
 */
import { END, type Node } from '../program.ts';
import { atAnchor } from './anchors.ts';
import { fieldCell } from './cells.ts';
import { cell, type Emission, type Path, type Watch } from './emission.ts';
import { type Judging, judging } from './emit-contracts.ts';
import { upToStep } from './emit-stepper.ts';
import type { Code } from './generated-code.ts';
import type { Layout } from './layout.ts';
import { readsOf, type Way, wayOf } from './ways.ts';

export interface LocalState {
  readonly thread: number;
  /** Node of the anchor. */ readonly node: number;
  /** Slots whose values are known; others that are live there may have any. */ readonly slots: ReadonlyMap<number, number>;
  readonly ways: readonly Way[];
}

export interface LocalStates {
  readonly states: readonly LocalState[];
  /** The local state in which the thread stands at the node with these slots; undefined if there is none. */
  readonly find: (thread: number, node: number, slots: (slot: number) => number) => number | undefined;
  /** Slots that local states at the node tell apart. */ readonly told: (thread: number, node: number) => readonly number[];
}

const MOST_STATES = 4000;
/** Slots with more values are not told apart. */
const MOST_VALUES = 32;
/** A comparison, as `equal` in `generated-code.ts` writes it. */
const COMPARED = /^\((\(.*\)) === (\d+) \? 1 : 0\)$/;

interface Open {
  readonly thread: number;
  readonly node: number;
  readonly slots: ReadonlyMap<number, number>;
  ways: Way[];
  /** Cells whose possible values were asked for. */ readonly asked: Set<string>;
}

/** Null if there are too many to be worth while. */
export function localStates(layout: Layout): LocalStates | null {
  // Fewer slots are told apart where there would be too many local states.
  for (const tells of [allSlots, pointers, noSlots]) {
    const found = attempt(layout, tells);
    if (found !== null) return found;
  }
  return null;
}

type Tells = (layout: Layout, thread: number, slot: number) => boolean;
const slotOf = (layout: Layout, thread: number, slot: number) => layout.program.threads[thread]?.slots[slot];
const allSlots: Tells = (layout, thread, slot) => (slotOf(layout, thread, slot)?.max ?? MOST_VALUES) < MOST_VALUES;
const pointers: Tells = (layout, thread, slot) => slotOf(layout, thread, slot)?.type !== null && allSlots(layout, thread, slot);
const noSlots: Tells = () => false;

function attempt(of: Layout, tells: Tells): LocalStates | null {
  const looked = new Set<string>();
  const layout: Layout = { ...of, looked };
  const { program } = layout;
  const possible = possibleValues(layout);
  const states: Open[] = [],
    numbers = new Map<string, number>();
  const left: number[] = [];
  const waiting = new Set<number>();
  let now: Open | null = null;

  const told = (thread: number, node: number): readonly number[] =>
    [...(layout.threads[thread]?.live[node] ?? [])].filter(slot => tells(layout, thread, slot)).sort((a, b) => a - b);
  const keyOf = (thread: number, node: number, slots: (slot: number) => number | undefined): string =>
    `${thread} ${node} ${told(thread, node)
      .map(slot => slots(slot) ?? '?')
      .join()}`;
  const enter = (thread: number, node: number, slots: ReadonlyMap<number, number>): number => {
    const key = keyOf(thread, node, slot => slots.get(slot));
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, states.length);
    left.push(states.length);
    waiting.add(states.length);
    states.push({ thread, node, slots, ways: [], asked: new Set() });
    return states.length - 1;
  };
  const watch: Watch = {
    values: (code, most) => {
      const cellName = possible.cellOf(code);
      if (cellName === undefined) return null;
      if (now !== null) now.asked.add(cellName);
      return possible.of(cellName)?.filter(value => value <= most) ?? null;
    },
    assuming: (path, code, value) => {
      const name = possible.cellOf(code);
      return name === undefined ? path : { ...path, assumed: new Map(path.assumed).set(name, value) };
    },
    outcomes: condition => {
      const [, code = '', number] = COMPARED.exec(condition) ?? [];
      const values = watch.values(code, Number.POSITIVE_INFINITY);
      return values === null ? null : [...new Set(values.map(value => Number(value === Number(number))))];
    },
    arrived: (path, node, to, judges) => {
      const changed = possible.change(path.cells);
      if (changed.length > 0)
        states.forEach((one, number) => {
          if (waiting.has(number) || !changed.some(name => one.asked.has(name))) return;
          waiting.add(number);
          left.push(number);
        });
      const way = wayOf(e, judgings, path, node, to, judges, looked, null);
      for (const slots of slotsAt(path, to)) now?.ways.push({ ...way, to: enter(path.thread, to, slots) });
    },
    cut: (path, node, rule) => {
      now?.ways.push({
        ...wayOf(e, judgings, path, node, path.from, 0, readsOf(action(path, node), rule, looked), rule),
        takes: null,
        to: null,
      });
    },
  };
  const action = (path: Path, node: number): Node['action']['kind'] | null =>
    program.threads[path.thread]?.nodes[node]?.action.kind ?? null;
  const e: Emission = { program, layout, findings: [], leaves: [], excesses: [], temporaries: 0, onto: 'add', watch };
  const judgings: readonly (Judging | null)[] = program.threads.map((_, index) => judging(e, index));

  /** For each combination of values that the told slots may have at the place that the path leads to. */
  const slotsAt = (path: Path, to: number): readonly ReadonlyMap<number, number>[] => {
    const before = layout.threads[path.thread]?.live[path.from];
    return told(path.thread, to).reduce<readonly ReadonlyMap<number, number>[]>(
      (all, slot) => {
        const value = path.slots.get(slot);
        if (typeof value === 'number') return all.map(one => new Map(one).set(slot, value));
        if (value === undefined && before?.has(slot) !== true) return all.map(one => new Map(one).set(slot, 0));
        const max = slotOf(layout, path.thread, slot)?.max ?? 0;
        const values = (value === undefined ? null : watch.values(value, max)) ?? Array.from({ length: max + 1 }, (_, one) => one);
        return all.flatMap(one => values.map(each => new Map(one).set(slot, each)));
      },
      [new Map()],
    );
  };

  program.threads.forEach((thread, index) => {
    const start = atAnchor(program, thread, program.initial.threads[index] ?? { node: thread.start, slots: {} });
    enter(index, start.node, new Map(told(index, start.node).map(slot => [slot, start.slots[slot] ?? 0])));
  });
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const one = states[next];
    waiting.delete(next);
    if (one === undefined || one.node === END) continue;
    if (states.length > MOST_STATES) return null;
    now = one;
    one.ways = [];
    looked.clear();
    const { thread, node, slots } = one;
    upToStep({ e, judgings }, { thread, from: node, slots: new Map(slots), cells: new Map(), notes: [], nodes: [] }, node);
  }
  return {
    states,
    find: (thread, node, slots) => numbers.get(keyOf(thread, node, slots)),
    told,
  };
}

interface Possible {
  readonly of: (cell: string) => readonly number[] | null;
  /** Cell whose value the expression is. */ readonly cellOf: (code: string) => string | undefined;
  /** Adds what may be written; the cells for which that is new. */ readonly change: (
    cells: ReadonlyMap<string, Code>,
  ) => readonly string[];
}

/** Which values may ever be in each pointer, flag, word and number. */
function possibleValues(layout: Layout): Possible {
  const { program } = layout;
  const codes = new Map<string, string>(),
    values = new Map<string, Set<number>>();
  for (const name of layout.bits.keys()) codes.set(String(cell(layout, name)), name);
  for (const type of program.types)
    for (let one = 1; one <= type.pool; one++)
      for (const field of type.fields)
        if (['pointer', 'boolean', 'word', 'number', 'wait-entry'].includes(field.kind)) {
          const name = fieldCell(type.name, one, field.name);
          if (layout.bits.has(name)) values.set(name, new Set([program.initial.cells[name] ?? 0]));
        }
  const change: Possible['change'] = cells => {
    const changed: string[] = [];
    for (const [name, value] of cells) {
      const known = values.get(name);
      if (known === undefined) continue;
      const before = known.size;
      const from = typeof value === 'number' ? [value] : values.get(codes.get(value) ?? '');
      const width = layout.bits.get(name)?.width ?? 0;
      for (const one of from ?? Array.from({ length: 2 ** width }, (_, each) => each)) known.add(one);
      if (known.size > before) changed.push(name);
    }
    return changed;
  };
  return {
    of: name => {
      const known = values.get(name);
      return known === undefined ? null : [...known].sort((a, b) => a - b);
    },
    cellOf: code => codes.get(code),
    change,
  };
}
