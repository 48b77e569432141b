/**
 * What several threads recorded at once, in one order. Each wrote into chunks of its own, in the order of its events; every record has a
 * number of one common sequence. A record that was begun and not finished, when the process was killed, ends what its thread wrote.
 */
import { chunk, define, recordBytes, recordWords, unwritten } from './binary-format.ts';
import type { Block } from './binary-records.ts';
import { TraceError } from './trace-error.ts';

interface Buffer {
  /** Where its chunks begin and end, in words. */
  readonly chunks: (readonly [from: number, to: number])[];
  /** In which chunk, and where, its next record is. */
  next: number;
  at: number;
  end: number;
  /** Number of that record; infinite if there is none. */
  seq: number;
}
const wordsOfBlock = 65_536 * recordWords;

/** `words`: all chunks, one after another. */
export function* mergeRecording(words: Uint32Array, chunkBytes: number): Generator<Block> {
  const buffers = buffersOf(words, chunkBytes / 4);
  for (const buffer of buffers) advance(words, buffer, 0);
  let out = newBlock(wordsOfBlock);
  let end = 0;
  for (;;) {
    let first: Buffer | null = null;
    for (const buffer of buffers) if (buffer.seq < (first?.seq ?? Number.POSITIVE_INFINITY)) first = buffer;
    if (first === null) break;
    const size = sizeAt(words, first.at);
    if (end + size > out.words.length) {
      yield { ...out, end };
      out = newBlock(Math.max(wordsOfBlock, size));
      end = 0;
    }
    out.words.set(words.subarray(first.at, first.at + size), end);
    end += size;
    advance(words, first, size);
  }
  if (end > 0) yield { ...out, end };
}

function newBlock(length: number): { readonly words: Uint32Array; readonly bytes: Uint8Array } {
  const words = new Uint32Array(length);
  return { words, bytes: new Uint8Array(words.buffer) };
}

function buffersOf(words: Uint32Array, chunkWords: number): readonly Buffer[] {
  const buffers = new Map<number, Buffer>();
  for (let from = 0; from + recordWords <= words.length; from += chunkWords) {
    const kind = (words[from + 2] ?? 0) & 255;
    // Claimed, but the process was killed before it was used.
    if (kind === unwritten) continue;
    if (kind !== chunk) throw new TraceError(1 + from / chunkWords, 'kind', `Chunk ${from / chunkWords} does not begin as a chunk does.`);
    const number = words[from + 3] ?? 0;
    const buffer = buffers.get(number) ?? { chunks: [], next: 0, at: 0, end: 0, seq: -1 };
    buffers.set(number, buffer);
    buffer.chunks.push([from + recordWords, Math.min(from + chunkWords, words.length)]);
  }
  return [...buffers.values()];
}

/** Moves on by `size` words, to the next chunk where this one has no more. */
function advance(words: Uint32Array, buffer: Buffer, size: number): void {
  buffer.at += size;
  while (
    buffer.at + recordWords > buffer.end ||
    ((words[buffer.at + 2] ?? 0) & 255) === unwritten ||
    buffer.at + sizeAt(words, buffer.at) > buffer.end
  ) {
    const next = buffer.chunks[buffer.next++];
    if (next === undefined) {
      buffer.seq = Number.POSITIVE_INFINITY;
      return;
    }
    [buffer.at, buffer.end] = next;
  }
  buffer.seq = (words[buffer.at + 1] ?? 0) * 2 ** 32 + (words[buffer.at] ?? 0);
}

/** Words of the record, with the text that follows a definition. */
const sizeAt = (words: Uint32Array, at: number): number =>
  ((words[at + 2] ?? 0) & 255) === define ? recordWords * (1 + Math.ceil((words[at + 5] ?? 0) / recordBytes)) : recordWords;
