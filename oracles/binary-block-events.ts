/** The events of blocks of a binary trace, one after another. */
import { firstEvent, recordWords, unwritten } from './binary-format.ts';
import { type Block, createRecords } from './binary-records.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { createEventChecker } from './read-trace.ts';
import { TraceError } from './trace-error.ts';

/**
 * Takes a block, and says how many of its words it took. Events are checked for their form, and for the names of the system, if there is one.
 * Throws a TraceError at the first record that is wrong. `line`: number of the record.
 */
export function eventsOfBlocks(
  definition: OracleDefinition | null,
  onEvent: (event: Event, line: number) => void,
): (block: Block) => number {
  const records = createRecords();
  const checker = createEventChecker(definition);
  let line = 0;
  return block => {
    let at = 0;
    while (at + recordWords <= block.end) {
      const kind = (block.words[at + 2] ?? 0) & 255;
      line++;
      if (kind === unwritten) throw new TraceError(line, 'kind', 'The record was never written. The trace was cut off here.');
      if (kind >= firstEvent) {
        const event = checker.check(records.event(block, at, line), line);
        if (event.kind === 'free') records.forget(block.words[at + 3] ?? 0);
        onEvent(event, line);
        at += recordWords;
        continue;
      }
      const size = records.take(block, at, line);
      if (size === 0) {
        line--;
        break;
      }
      at += size;
    }
    return at;
  };
}
