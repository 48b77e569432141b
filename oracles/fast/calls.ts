/** Calls of the interface and their contracts, in the fast engine: what `judge-calls.ts` and `contract.ts` do where nothing is wrong. */
import type { Scalar } from '../event.ts';
import { wordGiven } from './conditions.ts';
import type { Core } from './engine.ts';
import { forgetLeft, type LeftChanges } from './left.ts';
import { deepest } from './memory.ts';
import type { FastContract, Tables } from './tables.ts';
import type { Call, Promised } from './threads.ts';

/** Calls within calls of one thread; with more, the reference judges. */
const mostCalls = 64;

export function createCalls(core: Core, left: LeftChanges) {
  const { tables, memory, store, threads, exercised } = core;
  const balance = core.counter(core.always.locksBalance);

  /** Every contract of a call under way looks at the present instant. */
  function atInstant(): void {
    for (let at = 0; at < core.underWay.length; at++) look(core.underWay[at]);
  }
  function look(one: Promised): void {
    const {
      contract: { fails, ensures },
      thread,
      of,
    } = one;
    let any = false;
    for (let at = 0; at < fails.length; at++) {
      const due = fails[at];
      if (due === null || !due(memory, thread, of[0], of[1], of[2], of[3])) continue;
      any = true;
      one.due |= 1 << at;
    }
    if (!any) one.alwaysDue = false;
    if (!one.ensured && ensures !== null && ensures(memory, thread, of[0], of[1], of[2], of[3])) one.ensured = true;
  }

  /** `objects`: for each argument the object that it is, or 0. False: declined. */
  function call(thread: number, seq: number, name: string, values: readonly Scalar[], objects: readonly number[]): boolean {
    const contracts = tables.contracts.get(name) ?? [];
    if (name === '' || threads.calls[thread].length >= mostCalls || values.length > 4) return false;
    const promised: Promised[] = contracts.length === 0 ? noneIs : [];
    for (const contract of contracts) {
      const of = argumentsOf(tables, contract, values, objects);
      if (of === null) return false;
      if (contract.state.judged !== 'not')
        promised.push({
          contract,
          thread,
          of,
          values,
          due: 0,
          alwaysDue: true,
          ensured: false,
          left: contract.mayLeave === null ? noLeft : new Map(),
        });
    }
    const from = thread * deepest;
    const depth = memory.depth[thread];
    const begun: Call = {
      name,
      since: seq,
      places: numbersOf(memory.heldPlace, from, depth),
      objects: numbersOf(memory.heldObject, from, depth),
      nodes: numbersOf(memory.heldNode, from, depth),
      sinces: numbersOf(memory.heldSince, from, depth),
      promised,
      reads: tables.readOnce.size === 0 ? noReads : new Map(),
    };
    pinAll(begun, store.pin);
    threads.calls[thread].push(begun);
    for (const one of promised) core.underWay.push(one);
    core.instant = true;
    return true;
  }
  function returned(thread: number, name: string, result: Scalar): boolean {
    const { length } = threads.calls[thread];
    if (length === 0) return false;
    const ended = threads.calls[thread][length - 1];
    if (ended.name !== name || !holdsAs(ended, thread)) return false;
    for (const one of ended.promised) if (!isRight(left, one, result)) return false;
    threads.calls[thread].pop();
    abandon(core, thread);
    for (const { contract } of ended.promised) exercised[core.counter(contract.state)]++;
    exercised[balance]++;
    forget(ended);
    return true;
  }
  function holdsAs({ places, sinces }: Call, thread: number): boolean {
    if (memory.depth[thread] !== places.length) return false;
    const from = thread * deepest;
    return places.every((place, at) => memory.heldPlace[from + at] === place && memory.heldSince[from + at] === sinces[at]);
  }
  function forget(ended: Call): void {
    for (const one of ended.promised) {
      core.underWay.splice(core.underWay.indexOf(one), 1);
      forgetLeft(core, one);
    }
    pinAll(ended, store.unpin);
  }
  /** The thread ends, and holds nothing. */
  function end(thread: number): boolean {
    if (memory.depth[thread] > 0 || threads.waits[thread] !== 0) return false;
    abandon(core, thread);
    for (const ended of threads.calls[thread]) forget(ended);
    threads.calls[thread].length = 0;
    threads.end(thread);
    return true;
  }
  return { call, returned, end, atInstant };
}

/** The call, the run or the thread is over: what it took is not certain to belong to the release. */
export function abandon({ threads, store }: Core, thread: number): void {
  const releases = threads.releases[thread];
  for (const { object } of releases) store.unpin(object);
  // To empty an empty list is not free.
  if (releases.length > 0) releases.length = 0;
}

const none: readonly number[] = [];
// Where nothing is put in.
const noneIs: Promised[] = [];
export const noLeft: Promised['left'] = new Map();
const noReads: Map<number, number> = new Map();

function numbersOf(all: Int32Array | Float64Array, from: number, many: number): readonly number[] {
  if (many === 0) return none;
  const numbers: number[] = [];
  for (let at = from; at < from + many; at++) numbers.push(all[at]);
  return numbers;
}

/** A call keeps the words of its objects, also if they are freed. */
export function pinAll({ objects, promised }: Call, pin: (object: number) => void): void {
  for (const object of objects) pin(object);
  for (const { contract, of } of promised) for (const [at, isObject] of contract.objects.entries()) if (isObject) pin(of[at]);
}

/** Null: an argument is not of the kind that the contract takes, or there are more or fewer of them. */
function argumentsOf(
  tables: Tables,
  { objects: isObject }: FastContract,
  values: readonly Scalar[],
  objects: readonly number[],
): number[] | null {
  if (values.length !== isObject.length) return null;
  const of: number[] = [];
  for (const [at, value] of values.entries()) {
    if (isObject[at]) {
      if (value !== null && objects[at] === 0) return null;
      of.push(objects[at]);
    } else {
      const given = plainArgument(tables, value);
      if (given === null) return null;
      of.push(given);
    }
  }
  while (of.length < 4) of.push(0);
  return of;
}
/** As conditions are given it; null: it is nothing that they know. */
export function plainArgument({ words, fieldWords }: Tables, value: Scalar): number | null {
  if (value === null) return wordGiven(0);
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : null;
  const word = typeof value === 'string' && fieldWords.has(value) ? words.get(value) : undefined;
  return word === undefined ? null : wordGiven(word);
}

function isRight(left: LeftChanges, one: Promised, result: Scalar): boolean {
  const { contract, due, alwaysDue, ensured } = one;
  const errno = typeof result === 'string' ? contract.errnos.indexOf(result) : -1;
  if (errno >= 0) return ((due & (1 << errno)) !== 0 || contract.fails[errno] === null) && left.isNothing(one);
  return !alwaysDue && (contract.ensures === null || ensured);
}
