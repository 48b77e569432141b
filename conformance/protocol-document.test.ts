import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from './judge.ts';
import type { RunRequest } from './protocol.ts';
import { checkAgainst } from './schema.ts';
import { assignRace, assignTwice } from './testdata/assign-vectors.ts';

const test = suite('protocol document');
const text = readFileSync(new URL('PROTOCOL.md', import.meta.url), 'utf8');
const said = (mark: string) =>
  text
    .split('\n')
    .filter(line => line.startsWith(`${mark} {`))
    .map((line): unknown => JSON.parse(line.slice(2)));
const checkRequest = checkAgainst('protocol.schema.json#/definitions/Request');
const checkRan = checkAgainst('protocol.schema.json#/definitions/RunAnswer');
const answerChecks = [
  checkAgainst('protocol.schema.json#/definitions/Welcome'),
  checkRan,
  checkAgainst('protocol.schema.json#/definitions/Refusal'),
];

test('every request of the transcript follows the schema, and each type occurs', () => {
  const types = said('>').map(line => {
    const checked = checkRequest(line);
    assert.ok('value' in checked, JSON.stringify(line));
    return 'value' in checked ? checked.value.type : '';
  });
  assert.equal([...new Set(types)], ['hello', 'run', 'bye']);
});

test('every answer of the transcript follows the schema, and each type occurs', () => {
  const answers = said('<');
  const kinds = answers.map(line => answerChecks.findIndex(check => 'value' in check(line)));
  assert.equal(kinds, [0, 1, 1, 2]);
});

test('what the transcript shows is conforming', () => {
  const runs = said('>').flatMap((line): RunRequest[] => {
    const checked = checkRequest(line);
    return 'value' in checked && checked.value.type === 'run' ? [checked.value] : [];
  });
  const answers = said('<').flatMap(line => {
    const checked = checkRan(line);
    return 'value' in checked ? [checked.value] : [];
  });
  for (const [index, vector] of [assignTwice, assignRace].entries()) {
    const [request, answer] = [runs[index], answers[index]];
    assert.ok(request !== undefined && answer !== undefined && request.id === answer.id);
    if (request === undefined || answer === undefined) continue;
    const { setup, callers, order } = request;
    assert.equal(judge({ ...vector, setup, callers, order }, 'linux-6.17', answer), { kind: 'conforming' });
  }
});

test.run();
