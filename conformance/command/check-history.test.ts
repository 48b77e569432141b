import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkAgainst } from '../schema.ts';

const test = suite('check --history');

const command = fileURLToPath(new URL('main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
const check = (...given: string[]) =>
  execa('node', ['--import', 'tsx', command, 'check', '--history', ...given], { reject: false, env: { NO_COLOR: '1' } });

/** Thread, call, and for a return its result. */
function history(name: string, ...moments: readonly (readonly [thread: string, call: string, given: unknown])[]): string {
  const lines = moments.map(([thread, call, given], seq) =>
    JSON.stringify(
      Array.isArray(given) ? { seq, thread, kind: 'call', call, arguments: given } : { seq, thread, kind: 'return', call, result: given },
    ),
  );
  const file = join(folder, name);
  writeFileSync(file, ['{"holdfast":"trace","version":1,"system":"irqfd"}', ...lines, ''].join('\n'));
  return file;
}
const overlap = [
  ['a', 'createVm', []],
  ['a', 'createVm', 'vm'],
  ['a', 'createInterruptController', ['vm']],
  ['b', 'createEventfd', []],
  ['a', 'createInterruptController', 0],
  ['b', 'createEventfd', 'fd'],
  ['a', 'assign', ['vm', 'fd', 5]],
  ['b', 'assign', ['vm', 'fd', 5]],
  ['a', 'assign', 'EBUSY'],
] as const;

test('two calls at once of which either may be first are explained', async () => {
  const { exitCode, stdout } = await check(history('explained.jsonl', ...overlap, ['b', 'assign', 0]));
  assert.is(exitCode, 0);
  assert.match(stdout, /^pass /);
});

test('that both are second is not explained, and the document says where, what may be, and by which contract', async () => {
  const { exitCode, stdout } = await check('--json', history('both.jsonl', ...overlap, ['b', 'assign', 'EBUSY']));
  assert.is(exitCode, 1);
  const checked = checkAgainst('check-history.schema.json')(JSON.parse(stdout));
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
  const [one] = checked.value.histories;
  assert.is(one?.explained, 9);
  assert.equal(one?.rejected?.allowed, [0]);
  assert.is(one?.rejected?.contract, 'assignContract');
});

test('a history that cannot be is wrong use, with file and line', async () => {
  const { exitCode, stderr } = await check(history('wrong.jsonl', ...overlap, ['c', 'assign', 0]));
  assert.is(exitCode, 2);
  assert.match(stderr, /wrong\.jsonl:11: c returns from assign and is in no call/);
});

test.run();
