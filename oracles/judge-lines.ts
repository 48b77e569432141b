/**
 * Judges the lines of a trace in JSON Lines: those that look as most do, and are plainly in order, as bytes; the others are read and judged as
 * ever.
 */
import type { OracleDefinition } from './definition.ts';
import type { Event, EventKind } from './event.ts';
import { explainFinding } from './explain.ts';
import { createLineLane, type LineLane } from './fast/line-lane.ts';
import { createTurns } from './fast/turns.ts';
import { createOracle } from './oracle.ts';
import { createEventChecker, createLineDecoder } from './read-trace.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Listener } from './trace-judge.ts';
import type { Finding, Report } from './verdict.ts';

export interface LineJudge {
  /** Whole lines, each with its end; the first has this number. Throws a TraceError if one is no event, or one that cannot have happened. */
  readonly lines: (bytes: Uint8Array, from: number, end: number, line: number) => number;
  readonly end: () => Report;
  /** Events that the fast engine judged. */
  readonly fast: () => number;
}

const newline = 10;

/** `turnLength`: multiplies how long the reference judges before the fast engine does again; for tests. */
export function createLineJudge(
  definition: OracleDefinition,
  observes: readonly EventKind[] | undefined,
  onFinding: Listener,
  turnLength = 1,
): LineJudge {
  const oracle = createOracle(definition, { observes });
  const { world } = oracle;
  const checker = createEventChecker(definition);
  const decode = createLineDecoder();
  const turns = createTurns(definition, oracle, turnLength);
  const lineLane = turns.engine === null ? null : createLineLane(turns.engine);

  const tell = (found: readonly Finding[], event: Event): void => {
    for (const finding of found) onFinding(finding, event, () => explainFinding(finding, definition, world));
  };

  /** The next line to look at. */
  function slow(bytes: Uint8Array, from: number, line: number): number {
    const end = bytes.indexOf(newline, from);
    const event = checker.read(decode(bytes.subarray(from, end), line), line);
    let found: readonly Finding[];
    try {
      found = oracle.event(event);
    } catch (error) {
      throw error instanceof TraceError ? onLine(error, line) : error;
    }
    tell(found, event);
    if (turns.judged() && turns.engine !== null) {
      turns.engine.core.seq = event.seq;
      lineLane?.restart();
    }
    return end + 1;
  }
  /** An event that was judged has broken a rule about states. */
  function settleSlowly(bytes: Uint8Array, from: number, line: number, { thread }: LineLane): number {
    const last = turns.engine?.core.seq ?? 0;
    const found = turns.broken(thread(), last);
    const end = bytes.indexOf(newline, from);
    checker.passed(last - 1);
    tell(found, checker.read(decode(bytes.subarray(from, end), line), line));
    return end + 1;
  }
  function handOver(): void {
    checker.passed(turns.engine?.core.seq ?? checker.last());
    turns.decline();
  }

  function lines(bytes: Uint8Array, from: number, end: number, first: number): number {
    let at = from;
    let line = first;
    while (at < end) {
      if (lineLane !== null && turns.isFast()) {
        at = lineLane.run(bytes, at, end);
        line += lineLane.lines();
        const stopped = lineLane.stopped();
        if (stopped === 'end') break;
        if (stopped === 'declined') handOver();
        else at = settleSlowly(bytes, at, line++, lineLane);
        continue;
      }
      at = slow(bytes, at, line++);
    }
    return line;
  }
  return {
    lines,
    end() {
      if (turns.isFast()) handOver();
      const report = oracle.end();
      return { ...report, events: report.events + turns.events() };
    },
    fast: turns.events,
  };
}
