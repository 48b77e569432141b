import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSystem } from '../read/read-spec.ts';
import { driftOf, outputsOf, write } from './outputs.ts';

const test = suite('outputs');
let folder = '';

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-outputs-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const outputs = new Map([
  ['oracles/a.oracle.ts', 'one\n'],
  ['conformance/vectors/a.json', 'two\n'],
]);

test('what is missing, different or made by nothing any more is drift', () => {
  mkdirSync(join(folder, 'oracles'));
  writeFileSync(join(folder, 'oracles/a.oracle.ts'), 'changed\n');
  writeFileSync(join(folder, 'oracles/gone.oracle.ts'), '');
  assert.equal(driftOf(folder, outputs, true), [
    { file: 'conformance/vectors/a.json', how: 'missing' },
    { file: 'oracles/a.oracle.ts', how: 'different' },
    { file: 'oracles/gone.oracle.ts', how: 'stale' },
  ]);
});

test('files of other systems are not stale when only some are generated', () => {
  mkdirSync(join(folder, 'oracles'));
  writeFileSync(join(folder, 'oracles/other.oracle.ts'), '');
  assert.not(driftOf(folder, outputs, false).some(({ how }) => how === 'stale'));
});

test('after writing nothing drifts, stale files are gone, and what people wrote is untouched', () => {
  mkdirSync(join(folder, 'oracles'));
  writeFileSync(join(folder, 'oracles/gone.oracle.ts'), '');
  writeFileSync(join(folder, 'oracles/world.ts'), 'by hand\n');
  write(folder, outputs, driftOf(folder, outputs, true));
  assert.equal(driftOf(folder, outputs, true), []);
  assert.not(existsSync(join(folder, 'oracles/gone.oracle.ts')));
  assert.is(readFileSync(join(folder, 'oracles/world.ts'), 'utf8'), 'by hand\n');
});

test('the same spec gives the same bytes', async () => {
  const { system } = readSystem(fileURLToPath(new URL('../../spec', import.meta.url)), 'irqfd-2009');
  assert.ok(system);
  const once = await outputsOf([system], false, () => undefined);
  assert.equal([...(await outputsOf([system], false, () => undefined))], [...once]);
});

test.run();
