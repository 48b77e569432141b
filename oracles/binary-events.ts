/** Reads a binary trace as events: to turn it into JSON Lines, or to look at it. */
import { eventsOfBlocks } from './binary-block-events.ts';
import { readBlocks } from './check-binary.ts';
import type { Event, TraceHeader } from './event.ts';

/** Events are checked for their form, not for the names of a system. Throws a TraceError at the first record that is wrong. */
export async function binaryEvents(
  input: AsyncIterable<Uint8Array | string>,
  onEvent: (event: Event) => void,
  onHeader: (header: TraceHeader) => void = () => {},
): Promise<void> {
  await readBlocks(input, ({ header }) => {
    onHeader(header);
    return eventsOfBlocks(null, onEvent);
  });
}
