import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdapterFailure } from './adapter.ts';
import { childAdapter } from './child-adapter.ts';
import type { RunReport } from './report.ts';
import { runVectors } from './runner.ts';
import { assignTwice, called } from './testdata/assign-vectors.ts';

const test = suite('child adapter');
const vectors = [called('a/before', assignTwice), called('b/fault', assignTwice), called('c/after', assignTwice)];

function adapter(name: string) {
  const script = fileURLToPath(new URL(`testdata/adapters/${name}.mjs`, import.meta.url));
  return childAdapter([process.execPath, script], {
    timeoutMs: name.startsWith('hangs') ? 300 : 5_000,
    graceMs: 100,
    maxLineBytes: 200_000,
  });
}

function run(name: string): Promise<RunReport> {
  return runVectors(vectors, adapter(name), { given: name });
}

/** Each adapter fails in the second of three vectors; the others conform, also the one after. */
const faults: readonly [string, string, string][] = [
  [
    'exits-in-the-middle',
    'crashed',
    'It exited with status 5 before it answered. On standard error it said: assertion failed: list not empty',
  ],
  ['ends-by-signal', 'crashed', 'It was ended by SIGSEGV before it answered.'],
  ['hangs', 'hung', 'It did not answer within 300 ms.'],
  ['prints-rubbish', 'rubbish', 'Its answer is not a line of JSON: Segmentation fault [31m(core dumped)'],
  [
    'returns-another-type',
    'rubbish',
    'Its answer does not follow the protocol. Field history.1.result must be null,string,integer,boolean.',
  ],
  ['floods', 'flooded', 'It wrote a line of more than 200000 bytes.'],
  ['answers-twice', 'out-of-order', 'It gave more than one answer.'],
  ['answers-a-run-with-a-welcome', 'out-of-order', 'It was asked for a run and answered with a welcome.'],
  ['answers-another-id', 'out-of-order', 'It was asked for run 2 and answered run 3.'],
  ['makes-too-many-calls', 'lied', 'Moment 4: caller 0 makes more than its 1 call.'],
  ['refuses', 'refused', 'It says: all slots are in use'],
  ['forgets-the-rule', 'violation', 'Call 1 of caller 1, assign(vm, efd, 4), returned 0; a correct implementation returns EBUSY here.'],
];

for (const [name, outcome, message] of faults) {
  test(`an adapter that ${name.replaceAll('-', ' ')} has the outcome ${outcome}, and the run goes on`, async () => {
    const report = await run(name);
    assert.equal(
      report.vectors.map(vector => vector.outcome),
      ['conforming', outcome, 'conforming'],
    );
    assert.is(report.vectors[1]?.message, message);
    assert.is(report.verdict, outcome === 'refused' ? 'inconclusive' : 'violation');
  });
}

test('an adapter that obeys conforms in every vector', async () => {
  const report = await run('obeys');
  assert.is(report.verdict, 'pass');
  assert.equal(report.counts, { conforming: 3 });
  assert.equal(report.environment, { machine: 'none' });
});

test('a program that exits before its welcome is a broken adapter', async () => {
  const report = await run('exits-at-once');
  assert.is(report.verdict, 'broken-adapter');
  assert.equal(report.counts, { 'could-not-start': 3 });
  assert.is(report.vectors[0]?.message, 'It exited with status 3 before it answered. On standard error it said: no licence found');
});

test('a program that does not exist is a broken adapter', async () => {
  const report = await runVectors(vectors, childAdapter(['./no-such-program']), { given: 'x' });
  assert.is(report.verdict, 'broken-adapter');
  assert.match(report.vectors[0]?.message ?? '', /^It could not be run: .*ENOENT/);
});

test('a program that never says welcome is a broken adapter', async () => {
  const report = await run('hangs-at-hello');
  assert.is(report.verdict, 'broken-adapter');
  assert.is(report.vectors[0]?.message, 'It did not answer within 300 ms.');
});

test('a program of another protocol version is a broken adapter', async () => {
  const report = await run('speaks-another-protocol');
  assert.is(report.verdict, 'broken-adapter');
  assert.is(report.vectors[0]?.message, 'It speaks protocol 7, the runner speaks 1.');
});

test('exit status 77 before the welcome skips the run', async () => {
  const report = await run('is-unavailable');
  assert.is(report.verdict, 'skipped');
  assert.is(report.message, 'On standard error it said: /dev/kvm cannot be opened: Permission denied.');
  assert.equal(report.vectors, []);
});

test('a profile of which nothing is expected is unsupported', async () => {
  const report = await run('has-an-unknown-profile');
  assert.is(report.verdict, 'inconclusive');
  assert.equal(report.counts, { unsupported: 3 });
  assert.is(report.vectors[0]?.message, 'Nothing is expected of profile linux-2.6; the vector knows linux-6.1, linux-6.17.');
});

test('what the program started is ended with it', async () => {
  const child = adapter('leaves-a-child-behind');
  await child.start();
  const { setup, callers, order } = assignTwice;
  const answer = await child.run({ type: 'run', id: 1, vector: 'fault', setup, callers, order, seed: 0 });
  await child.stop();
  const pid = answer.type === 'refused' ? Number(answer.reason) : 0;
  assert.ok(pid > 1);
  for (let tries = 0; tries < 100 && isRunning(pid); tries++) await new Promise(resolve => setTimeout(resolve, 10));
  assert.not.ok(isRunning(pid));
});

test('stopping twice, and asking what was stopped, are harmless', async () => {
  const child = adapter('obeys');
  await child.start();
  await child.stop();
  await child.stop();
  const { setup, callers, order } = assignTwice;
  try {
    await child.run({ type: 'run', id: 1, vector: 'x', setup, callers, order, seed: 0 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, AdapterFailure);
  }
});

/** A dead process that nobody has reaped yet does not run. */
function isRunning(pid: number): boolean {
  const status = `/proc/${pid}/stat`;
  if (existsSync(status)) return !/\) [ZX] /.test(readFileSync(status, 'utf8'));
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.run();
