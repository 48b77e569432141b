/** Reads a binary trace as events: to turn it into JSON Lines, or to look at it. */
import { firstEvent, recordWords, unwritten } from './binary-format.ts';
import { type Block, createRecords } from './binary-records.ts';
import { readBlocks } from './check-binary.ts';
import type { Event, TraceHeader } from './event.ts';
import { createEventChecker } from './read-trace.ts';
import { TraceError } from './trace-error.ts';

/** Events are checked for their form, not for the names of a system. Throws a TraceError at the first record that is wrong. */
export async function binaryEvents(
  input: AsyncIterable<Uint8Array | string>,
  onEvent: (event: Event) => void,
  onHeader: (header: TraceHeader) => void = () => {},
): Promise<void> {
  const records = createRecords();
  const checker = createEventChecker(null);
  let line = 0;
  function block(of: Block): number {
    let at = 0;
    while (at + recordWords <= of.end) {
      const kind = (of.words[at + 2] ?? 0) & 255;
      line++;
      if (kind === unwritten) throw new TraceError(line, 'kind', 'The record was never written. The trace was cut off here.');
      if (kind >= firstEvent) {
        const event = checker.check(records.event(of, at, line), line);
        if (event.kind === 'free') records.forget(of.words[at + 3] ?? 0);
        onEvent(event);
        at += recordWords;
        continue;
      }
      const size = records.take(of, at, line);
      if (size === 0) {
        line--;
        break;
      }
      at += size;
    }
    return at;
  }
  await readBlocks(input, ({ header }) => {
    onHeader(header);
    return block;
  });
}
