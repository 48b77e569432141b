import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ruleBookIndex } from '../emit/rule-book.ts';
import { loadSystem } from './load-system.ts';

const spec = fileURLToPath(new URL('../../spec', import.meta.url));
const test = suite('facts of every system');

const systems = (await Promise.all(['irqfd-2009', 'irqbypass'].map(name => loadSystem(spec, name, null)))).flatMap(({ system }) =>
  system === null ? [] : [system],
);
const [one] = systems;

test('they are read with each system, and follow from rules that every system has', () => {
  const generic = one?.generic ?? [];
  assert.ok(generic.some(({ id }) => id === 'R001'));
  for (const { id, from, undecided } of generic) assert.ok(undecided !== null || from.length > 0, id);
  for (const rule of generic.flatMap(({ from }) => from)) assert.ok(one?.builtIn[rule] !== undefined, rule);
});

test('they are told once, in the index', () => assert.is(ruleBookIndex(systems).split('| R001 |').length, 2));

test.run();
