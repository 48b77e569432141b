/** What the README shows is so. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadSystem } from '../generator/read/load-system.ts';
import { verifyScenario } from '../generator/verify/verify.ts';
import { keptFolder } from './command/places.ts';

const test = suite('README');
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const specFolder = fileURLToPath(new URL('../spec', import.meta.url));

test('the code that it shows is that of the spec', () => {
  const source = readFileSync(new URL('../spec/irqfd-2009/irqfd-2009.ts', import.meta.url), 'utf8');
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  assert.is(shown.length, 2);
  // Between two declarations of one block the source may have others.
  for (const part of shown.flatMap(code => code.split(/\n\n(?=\/\*\*)/))) assert.ok(source.includes(part.trim()), part);
});

const question = /^\| (.+) \| `npx holdfast verify (\S+)(?: --variant (\S+))? --scenario (\S+)` \| (holds|breaks (\S+)) \|$/gm;
const questions = [...readme.matchAll(question)];
test('the table of questions has all that were asked', () => assert.ok(questions.length >= 18));
for (const [, asked, system = '', variant, scenario = '', answer, rule] of questions)
  test(`${asked} ${answer}`, async () => {
    const { system: known } = await loadSystem(specFolder, system, keptFolder);
    assert.ok(known);
    const { verdict, violations } = verifyScenario(known, variant ?? null, scenario);
    if (rule === undefined) assert.is(verdict, 'pass', violations.map(one => one.rule).join(', '));
    else
      assert.ok(
        violations.some(one => one.rule === rule),
        `it breaks ${violations.map(one => one.rule).join(', ') || 'nothing'}`,
      );
  });

test.run();
