import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge, profileFor } from './judge.ts';
import type { Moment } from './protocol.ts';
import { assignRace, assignTwice } from './testdata/assign-vectors.ts';
import type { Result, Vector } from './vector.ts';

const test = suite('judge');
const setup = [null, 0, null];
const call = (caller: number): Moment => ({ caller, at: 'call' });
const returns = (caller: number, result: Result): Moment => ({ caller, at: 'return', result });
const judged = (vector: Vector, ...history: Moment[]) => judge(vector, 'linux-6.17', { setup, history });

test('either caller may win a race', () => {
  assert.equal(judged(assignRace, call(0), call(1), returns(1, 0), returns(0, 'EBUSY')), { kind: 'conforming' });
  assert.equal(judged(assignRace, call(0), call(1), returns(1, 'EBUSY'), returns(0, 0)), { kind: 'conforming' });
});

test('the first moment that nothing explains is named, with what was allowed there', () => {
  assert.equal(judged(assignRace, call(0), call(1), returns(1, 0), returns(0, 0)), {
    kind: 'violation',
    at: 3,
    seen: 'r0=0',
    allowed: ['EBUSY'],
    message: 'Call 1 of caller 0, assign(vm, efd, 4), returned 0; a correct implementation returns EBUSY here.',
  });
});

test('a call that had ended before the other began was not overtaken', () => {
  const judgement = judged(assignRace, call(0), returns(0, 'EBUSY'), call(1), returns(1, 0));
  assert.is(judgement.kind === 'violation' && judgement.at, 1);
});

test('a return where a correct implementation waits is a violation', () => {
  const waits: Vector = { ...assignRace, expected: [{ profiles: [], allowed: [], states: [{ c0: 1 }, { c1: 2 }, {}] }] };
  const judgement = judged(waits, call(0), returns(0, 0), call(1), returns(1, 0));
  assert.is(
    judgement.kind === 'violation' && judgement.message,
    'Call 1 of caller 0, assign(vm, efd, 4), returned 0; it may not return here at all, because it has to wait for another caller.',
  );
});

test('the string "0" is not the number 0, and "true" is not true', () => {
  const states = [{ c0: 1 }, { 'r0="0"': 2, 'r0=true': 2 }, { c1: 3 }, { 'r1=0': 4 }, {}];
  const vector: Vector = { ...assignTwice, expected: [{ profiles: ['linux-6.17'], allowed: [], states }] };
  const allowed = (result: Result) => judged(vector, call(0), returns(0, result), call(1), returns(1, 0));
  assert.is(allowed('0').kind, 'conforming');
  assert.is(allowed(true).kind, 'conforming');
  assert.equal(allowed(0), {
    kind: 'violation',
    at: 1,
    seen: 'r0=0',
    allowed: ['0', true],
    message: 'Call 1 of caller 0, assign(vm, efd, 4), returned 0; a correct implementation returns "0" or true here.',
  });
  assert.is(allowed('true').kind, 'violation');
});

test('a profile finds its own expectation, and an expectation without profiles is for all', () => {
  const history = [call(0), returns(0, 0), call(1), returns(1, 'EBUSY')];
  assert.is(judge(assignTwice, 'linux-5.4', { setup, history }).kind, 'unsupported');
  const open: Vector = { ...assignTwice, expected: assignTwice.expected.map(one => ({ ...one, profiles: [] })) };
  assert.is(judge(open, 'linux-5.4', { setup, history }).kind, 'conforming');
});

test('a setup call with another result is a failure to set up', () => {
  assert.equal(judge(assignTwice, 'linux-6.1', { setup: [null, 'EEXIST'], history: [] }), {
    kind: 'could-not-set-up',
    message: 'Setup call createInterruptController(vm) returned EEXIST instead of 0.',
  });
  assert.equal(judge(assignTwice, 'linux-6.1', { setup: ['EMFILE'], history: [] }), {
    kind: 'could-not-set-up',
    message: 'Setup call createVm() returned EMFILE instead of a handle.',
  });
});

const lies: readonly [string, Result[], Moment[]][] = [
  ['a setup that is longer than the vector', [...setup, 0], []],
  ['a setup that stops without a failure', [null, 0], []],
  ['a caller that does not exist', setup, [call(2)]],
  ['a negative caller', setup, [call(-1)]],
  ['a call within a call', setup, [call(0), call(0)]],
  ['a return before its call', setup, [returns(0, 0)]],
  ['a return without a result', setup, [call(0), { caller: 0, at: 'return' }]],
  ['a call with a result', setup, [{ caller: 0, at: 'call', result: 0 }]],
  ['one call too many', setup, [call(0), returns(0, 0), call(0)]],
  ['a call that never returns', setup, [call(0), returns(0, 0), call(1)]],
  ['a caller that never calls', setup, [call(0), returns(0, 0)]],
  ['nothing at all', setup, []],
];
for (const [what, results, history] of lies) {
  test(`${what} is a lie, not a violation`, () => {
    assert.is(judge(assignRace, 'linux-6.17', { setup: results, history }).kind, 'lied');
  });
}

test('a history out of turn is a lie', () => {
  assert.is(judged(assignTwice, call(1), returns(1, 0), call(0), returns(0, 'EBUSY')).kind, 'lied');
  assert.is(judged(assignTwice, call(0), call(1), returns(0, 0), returns(1, 'EBUSY')).kind, 'lied');
});

test('an adapter of several systems may have a profile for each', () => {
  const welcome = { profile: 'linux-6.1', profiles: { irqfd: 'linux-6.17' } };
  assert.is(profileFor(assignTwice, welcome), 'linux-6.17');
  assert.is(profileFor({ ...assignTwice, id: 'vfio-ap/x/1' }, welcome), 'linux-6.1');
});

test.run();
