import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemForTests } from '../../generator/history/for-tests.ts';
import type { Adapter } from '../adapter.ts';
import { openSimulator } from '../open-simulator.ts';
import type { RunAnswer, RunRequest } from '../protocol.ts';
import type { VectorFile } from '../vector.ts';
import { runHistories } from './run-histories.ts';

const test = suite('histories of an adapter');
const system = await systemForTests('irqfd');
const { vectors }: VectorFile = JSON.parse(readFileSync(fileURLToPath(new URL('../vectors/irqfd.json', import.meta.url)), 'utf8'));
const correct = openSimulator(system, null);

/** The simulator, but for what is done to its answers. */
function changed(change: (answer: RunAnswer, request: RunRequest) => RunAnswer): Adapter {
  return {
    start: correct.start,
    stop: correct.stop,
    async run(request) {
      const answer = await correct.run(request);
      return answer.type === 'ran' ? change(answer, request) : answer;
    },
  };
}

test('the simulator is explained, callers at once', async () => {
  const { results } = await runHistories(system, vectors, correct, { histories: 6, seed: 1 });
  assert.equal(
    results.filter(({ outcome }) => outcome === 'violation' || outcome === 'failed'),
    [],
  );
  assert.ok(results.some(({ overlapping }) => overlapping > 2));
});

test('one that accepts an eventfd that is taken is caught, with the moment, what is allowed, and a seed that shows it again', async () => {
  const broken = openSimulator(system, 'duplicateAccepted');
  const { results } = await runHistories(system, vectors, broken, { histories: 30, seed: 1 });
  const found = results.find(({ outcome }) => outcome === 'violation');
  assert.ok(found?.violation);
  const { history, at, allowed } = found.violation;
  assert.match(history[at] ?? '', 'returns 0');
  assert.not(allowed.includes(0));
  const again = await runHistories(system, vectors, broken, { histories: 1, seed: found.seed });
  assert.equal(again.results, [found]);
});

test('a result that no call of the spec has is caught', async () => {
  const broken = changed(answer => ({
    ...answer,
    history: answer.history.map(moment => (moment.at === 'return' ? { ...moment, result: 'EIO' } : moment)),
  }));
  const { results } = await runHistories(system, vectors, broken, { histories: 1, seed: 1 });
  assert.is(results[0]?.outcome, 'violation');
});

test('an account that cannot have happened is a failure of the adapter, not a violation', async () => {
  const lies = changed(answer => ({ ...answer, history: answer.history.slice(1) }));
  const { results } = await runHistories(system, vectors, lies, { histories: 1, seed: 1 });
  assert.is(results[0]?.outcome, 'failed');
});

test.run();
