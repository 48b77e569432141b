/**
 * A system as an implementation would run it: calls are begun in any thread at any time, and whoever drives it says which thread goes on. It shares
 * the generated steps with the judge of histories, and none of its sets.
 */
import type { Scalar } from '../../oracles/event.ts';
import { emitStepper } from '../explore/emit-stepper.ts';
import { encode } from '../explore/pack-state.ts';
import { openProgram, type Room } from '../instantiate/open-program.ts';
import type { System } from '../model.ts';
import { cellTable, type Place, transferBetween, valueAt } from './cell-table.ts';
import { heapOf, numbering } from './heap.ts';
import { Excess, movesOf } from './moves.ts';

export interface OpenRun {
  /** All threads; those below `callers` make calls. */ readonly threads: number;
  readonly callers: number;
  /** As it was at first. */ readonly reset: () => void;
  readonly isCalling: (caller: number) => boolean;
  /** Handles are given by their names. */ readonly begin: (caller: number, call: string, given: readonly Scalar[]) => void;
  /**
   * One step of the thread: `null` if it has to wait. Of a call that ends by it the result; what makes a handle gives it a name by `name`.
   * Throws an Excess beyond what the model counts to.
   */
  readonly step: (
    thread: number,
    pick: (ways: number) => number,
    name: (type: string) => string,
  ) => { readonly returned: { readonly result: Scalar } | null } | null;
  /** The handle is not to be used again. */ readonly drop: (handle: string) => void;
  /** Names of handles, by type. */ readonly handles: () => Readonly<Record<string, readonly string[]>>;
}

export function openRun(system: System, variant: string | null, room: Room): OpenRun {
  const source = emitStepper({ ...openProgram(system, variant, room, false), rules: [] });
  const { program, words } = source.layout;
  const table = cellTable(source.layout);
  const moves = movesOf(source);
  const copy = transferBetween(table, table);
  const callers = Int32Array.from({ length: table.callers }, (_, index) => index);
  const returns = source.leaves.map(({ thread, node }) => program.threads[thread]?.nodes[node]?.action.kind === 'return');
  let state = encode(source.layout, program.initial);
  let objects = new Map<string, number>();
  const typeOf = new Map<string, string>();
  const running: (string | null)[] = Array.from({ length: table.callers }, () => null);

  const put = (place: Place | null | undefined, value: number): void => {
    if (place == null) return;
    if (value > place.mask) throw new Excess(`an argument is ${value}, and the model has room for ${place.mask}`);
    state[place.word] = ((state[place.word] ?? 0) & ~(place.mask << place.shift)) | (value << place.shift);
  };
  /** Objects that nobody can get at make room for others. */
  const compact = (): void => {
    const names = [...objects.keys()];
    const renamed = numbering(table, heapOf(table, state, 0, table.callers), state, 0, [...objects.values()]);
    const into = new Int32Array(words);
    copy(state, 0, { objects: renamed, callers }, into);
    state = into;
    objects = new Map(names.map(name => [name, renamed[objects.get(name) ?? 0] ?? 0]));
    for (const { name, initial } of program.types) {
      const own = [...renamed].filter(to => to >= 0 && table.objects[to]?.type === name);
      put(table.counters[name], Math.max(initial, ...own.map(to => table.objects[to]?.instance ?? 0)));
    }
  };
  /** -1 where there is no room for an object. */
  const waysOf = (thread: number): number => {
    try {
      return moves.step(thread, state, 0);
    } catch (fault) {
      if (!(fault instanceof Excess) || fault.type === null) throw fault;
      return -1;
    }
  };
  const anchorOf = (caller: number): number => {
    const place = table.threads[caller]?.anchor;
    return place == null ? 0 : valueAt(state, 0, place);
  };
  const numberOf = (given: Scalar): number => {
    if (typeof given !== 'string') return Number(given ?? 0);
    const object = objects.get(given);
    return object === undefined ? program.words.indexOf(given) + 1 : (table.objects[object]?.instance ?? 0);
  };
  const resultOf = (caller: number, call: string, name: (type: string) => string): Scalar => {
    const live = table.threads[caller]?.live[anchorOf(caller)]?.find(({ slot }) => slot === 0);
    const value = live === undefined ? 0 : valueAt(state, 0, live);
    put(live, 0);
    const {
      type = null,
      returns: kind = 'value',
      word = false,
    } = program.threads[caller]?.calls.find(one => one.name === call)?.result ?? {};
    if (type !== null && value !== 0) {
      const made = name(type);
      objects.set(made, (table.firstOf[type] ?? 0) + value - 1);
      typeOf.set(made, type);
      return made;
    }
    if (type !== null || kind === 'nothing') return null;
    if (kind === 'boolean') return value !== 0;
    if (!word || value === 0) return value;
    const text = program.words[value - 1] ?? '';
    return /^\d+$/.test(text) ? Number(text) : text;
  };
  return {
    threads: table.threads.length,
    callers: table.callers,
    reset() {
      state = encode(source.layout, program.initial);
      objects = new Map();
      typeOf.clear();
      running.fill(null);
    },
    isCalling: caller => running[caller] != null,
    begin(caller, call, given) {
      const thread = program.threads[caller];
      const own = table.threads[caller];
      const index = thread?.calls.findIndex(({ name }) => name === call) ?? -1;
      const node = thread?.nodes.findIndex(({ action }) => action.kind === 'call' && action.call === index) ?? -1;
      const anchor = own?.numbers.get(node);
      if (thread === undefined || own === undefined || anchor === undefined) throw new Error(`there is no call ${call}`);
      for (const live of own.live[anchorOf(caller)] ?? []) put(live, 0);
      put(own.anchor, anchor);
      thread.calls[index]?.arguments.forEach(({ value }, at) => {
        if (value.kind === 'slot')
          put(
            own.live[anchor]?.find(({ slot }) => slot === value.slot),
            numberOf(given[at] ?? null),
          );
      });
      if (moves.step(caller, state, 0) !== 1) throw new Error(`${call} did not begin`);
      state = moves.buffer().slice(1, words + 1);
      running[caller] = call;
    },
    step(thread, pick, name) {
      let ways = waysOf(thread);
      if (ways < 0) {
        compact();
        // If there is no room yet, others go on first.
        ways = waysOf(thread);
      }
      if (ways <= 0) return null;
      const at = pick(ways) * moves.stride;
      const leaf = moves.buffer()[at] ?? 0;
      state = moves.buffer().slice(at + 1, at + 1 + words);
      const call = running[thread];
      if (returns[leaf] !== true || call == null) return { returned: null };
      running[thread] = null;
      const result = resultOf(thread, call, name);
      compact();
      return { returned: { result } };
    },
    drop: handle => objects.delete(handle),
    handles() {
      const all: Record<string, string[]> = {};
      for (const name of objects.keys()) (all[typeOf.get(name) ?? ''] ??= []).push(name);
      return all;
    },
  };
}
