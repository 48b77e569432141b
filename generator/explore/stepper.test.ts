import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { claim, eachMember, takenTwice, underMutex } from '../tiny/tiny-programs.ts';
import { stepper } from './stepper.ts';

const test = suite('stepper');

test('a thread that has to wait has no successor', () => {
  const one = stepper(underMutex());
  const [taken] = one.successors(one.initial());
  assert.ok(taken?.state);
  assert.equal(
    one.successors(taken.state).map(({ step }) => step),
    [{ thread: 0, node: 1, alternative: 0 }],
  );
});

test('a step that a fatal finding cuts has no state, and its rule', () => {
  const one = stepper(takenTwice());
  const [taken] = one.successors(one.initial());
  assert.ok(taken?.state);
  assert.equal(one.successors(taken.state), [
    { step: { thread: 0, node: 1, alternative: 0 }, state: null, findings: ['always.neverTakenTwice'] },
  ]);
});

test('findings stay with their step', () => {
  const one = stepper(claim('succeed'));
  const broken = new Set<string>();
  const left = [one.initial()],
    seen = new Set<string>();
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    if (seen.has(state.join())) continue;
    seen.add(state.join());
    for (const { step, state: next, findings } of one.successors(state)) {
      if (findings.length > 0) broken.add(`${step.node} ${findings.join()}`);
      if (next !== null) left.push(next);
    }
  }
  assert.equal([...broken], ['8 claimContract']);
});

test('each member is an alternative', () => {
  const one = stepper(eachMember());
  assert.equal(
    one.successors(one.initial()).map(({ step, state }) => [step.alternative, state && one.decode(state).threads[0]?.slots]),
    [
      [1, { 0: 1, 1: 1 }],
      [2, { 0: 2, 1: 2 }],
    ],
  );
});

test('a state comes back from its words', () => {
  const one = stepper(underMutex());
  for (const { state } of one.successors(one.initial())) {
    assert.ok(state);
    assert.equal(one.encode(one.decode(state)), state);
  }
});

test.run();
