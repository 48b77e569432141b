/** What could have happened, as a person meets it on the command line. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { line, nested, type Step, start } from '../../oracles/predict/testdata/steps.ts';
import { checkAgainst } from '../schema.ts';

const test = suite('prediction on the command line');
const bin = fileURLToPath(new URL('../holdfast.js', import.meta.url));
let folder = '';
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-prediction-'));
});
test.after(() => rmSync(folder, { recursive: true }));

async function holdfast(...given: string[]) {
  const { stdout, stderr, exitCode } = await execa('node', [bin, ...given], { reject: false, stdin: 'ignore', env: { NO_COLOR: '1' } });
  return { stdout, stderr, exitCode };
}
function trace(name: string, header: object, ...parts: readonly (readonly Step[])[]): string {
  const path = join(folder, name);
  const events = parts.flat().map(([thread, event], index) => ({ seq: index + 1, thread, ...event }));
  const lines = [{ holdfast: 'trace', version: 1, system: null, ...header }, ...events];
  writeFileSync(path, lines.map(one => `${JSON.stringify(one)}\n`).join(''));
  return path;
}
const inverted = [start('x', 'y'), nested('x', 'A#1.m', 'B#1.m'), nested('y', 'B#1.m', 'A#1.m')] as const;

test('a deadlock that could have been is told once, with the order in which it happens', async () => {
  const { stdout, exitCode } = await holdfast('check', '--json', trace('inverted.jsonl', {}, ...inverted));
  assert.is(exitCode, 1);
  const checked = checkAgainst('check.schema.json')(JSON.parse(stdout));
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
  if (!('value' in checked)) return;
  const [one] = checked.value.traces;
  assert.is(one?.prediction, 'whole');
  assert.equal(
    one?.findings.map(({ rule, strength, reordering }) => ({ rule, strength, order: reordering?.order })),
    [{ rule: 'always.everyWaitEnds', strength: 'predicted', order: [1, 2, 3, 4, 9, 10, 5, 11] }],
  );
});

test('without prediction it is only possible', async () => {
  const { stdout } = await holdfast('check', '--json', '--no-predict', trace('not-asked.jsonl', {}, ...inverted));
  const [one] = JSON.parse(stdout).traces;
  assert.is(one.prediction, 'not asked');
  assert.equal(
    one.findings.map((finding: { rule: string; strength: string }) => `${finding.rule} ${finding.strength}`),
    ['always.noLockCycle possible'],
  );
});

test('a trace that does not show what is read is not taken in another order', async () => {
  const { stdout } = await holdfast('check', trace('locks.jsonl', { observes: ['want', 'got', 'released', 'fork'] }, ...inverted));
  assert.match(stdout, /Nothing was predicted: the trace does not show all that orders its events/);
  assert.match(stdout, /always\.noLockCycle {2}\(possible\)/);
});

test('explain tells a finding as a table of threads, and draws it', async () => {
  const path = trace('told.jsonl', {}, ...inverted);
  const drawing = join(folder, 'told.svg');
  const { stdout, exitCode } = await holdfast('explain', path, '11', '--draw', drawing);
  assert.is(exitCode, 0, stdout);
  assert.match(stdout, /^ +event +x +y$/m);
  assert.match(stdout, /^ +4 +takes A#1\.m$/m);
  assert.match(stdout, /^ +11 {3,}waits for A#1\.m$/m);
  assert.match(stdout, /why: .*\n.*look at: .*\n.*again: +npx holdfast explain /);
  assert.match(readFileSync(drawing, 'utf8'), /^<svg [\s\S]*waits at A#1\.m/);
});

test('where nothing is found there is nothing to explain or to draw', async () => {
  const path = trace('right.jsonl', {}, start('x', 'y'), nested('x', 'A#1.m'), line('y', { kind: 'thread-end' }));
  const drawing = join(folder, 'none.svg');
  const { stderr, exitCode } = await holdfast('explain', path, '--draw', drawing);
  assert.is(exitCode, 2);
  assert.match(stderr, /Nothing is found/);
  assert.not.ok(existsSync(drawing));
});

test.run();
