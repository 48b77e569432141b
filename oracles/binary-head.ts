/** The head of a binary trace: what it is of, and how its records lie. */
import { formatVersion, headBytes, inChunks, magic, recordBytes } from './binary-format.ts';
import type { TraceHeader } from './event.ts';
import { readHeader } from './read-trace.ts';
import { TraceError } from './trace-error.ts';

export interface BinaryHead {
  readonly header: TraceHeader;
  /** Bytes before the first record or chunk. */
  readonly start: number;
  /** Null: records in order. Otherwise what several threads wrote at once, each into chunks of its own. */
  readonly chunks: { readonly bytes: number; readonly count: number; readonly lost: boolean } | null;
}

const longestHead = 1_048_576;
const largestChunk = 1 << 30;

export const isBinary = (bytes: Uint8Array): boolean => magic.every((byte, at) => bytes[at] === byte);

/** Null: it takes more bytes to know. */
export function readBinaryHead(bytes: Uint8Array): BinaryHead | null {
  if (bytes.length < headBytes) return null;
  if (!isBinary(bytes)) throw new TraceError(1, '', 'This is not a binary trace.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (at: number): number => view.getUint32(at, true);
  if (number(8) !== formatVersion)
    throw new TraceError(1, 'version', `This reads version ${formatVersion} of binary traces, not ${number(8)}.`);
  const start = number(12);
  const length = number(24);
  if (start > longestHead || start < headBytes + length || start % 8 !== 0)
    throw new TraceError(1, '', `The head says that it has ${start} bytes, ${length} of them text, which cannot be.`);
  if (bytes.length < start) return null;
  const header = readHeader(textOf(bytes.subarray(headBytes, headBytes + length)));
  if ((number(16) & inChunks) === 0) return { header, start, chunks: null };
  const chunkBytes = number(20);
  if (chunkBytes < 2 * recordBytes || chunkBytes > largestChunk || chunkBytes % recordBytes !== 0)
    throw new TraceError(1, '', `Chunks of ${chunkBytes} bytes cannot hold records.`);
  return { header, start, chunks: { bytes: chunkBytes, count: number(40), lost: number(48) !== 0 } };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TraceError(1, '', 'The header of the trace is not UTF-8 text.');
  }
}
