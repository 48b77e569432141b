/**
 * Judges the records of a binary trace: those that are plainly in order by the fast engine, without building an event, the others by the oracle.
 * It keeps what lives, and of what was freed as much as the oracle itself.
 */
import { firstEvent, operand, recordWords, unwritten } from './binary-format.ts';
import { type Block, createRecords } from './binary-records.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event, EventKind } from './event.ts';
import { explainFinding } from './explain.ts';
import { createRecordLane, type RecordLane } from './fast/record-lane.ts';
import { createTurns } from './fast/turns.ts';
import { createOracle } from './oracle.ts';
import { createEventChecker } from './read-trace.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Listener } from './trace-judge.ts';
import type { Finding, Report } from './verdict.ts';

export interface RecordJudge {
  /** How many words of the block were taken; the rest is the beginning of a record that the next block completes. */
  readonly block: (block: Block) => number;
  readonly end: () => Report;
  /** Events that the fast engine judged. */
  readonly fast: () => number;
}

/** `turnLength`: multiplies how long the reference judges before the fast engine does again; for tests. */
export function createRecordJudge(
  definition: OracleDefinition,
  observes: readonly EventKind[] | undefined,
  onFinding: Listener,
  turnLength = 1,
): RecordJudge {
  const oracle = createOracle(definition, { observes });
  const checker = createEventChecker(definition);
  const turns = createTurns(definition, oracle, turnLength);
  const records = createRecords({
    onObject: named => lane?.onObject(named),
    onThread: index => lane?.onThread(index),
    onKind: (index, kind) => lane?.onKind(index, kind),
    onField: (index, name) => lane?.onField(index, name),
    onWord: index => lane?.onWord(index),
  });
  const lane = turns.engine === null ? null : createRecordLane(turns.engine, records);
  let seq = -1;
  let line = 0;

  const tell = (found: readonly Finding[], event: Event): void => {
    for (const finding of found) onFinding(finding, event, () => explainFinding(finding, definition, oracle.world));
  };

  function slow(block: Block, at: number): void {
    checker.passed(seq);
    const event = checker.check(records.event(block, at, line), line);
    let found: readonly Finding[];
    try {
      found = oracle.event(event);
    } catch (error) {
      throw error instanceof TraceError ? onLine(error, line) : error;
    }
    ({ seq } = event);
    tell(found, event);
    if (event.kind === 'free') records.forget(block.words[at + 3]);
    if (turns.judged() && turns.engine !== null) {
      turns.engine.core.seq = seq;
      lane?.restart();
    }
  }
  /** The fast engine goes as far as it can, and hands over to the reference where it cannot. The next record to look at. */
  function runFast(block: Block, from: number, lane: RecordLane): number {
    const at = lane.run(block, from);
    line += (at - from) / recordWords;
    const stopped = lane.stopped();
    if (stopped === 'elsewhere') return at;
    if (stopped === 'declined') {
      handOver();
      return at;
    }
    line++;
    settleSlowly(block, at, lane);
    return at + recordWords;
  }
  function handOver(): void {
    seq = turns.engine?.core.seq ?? seq;
    turns.decline();
    handOperands(false);
  }
  /** `again`: the event that was judged last is read once more. */
  function handOperands(again: boolean): void {
    lane?.handOver((block, at, its) => records.take(block, at, its), again);
  }
  function settleSlowly(block: Block, at: number, { thread }: RecordLane): void {
    const last = turns.engine?.core.seq ?? seq;
    const found = turns.broken(thread(), last);
    handOperands(true);
    checker.passed(last - 1);
    tell(found, checker.check(records.event(block, at, line), line));
    seq = last;
  }

  function judgeBlock(block: Block): number {
    const { words } = block;
    const end = block.end - recordWords;
    let at = 0;
    while (at <= end) {
      if (lane !== null && turns.isFast()) {
        at = runFast(block, at, lane);
        if (at > end) break;
      }
      const kind = words[at + 2] & 255;
      line++;
      if (kind >= firstEvent) {
        slow(block, at);
        at += recordWords;
      } else if (kind === unwritten) {
        throw new TraceError(line, 'kind', 'The record was never written. The trace was cut off here.');
      } else if (kind === operand && turns.isFast() && lane !== null) {
        if (!lane.operand(block, at, line)) handOver();
        at += recordWords;
      } else {
        const size = records.take(block, at, line);
        if (size === 0) {
          line--;
          return at;
        }
        at += size;
      }
    }
    return at;
  }

  return {
    block: judgeBlock,
    fast: turns.events,
    end() {
      if (turns.isFast()) handOver();
      const report = oracle.end();
      return { ...report, events: report.events + turns.events() };
    },
  };
}
