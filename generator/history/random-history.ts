/**
 * Histories of an implementation that does what the spec says: the model itself, under a random schedule, callers making calls at random. For
 * tests and for measuring.
 */
import type { Scalar } from '../../oracles/event.ts';
import type { Room } from '../instantiate/open-program.ts';
import type { System } from '../model.ts';
import { openRun } from './open-run.ts';

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
  const run = openRun(system, null, room);
  const underWay: ({ call: string; with: readonly Scalar[] } | null)[] = Array.from({ length: run.callers }, () => null);
  const isUsed = (handle: string): boolean => underWay.some(one => one?.with.includes(handle) === true);
  let made = 0;
  for (;;) {
    const thread = random(run.threads);
    const own = underWay[thread];
    if (thread < run.callers && own == null) {
      const next = nextCall(random, run.handles(), isUsed);
      if (next === null) continue;
      run.begin(thread, next.call, next.with);
      for (const handle of next.last ?? []) run.drop(handle);
      underWay[thread] = { call: next.call, with: next.with };
      yield { thread: `T${thread + 1}`, at: 'call', call: next.call, arguments: next.with, result: null };
      continue;
    }
    const ended = run.step(thread, random, type => `${type}#${(made += 1)}`)?.returned;
    if (ended == null || own == null) continue;
    underWay[thread] = null;
    yield { thread: `T${thread + 1}`, at: 'return', call: own.call, arguments: own.with, result: ended.result };
  }
}

/** The same history with other names, so that it can follow on another. */
export function namedAnew(moment: HistoryMoment, round: number): HistoryMoment {
  const other = (value: Scalar): Scalar => (typeof value === 'string' && value.includes('#') ? `${value} ${round}` : value);
  return { ...moment, thread: `${moment.thread} ${round}`, arguments: moment.arguments.map(other), result: other(moment.result) };
}
