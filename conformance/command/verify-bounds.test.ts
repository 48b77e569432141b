import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { system, withManyIrqfds } from '../../generator/bench/many-irqfds.ts';

const command = fileURLToPath(new URL('../holdfast.js', import.meta.url));

/** Of a scenario with 220,662 states. */
async function verify(...given: string[]): Promise<{ status: number | undefined; said: string; scenarios: Scenario[] }> {
  const {
    exitCode,
    all: said = '',
    stdout,
  } = await withManyIrqfds(folder =>
    execa('node', [command, 'verify', system, '--spec', folder, '--scenario', 'benchTwo', ...given], { reject: false, all: true }),
  );
  const scenarios: Scenario[] = given.includes('--json') ? JSON.parse(stdout).scenarios : [];
  return { status: exitCode, said, scenarios };
}

interface Scenario {
  readonly verdict: string;
  readonly states: number;
}

const test = suite('bounds of verify');

test('a bound of memory that is reached is inconclusive, and says what was covered', async () => {
  const { status, scenarios } = await verify('--max-memory', '2', '--no-reduction', '--json');
  assert.is(status, 3);
  assert.is(scenarios[0]?.verdict, 'inconclusive');
  assert.ok((scenarios[0]?.states ?? 0) > 1000);
});

test('what is too large whole is reduced before it is given up', async () => {
  const { status, scenarios } = await verify('--max-memory', '2', '--json');
  assert.is(status, 0);
  assert.ok((scenarios[0]?.states ?? 0) < 220_662);
});

test('a bound of memory that is not reached changes nothing, nor does the number of workers', async () => {
  const { status, scenarios } = await verify('--max-memory', '100', '--workers', '3', '--json');
  assert.is(status, 0);
  assert.is(scenarios[0]?.states, 220_662);
});

test('no workers, and no memory, are wrong use', async () => {
  for (const given of [
    ['--workers', '0'],
    ['--workers', 'many'],
    ['--workers', '65'],
    ['--max-memory', '0'],
  ])
    assert.is((await verify(...given)).status, 2, given.join(' '));
});

test.run();
