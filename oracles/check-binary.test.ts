import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate } from '../generator/instantiate/instantiate.ts';
import { successors } from '../generator/interpret/interpret.ts';
import { narrate } from '../generator/interpret/narrate.ts';
import type { Program, State, Step } from '../generator/program.ts';
import { readSystem } from '../generator/read/read-spec.ts';
import { benchStart, lifeOf } from './bench-workload.ts';
import { binaryEvents } from './binary-events.ts';
import { checkBinary } from './check-binary.ts';
import { checkTrace } from './check-trace.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { irqfd2009Oracle } from './irqfd-2009.oracle.ts';
import { createOracle } from './oracle.ts';
import type { Finding, Report } from './verdict.ts';
import { binaryHead, createBinaryWriter } from './write-binary.ts';

const test = suite('traces in binary form and in lines');

const { system: base } = readSystem(fileURLToPath(new URL('../spec', import.meta.url)), 'irqfd-2009');
assert.ok(base);

/** The trace in binary form, in pieces of `size` bytes. */
async function* inPieces(events: readonly Event[], size: number, system = 'irqfd-2009'): AsyncGenerator<Uint8Array> {
  const writer = createBinaryWriter();
  for (const event of events) writer.event(event);
  const bytes = Buffer.concat([binaryHead({ holdfast: 'trace', version: 1, system }), writer.take()]);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
function slowly(definition: OracleDefinition, events: readonly Event[]): { report: Report; told: Finding[] } {
  const oracle = createOracle(definition);
  const told = events.flatMap(event => oracle.event(event));
  return { report: oracle.end(), told };
}
async function fast(definition: OracleDefinition, events: readonly Event[], size = 1 << 16): Promise<{ report: Report; told: Finding[] }> {
  const told: Finding[] = [];
  const report = await checkBinary(
    inPieces(events, size, definition.system),
    () => definition,
    finding => told.push(finding),
  );
  return { report, told };
}

async function asLines(definition: OracleDefinition, events: readonly Event[]): Promise<{ report: Report; told: Finding[] }> {
  const told: Finding[] = [];
  async function* text(): AsyncGenerator<string> {
    yield [{ holdfast: 'trace', version: 1, system: definition.system }, ...events].map(one => JSON.stringify(one)).join('\n');
  }
  const report = await checkTrace(
    text(),
    () => definition,
    finding => told.push(finding),
  );
  return { report, told };
}

function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}
function walk(program: Program, random: () => number): Event[] {
  const steps: Step[] = [];
  let state: State | null = program.initial;
  for (let length = 0; length < 400 && state !== null; length++) {
    const possible = successors(program, state);
    const next = possible[Math.floor(random() * possible.length)];
    if (next === undefined) break;
    steps.push(next.step);
    state = next.state;
  }
  return narrate(program, steps).events;
}

test('it counts what the oracle counts over many lives', async () => {
  const events = [...benchStart, ...[0, 1, 2].flatMap(life => lifeOf(life, 20, 1 + life * lifeOf(0, 20, 0).length))];
  const { report, told } = await fast(irqfd2009Oracle, events);
  assert.equal(told, []);
  assert.equal(report, slowly(irqfd2009Oracle, events).report);
  assert.equal((await asLines(irqfd2009Oracle, events)).report, report);
});

test('where the pieces of a file begin and end does not matter', async () => {
  const events = [...benchStart, ...lifeOf(0, 3, 1)];
  const whole = await fast(irqfd2009Oracle, events);
  for (const size of [1, 7, 24, 1000]) assert.equal(await fast(irqfd2009Oracle, events, size), whole, `${size} bytes`);
});

test('events come back from a binary file as they went in', async () => {
  const { program } = instantiate(base, null, 'bothSidesClose');
  assert.ok(program);
  const events: Event[] = [
    ...walk(program, sequence(3)),
    { seq: 2 ** 40, thread: 'a thread', kind: 'call', call: 'x', arguments: [1.5, -1, 'word', null, true, 2 ** 33] },
  ];
  const back: unknown[] = [];
  await binaryEvents(inPieces(events, 100), event => back.push(event));
  assert.equal(back, events);
});

test.run();
