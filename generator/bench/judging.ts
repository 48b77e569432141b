/** How fast traces are judged with every rule of a system on, beside a monitor written by hand, in the same run. */
import { allOracles } from '../../oracles/all.oracle.ts';
import { judgeBinary, judgeJsonLines, judgeLoop, monitorByHand, type OracleSpeed } from '../../oracles/bench-oracle.ts';
import { irqfd2009Oracle } from '../../oracles/irqfd-2009.oracle.ts';
import { loopOf } from './loops.ts';
import type { BenchRow, Measure } from './row.ts';

const BINARY = 20e6;
const JSON_LINES = 6e6;
const EVENTS = 20e6;
const MANY_EVENTS = 100e6;
const LINES = 5e6;
const LOOP_EVENTS = 4e6;
/** The heap may be this much larger at the end than at a tenth of the trace, in megabytes: garbage that was not collected yet. */
const NOISE = 64;

/**
 * Each system by its own rules, on the part of its walks that does most: calls, births and ends of objects come far more often there than in a
 * run, so it is the least that a trace of the system is judged with.
 */
function ofEachSystem(peer: OracleSpeed): BenchRow[] {
  return [...allOracles].flatMap(([system, definition]): BenchRow[] => {
    const loop = loopOf(definition);
    if (loop === null) return [];
    const ours = judgeLoop(definition, loop, LOOP_EVENTS);
    const allFast = ours.fast > 0.99;
    return [
      {
        what: `judging, binary, ${system}, ${loop.different} different events`,
        ours: `${rate(ours)}, ${(100 * ours.fast).toFixed(0)} % by the fast engine`,
        peer: `${rate(peer)} by hand`,
        ratio: ours.perSecond / peer.perSecond,
        goal: 'all by the fast engine',
        met: allFast,
      },
    ];
  });
}

const rate = ({ perSecond }: OracleSpeed): string => `${(perSecond / 1e6).toFixed(2)} M/s`;

/** `large`: on 100 million events. */
export const judging =
  (large: boolean): Measure =>
  async say => {
    const heap: number[] = [];
    const judged: OracleSpeed[] = [];
    const events = large ? MANY_EVENTS : EVENTS;
    const peer = monitorByHand(EVENTS);
    const binary = judgeBinary(irqfd2009Oracle, events, speed => {
      heap.push(speed.megabytes);
      judged.push(speed);
      say(`judged ${(speed.events / 1e6).toFixed(0)} million events, ${rate(speed)}, heap ${speed.megabytes} MB, peak ${speed.peak} MB`);
    });
    const lines = judgeJsonLines(irqfd2009Oracle, LINES);
    const row = (what: string, ours: OracleSpeed, goal: number): BenchRow => ({
      what: `judging, ${what}`,
      ours: rate(ours),
      peer: `${rate(peer)} by hand`,
      ratio: ours.perSecond / peer.perSecond,
      goal: `${goal / 1e6} M/s`,
      met: ours.perSecond >= goal,
    });
    const growth = Math.max(...heap) - (heap[0] ?? 0);
    const peaks = judged.map(({ peak }) => peak);
    const [first = 0] = peaks;
    const grown = Math.max(...peaks) - first;
    return [
      row('binary', binary, BINARY),
      row('JSON Lines', lines, JSON_LINES),
      ...ofEachSystem(peer),
      {
        what: `judging, growth of the heap over ${(events / 1e6).toFixed(0)} million events`,
        ours: `${growth.toFixed(1)} MB`,
        peer: null,
        ratio: null,
        goal: `below ${NOISE} MB`,
        met: growth < NOISE,
      },
      {
        what: `judging, peak memory of the process over ${(events / 1e6).toFixed(0)} million events`,
        ours: `${Math.max(...peaks)} MB, ${grown} MB more than after a tenth`,
        peer: null,
        ratio: null,
        goal: `${NOISE} MB more at most`,
        met: grown <= NOISE,
      },
    ];
  };
