import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('check --format ftrace');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-ftrace-'));
const command = fileURLToPath(new URL('../holdfast.js', import.meta.url));
const recorded = fileURLToPath(new URL('../traces/linux-6.12/trace.txt.gz', import.meta.url));
const check = (...given: string[]) => execa('node', [command, 'check', ...given], { reject: false, env: { NO_COLOR: '1' } });
test.after(() => rmSync(folder, { recursive: true }));

test('a compressed kernel trace that breaks nothing is inconclusive', async () => {
  const { stdout, exitCode } = await check('--format', 'ftrace', recorded);
  assert.is(exitCode, 3);
  assert.match(stdout, /inconclusive .* 0 findings/);
});

test('a finding is told with its threads, its lines, why it matters, and how to see it again', async () => {
  const lines = gunzipSync(readFileSync(recorded)).toString('utf8').split('\n');
  const unlock = lines.findIndex(line => line.includes(' mutex_unlock:') && line.includes('at=kvm_ioapic_init'));
  const file = join(folder, 'twice.gz');
  writeFileSync(file, gzipSync([...lines.slice(0, unlock), lines[unlock], ...lines.slice(unlock)].join('\n')));
  const { stdout, exitCode } = await check('--format', 'ftrace', file);
  assert.is(exitCode, 1);
  assert.match(stdout, 'violation  always.releasedByHolder');
  assert.match(
    stdout,
    /What happened, in order:\n( {4}event .*\n)+ {4}event +\d+ {2}agent-337 {2}releases Kvm#\d+\.slotsLock {2}\[line \d+, kvm_ioapic_init.*\n {4}event +\d+ {2}agent-337 {2}here/,
  );
  assert.match(stdout, /why: .*\n {2}look at: /);
  assert.match(stdout, `again:   npx holdfast explain --format ftrace ${file} `);
});

test('a compressed trace that is cut off is wrong use', async () => {
  const file = join(folder, 'cut.gz');
  writeFileSync(file, readFileSync(recorded).subarray(0, 20_000));
  const { stderr, exitCode } = await check('--format', 'ftrace', file);
  assert.is(exitCode, 2);
  assert.match(stderr, 'cut off or damaged');
});

test('events without a system are judged by what holds for every program', async () => {
  const file = join(folder, 'any.jsonl');
  writeFileSync(
    file,
    [
      '{"holdfast":"trace","version":1,"system":null}',
      '{"seq":1,"thread":"x","kind":"free","object":"Thing#1"}',
      '{"seq":2,"thread":"y","kind":"read","field":"Thing#1.size","value":3}',
    ].join('\n'),
  );
  const { stdout, exitCode } = await check(file);
  assert.is(exitCode, 1);
  assert.match(stdout, 'violation  always.neverTouchedAfterFree');
});

test.run();
