/** Makes a binary trace of any length on the fly: one life after another, each the same records with other numbers. */
import { benchStart, lifeOf } from './bench-workload.ts';
import { define, object, recordBytes, recordWords } from './binary-format.ts';
import type { Block } from './binary-records.ts';
import { createBinaryWriter } from './write-binary.ts';

export interface Laps {
  /** What comes before the first lap. */
  readonly start: Block;
  /** The next lap, in the same memory as the one before. */
  readonly next: () => Block;
  /** Events of each. */
  readonly events: number;
}

export function createLaps(signals: number): Laps {
  const writer = createBinaryWriter();
  for (const event of benchStart) writer.event(event);
  const first = lifeOf(0, signals, 1);
  for (const event of first) writer.event(event);
  const start = blockOf(writer.take());
  // In the second life all names but those of its objects are known, as in all that follow.
  for (const event of lifeOf(1, signals, 1 + first.length)) writer.event(event);
  const lap = blockOf(writer.take());
  let seq = 1 + first.length;
  let number = 1;
  function next(): Block {
    number++;
    renumber(lap, seq, number);
    seq += first.length;
    return lap;
  }
  return { start, next, events: first.length };
}

/** Every record gets the sequence that its event has when the first one has `from`; the objects get a new number. */
function renumber({ words, end }: Block, from: number, number: number): void {
  const first = (words[0] ?? 0) + (words[1] ?? 0) * 2 ** 32;
  for (let at = 0; at < end; at += recordWords) {
    const kind = (words[at + 2] ?? 0) & 255;
    const seq = from + ((words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 32 - first);
    words[at] = seq % 2 ** 32;
    words[at + 1] = Math.floor(seq / 2 ** 32);
    if (kind === object) words[at + 5] = number;
    if (kind === define) at += recordWords * Math.ceil((words[at + 5] ?? 0) / recordBytes);
  }
}

function blockOf(taken: Uint8Array): Block {
  const bytes = taken.slice();
  return { words: new Uint32Array(bytes.buffer), bytes, end: bytes.length / 4 };
}
