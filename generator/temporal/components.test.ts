import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { components, stateGraph, whole } from './components.ts';

const test = suite('components');

const most = 7;
const edgesOf = fc
  .array(fc.tuple(fc.nat(most - 1), fc.nat(most - 1), fc.boolean()), { maxLength: 20 })
  .map(edges => edges.sort(([one], [other]) => one - other));

test('two states are in one component exactly if each leads to the other by edges that count, and a state alone if it leads to itself', () => {
  fc.assert(
    fc.property(edgesOf, fc.boolean(), (edges, all) => {
      const leads = Array.from({ length: most }, () => new Array<boolean>(most).fill(false));
      for (const [from, to, counts] of edges) if (all || counts) (leads[from] ?? [])[to] = true;
      for (let by = 0; by < most; by++)
        for (let from = 0; from < most; from++)
          for (let to = 0; to < most; to++) if (leads[from]?.[by] && leads[by]?.[to]) (leads[from] ?? [])[to] = true;
      const expected = Array.from({ length: most }, (_, state) =>
        Array.from({ length: most }, (_, other) => other).filter(other => leads[state]?.[other] && leads[other]?.[state]),
      );
      const graph = stateGraph(
        most,
        Int32Array.from(edges, ([from]) => from),
        Int32Array.from(edges, ([, to]) => to),
      );
      const found = components(graph, all ? whole : { has: () => true, goes: edge => edges[edge]?.[2] === true });
      const actual = Array.from({ length: most }, (_, state) =>
        (found.find(members => members.includes(state)) ?? []).toSorted((one, other) => one - other),
      );
      assert.equal(actual, expected);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a chain of a hundred thousand states is no deeper than one can go', () => {
  const states = 100_000;
  const from = Int32Array.from({ length: states }, (_, state) => state);
  const to = from.map(state => (state + 1) % states);
  assert.equal(
    components(stateGraph(states, from, to), whole).map(members => members.length),
    [states],
  );
});

test.run();
