import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resultText } from '../../conformance/moment.ts';
import { randomFrom } from '../../conformance/seed.ts';
import type { Argument, Result, VectorFile } from '../../conformance/vector.ts';
import { systemForTests } from './for-tests.ts';
import { judgeHistory } from './judge-history.ts';

const test = suite('histories of vectors');

const folder = fileURLToPath(new URL('../../conformance/vectors', import.meta.url));
const { vectors }: VectorFile = JSON.parse(readFileSync(`${folder}/irqfd.json`, 'utf8'));
const system = await systemForTests('irqfd');
/** Each vector was made by exploring all states; every so many is enough to notice a difference. */
const every = 12;

const readResult = (text: string): Result =>
  /^[A-Za-z_]/.test(text) && !['true', 'false', 'null'].includes(text) ? text : JSON.parse(text);

test('at every moment of a walk through its automaton, a call may return what the automaton says', () => {
  const judge = judgeHistory(system);
  const random = randomFrom(11);
  let compared = 0;
  for (let index = 0; index < vectors.length; index += every) {
    const vector = vectors[index];
    if (vector === undefined) break;
    // Handles are named for the vector, so that one judge serves for all.
    const named = (argument: Argument): Result =>
      typeof argument === 'object' && argument !== null ? `${index} ${argument.handle}` : argument;
    for (const { call, with: given, keep, result } of vector.setup) {
      assert.is(judge.call(`${index} setup`, call, given.map(named)), null);
      assert.is(judge.return(`${index} setup`, keep === null ? result : `${index} ${keep}`), null, `${vector.id}: ${call}`);
    }
    const states = vector.expected[0]?.states ?? [];
    const made = vector.callers.map(() => 0);
    const open = new Set<number>();
    for (let state = 0; ; ) {
      const labels = Object.keys(states[state] ?? {});
      for (const caller of open) {
        const prefix = `r${caller}=`;
        const wanted = labels.filter(label => label.startsWith(prefix)).map(label => label.slice(prefix.length));
        assert.equal(judge.mayReturn(`${index} ${caller}`).map(resultText).sort(), wanted.sort(), `${vector.id}, caller ${caller}`);
        compared += 1;
      }
      const label = labels[random(Math.max(1, labels.length))];
      if (label === undefined) break;
      const caller = Number(/\d+/.exec(label)?.[0]);
      if (label.startsWith('c')) {
        const next = vector.callers[caller]?.[made[caller] ?? 0];
        made[caller] = (made[caller] ?? 0) + 1;
        open.add(caller);
        assert.is(judge.call(`${index} ${caller}`, next?.call ?? '', (next?.with ?? []).map(named)), null);
      } else {
        open.delete(caller);
        assert.is(judge.return(`${index} ${caller}`, readResult(label.slice(label.indexOf('=') + 1))), null);
      }
      state = states[state]?.[label] ?? 0;
    }
  }
  assert.ok(compared > 300, `${compared} compared`);
});

test.run();
