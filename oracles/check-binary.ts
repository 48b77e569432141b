/** Judges a whole binary trace, or reads its events. */
import { eventsOfBlocks } from './binary-block-events.ts';
import { recordBytes } from './binary-format.ts';
import { type BinaryHead, readBinaryHead } from './binary-head.ts';
import type { Block } from './binary-records.ts';
import type { OracleDefinition } from './definition.ts';
import type { TraceHeader } from './event.ts';
import { createRecordJudge, type RecordJudge } from './judge-records.ts';
import { mergeRecording } from './merge-recording.ts';
import { TraceError } from './trace-error.ts';
import { createTraceJudge, type Listener } from './trace-judge.ts';
import type { Report } from './verdict.ts';

/** Throws a TraceError at the first record that is wrong; its line is the number of the record. */
export async function checkBinary(
  input: AsyncIterable<Uint8Array | string>,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener = () => {},
  predict = false,
): Promise<Report> {
  const judges: Pick<RecordJudge, 'block' | 'end'>[] = [];
  await readBlocks(input, ({ header }) => {
    const definition = header.system === null ? null : oracleFor(header.system);
    if (definition === undefined)
      throw new TraceError(
        1,
        'system',
        `There is no oracle for a system ${header.system}. Correct the name, or generate one from its spec.`,
      );
    const judge =
      definition === null || predict
        ? eventJudge(definition, header, onFinding, predict)
        : createRecordJudge(definition, header.observes, onFinding);
    judges.push(judge);
    return judge.block;
  });
  const [judge] = judges;
  if (judge === undefined) throw new TraceError(1, '', 'The trace is empty.');
  return judge.end();
}

/** Builds each event, for rules that need no system, and for prediction. */
function eventJudge(
  definition: OracleDefinition | null,
  { observes, places }: TraceHeader,
  onFinding: Listener,
  predict: boolean,
): Pick<RecordJudge, 'block' | 'end'> {
  const judge = createTraceJudge(definition, { observes, places, predict }, onFinding);
  return { block: eventsOfBlocks(definition, judge.event), end: judge.end };
}

/** Blocks go to what `begin` gives for the head. It says how many words it took; the others come again with those that follow. */
export async function readBlocks(
  input: AsyncIterable<Uint8Array | string>,
  begin: (head: BinaryHead) => (block: Block) => number,
): Promise<void> {
  const pile = createPile();
  let head: BinaryHead | null = null;
  let take: ((block: Block) => number) | null = null;
  for await (const bytes of input) {
    pile.add(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
    if (head === null || take === null) {
      head = readBinaryHead(pile.bytes());
      if (head === null) continue;
      take = begin(head);
      pile.drop(head.start);
    }
    if (head.chunks === null) pile.drop(take(pile.block()) * 4);
    else if (pile.bytes().length >= head.chunks.bytes * head.chunks.count) break;
  }
  if (head === null || take === null) throw new TraceError(1, '', 'The trace was cut off in its head.');
  if (head.chunks !== null) {
    const { words, end } = pile.block();
    const used = Math.min(end, (head.chunks.bytes / 4) * head.chunks.count);
    for (const block of mergeRecording(words.subarray(0, used), head.chunks.bytes)) take(block);
    if (head.chunks.lost) throw new TraceError(1, '', 'The recorder ran out of room and left events out. Give it a larger file.');
  } else if (pile.bytes().length > 0)
    throw new TraceError(1, '', `The trace was cut off in the middle of a record of ${recordBytes} bytes or its text.`);
}

/** Bytes that arrived and were not taken yet, at an address that words can be read from. */
function createPile() {
  let bytes = new Uint8Array(1 << 20);
  let words = new Uint32Array(bytes.buffer);
  let end = 0;
  return {
    add(more: Uint8Array): void {
      if (end + more.length > bytes.length) {
        const larger = new Uint8Array(Math.ceil(Math.max(bytes.length * 2, end + more.length) / 4) * 4);
        larger.set(bytes.subarray(0, end));
        bytes = larger;
        words = new Uint32Array(bytes.buffer);
      }
      bytes.set(more, end);
      end += more.length;
    },
    bytes: (): Uint8Array => bytes.subarray(0, end),
    block: (): Block => ({ words, bytes, end: Math.floor(end / 4) }),
    drop(count: number): void {
      bytes.copyWithin(0, count, end);
      end -= count;
    },
  };
}
