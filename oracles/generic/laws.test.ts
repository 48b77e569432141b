import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, PlaceKind } from '../event.ts';
import { createPredictor } from '../predict/predictor.ts';
import { execute, type Instruction, type Program } from '../predict/testdata/little-program.ts';
import { touched } from '../predict/world.ts';
import type { Finding } from '../verdict.ts';
import { createGenericOracle } from './oracle.ts';

const test = suite('laws of oracles without a spec');
const places: Readonly<Record<string, PlaceKind>> = { 'L.m': 'mutex', 'A.m': 'spinlock', 'D.srcu': 'srcu', 'Q.queue': 'wait-queue' };

const plain = fc.constantFrom<Instruction>(
  ...(['get', 'get-unless-zero', 'put', 'put', 'use', 'grace', 'queue', 'flush', 'find', 'take-off', 'wait', 'wake'] as const).map(
    (verb): Instruction => ({ do: verb }),
  ),
  { do: 'set', flag: 'F#1.x', to: 1 },
);
const { block } = fc.letrec<{ block: readonly Instruction[] }>(tie => ({
  block: fc.array(
    fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: plain },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constantFrom('lock' as const, 'lock' as const, 'try' as const),
          lock: fc.constantFrom('L#1.m', 'L#2.m', 'A#1.m'),
          inside: tie('block'),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('section' as const), inside: tie('block') }) },
    ),
    { maxLength: 4 },
  ),
}));
const programs: fc.Arbitrary<Program> = fc.record({
  threads: fc.array(block, { minLength: 2, maxLength: 3 }),
  work: block,
  references: fc.integer({ min: 1, max: 3 }),
});
/** Runs of random programs, wrong ones too. */
const traces = fc
  .tuple(programs, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }))
  .map(([program, dice]) => execute(program, (able, done) => (done > 50 ? null : (able[(dice[done % 40] ?? 0) % able.length] ?? null))));

function judge(events: readonly Event[]): readonly Finding[] {
  const oracle = createGenericOracle({ places });
  return events.flatMap(event => [...oracle.event(event)]);
}
function predict(events: readonly Event[]): readonly Finding[] {
  const predictor = createPredictor({ places });
  for (const event of events) predictor?.event(event);
  return predictor?.end().findings.map(({ finding }) => finding) ?? [];
}
const brief = ({ rule, strength, event }: Finding): string => `${rule} ${strength} ${event}`;
/** How many of all traces a law was shown on, so that it is not shown on none. */
function holds(law: (events: readonly Event[]) => boolean, numRuns: number, atLeast: number): void {
  let shown = 0;
  fc.assert(
    fc.property(traces, events => {
      if (law(events)) shown++;
    }),
    { numRuns, seed: 11 },
  );
  assert.ok(shown >= atLeast, `shown on ${shown} traces`);
}

/** Other numbers for objects and other names for threads, without changing which come first by name. */
const renamed = (events: readonly Event[]): readonly Event[] => {
  const text = JSON.stringify(events)
    .replace(/#(\d+)/g, (_, number: string) => `#${1000 - 7 * Number(number)}`)
    .replace(/"(t\d|worker|main)"/g, (_, name: string) => `"${[...name].reverse().join('')} of another"`);
  return JSON.parse(text);
};

test('other names of threads and objects change nothing', () =>
  holds(
    events => {
      const found = [...judge(events), ...predict(events)];
      assert.equal([...judge(renamed(events)), ...predict(renamed(events))].map(brief), found.map(brief));
      return found.length > 0;
    },
    400,
    100,
  ));

test('what is found at an event is found in every longer trace, and in none that ends before', () =>
  holds(
    events => {
      const found = judge(events).map(brief);
      for (let length = 0; length < events.length; length++) {
        const before = judge(events.slice(0, length));
        assert.equal(before.map(brief), found.slice(0, before.length));
        assert.ok(before.every(({ event }) => event <= length));
        const next = found[before.length];
        assert.ok(next === undefined || Number(next.split(' ').at(-1)) > length, 'it is found too late');
      }
      return found.length > 0;
    },
    120,
    30,
  ));

test('what is predicted of a trace is predicted of every longer one, or seen there', () =>
  holds(
    events => {
      const all = new Set([...judge(events), ...predict(events)].map(({ rule }) => rule));
      const parts = [0.5, 0.7, 0.9].flatMap(part => predict(events.slice(0, Math.floor(events.length * part))));
      for (const { rule } of parts) assert.ok(all.has(rule), rule);
      return parts.length > 0;
    },
    300,
    20,
  ));

/** They are of different threads, and neither makes, ends or meets what the other one is about. */
function independent(one: Event, other: Event): boolean {
  const binding = ['fork', 'join', 'thread-start', 'thread-end', 'quiesce', 'alloc', 'free'];
  if (one.thread === other.thread || binding.includes(one.kind) || binding.includes(other.kind)) return false;
  const objects = new Set([...touched(one), ...named(one)]);
  return ![...touched(other), ...named(other)].some(object => objects.has(object));
}
/** Ends of waits touch nothing, and are about something all the same. */
const named = (event: Event): readonly string[] => JSON.stringify(event).match(/[A-Z]\w*#\d+/g) ?? [];

test('neighbours that have nothing to do with each other can change places', () =>
  holds(
    events => {
      const rules = (all: readonly Finding[]): readonly string[] => all.map(({ rule, strength }) => `${rule} ${strength}`).sort();
      const before = rules(judge(events));
      let swaps = 0;
      for (let at = 0; at + 1 < events.length; at++) {
        const [one, other] = [events[at], events[at + 1]];
        if (one === undefined || other === undefined || !independent(one, other)) continue;
        const swapped = [...events.slice(0, at), { ...other, seq: one.seq }, { ...one, seq: other.seq }, ...events.slice(at + 2)];
        assert.equal(rules(judge(swapped)), before, `events ${at + 1} and ${at + 2}`);
        swaps++;
      }
      return swaps > 0 && before.length > 0;
    },
    150,
    40,
  ));

test.run();
