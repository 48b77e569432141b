import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonical, startOf, successors } from '../interpret/interpret.ts';
import { randomProgram } from '../tiny/random-program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { compare, slowly } from './compare-slowly.ts';
import { type Exploration, explore } from './explore.ts';
import { stepper } from './stepper.ts';

const test = suite('agreement of explorer and interpreter');

for (const program of tinyPrograms) {
  test(`both find the same states, steps and findings in ${program.scenario}`, () => {
    compare(program, explore(program, { edges: true }));
  });

  test(`every path of ${program.scenario} can be taken again`, () => {
    const fast = explore(program);
    const one = stepper(program);
    for (let index = 0; index < fast.states; index++) {
      let state = startOf(program);
      for (const { thread, node, alternative } of fast.path(index)) {
        const next = successors(program, state).find(
          ({ step }) => step.thread === thread && step.node === node && step.alternative === alternative,
        );
        assert.ok(next?.state);
        state = next.state;
      }
      assert.is(canonical(state), canonical(fast.state(index)));
      assert.equal(one.decode(one.encode(fast.state(index))), fast.state(index));
    }
  });
}

test('both find the same in programs that mean nothing', () => {
  const found = new Set<string>();
  let compared = 0;
  fc.assert(
    fc.property(randomProgram, program => {
      let fast: Exploration;
      try {
        fast = explore(program, { edges: true, maxStates: 1500 });
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown;
        assert.match(thrown.message, /^tiny\.ts:\d+:1 /);
        // The interpreter counts read sections without a bound.
        if (!/read sections open/.test(thrown.message)) assert.throws(() => slowly(program));
        return;
      }
      if (!fast.complete) return;
      compared++;
      for (const finding of compare(program, fast).broken.keys()) found.add(finding);
    }),
    { seed: 7, numRuns: Number(process.env.HOLDFAST_RUNS ?? 300) },
  );
  assert.ok(compared > 100, `${compared} programs were compared`);
  // Otherwise the programs mean too little for the comparison to mean anything.
  assert.ok(found.size >= 15, [...found].join(', '));
});

test.run();
