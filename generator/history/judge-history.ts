/**
 * Whether a history of calls and returns is one that the spec explains: some order of the hidden steps gives every call the result that it had.
 * Of any length: what is kept is what the model may be in now, apart for handles that have nothing to do with each other.
 */
import type { Scalar } from '../../oracles/event.ts';
import { emitStepper, type StepperSource } from '../explore/emit-stepper.ts';
import { largestNumber, openProgram, type Room } from '../instantiate/open-program.ts';
import { applyVariant } from '../instantiate/variant.ts';
import type { System } from '../model.ts';
import type { Call, Program } from '../program.ts';
import { transferBetween } from './cell-table.ts';
import { type Engine, engineOf } from './engine.ts';
import { Excess } from './moves.ts';
import { smallestRoom, withCallers, withMore } from './room.ts';
import { TooMuch } from './runs.ts';
import type { Part, StateSet } from './state-set.ts';

/** The history is none: it says something that cannot be, whatever the implementation did. */
export class HistoryError extends Error {}

export type Ending =
  /** No run of the spec gives this result here. */
  | { readonly kind: 'violation'; readonly rejection: Rejection }
  /** The model has no room for what happened, or looking at all runs takes too long. */
  | { readonly kind: 'inconclusive'; readonly why: string };

export interface Rejection {
  readonly thread: string;
  readonly call: string;
  readonly arguments: readonly Scalar[];
  readonly result: Scalar;
  /** Results that some run gives here; empty if the call cannot return yet. A handle is `a new Kvm`. */ readonly allowed: readonly Scalar[];
  /** Calls that are under way, on the same objects, the rejected one included. */ readonly underWay: readonly string[];
  /** Where the explanations stood, for whoever explains. */ readonly at: {
    readonly engine: Engine;
    readonly set: StateSet;
    readonly caller: number;
    readonly call: Call;
  };
}

export interface HistoryJudge {
  /** Throws a HistoryError. Null: explained so far. After an ending nothing more is judged. */
  readonly call: (thread: string, name: string, with_: readonly Scalar[]) => Ending | null;
  readonly return: (thread: string, result: Scalar, name?: string) => Ending | null;
  /** What the call that is under way in this thread may return now; empty if it has to wait for another. */
  readonly mayReturn: (thread: string) => readonly Scalar[];
  /** Everything is as at first, and what was worked out is kept: for many short histories. */ readonly forget: () => void;
  /** What is kept now. */ readonly size: () => HistorySize;
}

export interface HistorySize {
  /** Handles that can still be used. */ readonly handles: number;
  /** Groups of handles and calls that have nothing to do with each other. */ readonly groups: number;
  /** States of the largest set that explains a group. */ readonly largest: number;
  /** States remembered. */ readonly remembered: number;
  readonly room: Room;
}

export interface HistoryOptions {
  readonly variant?: string | null;
  /** Explore every hidden step, whether it matters or not. Slow; for tests. */ readonly unreduced?: boolean;
  readonly room?: Room;
  /** States remembered at most. */ readonly mostRemembered?: number;
}

/** Objects and calls that hang together, and the sets of states that explain them. */
interface Group {
  set: StateSet;
  handles: string[];
  threads: string[];
  /** Moment of its last call or return. */ lastActive: number;
  /** What some runs of the model were lost to. */ lost: ReadonlySet<string>;
}
interface UnderWay {
  readonly began: number;
  readonly offer: Offer;
  readonly with: readonly Scalar[];
}
/** A call of the interface, as it is in the program. */
interface Offer {
  readonly call: Call;
  readonly node: number;
}

const mostRemembered = 300_000;
const nothing: ReadonlySet<string> = new Set();

export function judgeHistory(system: System, options: HistoryOptions = {}): HistoryJudge {
  const variant = options.variant ?? null;
  // What a defect guards is not known to be guarded.
  const isWrong = system.variants.some(({ name, breaks }) => name === variant && breaks.length > 0);
  const rules = isWrong ? [] : applyVariant(system, variant).rules;
  let room = options.room ?? smallestRoom(system);
  let source = emit(system, variant, room);
  let engine = engineOf(source, rules, options.unreduced !== true);
  const { program } = source.layout;
  const offers = offersOf(program);
  const isSeparable = separable(program);
  const groups = new Set<Group>();
  const groupOfHandle = new Map<string, Group>();
  const groupOfThread = new Map<string, Group>();
  const underWay = new Map<string, UnderWay>();
  /** Those at rest that have work pending on a queue that all share. */
  const atWork = new Set<Group>();
  let moment = 0;
  let ended: Ending | null = null;

  /** Into an engine with more room, or with nothing remembered. */
  function move(to: Room): void {
    if (to !== room) source = emit(system, variant, to);
    room = to;
    const next = engineOf(source, rules, options.unreduced !== true);
    const transfer = transferBetween(engine.table, next.table);
    const moved = new Map<StateSet, StateSet>();
    for (const group of groups) {
      const set = moved.get(group.set) ?? engine.moveTo(group.set, next, transfer);
      moved.set(group.set, set);
      group.set = set;
    }
    engine = next;
  }
  function withRoom<Result>(act: () => Result): Result {
    for (;;) {
      try {
        return act();
      } catch (fault) {
        if (!(fault instanceof Excess) || fault.type === null) throw fault;
        const more = withMore(room, fault.type);
        if (more === null) throw new Excess(`there are ${fault.message.replace(/^.*: /, '')} that hang together`);
        move(more);
      }
    }
  }
  function join(all: readonly Group[]): Group {
    const [first, ...rest] = all;
    if (first === undefined) {
      const group: Group = { set: engine.empty, handles: [], threads: [], lost: nothing, lastActive: moment };
      groups.add(group);
      return group;
    }
    for (const other of rest) {
      const callers = first.threads.length + other.threads.length;
      if (callers > room.callers) grow(callers);
      first.set = withRoom(() => engine.merge(first.set, other.set));
      first.handles.push(...other.handles);
      first.threads.push(...other.threads);
      first.lastActive = Math.max(first.lastActive, other.lastActive);
      if (other.lost.size > 0) first.lost = new Set([...first.lost, ...other.lost]);
      forget(other);
    }
    place(first);
    return first;
  }
  function grow(callers: number): void {
    const more = withCallers(room, callers);
    if (more === null) throw new Excess(`${callers} calls are under way at once`);
    move(more);
  }
  function place(group: Group): void {
    groups.add(group);
    if (group.threads.length === 0 && engine.awaited(group.set) !== group.set) atWork.add(group);
    else atWork.delete(group);
    for (const handle of group.handles) groupOfHandle.set(handle, group);
    for (const thread of group.threads) groupOfThread.set(thread, group);
  }
  function forget(group: Group): void {
    groups.delete(group);
    atWork.delete(group);
  }
  /** Apart what has nothing to do with each other any more. */
  function separate(group: Group): void {
    const parts = engine.part(group.set);
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && only.handles.length === group.handles.length) {
      group.set = only.set;
      place(group);
      return;
    }
    if (!isSeparable && parts.length > 1) return place(group);
    forget(group);
    for (const handle of group.handles) groupOfHandle.delete(handle);
    for (const part of parts) place(partOf(group, part));
  }
  function partOf(group: Group, part: Part): Group {
    return {
      set: part.set,
      handles: part.handles.map(index => group.handles[index] ?? ''),
      threads: part.callers.map(index => group.threads[index] ?? ''),
      lost: group.lost,
      lastActive: group.lastActive,
    };
  }
  /**
   * A call has waited for work of everyone: what was pending before it began has run. Of objects with calls under way since then it is not known
   * which work was waited for, so nothing is concluded.
   */
  function awaitOthers(since: number): void {
    for (const group of atWork) {
      if (group.threads.length > 0 || group.lastActive >= since) continue;
      group.set = engine.awaited(group.set);
      separate(group);
    }
  }
  function guarded(act: () => Ending | null): Ending | null {
    if (ended !== null) return ended;
    moment += 1;
    try {
      ended = act();
    } catch (fault) {
      if (fault instanceof TooMuch)
        ended = { kind: 'inconclusive', why: 'There are too many ways in which the calls under way may have gone.' };
      else if (fault instanceof Excess) ended = { kind: 'inconclusive', why: `The model has no room: ${fault.message}.` };
      else throw fault;
    }
    return ended;
  }

  return {
    call: (thread, name, given) =>
      guarded(() => {
        const offer = offers.get(name);
        if (offer === undefined) throw new HistoryError(`There is no call ${name}. The interface has ${[...offers.keys()].join(', ')}.`);
        if (underWay.has(thread))
          throw new HistoryError(`${thread} calls ${name} before its call of ${underWay.get(thread)?.offer.call.name ?? ''} returned.`);
        const { call } = offer;
        if (given.length !== call.arguments.length)
          throw new HistoryError(`${name} has ${call.arguments.length} arguments, not ${given.length}.`);
        const values = call.arguments.map((argument, index) => {
          const value = given[index] ?? null;
          return argument.type === null || value === null ? plainValue(program, name, value) : handleNamed(name, argument.type, value);
        });
        const wanted = new Set(values.flatMap(value => (typeof value === 'string' ? [groupOfHandle.get(value) as Group] : [])));
        if (!isSeparable) for (const group of groups) wanted.add(group);
        if (engine.size() > (options.mostRemembered ?? mostRemembered)) move(room);
        const group = join([...wanted]);
        if (group.threads.length + 1 > room.callers) grow(group.threads.length + 1);
        const slots = call.arguments.flatMap(({ value }, index): [number, number][] => {
          const own = values[index] ?? 0;
          if (value.kind !== 'slot') return [];
          return [[value.slot, typeof own === 'number' ? own : instanceOf(group, own)]];
        });
        group.set = withRoom(() => engine.call(group.set, offer.node, slots));
        group.threads.push(thread);
        groupOfThread.set(thread, group);
        underWay.set(thread, { offer, with: given, began: moment });
        group.lastActive = moment;
        return null;
      }),
    return: (thread, result, name) =>
      guarded(() => {
        const own = underWay.get(thread);
        const group = groupOfThread.get(thread);
        if (own === undefined || group === undefined)
          throw new HistoryError(`${thread} returns${name === undefined ? '' : ` from ${name}`} and is in no call.`);
        const { call } = own.offer;
        if (name !== undefined && name !== call.name) throw new HistoryError(`${thread} returns from ${name} and is in ${call.name}.`);
        const { type } = call.result;
        const wanted = valueOfResult(program, call, result);
        const isHandle = type !== null && result !== null;
        if (isHandle && groupOfHandle.has(String(result)))
          throw new HistoryError(`${String(result)} is given back by ${call.name} and is the name of something else already.`);
        const caller = group.threads.indexOf(thread);
        const { ways, lost } = withRoom(() => engine.returns(group.set, caller, type));
        if (lost.length > 0) group.lost = new Set([...group.lost, ...lost]);
        const way = ways.find(({ value }) => value === wanted);
        if (way === undefined) {
          const why = [...group.lost];
          if (why.length > 0) return { kind: 'inconclusive', why: `Not all that may have happened could be followed: ${why.join('; ')}.` };
          const rejection: Rejection = {
            thread,
            call: call.name,
            arguments: own.with,
            result,
            allowed: ways.map(({ value }) => resultOf(program, call, value)),
            underWay: group.threads.map(one => `${one} ${callText(one)}`),
            at: { engine, set: group.set, caller, call },
          };
          return { kind: 'violation', rejection };
        }
        group.set = way.set;
        group.threads.splice(caller, 1);
        groupOfThread.delete(thread);
        underWay.delete(thread);
        if (way.flushed) awaitOthers(own.began);
        group.lastActive = moment;
        if (isHandle) {
          group.handles.push(String(result));
          groupOfHandle.set(String(result), group);
        }
        separate(group);
        return null;
      }),
    mayReturn: thread => {
      const own = underWay.get(thread);
      const group = groupOfThread.get(thread);
      if (own === undefined || group === undefined) throw new HistoryError(`${thread} is in no call.`);
      const { call } = own.offer;
      const { ways } = withRoom(() => engine.returns(group.set, group.threads.indexOf(thread), call.result.type));
      return ways.map(({ value }) => resultOf(program, call, value));
    },
    forget() {
      groups.clear();
      groupOfHandle.clear();
      groupOfThread.clear();
      underWay.clear();
      atWork.clear();
      ended = null;
    },
    size: () => ({
      handles: groupOfHandle.size,
      groups: groups.size,
      largest: [...groups].reduce((most, group) => Math.max(most, group.set.states.length), 0),
      remembered: engine.size(),
      room,
    }),
  };

  function callText(thread: string): string {
    const own = underWay.get(thread);
    return own === undefined ? '' : `${own.offer.call.name}(${own.with.map(String).join(', ')})`;
  }
  function handleNamed(name: string, type: string, value: Scalar): string {
    if (typeof value !== 'string') throw new HistoryError(`${name} wants the name of a ${type}, not ${JSON.stringify(value)}.`);
    const group = groupOfHandle.get(value);
    if (group === undefined) throw new HistoryError(`${name} is called with ${value}, which no call has given back, or which is gone.`);
    const own = group.set.handles[group.handles.indexOf(value)];
    if (own !== type) throw new HistoryError(`${name} wants a ${type}, and ${value} is a ${own ?? ''}.`);
    return value;
  }
  function instanceOf(group: Group, handle: string): number {
    const object = group.set.objects[group.handles.indexOf(handle)] ?? -1;
    return engine.table.objects[object]?.instance ?? 0;
  }
}

function emit(system: System, variant: string | null, room: Room): StepperSource {
  return emitStepper({ ...openProgram(system, variant, room, false), rules: [] });
}

function offersOf(program: Program): ReadonlyMap<string, Offer> {
  const thread = program.threads[0];
  return new Map(
    (thread?.calls ?? []).map((call, index): [string, Offer] => [
      call.name,
      {
        call,
        node: thread?.nodes.findIndex(({ action }) => action.kind === 'call' && action.call === index) ?? -1,
      },
    ]),
  );
}

/** Whether what hangs together is all that can tell: nothing that is declared, and so shared by all, ever changes. */
function separable(program: Program): boolean {
  const declared = new Set(program.types.filter(({ initial }) => initial > 0).map(({ name }) => name));
  return program.threads.every(thread =>
    thread.nodes.every(({ action }) => {
      if (action.kind === 'flush-queue-begin') return thread.context !== 'worker';
      if (!('target' in action) || action.target === null || !declared.has(action.target.type)) return true;
      return ['read-constant', 'assert-held', 'flush-queue-end'].includes(action.kind);
    }),
  );
}

function plainValue(program: Program, name: string, value: Scalar): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'string') {
    const word = program.words.indexOf(value);
    if (word < 0) throw new HistoryError(`${name} is called with ${JSON.stringify(value)}, a word that the spec does not have.`);
    return word + 1;
  }
  if (!Number.isSafeInteger(value) || value < 0 || value > largestNumber)
    throw new HistoryError(`${name} is called with ${value}; numbers of the model go from 0 to ${largestNumber}.`);
  return value;
}

/** The result in the program's numbers; -1 for one that no call of the spec can have. */
function valueOfResult(program: Program, call: Call, result: Scalar): number {
  const { type, word, returns } = call.result;
  if (returns === 'nothing') return result === null ? 0 : -1;
  if (type !== null) return result === null ? 0 : typeof result === 'string' ? 1 : -1;
  if (returns === 'boolean') return typeof result === 'boolean' || result === 0 || result === 1 ? Number(result) : -1;
  if (typeof result === 'number' && (!word || result === 0)) return result;
  if (typeof result === 'boolean' || result === null) return -1;
  const index = program.words.indexOf(String(result));
  return index < 0 ? -1 : index + 1;
}

function resultOf(program: Program, call: Call, value: number): Scalar {
  const { type, word, returns } = call.result;
  if (returns === 'nothing') return null;
  if (type !== null) return value === 0 ? null : `a new ${type}`;
  if (returns === 'boolean') return value !== 0;
  if (!word || value === 0) return value;
  const text = program.words[value - 1] ?? '';
  return /^\d+$/.test(text) ? Number(text) : text;
}
