/** A spec that can go round for ever, and the same spec made right: what verifying says of each. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate } from '../instantiate/instantiate.ts';
import { canonical, startOf, successors } from '../interpret/interpret.ts';
import type { System } from '../model.ts';
import type { State } from '../program.ts';
import { checkSpec } from '../read/check-spec.ts';
import { readSystem } from '../read/read-spec.ts';
import { verifyScenario } from '../verify/verify.ts';

const test = suite('a spec that livelocks');

const language = readFileSync(new URL('../../spec/language.ts', import.meta.url), 'utf8');

/** Two accounts, and transfers between them in both directions; who does not get the second lock gives the first back and begins again. */
const bank = `/** Money goes from one account to another under the locks of both. */
import { type GuardedBy, type Mutex, type Scenario, type UpTo, alloc, lock, tryLock, unlock } from '../language.ts';

/** Holds money. */
export interface Account {
  lock: Mutex;
  money: UpTo<3>;
}

/**
 * Money is counted under the account's lock.
 * @source our own example
 */
export const accountGuards: GuardedBy<Account> = { money: account => account.lock };

/** Empties one account into the other. */
export function transfer(from: Account, to: Account): void {
  for (;;) {
    lock(from.lock);
    if (tryLock(to.lock)) break;
    unlock(from.lock);
  }
  from.money = 0;
  to.money = 1;
  unlock(to.lock);
  unlock(from.lock);
}

/** Both ways at once. */
export const bothWays: Scenario = ({ thread, stays }) => {
  const a = alloc<Account>({});
  const b = alloc<Account>({});
  stays(a, b);
  thread(() => transfer(a, b));
  thread(() => transfer(b, a));
};
`;

function systemOf(text: string): System {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-livelock-'));
  try {
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'language.ts'), language);
    writeFileSync(join(root, 'bank/bank.ts'), text);
    const { system, diagnostics } = readSystem(root, 'bank');
    assert.equal(diagnostics, []);
    if (system === null) throw new Error('the spec was not read');
    assert.equal(checkSpec(system), []);
    return system;
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('two transfers that back off before each other are found to go round for ever', () => {
  const system = systemOf(bank);
  const report = verifyScenario(system, null, 'bothWays');
  assert.is(report.verdict, 'violation');
  assert.is(report.ends, 'rounds');
  const violation = report.violations.find(({ rule }) => rule === 'always.everyWaitEnds');
  const found = violation?.counterexample;
  assert.is(found?.kind, 'loop');
  assert.match(violation?.detail ?? '', /^T1 does not come back from what it calls/);
  // Told in the words of the spec: both take their own lock, fail to get the other's, and give theirs back.
  const round = found?.steps.slice(found.loopFrom ?? 0).map(({ thread, text }) => `${thread} ${text}`);
  for (const name of ['T1', 'T2'])
    assert.ok(
      round?.some(step => step.startsWith(`${name} lock(`)),
      `${name} goes round`,
    );
});

test('the round can be taken step by step, and comes back to the state where it began', () => {
  const system = systemOf(bank);
  const { program } = instantiate(system, null, 'bothWays');
  const example = verifyScenario(system, null, 'bothWays').violations.find(one => one.counterexample?.kind === 'loop')?.counterexample;
  if (program === null || example === null || example === undefined) throw new Error('there is no loop');
  // Steps are found again by who takes them and what they say, which in this spec is enough.
  const states: State[] = [startOf(program)];
  for (const step of example.steps) {
    const before = states.at(-1) ?? startOf(program);
    const taken = successors(program, before).find(one => {
      const owner = program.threads[one.step.thread];
      return owner?.name === step.thread && program.sites[owner.nodes[one.step.node]?.site ?? -1]?.text === step.text;
    });
    if (taken?.state == null) throw new Error(`${step.thread} cannot do ${step.text}`);
    states.push(taken.state);
  }
  const from = states[example.loopFrom ?? -1],
    to = states.at(-1);
  if (from === undefined || to === undefined) throw new Error('the loop has no beginning');
  assert.is(canonical(to), canonical(from));
});

test('where both take the locks in one order, nothing goes round for ever', () => {
  const system = systemOf(bank.replace('transfer(b, a)', 'transfer(a, b)'));
  const report = verifyScenario(system, null, 'bothWays');
  assert.equal(report.violations, []);
  assert.is(report.verdict, 'pass');
  assert.is(report.ends, 'rounds');
});

test('without a way back there is nothing to look for', () => {
  const once = bank.replace(
    'for (;;) {\n    lock(from.lock);\n    if (tryLock(to.lock)) break;\n    unlock(from.lock);\n  }',
    'lock(from.lock);\n  lock(to.lock);',
  );
  const report = verifyScenario(systemOf(once.replace('transfer(b, a)', 'transfer(a, b)')), null, 'bothWays');
  assert.is(report.ends, 'shape');
  assert.is(report.verdict, 'pass');
});

test('too many states to look at every way round is inconclusive, and says so', () => {
  const system = systemOf(bank.replace('transfer(b, a)', 'transfer(a, b)'));
  const report = verifyScenario(system, null, 'bothWays', { maxStates: 5 });
  assert.is(report.verdict, 'inconclusive');
  assert.is(report.ends, 'unknown');
});

test.run();
