/** Where there is no room for what is to be printed or written, that is said, and nobody takes silence for an answer. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('full disk');
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const full = '/dev/full';
const withFull = existsSync(full) ? test : test.skip;
if (!existsSync(full)) process.stdout.write(`skipped: there is no ${full} here\n`);

withFull('what cannot be printed ends as wrong use, not as a verdict', () => {
  const to = openSync(full, 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, 'list', 'rules'], {
      stdio: ['ignore', to, 'pipe'],
      encoding: 'utf8',
    });
    assert.is(status, 2);
    assert.match(stderr, /could not be printed: ENOSPC/);
    assert.not.match(stderr, / {4}at /);
  } finally {
    closeSync(to);
  }
});

test('a model that cannot be written leaves nothing, and what is there is left', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-export-'));
  try {
    const file = join(folder, 'model.pml');
    writeFileSync(file, 'mine');
    const { exitCode, stderr } = await execa(
      process.execPath,
      ['--import', 'tsx', main, 'export', '--to', 'promela', 'irqfd-2009', '--scenario', 'bothSidesClose', '--out', file],
      { reject: false },
    );
    assert.is(exitCode, 2);
    assert.match(stderr, /model\.pml cannot be written: EEXIST/);
    assert.equal(readdirSync(folder), ['model.pml']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
