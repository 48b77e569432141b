/** The bytes of a trace file, or of standard input for `-`; what is compressed with gzip is decompressed as it is read. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { UsageFault } from '../usage-fault.ts';

export async function* openTrace(file: string): AsyncGenerator<Uint8Array> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const chunks: AsyncIterator<Uint8Array> = input[Symbol.asyncIterator]();
  let first = await chunks.next();
  while (!first.done && first.value.length === 0) first = await chunks.next();
  if (first.done) return;
  const rest = withFirst(first.value, chunks);
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* rest;
    return;
  }
  const gunzip = createGunzip();
  const feeding = feed(rest, gunzip).catch((fault: unknown) => gunzip.destroy(fault instanceof Error ? fault : new Error(String(fault))));
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (fault) {
    throw new UsageFault(
      `${file}: the compressed trace is cut off or damaged (${fault instanceof Error ? fault.message : String(fault)}).`,
    );
  }
  await feeding;
}

async function* withFirst(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function feed(chunks: AsyncIterable<Uint8Array>, into: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of chunks) if (!into.write(chunk)) await new Promise(resolve => into.once('drain', resolve));
  into.end();
}
