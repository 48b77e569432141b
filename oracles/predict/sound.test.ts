import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../event.ts';
import { createGenericOracle } from '../generic/oracle.ts';
import { createPredictor } from './predictor.ts';
import { execute, type Instruction, type Program } from './testdata/little-program.ts';

const test = suite('soundness of prediction');

const plain = fc.constantFrom<Instruction>(
  ...(['get', 'get-unless-zero', 'put', 'put', 'use', 'grace', 'queue', 'flush', 'find', 'take-off', 'wait', 'wake'] as const).map(
    (verb): Instruction => ({ do: verb }),
  ),
  { do: 'set', flag: 'F#1.x', to: 1 },
  { do: 'set', flag: 'F#1.y', to: 1 },
);
const { block } = fc.letrec<{ block: readonly Instruction[] }>(tie => {
  const inside = tie('block');
  const lock = fc.constantFrom('L#1.m', 'L#2.m', 'A#1.m');
  return {
    block: fc.array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 4, arbitrary: plain },
        { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('lock' as const, 'lock' as const, 'try' as const), lock, inside }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('section' as const), inside }) },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant('if' as const),
            flag: fc.constantFrom('F#1.x', 'F#1.y'),
            is: fc.constantFrom(0, 1),
            inside,
          }),
        },
      ),
      { maxLength: 4 },
    ),
  };
});
const programs = fc.record({
  threads: fc.array(block, { minLength: 2, maxLength: 4 }),
  work: block,
  references: fc.integer({ min: 1, max: 3 }),
});

const observed = (events: readonly Event[]): readonly string[] => {
  const oracle = createGenericOracle({ places: { 'L.m': 'mutex', 'A.m': 'mutex', 'D.srcu': 'srcu' } });
  return events.flatMap(event => [...oracle.event(event)]).flatMap(({ strength, rule }) => (strength === 'observed' ? [rule] : []));
};
const bare = ({ seq, ...rest }: Event): unknown => rest;

/** Runs the program as the prediction says, and compares what it does. Threads that take no step there need not have been made. */
function runsAs(program: Program, events: readonly Event[]): void {
  const made = program.threads.length + 2;
  const steps = events.filter(({ thread }) => thread !== 'main');
  const again = execute(program, (able, done) => {
    const next = steps[done - made]?.thread ?? null;
    assert.ok(next === null || able.includes(next), `${next} cannot go on at step ${done + 1}`);
    return next;
  });
  assert.equal(again.slice(made, -1).map(bare), steps.slice(0, -1).map(bare));
  // What comes out of the last one, which breaks the rule, is nobody's to say.
  assert.equal([again.at(-1)?.thread, again.at(-1)?.kind], [steps.at(-1)?.thread, steps.at(-1)?.kind]);
}

/** Rules that were predicted, and how often. Each prediction is carried out. */
function predictAll(ofPrograms: fc.Arbitrary<Program>, numRuns: number): Map<string, number> {
  const counts = new Map<string, number>();
  fc.assert(
    fc.property(ofPrograms, fc.array(fc.nat(), { minLength: 60, maxLength: 60 }), (program, dice) => {
      const events = execute(program, (able, done) => (done > 60 ? null : (able[(dice[done] ?? 0) % able.length] ?? null)));
      const predictor = createPredictor({});
      for (const event of events) predictor?.event(event);
      const was = new Set(observed(events));
      for (const {
        finding: { rule, reordering, strength },
      } of predictor?.end().findings ?? []) {
        const found = reordering?.events ?? [];
        runsAs(program, found);
        // What is inferred is not observed.
        if (strength !== 'predicted') continue;
        // What the trace itself shows may be shown again on the way.
        if (was.size === 0) assert.equal(observed(found), [rule]);
        counts.set(rule, (counts.get(rule) ?? 0) + 1);
      }
    }),
    { numRuns, seed: 7 },
  );
  return counts;
}
/** Otherwise nothing was shown. */
const oftenEnough = (counts: ReadonlyMap<string, number>, ...rules: readonly string[]): void => {
  for (const rule of rules)
    assert.ok((counts.get(`always.${rule}`) ?? 0) >= 5, `${rule} was predicted ${counts.get(`always.${rule}`) ?? 0} times`);
};

test('a program does what is predicted of it, and then the rule is broken', () =>
  oftenEnough(predictAll(programs, 1500), 'everyWaitEnds', 'neverTouchedAfterFree', 'freedWhenIdle', 'neverResurrected'));

test('also where threads do little but count references', () => {
  const counting = fc.constantFrom<Instruction>(
    { do: 'get' },
    { do: 'put' },
    { do: 'put' },
    { do: 'use' },
    { do: 'set', flag: 'F#1.x', to: 1 },
  );
  const threads = fc.array(fc.array(counting, { maxLength: 3 }), { minLength: 3, maxLength: 4 });
  const counters = fc.record({ threads, work: fc.constant([]), references: fc.constantFrom(1, 2) });
  oftenEnough(predictAll(counters, 800), 'neverTouchedAfterFree', 'neverResurrected', 'referencesBalance');
});

test.run();
