import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Finding, Program, State, ThreadState } from '../program.ts';
import { claim } from '../tiny/tiny-programs.ts';
import { exploreSlowly } from './explore-slowly.ts';
import { startOf, successors } from './interpret.ts';

const test = suite('contract ghosts');

/** Steps of these threads, one after the other. */
function run(program: Program, threads: readonly number[]): { state: State; findings: Finding[] } {
  const findings: Finding[] = [];
  let state = startOf(program);
  for (const thread of threads) {
    const taken = successors(program, state).find(({ step }) => step.thread === thread);
    if (!taken?.state) throw new Error(`thread ${thread} cannot step`);
    findings.push(...taken.findings);
    state = taken.state;
  }
  return { state, findings };
}
const ghosts = (
  { seen, due, ensured }: ThreadState = { node: 0, slots: {}, readers: {}, grace: {}, flush: {}, waiting: {}, seen: 0, due: 0, ensured: 0 },
) => ({ seen, due, ensured });
const whole = [0, 0, 0, 0, 0, 0];

test('the first instant is the state just after the call', () => {
  assert.equal(ghosts(run(claim(), [0]).state.threads[0]), { seen: 0, due: 0, ensured: 0 });
  assert.equal(ghosts(run(claim(), [...whole, 1]).state.threads[1]), { seen: 1, due: 1, ensured: 1 });
});

test('steps of other threads are instants, too', () => {
  assert.equal(ghosts(run(claim(), [1, ...whole]).state.threads[1]), { seen: 1, due: 0, ensured: 1 });
});

test('outside a call nothing is remembered', () => {
  assert.equal(ghosts(run(claim(), whole).state.threads[0]), { seen: 0, due: 0, ensured: 0 });
});

test('success although an errno was due all the time is broken, and only that', () => {
  const program = claim('succeed');
  const { findings } = run(program, [...whole, 1, 1, 1, 1, 1, 1]);
  assert.equal(
    findings.map(({ detail, fatal, objects }) => ({ detail, fatal, objects })),
    [{ detail: 'claim succeeds, although at every instant of the call EBUSY was due', fatal: false, objects: { box: 'Box#1' } }],
  );
  // Begun before the other had taken it, it may have been first.
  assert.equal(run(program, [1, ...whole, 1, 1, 1, 1, 1]).findings, []);
});

test('an errno that was due at no instant is broken', () => {
  const { findings } = run(claim('fail'), [0, 0, 0, 0, 0]);
  assert.equal(
    findings.map(({ detail }) => detail),
    ['claim returns EBUSY, whose condition was true at no instant of the call'],
  );
});

test('what may happen at any time is due at none', () => {
  const program = claim('succeed');
  const contracts = program.contracts.map(contract => ({
    ...contract,
    fails: contract.fails.map(failure => ({ ...failure, when: { kind: 'constant' as const, value: true } })),
  }));
  assert.equal(run({ ...program, contracts }, [...whole, 1, 1, 1, 1, 1, 1]).findings, []);
  assert.equal(run({ ...claim('fail'), contracts }, [0, 0, 0, 0, 0]).findings, []);
});

test('success without what it ensures is broken', () => {
  const program = claim('fail');
  // The same path, but what it returns is no errno.
  const threads = program.threads.map(thread => ({
    ...thread,
    nodes: thread.nodes.map(node =>
      node.action.kind === 'return' ? { ...node, action: { ...node.action, result: { kind: 'constant' as const, value: 0 } } } : node,
    ),
  }));
  const { findings } = exploreSlowly({ ...program, threads });
  assert.is(findings['claimContract']?.first.detail, 'claim succeeds, but what it ensures was true at no instant of the call');
});

test.run();
