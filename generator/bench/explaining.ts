/** How fast histories of calls and returns are explained by the spec. Time is that of the processor: nothing else is waited for. */
import { randomFrom } from '../../conformance/seed.ts';
import { systemForTests } from '../history/for-tests.ts';
import { type HistoryJudge, judgeHistory } from '../history/judge-history.ts';
import { type HistoryMoment, type NextCall, randomHistory } from '../history/random-history.ts';
import { irqfdCalls, onOwnMachines } from '../history/random-irqfd.ts';
import type { System } from '../model.ts';
import type { BenchRow, Measure } from './row.ts';

const SEQUENTIAL = 100_000;
const OVERLAPPING = 5_000;

/** A history that never repeats itself: what the simulator does when callers make calls at random. */
interface Kind {
  readonly what: string;
  readonly callers: number;
  readonly calls: number;
  readonly next: NextCall;
}

/** Whoever finds none waits until others are gone. */
const roomFor = (type: string): number => (type === 'Irqfd' || type === 'RoutingTable' ? 6 : type === 'Resampler' ? 1 : 4);

function historyOf(system: System, { callers, calls, next }: Kind): HistoryMoment[] {
  const moments: HistoryMoment[] = [];
  const room = { callers, pools: Object.fromEntries(Object.keys(system.objects).map(type => [type, roomFor(type)])) };
  for (const moment of randomHistory(system, room, randomFrom(3), next)) {
    moments.push(moment);
    if (moments.length === 2 * calls) break;
  }
  return moments;
}

/** Seconds, and how many of the moments were explained before there were too many ways. Throws if it is not explained. */
function explain(judge: HistoryJudge, moments: readonly HistoryMoment[]): { readonly seconds: number; readonly explained: number } {
  const began = process.cpuUsage().user;
  let explained = 0;
  for (const { thread, at, call, arguments: given, result } of moments) {
    const ending = at === 'call' ? judge.call(thread, call, given) : judge.return(thread, result, call);
    if (ending?.kind === 'violation') throw new Error('a history of the model itself is not explained');
    if (ending !== null) break;
    explained += 1;
  }
  return { seconds: (process.cpuUsage().user - began) / 1e6, explained };
}

const perSecond = (calls: number, seconds: number): number => Math.round(calls / Math.max(seconds, 1e-6));

export const explaining: Measure = async say => {
  const system = await systemForTests('irqfd');
  // Every call is on the same machine: what is hardest is shown, and held to nothing.
  const hard: Kind = { what: 'four callers on one machine and two eventfds', callers: 4, calls: 100, next: irqfdCalls(1, 2) };
  const moments = historyOf(system, hard);
  const { seconds, explained } = explain(judgeHistory(system), moments);
  say(`explained ${explained >> 1} of ${hard.calls} calls, ${hard.what}, in ${seconds.toFixed(1)} s`);
  const kinds: readonly (Kind & { readonly goal: number })[] = [
    { what: 'one call after the other', callers: 1, calls: 200_000, next: irqfdCalls(1, 2), goal: SEQUENTIAL },
    { what: 'four callers at once', callers: 4, calls: 20_000, next: onOwnMachines(4), goal: OVERLAPPING },
  ];
  return kinds.map((kind): BenchRow => {
    const moments = historyOf(system, kind);
    const judge = judgeHistory(system);
    // Cold: the first tenth, the making of the code included. Warm: the second half.
    const tenth = moments.length / 10;
    const parts = [moments.slice(0, tenth), moments.slice(tenth, moments.length / 2), moments.slice(moments.length / 2)].map(part =>
      explain(judge, part),
    );
    if (parts.reduce((sum, part) => sum + part.explained, 0) < moments.length) throw new Error('there were too many ways to explain it');
    const [cold, , warm] = parts.map(part => part.seconds);
    const [first, last] = [perSecond(kind.calls / 10, cold ?? 0), perSecond(kind.calls / 2, warm ?? 0)];
    say(`explained ${kind.calls} calls, ${kind.what}: the first tenth ${first} calls/s, the second half ${last} calls/s`);
    return {
      what: `explaining, ${kind.what}, no history twice, second half`,
      ours: `${last} calls/s (first tenth ${first})`,
      peer: null,
      ratio: null,
      goal: `${kind.goal} calls/s`,
      met: last >= kind.goal,
    };
  });
};
