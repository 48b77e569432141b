import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { binaryEvents } from '../binary-events.ts';
import { headBytes } from '../binary-format.ts';
import { checkBinary } from '../check-binary.ts';
import type { Event } from '../event.ts';
import { irqfd2009Oracle } from '../irqfd-2009.oracle.ts';
import type { Report } from '../verdict.ts';

const test = suite('native recorder');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-recorder-'));
const program = join(folder, 'recorded');
const trace = join(folder, 'trace.hft');

test.before(() => {
  const source = fileURLToPath(new URL('testdata/recorded.c', import.meta.url));
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', program, source]);
});
test.after(() => rmSync(folder, { recursive: true }));

const checked = (): Promise<Report> => checkBinary(createReadStream(trace), () => irqfd2009Oracle);

/** How often each thread did each kind of event. */
async function countByThread(): Promise<Map<string, Map<string, number>>> {
  const counts = new Map<string, Map<string, number>>();
  let last = 0;
  await binaryEvents(createReadStream(trace), ({ seq, thread, kind }: Event) => {
    assert.ok(seq > last);
    last = seq;
    const ofThread = counts.get(thread) ?? new Map<string, number>();
    counts.set(thread, ofThread.set(kind, (ofThread.get(kind) ?? 0) + 1));
  });
  return counts;
}

test('every event of every thread is in the file, in an order in which the lock excludes', async () => {
  execFileSync(program, [trace, '4', '5000']);
  const report = await checked();
  assert.equal([report.verdict, report.findings], ['pass', []]);
  const counts = await countByThread();
  const workers = [...counts].filter(([name]) => name !== 'main');
  assert.is(workers.length, 4);
  for (const [name, kinds] of workers)
    assert.equal([...kinds.values()], [1, 5000, 5000, 5000, 5000, 5000, 5000, 1], `${name}: ${[...kinds.keys()].join(' ')}`);
});

test('a process that is killed leaves all that it wrote, whole', async () => {
  for (const after of [0, 15]) {
    rmSync(trace, { force: true });
    const child = spawn(program, [trace, '4', '1000000000'], { stdio: 'ignore' });
    while (!existsSync(trace) || (await recorded()) < 20_000) await setTimeout(2);
    await setTimeout(after);
    const before = await recorded();
    child.kill('SIGKILL');
    const [, signal] = await once(child, 'exit');
    assert.is(signal, 'SIGKILL');
    const report = await checked();
    assert.equal(report.findings, []);
    // Each of five threads may have taken a number for an event that it did not finish; names and handles have numbers too.
    const total = await recorded();
    const [events, all] = await eventsAndNumbers();
    assert.is(report.events, events);
    assert.ok(total - 1 - all <= 5, `${total} numbers were given, ${all} records are there`);
    assert.ok(events > before - 200, `${events} events of ${before} when it was killed`);
    rmSync(trace);
  }
});

/** Numbers that the recorder has given so far. */
async function recorded(): Promise<number> {
  const file = await open(trace);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  await file.close();
  return bytesRead < headBytes ? 0 : Number(buffer.readBigUInt64LE(32));
}
async function eventsAndNumbers(): Promise<[number, number]> {
  let events = 0;
  await binaryEvents(createReadStream(trace), () => void events++);
  const head = await readChunks();
  let records = 0;
  for (let chunk = 0; chunk < head.chunks; chunk++)
    records += recordsIn(head.bytes.subarray(chunk * head.chunkBytes, (chunk + 1) * head.chunkBytes));
  return [events, records];
}
async function readChunks() {
  const start = 4096;
  const file = await open(trace);
  const { buffer: head } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const chunkBytes = head.readUInt32LE(20);
  const chunks = Number(head.readBigUInt64LE(40));
  const { buffer: bytes } = await file.read(Buffer.alloc(chunks * chunkBytes), 0, chunks * chunkBytes, start);
  await file.close();
  return { chunkBytes, chunks, bytes };
}
/** Records with a number, by walking the chunk as the recorder filled it. */
function recordsIn(chunk: Buffer): number {
  let records = 0;
  for (let at = 24; at + 24 <= chunk.length && chunk.readUInt8(at + 8) !== 0; at += 24) {
    records++;
    if (chunk.readUInt8(at + 8) === 1) at += Math.ceil(chunk.readUInt32LE(at + 20) / 24) * 24;
  }
  return records;
}

test.run();
