/** Runs a search that is WebAssembly: gives it memory, and a larger table when the one it has is full. */

import { MOST_MEMORY, runModule } from '../wasm/run-module.ts';
import type { StepperSource } from './emit-stepper.ts';
import { PARENTS_EVERY, type SearchModule } from './search-module.ts';
import type { Stand } from './shared-store.ts';

/** What the search tells while it runs. */
export interface SearchHooks {
  /** First time of a finding, with the state it is in or leads out of; `leaf` is -1 for a state rule. */
  readonly found: (finding: number, state: number, leaf: number) => void;
  readonly terminal: (state: number, atRest: boolean) => void;
  readonly exceed: (text: number) => never;
}

export interface MachineSearch {
  /** Expands at most so many states more; false when there is none left, or no room. */ readonly run: (most: number) => boolean;
  /** Where it stands now. */ readonly stand: () => Stand;
  readonly full: () => boolean;
  /** All states, one after the other; to be asked for again after every `run`. */ readonly words: () => Int32Array;
  /** Parents of states 0, `PARENTS_EVERY` and so on. */ readonly parents: () => Int32Array;
  /** Transitions in the order found; null if they were not kept. */ readonly edges: () => KeptEdges | null;
  readonly bytes: () => number;
  /** Goes on to the end of the depth that is being expanded: then all states of the next one are there. */ readonly toLevelEnd: () => void;
  /** First state of the next depth. */ readonly levelEnd: () => number;
}

export interface KeptEdges {
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** The leaf that each takes. */ readonly via: Int32Array;
}

/** More than what a search has besides its states and their table. */
const BESIDE = 8 << 20;
const FIRST_TABLE = 1 << 12;
/** Entries at the end of the table that are those at its beginning. */
const REPEATED = 4;

/** How full the table may be, and how much it grows at a time. The more words a state has, the less room may stay empty beside it. */
function tableOf(words: number): { readonly fullest: number; readonly growth: number } {
  if (words <= 4) return { fullest: 0.8, growth: 2.7 };
  return words === 5 ? { fullest: 0.8, growth: 1.9 } : { fullest: 0.875, growth: 1.28 };
}

/** States for which there is room in so many bytes. */
export function machineCapacity(words: number, maxBytes: number): number {
  const bytes = Math.min(maxBytes, MOST_MEMORY - BESIDE) - (REPEATED + 1) * 4;
  return Math.max(1, Math.floor(bytes / (words * 4 + 4 / tableOf(words).fullest + 4 / PARENTS_EVERY)));
}

/** Where a search ends. It does so too where there is no memory. */
export interface Room {
  /** States that it may store. */ readonly capacity: number;
  /** Bytes that its transitions may take; null: they are not kept. */ readonly edgeBytes: number | null;
}

export function machineSearch(
  of: StepperSource,
  module: SearchModule,
  initial: Int32Array,
  { capacity, edgeBytes }: Room,
  hooks: SearchHooks,
): MachineSearch {
  const { words: width } = of.layout,
    { fullest, growth } = tableOf(width);
  const parents = numbers();
  const starts: number[] = [];
  const kept = { from: numbers(), to: numbers(), via: numbers() };
  const { buffer, makeRoom, call, variable } = runModule(
    module.code,
    {
      found: hooks.found,
      exceed: hooks.exceed,
      terminal: (state, atRest) => hooks.terminal(state, atRest !== 0),
      parent: parents.push,
      level: start => starts.push(start),
      enlarge: () => enlarge(),
      keep: count => keep(count),
    },
    module.states,
  );
  const run = call('run'),
    enter = call('enter'),
    flush = call('flush');
  const states = variable('states'),
    expanded = variable('expanded'),
    levelEnd = variable('levelEnd'),
    full = variable('full'),
    size = variable('size'),
    tableAt = variable('tableAt');
  const enlarge = (): void => {
    let next = Math.max(size.value, FIRST_TABLE);
    while (Math.floor(next * fullest) <= states.value) next = Math.ceil(next * growth);
    next = Math.min(next, Math.ceil(capacity / fullest) + 1);
    const room = Math.min(capacity, Math.floor(next * fullest));
    const at = module.states + room * width * 4,
      bytes = (next + REPEATED) * 4;
    // An address above 2 GiB comes back as a negative number.
    const before = size.value === 0 ? 0 : (tableAt.value >>> 0) + (size.value + REPEATED) * 4;
    if (room <= states.value || !makeRoom(at + bytes)) {
      full.value = 1;
      return;
    }
    // Memory that was never used is empty.
    if (before > at) new Uint8Array(buffer(), at, Math.min(before - at, bytes)).fill(0);
    const bits = 32 - Math.clz32(room);
    size.value = next;
    tableAt.value = at;
    variable('room').value = room;
    variable('bits').value = bits;
    variable('numbers').value = 2 ** bits - 1;
    enter(0, states.value);
  };

  const keep = (count: number): void => {
    const gathered = (at: number): Int32Array => new Int32Array(buffer(), at, count);
    kept.from.append(gathered(module.from));
    kept.to.append(gathered(module.to).map(number => number - 1));
    kept.via.append(gathered(module.via));
    if (edgeBytes !== null && kept.via.all().byteLength * 3 > edgeBytes) full.value = 1;
  };

  variable('keeping').value = Number(edgeBytes !== null);
  variable('untested').value = of.tested.length;
  enlarge();
  new Int32Array(buffer(), module.states, width).set(initial);
  states.value = 1;
  parents.push(-1);
  enter(0, 1);
  const array = <Of>(Kind: new (buffer: ArrayBufferLike, at: number, length: number) => Of, at: number, length: number): Of =>
    new Kind(buffer(), at, length);
  return {
    stand: () => ({
      states: full.value === 0 ? states.value : levelEnd.value,
      expanded: expanded.value,
      transitions: variable('transitions').value >>> 0,
      depth: variable('depth').value,
      starts,
      counts: array(Int32Array, module.counts, of.findings.length),
      taken: array(Uint8Array, module.taken, of.leaves.length + 1),
      tested: array(Uint8Array, module.tested, of.tested.length),
    }),
    run: most => run(most) !== 0,
    toLevelEnd: () => {
      if (expanded.value < levelEnd.value) run(levelEnd.value - expanded.value);
      flush();
    },
    levelEnd: () => levelEnd.value,
    full: () => full.value !== 0,
    words: () => new Int32Array(buffer(), module.states, states.value * width),
    parents: parents.all,
    edges: () => (edgeBytes !== null ? { from: kept.from.all(), to: kept.to.all(), via: kept.via.all() } : null),
    bytes: () => states.value * width * 4 + (size.value + REPEATED) * 4 + parents.all().byteLength + kept.via.all().byteLength * 3,
  };
}

interface Numbers {
  readonly push: (number: number) => void;
  readonly append: (more: Int32Array) => void;
  readonly all: () => Int32Array;
}

/** Numbers that become more. */
function numbers(): Numbers {
  let room = new Int32Array(1 << 8),
    count = 0;
  const makeRoom = (length: number): void => {
    if (length <= room.length) return;
    const larger = new Int32Array(Math.max(length, Math.ceil(room.length * 1.5)));
    larger.set(room);
    room = larger;
  };
  return {
    push: number => {
      makeRoom(count + 1);
      room[count++] = number;
    },
    append: more => {
      makeRoom(count + more.length);
      room.set(more, count);
      count += more.length;
    },
    all: () => room.subarray(0, count),
  };
}
