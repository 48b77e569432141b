/** Searches that are reduced find what all states have: each reduction alone, and both. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { Program } from '../program.ts';
import { mirroredProgram } from '../tiny/mirrored-program.ts';
import { randomProgram } from '../tiny/random-program.ts';
import { at, constant, field, lock, objectType, tiny, unlock, write } from '../tiny/tiny-program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { type ComparedReductions, compareReductions } from '../verify/compare-reductions.ts';
import { type Exploration, type ExploreOptions, explore } from './explore.ts';
import { emitReduced, type ReduceOptions } from './reduce.ts';
import { replay } from './replay.ts';
import { type PackedSuccessor, stepper } from './stepper.ts';

const test = suite('reduced searches');

const both: ReduceOptions = {};
const modes: readonly ReduceOptions[] = [both, { symmetry: false }, { order: false }];
const MOST_STATES = 3000;

const optionsOf = (program: Program): ExploreOptions => ({ quiescence: state => quiescenceFindings(program, state), edges: true });

/** Null if there are too many states, or a bound of the model is too small for the program. */
function compared(program: Program): ComparedReductions | null {
  let one: ComparedReductions | null;
  try {
    one = compareReductions(program, { modes, maxStates: MOST_STATES, rounds: true });
  } catch (fault) {
    if (fault instanceof Error && fault.message.startsWith('tiny.ts:')) return null;
    throw fault;
  }
  assert.equal(one?.differences ?? [], []);
  return one;
}

for (const program of tinyPrograms)
  test(`${program.scenario} breaks the same rules reduced`, () => {
    assert.ok(compared(program));
  });

for (const [name, programs] of [
  ['mean nothing', randomProgram],
  ['are their own mirror image', mirroredProgram],
] as const)
  test(`programs that ${name} break the same rules reduced`, () => {
    let count = 0,
      smaller = 0,
      symmetric = 0;
    const found = new Set<string>();
    fc.assert(
      fc.property(programs, program => {
        const one = compared(program);
        if (one === null) return;
        count++;
        if (one.reduced.some(({ states }) => states < one.states)) smaller++;
        if (one.reduced.some(({ symmetries }) => symmetries > 0)) symmetric++;
        for (const rule of one.broken) found.add(rule);
      }),
      { seed: 11, numRuns: Number(process.env.HOLDFAST_RUNS ?? 100) },
    );
    // Otherwise nothing was compared.
    assert.ok(count > 50 && smaller > count / 2, `${smaller} of ${count} are smaller`);
    if (programs === mirroredProgram) assert.ok(symmetric > count * 0.95, `${symmetric} of ${count} are symmetric`);
    assert.ok(found.size >= 12, [...found].join(', '));
  });

/** Threads that each write to an object of their own, under a lock of its own. */
function apart(threads: number): Program {
  const box = objectType('Box', [field('lock', 'mutex', threads), field('value', 'number', 1)], threads, threads);
  return tiny({
    name: 'apart',
    types: [box],
    threads: Array.from({ length: threads }, (_, index) => ({
      nodes: [
        lock(at('Box', 'lock', constant(index + 1))),
        write(at('Box', 'value', constant(index + 1)), 1),
        unlock(at('Box', 'lock', constant(index + 1))),
      ],
    })),
  });
}

test('of threads that have nothing to do with each other one goes after the other', () => {
  const reduced = explore(apart(4), { source: emitReduced(apart(4)) });
  assert.is(explore(apart(4)).states, 4 ** 4);
  // The first, and the last, in which all have ended.
  assert.is(reduced.states, 2);
});

test('of states that differ in which of equal threads is where one is stored', () => {
  const source = emitReduced(apart(3), { order: false });
  assert.is(source.symmetries.length, 5);
  // Three threads at one of four places each, in no order.
  assert.is(explore(apart(3), { source }).states, 20);
});

test('a large search stores one of those states too', () => {
  const source = emitReduced(apart(4), { order: false });
  const small = explore(apart(4), { source });
  for (const workers of [1, 2]) {
    const large = explore(apart(4), { source, largeFrom: 5, workers });
    assert.equal([large.states, large.transitions, large.depth], [small.states, small.transitions, small.depth]);
  }
});

test('threads that do different things do not change places', () => {
  const program = apart(2);
  const [first, second] = program.threads;
  assert.ok(first && second);
  const longer = {
    ...second,
    nodes: [...second.nodes.slice(0, 1), ...second.nodes.slice(1)].map((node, at) =>
      at === 1 ? { ...node, action: write(at1, 0) } : node,
    ),
  };
  assert.is(emitReduced({ ...program, threads: [first, longer] }).symmetries.length, 0);
});
const at1 = at('Box', 'value', constant(2));

test('the way to what a reduced search finds can be gone', () => {
  let gone = 0;
  fc.assert(
    fc.property(mirroredProgram, program => {
      let reduced: Exploration;
      const source = emitReduced(program);
      try {
        reduced = explore(program, { ...optionsOf(program), source, maxStates: MOST_STATES });
      } catch {
        return;
      }
      for (const { rule, state, step, kind } of reduced.witnesses) {
        const steps = replay(program, reduced.through(state), step === null ? null : rule);
        const on = stepper(program);
        let now: Int32Array | null = on.initial();
        let findings: readonly string[] = [];
        for (const taken of steps) {
          const next: PackedSuccessor | undefined =
            now === null ? undefined : on.successors(now).find(one => JSON.stringify(one.step) === JSON.stringify(taken));
          assert.ok(next);
          findings = next.findings;
          now = next.state;
        }
        if (kind === 'step') assert.ok(findings.includes(rule), rule);
        else assert.ok(now);
        if (kind === 'state' && now !== null) assert.ok(on.broken(now).includes(rule), rule);
        gone++;
      }
    }),
    { seed: 3, numRuns: 30 },
  );
  assert.ok(gone > 20, `${gone} ways`);
});

test.run();
