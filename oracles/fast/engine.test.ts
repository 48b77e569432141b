/** The fast engine finds and counts what the reference engine does, whenever they take turns: traces of every scenario, whole and with a fault. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadOracle } from '../../generator/emit/load-oracle.ts';
import { instantiate } from '../../generator/instantiate/instantiate.ts';
import { applyVariant } from '../../generator/instantiate/variant.ts';
import { successors } from '../../generator/interpret/interpret.ts';
import { narrate } from '../../generator/interpret/narrate.ts';
import type { Program, State, Step } from '../../generator/program.ts';
import { readSystem } from '../../generator/read/read-spec.ts';
import { benchStart, lifeOf } from '../bench-workload.ts';
import type { OracleDefinition } from '../definition.ts';
import type { Event, EventKind } from '../event.ts';
import { linux612Vfio } from '../ftrace/linux-6.12-vfio.ts';
import { parseLine } from '../ftrace/parse-line.ts';
import { createTranslator } from '../ftrace/translate.ts';
import { irqfdOracle } from '../irqfd.oracle.ts';
import { irqfd2009Oracle } from '../irqfd-2009.oracle.ts';
import { createLineJudge } from '../judge-lines.ts';
import { createRecordJudge } from '../judge-records.ts';
import { createOracle } from '../oracle.ts';
import { TraceError } from '../trace-error.ts';
import type { Finding, Report } from '../verdict.ts';
import { createBinaryWriter } from '../write-binary.ts';

const test = suite('the fast engine');

const specFolder = fileURLToPath(new URL('../../spec', import.meta.url));

interface Outcome {
  readonly report: Report | null;
  readonly told: readonly Finding[];
  readonly fault: string | null;
}
const say = (error: unknown): string => {
  if (error instanceof TraceError) return error.message;
  throw error;
};
function slowly(definition: OracleDefinition, events: readonly Event[], observes?: readonly EventKind[]): Outcome {
  const oracle = createOracle(definition, { observes });
  const told: Finding[] = [];
  try {
    for (const event of events) told.push(...oracle.event(event));
    return { report: oracle.end(), told, fault: null };
  } catch (error) {
    return { report: null, told, fault: say(error) };
  }
}
/** `fast`: events that the fast engine judged. */
type InTurns = (
  definition: OracleDefinition,
  events: readonly Event[],
  turnLength: number,
  observes?: readonly EventKind[],
) => Outcome & { readonly fast: number };

const recordsInTurns: InTurns = (definition, events, turnLength, observes) => {
  const writer = createBinaryWriter();
  for (const event of events) writer.event(event);
  const bytes = writer.take().slice();
  const told: Finding[] = [];
  const judge = createRecordJudge(definition, observes, finding => told.push(finding), turnLength);
  try {
    judge.block({ words: new Uint32Array(bytes.buffer), bytes, end: bytes.length / 4 });
    return { report: judge.end(), told, fault: null, fast: judge.fast() };
  } catch (error) {
    return { report: null, told, fault: say(error), fast: judge.fast() };
  }
};

const linesInTurns: InTurns = (definition, events, turnLength, observes) => {
  const bytes = new TextEncoder().encode(events.map(event => `${JSON.stringify(event)}\n`).join(''));
  const told: Finding[] = [];
  const judge = createLineJudge(definition, observes, finding => told.push(finding), turnLength);
  try {
    judge.lines(bytes, 0, bytes.length, 2);
    return { report: judge.end(), told, fault: null, fast: judge.fast() };
  } catch (error) {
    return { report: null, told, fault: say(error), fast: judge.fast() };
  }
};

function sequence(seed: number): (below: number) => number {
  let state = seed;
  return below => Math.floor(((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648) * below);
}
function walk(program: Program, random: (below: number) => number): Event[] {
  const steps: Step[] = [];
  let state: State | null = program.initial;
  for (let length = 0; length < 400 && state !== null; length++) {
    const possible = successors(program, state);
    const next = possible[random(possible.length)];
    if (next === undefined) break;
    steps.push(next.step);
    state = next.state;
  }
  return narrate(program, steps).events;
}
/** What a broken program, or a broken recorder, would make of it: an event left out, moved, doubled, or done by another thread. */
function broken(events: readonly Event[], random: (below: number) => number): Event[] {
  const wrong = [...events];
  const at = random(wrong.length);
  const event = wrong[at];
  const way = random(4);
  if (way === 0) wrong.splice(at, 1);
  else if (way === 1) wrong.splice(random(wrong.length), 0, ...wrong.splice(at, 1));
  else if (way === 2) wrong.splice(random(wrong.length), 0, event);
  else wrong[at] = { ...event, thread: wrong[random(wrong.length)].thread };
  return wrong.map((one, seq) => ({ ...one, seq }));
}

// How many variants, scenarios and walks of each: as many as a few seconds allow. And which part of the valid traces the fast engine judges at
// least, after their setup, if it is given its turn at once: the reference has each event that is declined, and the next one.
for (const [name, variants, scenarios, walks, share] of [
  ['irqfd-2009', 3, 20, 2, 0.8],
  ['irqfd', 1, 4, 1, 0.7],
  ['vfio-device', 1, 4, 1, 0.6],
  ['vfio-ap', 1, 4, 1, 0.7],
  ['vfio-ap-2021', 1, 6, 2, 0.7],
  ['groups-2011', 1, 4, 1, 0.7],
  ['vfio-groups', 1, 4, 1, 0.8],
] as const) {
  const { system } = readSystem(specFolder, name);
  assert.ok(system);
  let fast = 0;
  let all = 0;
  const found = new Set<string>();
  for (const variant of [null, ...system.variants.slice(0, variants).map(one => one.name)]) {
    test(`${name}, ${variant ?? 'as it is'}: it finds and counts what the reference does`, () => {
      const definition = loadOracle(applyVariant(system, variant));
      assert.ok(definition.fast, `${name} has something that the fast engine does not know`);
      for (const [number, scenario] of system.scenarios.slice(0, scenarios).entries()) {
        const { program } = instantiate(system, variant, scenario.name);
        if (program === null) continue;
        const random = sequence(number + 17);
        for (let run = 0; run < walks; run++) {
          const valid = walk(program, random);
          for (const [fault, events] of [valid, broken(valid, random), broken(valid, random)].entries()) {
            const expected = slowly(definition, events);
            for (const inTurns of [recordsInTurns, linesInTurns]) {
              const turnLength = fault === 0 ? 0 : run % 2;
              const { fast: judged, ...outcome } = inTurns(definition, events, turnLength);
              assert.equal(outcome, expected, `${scenario.name}, walk ${run}, fault ${fault}, ${inTurns.name}`);
              for (const { rule } of outcome.told) found.add(rule);
              if (fault > 0) continue;
              fast += judged;
              all += events.filter(({ thread }) => thread !== 'setup').length;
            }
          }
        }
      }
    });
  }
  test(`${name}: the fast engine judges most of what is valid, and many rules are broken`, () => {
    assert.ok(fast > all * share, `${fast} of ${all}`);
    assert.ok(found.size >= 3, [...found].join(' '));
  });
}

test('of the recorded trace of a kernel it finds and counts what the reference does', () => {
  const translator = createTranslator(linux612Vfio);
  const file = new URL('../../conformance/traces/linux-6.12/trace.txt.gz', import.meta.url);
  const observes = linux612Vfio.systems[irqfdOracle.system];
  const events: Event[] = [];
  for (const [at, text] of gunzipSync(readFileSync(file)).toString('utf8').split('\n').entries()) {
    const line = parseLine(text);
    if (line === null || line === 'lost') continue;
    // Fields in the order in which everybody writes them.
    for (const event of translator.line(line, at + 1))
      if (observes?.includes(event.kind) && isOf(irqfdOracle, event))
        events.push(Object.assign({ seq: event.seq, thread: event.thread, kind: event.kind }, event));
  }
  assert.ok(events.length > 1_000, `${events.length}`);
  const expected = slowly(irqfdOracle, events, observes);
  for (const inTurns of [recordsInTurns, linesInTurns]) {
    const { fast, ...outcome } = inTurns(irqfdOracle, events, 0, observes);
    assert.equal(outcome, expected);
    // It shows no allocs, and of an object that was not announced the reference has the first event.
    assert.ok(fast > events.length / 3, `${fast} of ${events.length}`);
  }
});
/** Every name in it is one of the system. */
function isOf({ types }: OracleDefinition, event: Event): boolean {
  return Object.values(event).every(value => {
    const [, type = '', field] = (typeof value === 'string' ? /^(\w+)#\d+(?:\.(.*))?$/.exec(value) : null) ?? [];
    return type === '' || (Object.hasOwn(types, type) && (field === undefined || Object.hasOwn(types[type].fields, field)));
  });
}

test('over many lives it judges nearly all events', () => {
  const length = lifeOf(0, 20, 0).length;
  const events = [...benchStart, ...[0, 1, 2, 3].flatMap(life => lifeOf(life, 20, 1 + life * length))];
  for (const inTurns of [recordsInTurns, linesInTurns]) {
    const { fast, ...outcome } = inTurns(irqfd2009Oracle, events, 1);
    assert.equal(outcome, slowly(irqfd2009Oracle, events));
    assert.ok(fast > events.length * 0.8, `${fast} of ${events.length}`);
  }
});

test.run();
