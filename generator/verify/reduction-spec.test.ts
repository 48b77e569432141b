/** Every scenario and every defect of the systems breaks the same rules reduced, and puts the same rules to the test. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Exploration, explore } from '../explore/explore.ts';
import { emitReduced } from '../explore/reduce.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { applyVariant } from '../instantiate/variant.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import { readSystem } from '../read/read-spec.ts';
import { brokenByStuck, endsRules } from '../temporal/ends-rules.ts';
import { exercisedBy } from './exercised.ts';
import { verifyScenario } from './verify.ts';

const test = suite('reduced searches of the systems');
const specFolder = fileURLToPath(new URL('../../spec', import.meta.url));

function systemNamed(name: string): System {
  const { system } = readSystem(specFolder, name);
  if (system === null) throw new Error(`${name} cannot be read`);
  return system;
}

const broken = ({ witnesses }: Exploration): string[] => [...new Set(witnesses.map(({ kind, rule }) => `${kind} ${rule}`))].sort();

function compare(system: System, variant: string | null, scenario: string): { readonly all: number; readonly reduced: number } {
  const { program } = instantiate(system, variant, scenario);
  assert.ok(program);
  const options = {
    quiescence: (state: Parameters<typeof quiescenceFindings>[1]) => quiescenceFindings(program, state),
    ...(endsRules(program).length === 0 ? {} : { stuck: (state: Parameters<typeof brokenByStuck>[1]) => brokenByStuck(program, state) }),
  };
  const known = applyVariant(system, variant);
  const all = explore(program, options),
    reduced = explore(program, { ...options, source: emitReduced(program) });
  const where = `${variant ?? ''} ${scenario}`;
  assert.equal(broken(reduced), broken(all), where);
  assert.equal(exercisedBy(known, program, reduced), exercisedBy(known, program, all), where);
  return { all: all.states, reduced: reduced.states };
}

for (const name of ['irqfd', 'irqfd-2009']) {
  test(`every scenario of ${name}`, () => {
    const system = systemNamed(name);
    let all = 0,
      reduced = 0;
    for (const scenario of system.scenarios) {
      const one = compare(system, null, scenario.name);
      all += one.all;
      reduced += one.reduced;
    }
    assert.ok(reduced * 2 < all, `${reduced} states instead of ${all}`);
  });

  test(`every defect of ${name}`, () => {
    const system = systemNamed(name);
    let count = 0;
    for (const { name: variant, breaks } of system.variants)
      for (const scenario of new Set(breaks.map(one => one.scenario))) {
        compare(system, variant, scenario);
        count++;
      }
    assert.ok(count > 10);
  });
}

test('what a reduced search finds is told by a way as short as that of all states', () => {
  const system = systemNamed('irqfd-2009');
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

test('a reduced search comes to the same small, large, and with two workers', () => {
  const { program } = instantiate(systemNamed('irqfd'), null, 'threeCallers');
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

test('a scenario in which code goes round is known to end by its reduced states, if none of them comes back', () => {
  const report = verifyScenario(systemNamed('irqfd-2009'), null, 'twoIrqfds', { reduceFrom: 50 });
  assert.equal([report.isReduced, report.verdict, report.ends], [true, 'pass', 'rounds']);
});

test.run();
