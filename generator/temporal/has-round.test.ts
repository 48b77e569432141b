import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { components, stateGraph, whole } from './components.ts';
import { hasRound } from './has-round.ts';

const test = suite('ways round');

const graphOf = (states: number, edges: readonly (readonly [number, number])[]) => {
  const sorted = [...edges].sort(([one], [other]) => one - other);
  return stateGraph(
    states,
    Int32Array.from(sorted, ([from]) => from),
    Int32Array.from(sorted, ([, to]) => to),
  );
};

test('a state that leads to itself is a way round, and two ways to one state are not', () => {
  assert.ok(hasRound(graphOf(2, [[0, 1], [1, 1]]))); // biome-ignore format: as drawn
  assert.not(hasRound(graphOf(4, [[0, 1], [0, 2], [1, 3], [2, 3]]))); // biome-ignore format: as drawn
});

test('there is one exactly where there is a component that can be gone round in', () => {
  const seen = new Set<boolean>();
  const edge = fc.tuple(fc.nat(9), fc.nat(9));
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 12 }), edges => {
      const graph = graphOf(10, edges);
      const expected = components(graph, whole).length > 0;
      seen.add(expected);
      assert.is(hasRound(graph), expected);
    }),
    { seed: 5, numRuns: 500 },
  );
  assert.is(seen.size, 2);
});

test.run();
