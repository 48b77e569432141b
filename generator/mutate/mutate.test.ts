import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadSystem } from '../read/load-system.ts';
import { keptMutants, mutantText } from './mutant-file.ts';
import { mutantsOf } from './mutants.ts';
import { mutate } from './mutate.ts';

const test = suite('mutants');
const { system } = await loadSystem(fileURLToPath(new URL('../../spec', import.meta.url)), 'irqfd-2009', null);
if (system === null) throw new Error('irqfd-2009 cannot be read');

const disconnect = mutate(system, { operations: ['disconnect'], maxStates: 3000, every: true });
const found = (what: RegExp) => Object.keys(disconnect.find(one => what.test(one.what))?.foundBy ?? {});

test('a list that is changed without its lock is found by the rule that guards it', () =>
  assert.ok(found(/^without taking kvm\.lock/).includes('kvmGuards')));
test('a put that is left out is found as something left behind', () =>
  assert.ok(found(/^without `put\(kvm\.users\)`/).includes('always.quietAtTheEnd')));
test('a lock kept over a wait for readers who take it is found as a cycle', () =>
  assert.ok(found(/^with `unlock\(kvm\.lock\)` after all/).includes('always.noLockCycle')));
test('every mutant differs from the system in one function', () => {
  for (const { operation, system: changed } of mutantsOf(system)) {
    const names = Object.keys(system.operations).filter(name => changed.operations[name] !== system.operations[name]);
    assert.equal(names, [operation]);
  }
});
test('no two mutants have the same id, or the same text', () => {
  const mutants = mutantsOf(system);
  assert.is(new Set(mutants.map(({ id }) => id)).size, mutants.length);
  const texts = mutants.map(({ operation, system: changed }) => JSON.stringify([operation, changed.operations[operation]?.body]));
  assert.is(new Set(texts).size, texts.length);
});
test('functions that no scenario of the base runs are not mutated', () =>
  assert.equal(mutate(system, { operations: ['tearDownAtOnce'], maxStates: 3000 }), []));
test('what was found is kept for the same text of the spec, and for no other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mutants-'));
  mkdirSync(join(folder, 'conformance/rules'), { recursive: true });
  writeFileSync(join(folder, 'conformance/rules/irqfd-2009.mutants.json'), mutantText(system, 3000, disconnect));
  assert.equal(keptMutants(folder, system), disconnect);
  const commented = { ...system, rules: system.rules.map(rule => ({ ...rule, doc: 'otherwise said', at: { ...rule.at, line: 1 } })) };
  assert.equal(keptMutants(folder, commented), disconnect);
  assert.is(keptMutants(folder, { ...system, rules: system.rules.slice(1) }), null);
  rmSync(folder, { recursive: true });
});

test('a damaged file of what was found is told, not taken for none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mutants-'));
  mkdirSync(join(folder, 'conformance/rules'), { recursive: true });
  writeFileSync(join(folder, 'conformance/rules/irqfd-2009.mutants.json'), mutantText(system, 3000, disconnect).slice(0, 200));
  assert.throws(() => keptMutants(folder, system), /irqfd-2009\.mutants\.json is damaged .* makes it again/);
  rmSync(folder, { recursive: true });
});

test.run();
