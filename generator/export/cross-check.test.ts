import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore } from '../explore/explore.ts';
import { tinyLater } from '../tiny/tiny-later.ts';
import { abBa, claim, sleepAndWake, takenTwice, underMutex, useAfterFree, wakeCallback, workAndFlush } from '../tiny/tiny-programs.ts';
import { countOf, crossCheck, differences } from './cross-check.ts';
import { promela } from './promela.ts';
import { readReport, runSpin, spinVersion } from './spin.ts';

const test = suite('cross-check with SPIN');
const isThere = (await spinVersion()) !== null;
if (!isThere) process.stdout.write('skipped: spin is not installed\n');
const withSpin = isThere ? test : test.skip;

const said = `pan:1: assertion violated (0&&always_neverTouchedAfterFree) (at depth 8)
pan:2: invalid end state (at depth 9)
pan:3: assertion violated kvmGuards (at depth 3)
	invalid end states	+
State-vector 36 byte, depth reached 5, errors: 7
        8 states, stored
        5 states, matched
       13 transitions (= stored+matched)
`;
const rules = new Map([
  ['always_neverTouchedAfterFree', 'always.neverTouchedAfterFree'],
  ['kvmGuards', 'kvmGuards'],
]);

test('the report of a search is read', () => {
  const { states, transitions, broken, errors, complete, stateBytes } = readReport(said, { text: '', rules });
  assert.equal(
    { states, transitions, errors, complete, stateBytes },
    { states: 8, transitions: 13, errors: 7, complete: true, stateBytes: 36 },
  );
  assert.equal(broken, ['always.everyWaitEnds', 'always.neverTouchedAfterFree', 'kvmGuards']);
});

test('a fault of the model itself is no rule', () => {
  const { broken } = readReport(`pan:1: block in d_step seq (at depth 2)\n${said}`, { text: '', rules });
  assert.ok(broken.includes('(pan: block in d_step seq)'));
});

test('a search that ran out of stack is not complete', () => {
  assert.is(readReport(`error: max search depth too small\n${said}`, { text: '', rules }).complete, false);
  assert.throws(() => readReport('Segmentation fault', { text: '', rules }), /does not say/);
});

test('whatever differs is named', () => {
  const one = { states: 8, transitions: 13, broken: ['kvmGuards'] };
  assert.equal(differences(one, { ...one }), []);
  assert.equal(differences(one, { states: 9, transitions: 12, broken: [] }), ['states', 'transitions', 'broken']);
});

test('a program with more states than the limit is left out', async () => {
  const { spin, differs } = await crossCheck(claim(), 3);
  assert.is(spin, null);
  assert.equal(differs, []);
});

for (const program of [
  underMutex(),
  abBa(),
  takenTwice(),
  claim('succeed'),
  useAfterFree(),
  wakeCallback(),
  workAndFlush(),
  sleepAndWake(true),
  ...tinyLater,
]) {
  withSpin(`SPIN counts and finds the same in ${program.scenario}`, async () => {
    const { explorer, spin, differs } = await crossCheck(program, 10_000);
    assert.ok(spin);
    assert.equal(differs, [], `${JSON.stringify(explorer)} and ${JSON.stringify(spin)}`);
  });
}

withSpin('a model that lets a thread take a lock that is held has other states', async () => {
  const model = promela(underMutex());
  const text = model.text.replace('Box_lock[1] == 0 -> Box_lock[1] = by_T2', 'Box_lock[1] = by_T2');
  assert.is.not(text, model.text);
  const wrong = await runSpin({ ...model, text }, 1000, ['-O0']);
  assert.ok(differences(countOf(explore(underMutex()), 1), wrong).length > 0);
});

withSpin('a model that SPIN cannot read is refused by name', async () => {
  try {
    await runSpin({ text: 'active proctype T1() { x = 1 }', rules }, 100);
    assert.unreachable();
  } catch (fault) {
    assert.match(fault instanceof Error ? fault.message : '', /^spin refuses the model: .*undeclared/s);
  }
});

test.run();
