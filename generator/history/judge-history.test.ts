import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../conformance/seed.ts';
import type { Scalar } from '../../oracles/event.ts';
import { clauseAgainst } from './explain-rejection.ts';
import { judgeAll, systemForTests } from './for-tests.ts';
import { HistoryError, type HistoryJudge, judgeHistory } from './judge-history.ts';
import { type HistoryMoment, randomHistory } from './random-history.ts';
import { irqfdCalls } from './random-irqfd.ts';

const test = suite('histories');
const system = await systemForTests('irqfd');
const room = (callers: number) => ({ callers, pools: Object.fromEntries(Object.keys(system.objects).map(type => [type, 5])) });

function histories(callers: number, calls: number, seed: number): HistoryMoment[] {
  const moments: HistoryMoment[] = [];
  for (const moment of randomHistory(system, room(callers), randomFrom(seed), irqfdCalls(1, 2))) {
    moments.push(moment);
    if (moments.length === 2 * calls) break;
  }
  return moments;
}
/** The next calls one after the other. */
function act(judge: HistoryJudge, ...calls: readonly (readonly [call: string, with_: readonly Scalar[], result: Scalar])[]): void {
  for (const [call, given, result] of calls) {
    assert.is(judge.call('T', call, given), null);
    assert.is(judge.return('T', result, call), null, `${call} returned ${String(result)}`);
  }
}
const aMachine = [
  ['createVm', [], 'vm'],
  ['createInterruptController', ['vm'], 0],
  ['createEventfd', [], 'fd'],
] as const;

const sequential = histories(1, 120, 5);
const overlapping = histories(2, 30, 8);

test('what the model itself does under a random schedule is explained, one call after the other', () => {
  assert.is(judgeAll(judgeHistory(system), sequential), null);
});

test('and where calls overlap', () => {
  const atOnce = overlapping.filter((moment, at) => moment.at === 'call' && overlapping[at - 1]?.at === 'call').length;
  assert.ok(atOnce > 5, `${atOnce} calls began during another`);
  assert.is(judgeAll(judgeHistory(system), overlapping), null);
});

test('of every return, what is allowed is the same whether all hidden steps are tried or those that matter', () => {
  const quick = judgeHistory(system);
  const slow = judgeHistory(system, { unreduced: true });
  for (const moment of [...sequential.slice(0, 40), ...overlapping.slice(0, 24)].map((one, at) => (at < 40 ? one : renamed(one)))) {
    if (moment.at === 'return') {
      assert.equal([...quick.mayReturn(moment.thread)].map(String).sort(), [...slow.mayReturn(moment.thread)].map(String).sort());
      assert.is(quick.return(moment.thread, moment.result), null);
      assert.is(slow.return(moment.thread, moment.result), null);
    } else {
      quick.call(moment.thread, moment.call, moment.arguments);
      slow.call(moment.thread, moment.call, moment.arguments);
    }
  }
});

/** The same history with other names, so that it can follow on another. */
function renamed(moment: HistoryMoment): HistoryMoment {
  const other = (value: Scalar): Scalar => (typeof value === 'string' && value.includes('#') ? `other ${value}` : value);
  return { ...moment, thread: `other ${moment.thread}`, arguments: moment.arguments.map(other), result: other(moment.result) };
}

test('a result that is changed to one that is not allowed is rejected there', () => {
  const random = randomFrom(3);
  let changed = 0;
  for (let round = 0; round < 12; round += 1) {
    const at = random(overlapping.length);
    const moment = overlapping[at];
    if (moment === undefined || moment.at !== 'return' || moment.result !== 0) continue;
    const judge = judgeHistory(system, { room: { callers: 2, pools: room(2).pools } });
    assert.is(judgeAll(judge, overlapping.slice(0, at)), null);
    const allowed = judge.mayReturn(moment.thread);
    const wrong = ['EBADF', 'EBUSY', 'EEXIST', 'EAGAIN'].find(errno => !allowed.includes(errno)) ?? '';
    const ending = judge.return(moment.thread, wrong);
    assert.is(ending?.kind, 'violation');
    if (ending?.kind === 'violation') assert.equal(ending.rejection.allowed, allowed);
    changed += 1;
    if (changed === 2) break;
  }
  assert.ok(changed > 0);
});

test('the contract says which of its conditions was not true', () => {
  const judge = judgeHistory(system);
  act(judge, ...aMachine);
  judge.call('T', 'assign', ['vm', 'fd', 5]);
  const ending = judge.return('T', 'EBADF');
  assert.is(ending?.kind, 'violation');
  if (ending?.kind !== 'violation') return;
  const { rule, says } = clauseAgainst(system, ending.rejection);
  assert.is(rule, 'assignContract');
  assert.match(says, 'It allows EBADF only where `fd.file === null`');
});

test('success is rejected where a failure is due, and the contract says which', () => {
  const judge = judgeHistory(system);
  act(judge, ['createVm', [], 'vm'], ['createEventfd', [], 'fd']);
  judge.call('T', 'assign', ['vm', 'fd', 5]);
  const ending = judge.return('T', 0);
  assert.ok(ending?.kind === 'violation');
  assert.equal(ending.rejection.allowed, ['EINVAL']);
  assert.match(clauseAgainst(system, ending.rejection).says, 'EINVAL is due where `!vm.kvm.hasInterruptController');
});

test('a call that waits for another may not return before it', () => {
  const judge = judgeHistory(system);
  act(judge, ...aMachine, ['assign', ['vm', 'fd', 5], 0]);
  judge.call('A', 'pendingInterrupt', ['vm', 5]);
  judge.call('B', 'signal', ['fd']);
  assert.equal([...judge.mayReturn('A')].map(String).sort(), ['false', 'true']);
  judge.return('B', 0);
  assert.equal([...judge.mayReturn('A')].map(String).sort(), ['false', 'true']);
});

test('work on a queue that all share is waited for, also that of objects which the caller does not know', () => {
  const judge = judgeHistory(system);
  act(judge, ...aMachine, ['createEventfd', [], 'other'], ['createVm', [], 'otherVm'], ['createInterruptController', ['otherVm'], 0]);
  act(judge, ['assign', ['vm', 'fd', 5], 0]);
  // The end of the irqfd is put off: another machine may still find the eventfd taken.
  judge.call('A', 'deassign', ['vm', 'fd', 5]);
  judge.call('B', 'assign', ['otherVm', 'fd', 6]);
  assert.equal([...judge.mayReturn('B')].map(String).sort(), ['0', 'EBUSY']);
  judge.return('A', 0);
  act(judge, ['deassign', ['otherVm', 'other', 6], 0]);
  judge.return('B', 'EBUSY');
  judge.call('C', 'assign', ['otherVm', 'fd', 6]);
  assert.equal(judge.mayReturn('C'), [0]);
});

test('what is gone makes room: a history of any length is judged with the memory of a short one', () => {
  const judge = judgeHistory(system);
  act(judge, ...aMachine);
  let early = 0;
  for (let round = 0; round < 400; round += 1) {
    const fd = `fd${round}`;
    act(
      judge,
      ['createEventfd', [], fd],
      ['assign', ['vm', fd, 5], 0],
      ['signal', [fd], 0],
      ['pendingInterrupt', ['vm', 5], true],
      ['closeFd', [fd], 0],
    );
    if (round === 20) early = judge.size().remembered;
  }
  assert.is(judge.size().remembered, early);
  assert.is(judge.size().largest, 1);
  assert.ok(Math.max(...Object.values(judge.size().room.pools)) <= 4);
});

test('handles that have nothing to do with each other are judged apart', () => {
  const judge = judgeHistory(system);
  for (let one = 0; one < 50; one += 1)
    act(
      judge,
      ['createVm', [], `vm${one}`],
      ['createInterruptController', [`vm${one}`], 0],
      ['createEventfd', [], `fd${one}`],
      ['assign', [`vm${one}`, `fd${one}`, 5], 0],
    );
  assert.is(judge.size().groups, 50);
  judge.call('T', 'assign', ['vm49', 'fd0', 5]);
  assert.equal(judge.mayReturn('T'), ['EBUSY']);
});

test('a signal more than the model counts is inconclusive, not wrong', () => {
  const judge = judgeHistory(system);
  act(judge, ['createEventfd', [], 'fd'], ...Array.from({ length: 4 }, () => ['signal', ['fd'], 0] as const));
  judge.call('T', 'signal', ['fd']);
  const ending = judge.return('T', 0);
  assert.is(ending?.kind, 'inconclusive');
});

for (const [what, wrong, message] of [
  ['an unknown call', (judge: HistoryJudge) => judge.call('T', 'open', []), /There is no call open/],
  ['a return without a call', (judge: HistoryJudge) => judge.return('T', 0), /T returns and is in no call/],
  ['an unknown handle', (judge: HistoryJudge) => judge.call('T', 'signal', ['fd9']), /called with fd9, which no call has given back/],
  ['a handle of another type', (judge: HistoryJudge) => judge.call('T', 'signal', ['vm']), /wants a Descriptor, and vm is a VmFile/],
  ['too few arguments', (judge: HistoryJudge) => judge.call('T', 'assign', ['vm']), /assign has 3 arguments, not 1/],
  ['a number beyond the model', (judge: HistoryJudge) => judge.call('T', 'assign', ['vm', 'fd', 1e9]), /numbers of the model/],
  [
    'a name that is in use',
    (judge: HistoryJudge) => (judge.call('T', 'createVm', []), judge.return('T', 'vm')),
    /is the name of something else/,
  ],
  [
    'a call within a call',
    (judge: HistoryJudge) => (judge.call('T', 'createVm', []), judge.call('T', 'createVm', [])),
    /before its call of createVm returned/,
  ],
  [
    'a handle that was closed',
    (judge: HistoryJudge) => (act(judge, ['closeVm', ['vm'], 0]), judge.call('T', 'closeVm', ['vm'])),
    /or which is gone/,
  ],
] as const)
  test(`${what} is said to be wrong`, () => {
    const judge = judgeHistory(system);
    act(judge, ...aMachine);
    assert.throws(
      () => wrong(judge),
      (fault: unknown) => fault instanceof HistoryError && message.test(fault.message),
    );
  });

test.run();
