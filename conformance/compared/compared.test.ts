import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compared } from './programs.ts';
import { holdfast } from './tools.ts';

const test = suite('compared programs');
const source = (name: string): string => fileURLToPath(new URL(`programs/${name}.c`, import.meta.url));
let out = '';
test.before(() => {
  out = mkdtempSync(join(tmpdir(), 'holdfast-compared-'));
});
test.after(() => rmSync(out, { recursive: true }));

/** What a recorded run is found to be, in which nothing goes wrong. */
const expected: Readonly<Record<string, string>> = {
  inversion: 'everyWaitEnds (predicted)',
  'ring-of-three': 'everyWaitEnds (predicted)',
  'flush-under-lock': 'everyWaitEnds (predicted)',
  'touch-after-put': 'neverTouchedAfterFree (predicted)',
  'late-get': 'neverResurrected (predicted)',
  'put-under-lock': 'lastPutTakesNoHeldLock (possible)',
  'free-before-grace': 'neverTouchedAfterFree (predicted)',
  'grace-too-early': 'neverTouchedAfterFree (predicted)',
};

for (const program of compared) {
  const { name } = program;
  test(`${name}: ${expected[name] ?? 'nothing is found'}`, async () => {
    const { said } = await holdfast.look(program, source(name), out);
    assert.is(said, expected[name] ?? '');
  });
}

test.run();
