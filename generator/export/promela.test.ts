import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { at, constant, field, objectType, slot, tiny } from '../tiny/tiny-program.ts';
import { claim, gracePeriod, tinyPrograms } from '../tiny/tiny-programs.ts';
import { promela } from './promela.ts';

const test = suite('export to Promela');
const folder = new URL('testdata/', import.meta.url);

for (const program of [claim(), gracePeriod()]) {
  test(`${program.scenario} reads as before`, () => {
    const file = new URL(`${program.scenario}.pml`, folder);
    const { text } = promela(program);
    if (process.env['UPDATE_GOLDEN'] !== undefined) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, text);
    }
    assert.ok(existsSync(file), `${program.scenario}.pml is missing; make update-golden writes it`);
    assert.fixture(text, readFileSync(file, 'utf8'));
  });
}

test('the same program gives the same text', () => {
  for (const program of tinyPrograms) assert.is(promela(program).text, promela(structuredClone(program)).text);
});

test('every goto has its label, and every assertion its rule', () => {
  for (const program of tinyPrograms) {
    const { text, rules } = promela(program);
    for (const proctype of text.split(/^active proctype /m).slice(1))
      for (const [, label = ''] of proctype.matchAll(/goto (\w+)/g)) assert.match(proctype, new RegExp(`^${label}:`, 'm'));
    for (const [, rule = ''] of text.matchAll(/\b(?:must|broken)\((\w+)(?:,|\) }|\) } goto|; )/g))
      if (rule !== 'rule') assert.ok(rules.has(rule), `${program.scenario}: ${rule}`);
  }
});

test('what the steps of a program exchange side by side keeps its values', () => {
  const pair = objectType('Pair', [field('a', 'number', 3)]);
  const program = tiny({
    name: 'exchange',
    types: [pair],
    cells: { 'Pair#1.a': 1 },
    threads: [
      {
        slots: [
          { name: 'x', max: 3, type: null, word: false },
          { name: 'y', max: 3, type: null, word: false },
          { name: 'old', max: 3, type: null, word: false },
        ],
        nodes: [
          { kind: 'read', target: at('Pair', 'a'), slot: 0 },
          { kind: 'read', target: at('Pair', 'a'), slot: 1 },
          { kind: 'read', target: at('Pair', 'a'), slot: 2 },
          { kind: 'set', slot: 2, value: slot(0) },
          { kind: 'set', slot: 0, value: slot(1) },
          { kind: 'set', slot: 1, value: slot(2) },
          { kind: 'write', target: at('Pair', 'a'), value: slot(0) },
          { kind: 'write', target: at('Pair', 'a'), value: slot(1) },
          { kind: 'write', target: at('Pair', 'a'), value: constant(0) },
        ],
      },
    ],
  });
  const { text } = promela(program);
  assert.match(text, /d_step \{ saved_1 = y; saved_2 = x; x = saved_1; y = saved_2 \}/);
});

test('the words of the language of the spec do not become words of Promela or C', () => {
  const box = objectType('Box', [field('value', 'number', 3)]);
  const slots = ['len', 'init', 'register', '!', '1st'].map(name => ({ name, max: 3, type: null, word: false }));
  const nodes = slots.flatMap((_, number) => [
    { kind: 'read' as const, target: at('Box', 'value'), slot: number },
    { kind: 'write' as const, target: at('Box', 'value'), value: slot(number) },
  ]);
  const { text } = promela(tiny({ name: 'words', types: [box], cells: { 'Box#1.value': 1 }, threads: [{ slots, nodes }] }));
  for (const name of ['len_2', 'init_2', 'register_2', 'value', 'value_1st']) assert.match(text, new RegExp(`^  byte ${name};$`, 'm'));
});

test.run();
