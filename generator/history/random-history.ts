/**
 * Histories of an implementation that does what the spec says: the model itself, under a random schedule, callers making calls at random. For
 * tests and for measuring; it shares the generated steps with the judge, and none of its sets.
 */
import type { Scalar } from '../../oracles/event.ts';
import { emitStepper } from '../explore/emit-stepper.ts';
import { encode } from '../explore/pack-state.ts';
import { openProgram, type Room } from '../instantiate/open-program.ts';
import type { System } from '../model.ts';
import { cellTable, transferBetween, valueAt } from './cell-table.ts';
import { heapOf, numbering } from './heap.ts';
import { Excess, movesOf } from './moves.ts';

export interface HistoryMoment {
  readonly thread: string;
  readonly at: 'call' | 'return';
  readonly call: string;
  readonly arguments: readonly Scalar[];
  readonly result: Scalar;
}

/** What a caller does next, given the names of the handles that there are, by type; null: it waits. `isUsed`: a call with it is under way. */
export type NextCall = (
  random: (below: number) => number,
  handles: Readonly<Record<string, readonly string[]>>,
  isUsed: (handle: string) => boolean,
) => {
  readonly call: string;
  readonly with: readonly Scalar[] /** Handles not to be used again. */;
  readonly last?: readonly string[];
} | null;

export function* randomHistory(
  system: System,
  room: Room,
  random: (below: number) => number,
  nextCall: NextCall,
): Generator<HistoryMoment, never> {
  const source = emitStepper({ ...openProgram(system, null, room, false), rules: [] });
  const { program, words } = source.layout;
  const table = cellTable(source.layout);
  const moves = movesOf(source);
  const copy = transferBetween(table, table);
  const callers = Int32Array.from({ length: table.callers }, (_, index) => index);
  const actionOf = source.leaves.map(({ thread, node }) => program.threads[thread]?.nodes[node]?.action);
  let state = encode(source.layout, program.initial);
  let objects = new Map<string, number>();
  const typeOf = new Map<string, string>();
  const running: ({ call: string; with: readonly Scalar[] } | null)[] = Array.from({ length: table.callers }, () => null);
  let made = 0;

  const put = (place: { word: number; shift: number; mask: number } | null, value: number): void => {
    if (place !== null) state[place.word] = ((state[place.word] ?? 0) & ~(place.mask << place.shift)) | (value << place.shift);
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
      const used = Math.max(
        initial,
        ...[...renamed].filter(to => to >= 0 && table.objects[to]?.type === name).map(to => table.objects[to]?.instance ?? 0),
      );
      put(table.counters[name] ?? null, used);
    }
  };
  const begin = (caller: number): HistoryMoment | null => {
    const handles: Record<string, string[]> = {};
    for (const name of objects.keys()) (handles[typeOf.get(name) ?? ''] ??= []).push(name);
    const isUsed = (handle: string): boolean => running.some(one => one?.with.includes(handle) === true);
    const next = nextCall(random, handles, isUsed);
    if (next === null) return null;
    const thread = program.threads[caller];
    const index = thread?.calls.findIndex(({ name }) => name === next.call) ?? -1;
    const node = thread?.nodes.findIndex(({ action }) => action.kind === 'call' && action.call === index) ?? -1;
    const own = table.threads[caller];
    const anchor = own?.numbers.get(node);
    if (thread === undefined || own === undefined || anchor === undefined) throw new Error(`there is no call ${next.call}`);
    for (const live of own.live[valueAt(state, 0, own.anchor ?? { word: 0, shift: 0, mask: 0 })] ?? []) put(live, 0);
    put(own.anchor, anchor);
    thread.calls[index]?.arguments.forEach(({ value }, place) => {
      const given = next.with[place] ?? null;
      const number = typeof given === 'string' ? (table.objects[objects.get(given) ?? 0]?.instance ?? 0) : Number(given ?? 0);
      if (value.kind === 'slot') put(own.live[anchor]?.find(({ slot }) => slot === value.slot) ?? null, number);
    });
    if (moves.step(caller, state, 0) !== 1) throw new Error(`${next.call} did not begin`);
    state = moves.buffer().slice(1, words + 1);
    running[caller] = { call: next.call, with: next.with };
    for (const name of next.last ?? []) objects.delete(name);
    return { thread: `T${caller + 1}`, at: 'call', call: next.call, arguments: next.with, result: null };
  };
  const end = (caller: number): HistoryMoment => {
    const own = table.threads[caller];
    const { call = '', with: given = [] } = running[caller] ?? {};
    running[caller] = null;
    const live = own?.live[valueAt(state, 0, own.anchor ?? { word: 0, shift: 0, mask: 0 })]?.find(({ slot }) => slot === 0);
    const value = live === undefined ? 0 : valueAt(state, 0, live);
    if (live !== undefined) put(live, 0);
    const { type = null, returns = 'value', word = false } = program.threads[caller]?.calls.find(({ name }) => name === call)?.result ?? {};
    let result: Scalar = value;
    if (type !== null) {
      result = `${type}#${(made += 1)}`;
      objects.set(result, (table.firstOf[type] ?? 0) + value - 1);
      typeOf.set(result, type);
    } else if (returns === 'boolean') result = value !== 0;
    else if (returns === 'nothing') result = null;
    else if (word && value !== 0) {
      const text = program.words[value - 1] ?? '';
      result = /^\d+$/.test(text) ? Number(text) : text;
    }
    compact();
    return { thread: `T${caller + 1}`, at: 'return', call, arguments: given, result };
  };
  /** None where there is no room for an object: others go on first. */
  const stepsOf = (thread: number): number => {
    try {
      return moves.step(thread, state, 0);
    } catch (fault) {
      if (!(fault instanceof Excess) || fault.type === null) throw fault;
      compact();
      return 0;
    }
  };
  for (;;) {
    const thread = random(program.threads.length);
    if (thread < table.callers && running[thread] === null) {
      const moment = begin(thread);
      if (moment !== null) yield moment;
      continue;
    }
    const ways = stepsOf(thread);
    if (ways === 0) continue;
    const at = random(ways) * moves.stride;
    const action = actionOf[moves.buffer()[at] ?? 0];
    state = moves.buffer().slice(at + 1, at + 1 + words);
    if (action?.kind === 'return') yield end(thread);
  }
}
