/**
 * `make fuzz`: truncated, shuffled and hostile input to the readers of traces, for `minutes`. Each input must end in a report or in a
 * TraceError, soon, and the heap must not grow from one to the next. Prints the seed of an input that does not, and exits with 1.
 */

import { benchStart, benchSystem, lifeOf } from './bench-workload.ts';
import { checkAny } from './check-any.ts';
import type { Event } from './event.ts';
import { irqfd2009Oracle } from './irqfd-2009.oracle.ts';
import { TraceError } from './trace-error.ts';
import { binaryHead, createBinaryWriter } from './write-binary.ts';

const minutes = Number(process.argv[2] ?? 10);
const firstSeed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const longestMilliseconds = 5_000;
const mostGrowth = 256e6;

function sequence(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const header = { holdfast: 'trace', version: 1, system: benchSystem } as const;
const life: readonly Event[] = [...benchStart, ...lifeOf(0, 3, 1), ...lifeOf(1, 1, 500)];
const lines = [JSON.stringify(header), ...life.map(event => JSON.stringify(event))];
const writer = createBinaryWriter();
for (const event of life) writer.event(event);
const binary = Buffer.concat([binaryHead(header), writer.take()]);
const hostile = [
  '{"',
  '[[[[[[',
  '\u0000',
  '"\\ud800"',
  '1e999',
  '-0',
  'null',
  '{"a":',
  '#',
  'Kvm#0',
  'Kvm#99999999999999999999',
  '__proto__',
  'Irqfd#1.',
  '\n\n',
];

/** One input of this seed: a good trace with some of it cut, moved, doubled or overwritten. */
function inputOf(seed: number): Uint8Array {
  const random = sequence(seed);
  random(2);
  let bytes: Buffer;
  if (random(2) === 0) {
    const some = [...lines];
    for (let edits = random(4); edits >= 0; edits--) {
      const from = random(some.length);
      const [line = ''] = some.splice(from, random(3) === 0 ? 1 : 0);
      some.splice(random(some.length + 1), 0, random(2) === 0 ? line : (some[random(some.length)] ?? ''));
      const at = random(some.length);
      const text = some[at] ?? '';
      const place = random(text.length + 1);
      if (random(2) === 0) some[at] = text.slice(0, place) + (hostile[random(hostile.length)] ?? '') + text.slice(place + random(6));
    }
    bytes = Buffer.from(some.join('\n'));
  } else bytes = Buffer.from(binary);
  for (let edits = random(6); edits > 0; edits--) {
    const at = random(bytes.length);
    const kind = random(4);
    if (kind === 0) bytes = bytes.subarray(0, at);
    else if (kind === 1) bytes[at] = random(256);
    else if (kind === 2 && at + 4 <= bytes.length) bytes.writeUInt32LE([0, 1, 255, 2 ** 31, 2 ** 32 - 1][random(5)] ?? 0, at);
    else {
      const length = random(100) * (random(2) === 0 ? 24 : 1);
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length), at + length), bytes.subarray(at)]);
    }
    if (bytes.length === 0) break;
  }
  return bytes;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Null, or what is wrong with how the readers took it. */
async function judge(seed: number): Promise<string | null> {
  const bytes = inputOf(seed);
  const began = performance.now();
  try {
    await checkAny(
      pieces(bytes, 1 + (seed % 5_000)),
      system => (system === benchSystem ? irqfd2009Oracle : undefined),
      () => {},
      seed % 2 === 1,
    );
  } catch (error) {
    if (!(error instanceof TraceError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const took = performance.now() - began;
  return took > longestMilliseconds ? `It took ${(took / 1000).toFixed(1)} seconds.` : null;
}

const until = performance.now() + minutes * 60_000;
let inputs = 0;
let floor = Number.POSITIVE_INFINITY;
for (let seed = firstSeed; performance.now() < until || inputs === 0; seed++, inputs++) {
  const wrong = await judge(seed);
  if (wrong !== null) {
    process.stdout.write(`Input of seed ${seed}: ${wrong}\nAgain: node --import tsx oracles/fuzz.ts 0 ${seed}\n`);
    process.exit(1);
  }
  const heap = process.memoryUsage().heapUsed;
  if (inputs === 2_000) floor = heap;
  if (heap > floor + mostGrowth) {
    process.stdout.write(`The heap grew by ${Math.round((heap - floor) / 1e6)} MB over ${inputs} inputs from seed ${firstSeed}.\n`);
    process.exit(1);
  }
}
process.stdout.write(`${inputs} inputs from seed ${firstSeed}: no crash, no hang, no growth.\n`);
