/** Scenarios and defects of the systems break the same rules reduced, and put the same rules to the test. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore } from '../explore/explore.ts';
import { emitReduced } from '../explore/reduce.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { applyVariant } from '../instantiate/variant.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import { loadSystem } from '../read/load-system.ts';
import { systemNames } from '../read/spec-folder.ts';
import { compareReductions } from './compare-reductions.ts';
import { everyScenario, titleOf } from './every-scenario.ts';
import { verifyScenario } from './verify.ts';

const test = suite('reduced searches of the systems');
const specFolder = fileURLToPath(new URL('../../spec', import.meta.url));

async function systemNamed(name: string): Promise<System> {
  const { system } = await loadSystem(specFolder, name, fileURLToPath(new URL('../../build/systems', import.meta.url)));
  if (system === null) throw new Error(`${name} cannot be read`);
  return system;
}

/** Larger programs take longer to make than to explore; `make reductions` compares them all. */
const MOST_NODES = 120;
const FEWEST = 3;

const nodesOf = (program: Program): number => program.threads.reduce((sum, { nodes }) => sum + nodes.length, 0);

for (const name of systemNames(specFolder))
  test(`small scenarios and defects of ${name} break the same rules reduced`, async () => {
    const system = await systemNamed(name);
    const programs = everyScenario(system)
      .map(one => {
        const { program } = instantiate(system, one.variant, one.scenario);
        if (program === null) throw new Error(`${titleOf(system, one)} cannot be run`);
        return { program, one };
      })
      .sort((a, b) => nodesOf(a.program) - nodesOf(b.program));
    let all = 0,
      reduced = 0;
    for (const { program, one } of programs.filter(({ program }, at) => at < FEWEST || nodesOf(program) < MOST_NODES)) {
      const compared = compareReductions(program, { modes: [{}], maxStates: 1_000_000, system: applyVariant(system, one.variant) });
      assert.equal(compared?.differences, [], titleOf(system, one));
      all += compared?.states ?? 0;
      reduced += compared?.reduced[0]?.states ?? 0;
    }
    assert.ok(reduced < all, `${reduced} states instead of ${all}`);
  });

test('what a reduced search finds is told by a way as short as that of all states', async () => {
  const system = await systemNamed('irqfd-2009');
  const [all, reduced] = [false, true].map(reduction =>
    verifyScenario(system, 'asProposed', 'bothSidesClose', { reduction, reduceFrom: 50 }),
  );
  assert.ok(all && reduced);
  assert.is(reduced.isReduced, true);
  assert.is(all.isReduced, false);
  assert.ok(reduced.states < all.states);
  const told = (report: typeof all) =>
    report.violations
      .filter(({ strength }) => strength === 'observed')
      .map(({ rule, counterexample }) => `${rule} ${counterexample?.steps.length}`)
      .sort();
  assert.equal(told(reduced), told(all));
  assert.equal(reduced.notShortest, []);
});

test('a reduced search comes to the same small, large, and with two workers', async () => {
  const { program } = instantiate(await systemNamed('irqfd'), null, 'threeCallers');
  assert.ok(program);
  const source = emitReduced(program);
  assert.is(source.symmetries.length, 0);
  const [small, large, shared] = [{}, { largeFrom: 500 }, { largeFrom: 500, workers: 2 }].map(options => {
    const { states, transitions, depth, witnesses } = explore(program, { source, ...options });
    return { states, transitions, depth, broken: witnesses.length };
  });
  assert.equal(large, small);
  assert.equal(shared, small);
});

test('a scenario in which code goes round is known to end by its reduced states, if none of them comes back', async () => {
  const report = verifyScenario(await systemNamed('irqfd-2009'), null, 'twoIrqfds', { reduceFrom: 50 });
  assert.equal([report.isReduced, report.verdict, report.ends], [true, 'pass', 'rounds']);
});

test.run();
