import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { END, type Program } from '../program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { emitStepper } from './emit-stepper.ts';
import { type Exploration, type ExploreOptions, explore } from './explore.ts';
import { onDemand } from './on-demand.ts';

const test = suite('code that is made as it is needed');

/** All that an exploration tells. */
function told(
  program: Program,
  { states, transitions, depth, complete, witnesses, edges, state, path, covered, arose }: Exploration,
): object {
  const numbers = Array.from({ length: states }, (_, index) => index);
  return {
    counts: [states, transitions, depth, complete],
    witnesses,
    edges,
    states: numbers.map(state),
    paths: numbers.map(path),
    covered: program.threads.map((thread, index) => thread.nodes.map((_, node) => covered(index, node))),
    arose: program.rules.map(({ name }) => arose(name)),
  };
}

for (const program of tinyPrograms) {
  test(`what is told of ${program.scenario} is what the whole code tells`, () => {
    for (const options of [{ edges: true }, { maxStates: 5 }, { maxStates: 1 }, {}] satisfies ExploreOptions[])
      assert.equal(
        told(program, explore(program, options)),
        told(program, explore(program, { ...options, source: emitStepper(program) })),
        JSON.stringify(options),
      );
  });
}

test('only places that a state reaches are made, and what was made before is not made again', () => {
  for (const program of tinyPrograms) {
    const on = onDemand(program);
    const { layout } = explore(program, { soFar: () => on });
    const places = layout.threads.map(({ anchors }) => anchors.nodes.filter(node => node !== END).length);
    const made = on.code.steps.map(({ size }) => size);
    for (const [thread, count] of made.entries()) assert.ok(count <= (places[thread] ?? 0), program.scenario);
    const again = onDemand(program, on.code);
    explore(program, { soFar: () => again });
    assert.equal(
      again.code.steps.map(({ size }) => size),
      made,
    );
  }
  const [first] = tinyPrograms;
  assert.ok(first);
  const before = onDemand(first);
  assert.ok(before.code.steps.every(({ size }) => size === 0));
});

test.run();
