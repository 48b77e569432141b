/** Cuts a stream of bytes into lines, without ever keeping more than one line's limit of an unfinished one. */

export interface LineReader {
  /** Complete lines in `chunk` and what was left of earlier ones, without their newline. Null from the first line that is too long on. */
  push(chunk: Uint8Array): Buffer[] | null;
}

const NEWLINE = 0x0a;

export function lineReader(maxBytes: number): LineReader {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let flooded = false;
  return {
    push(chunk) {
      if (flooded) return null;
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const lines: Buffer[] = [];
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        if (pendingBytes + end - start > maxBytes) flooded = true;
        else lines.push(Buffer.concat([...pending, bytes.subarray(start, end)]));
        pending = [];
        pendingBytes = 0;
        start = end + 1;
      }
      pending.push(bytes.subarray(start));
      pendingBytes += bytes.length - start;
      flooded ||= pendingBytes > maxBytes;
      if (!flooded) return lines;
      pending = [];
      return null;
    },
  };
}
