/** Searches by machine code, alone and together, against one by code that is made as it is needed. */
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate } from '../instantiate/instantiate.ts';
import { canonical } from '../interpret/interpret.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { Program } from '../program.ts';
import { loadSystem } from '../read/load-system.ts';
import { randomProgram } from '../tiny/random-program.ts';
import { at, constant, field, objectType, tiny, write } from '../tiny/tiny-program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { emitStepper } from './emit-stepper.ts';
import { type Exploration, type ExploreOptions, explore } from './explore.ts';
import { exploreShared } from './explore-shared.ts';
import { encode } from './pack-state.ts';
import type { Stand } from './shared-store.ts';

/** All that may be told of a search. */
function told(program: Program, found: Exploration): object {
  return {
    states: found.states,
    transitions: found.transitions,
    depth: found.depth,
    complete: found.complete,
    witnesses: found.witnesses.map(({ state, ...witness }) => ({ ...witness, path: found.path(state), at: canonical(found.state(state)) })),
    covered: program.threads.map((thread, index) => thread.nodes.map((_, node) => found.covered(index, node))),
    arose: program.rules.map(rule => found.arose(rule.name)),
  };
}

function every(program: Program, options: ExploreOptions, workers: number): void {
  const all: ExploreOptions = { maxStates: 100_000, ...options, quiescence: state => quiescenceFindings(program, state) };
  const { largeFrom: _, ...anySize } = all;
  const first = told(program, explore(program, anySize));
  assert.equal(told(program, explore(program, { largeFrom: 1, ...all })), first);
  if (workers > 1) assert.equal(told(program, explore(program, { largeFrom: 1, ...all, workers })), first);
}

/** Threads that have nothing to do with each other. */
function apart(threads: number, steps: number): Program {
  const box = objectType('Box', [field('value', 'number', 1)], threads, threads);
  const nodes = (instance: number) => Array.from({ length: steps }, () => write(at('Box', 'value', constant(instance)), 0));
  return tiny({ name: 'apart', types: [box], threads: Array.from({ length: threads }, (_, index) => ({ nodes: nodes(index + 1) })) });
}

const test = suite('large searches');

test('alone or together they tell the same of programs that each mean one thing', () => {
  for (const program of tinyPrograms) every(program, {}, 3);
});

test('the same of programs that mean nothing', () => {
  let compared = 0;
  fc.assert(
    fc.property(randomProgram, program => {
      try {
        explore(program, { maxStates: 2000 });
      } catch (thrown) {
        const said = (error: unknown): boolean => error instanceof Error && thrown instanceof Error && error.message === thrown.message;
        assert.throws(() => explore(program, { maxStates: 2000, largeFrom: 1 }), said);
        assert.throws(() => explore(program, { maxStates: 2000, largeFrom: 1, workers: 2 }), said);
        return;
      }
      compared++;
      every(program, { maxStates: 2000 }, compared % 10 === 0 ? 2 : 1);
    }),
    { seed: 11, numRuns: 150 },
  );
  assert.ok(compared > 50, `${compared} were compared`);
});

test('the same of every scenario of a real system, and of every defect of it', async () => {
  const { system } = await loadSystem(fileURLToPath(new URL('../../spec', import.meta.url)), 'irqfd-2009', null);
  assert.ok(system);
  const jobs = [
    ...system.scenarios.map(({ name }) => ({ variant: null, scenario: name })),
    ...system.variants.flatMap(({ name, breaks }) => breaks.slice(0, 1).map(({ scenario }) => ({ variant: name, scenario }))),
  ];
  assert.ok(jobs.length > 10);
  for (const [at, { variant, scenario }] of jobs.entries()) {
    const { program } = instantiate(system, variant, scenario);
    assert.ok(program);
    // To start a thread takes longer than most of these searches.
    every(program, { largeFrom: 64 }, at % 3 === 0 ? 2 : 1);
  }
});

test('a thread that never comes up is not waited for for ever, and whoever asked does it alone', () => {
  const program = apart(3, 4);
  const source = emitStepper(program);
  const stand: Stand = {
    states: 1,
    expanded: 0,
    transitions: 0,
    depth: 0,
    starts: [0],
    counts: new Int32Array(source.findings.length),
    taken: new Uint8Array(source.leaves.length + 1),
    tested: new Uint8Array(source.tested.length),
  };
  const options = { workers: 2, capacity: 10_000, progress: () => undefined };
  const words = encode(source.layout, program.initial);
  assert.is(exploreShared(source, stand, words, options)?.states, 5 ** 3);
  let ended = 0;
  const dead = { terminate: async () => ++ended };
  assert.is(exploreShared(source, stand, words, { ...options, patience: 100, start: () => dead }), null);
  assert.is(ended, 1);
});

test('the room ends at the same depth for every number of workers', () => {
  const program = apart(5, 6);
  for (const maxStates of [1, 2, 1000, 7 ** 5 - 1, 7 ** 5]) every(program, { maxStates }, 2);
});

test('the table grows while several enter into it', () => {
  // More states than the first table has places.
  const program = apart(7, 6);
  const found = explore(program, { largeFrom: 1000, workers: 3 });
  assert.is(found.states, 7 ** 7);
  assert.is(found.transitions, 7 * 6 * 7 ** 6);
  assert.is(found.depth, 42);
  assert.is(found.path(found.states - 1).length, 42);
  assert.is(new Set(Array.from({ length: 500 }, (_, index) => canonical(found.state(index * 1600)))).size, 500);
});

test('a bound of memory ends the search, with what was covered', () => {
  const found = explore(apart(6, 9), { maxBytes: 4 << 20, largeFrom: 10_000 });
  assert.not(found.complete);
  assert.ok(found.states > 10_000 && found.states * found.bytesPerState <= 4 << 20, `${found.states} states`);
});

test('transitions that are kept count towards the bound of memory', () => {
  const program = apart(4, 6);
  const enough = explore(program, { maxBytes: 1 << 20, largeFrom: 1, edges: true });
  assert.is(enough.edges?.from.length, 4 * 6 * 7 ** 3);
  // Twelve bytes each are more than this, and the states alone are not.
  const bound = 12 * 4 * 6 * 7 ** 3 - 1;
  assert.ok(explore(program, { maxBytes: bound, largeFrom: 1 }).complete);
  const found = explore(program, { maxBytes: bound, largeFrom: 1, edges: true });
  assert.not(found.complete);
  assert.is(found.edges, undefined);
});

test.run();
