/** How fast histories of calls and returns are explained by the spec. Time is that of the processor: nothing else is waited for. */
import { randomFrom } from '../../conformance/seed.ts';
import type { Scalar } from '../../oracles/event.ts';
import { systemForTests } from '../history/for-tests.ts';
import { type HistoryJudge, judgeHistory } from '../history/judge-history.ts';
import { type HistoryMoment, type NextCall, randomHistory } from '../history/random-history.ts';
import { irqfdCalls } from '../history/random-irqfd.ts';
import type { System } from '../model.ts';
import type { BenchRow, Measure } from './row.ts';

const SEQUENTIAL = 100_000;
const OVERLAPPING = 5_000;
const CALLS = 10_000;
/** The history is judged again and again with other names: what a program does in a loop. */
const ROUNDS = 10;

/** Every call on one of four eventfds and one machine, four callers at once. */
const nextOfFour: NextCall = (random, handles) => {
  const [vm] = handles['VmFile'] ?? [];
  const fds = handles['Descriptor'] ?? [];
  if (vm === undefined) return { call: 'createVm', with: [] };
  if (fds.length < 4) return { call: 'createEventfd', with: [] };
  const fd = fds[random(4)] ?? '';
  return (
    [
      { call: 'createInterruptController', with: [vm] },
      { call: 'assign', with: [vm, fd, 5] },
      { call: 'readCount', with: [fd] },
      { call: 'pendingInterrupt', with: [vm, 5] },
    ][random(4)] ?? null
  );
};

function historyOf(system: System, callers: number, calls: number, next: NextCall): HistoryMoment[] {
  const moments: HistoryMoment[] = [];
  const room = { callers, pools: Object.fromEntries(Object.keys(system.objects).map(type => [type, callers === 1 ? 4 : 5])) };
  for (const moment of randomHistory(system, room, randomFrom(3), next)) {
    moments.push(moment);
    if (moments.length === 2 * calls) break;
  }
  return moments;
}

/** Throws if it is not explained. */
function explain(judge: HistoryJudge, moments: readonly HistoryMoment[], round: number): number {
  const named = (value: Scalar): Scalar => (typeof value === 'string' && value.includes('#') ? `${value} ${round}` : value);
  const began = process.cpuUsage().user;
  for (const { thread, at, call, arguments: given, result } of moments) {
    const ending =
      at === 'call' ? judge.call(`${thread} ${round}`, call, given.map(named)) : judge.return(`${thread} ${round}`, named(result), call);
    if (ending !== null)
      throw new Error(`a history of the model itself is ${ending.kind}${ending.kind === 'inconclusive' ? `: ${ending.why}` : ''}`);
  }
  return (process.cpuUsage().user - began) / 1e6;
}

export const explaining: Measure = async say => {
  const system = await systemForTests('irqfd');
  const row = (what: string, calls: number, seconds: number, goal: number): BenchRow => ({
    what: `explaining, ${what}`,
    ours: `${Math.round(calls / seconds)} calls/s`,
    peer: null,
    ratio: null,
    goal: `${goal} calls/s`,
    met: calls / seconds >= goal,
  });
  const rows: BenchRow[] = [];
  for (const [what, callers, calls, next, goal] of [
    ['one call after the other', 1, CALLS, irqfdCalls(1, 2), SEQUENTIAL],
    ['four callers at once', 4, CALLS / 20, nextOfFour, OVERLAPPING],
  ] as const) {
    const moments = historyOf(system, callers, calls, next);
    const judge = judgeHistory(system);
    const first = explain(judge, moments, 0);
    say(`explained ${calls} calls, ${what}, for the first time in ${first.toFixed(1)} s`);
    let seconds = 0;
    // A call that is under way when the history ends would be in the way of the next.
    if (callers === 1) for (let round = 1; round <= ROUNDS; round += 1) seconds += explain(judge, moments, round);
    rows.push(callers === 1 ? row(`${what}, ${ROUNDS} times the same`, calls * ROUNDS, seconds, goal) : row(what, calls, first, goal));
  }
  return rows;
};
