/** Calls of the interface, and threads. */
import { atInstant, beginContract, judgeResult, objectsOf } from './contract.ts';
import type { ContractRule } from './definition.ts';
import type { Scalar } from './event.ts';
import type { Judge } from './judge.ts';
import { TraceError } from './trace-error.ts';
import { sayChain, stuckChain } from './waiting.ts';

export function call(judge: Judge, name: string, values: readonly Scalar[]): void {
  const { definition, thread, world } = judge;
  for (const value of values) if (typeof value === 'string' && value.includes('#')) judge.mentioned(value);
  const contracts = definition.rules
    .filter((rule): rule is ContractRule => rule.kind === 'contract' && rule.calls.includes(name))
    .map(rule => {
      if (values.length !== rule.parameters.length) {
        throw new TraceError(
          0,
          'arguments',
          `${name} takes ${rule.parameters.length} arguments (${rule.parameters.join(', ')}), not ${values.length}.`,
        );
      }
      return beginContract(
        rule,
        judge.rule(rule.name),
        values.map(value => world.valueOf(value)),
      );
    });
  thread.calls.push({
    call: name,
    since: judge.seq,
    held: [...thread.held],
    contracts: contracts.filter(({ state }) => state.judged !== 'not'),
    reads: new Map(),
  });
}

/** After each event that changed something: every call under way has seen one more instant. */
export function nextInstant(judge: Judge): void {
  for (const thread of judge.world.threads.values()) {
    for (const { contracts } of thread.calls)
      for (const contract of contracts) atInstant(contract, { thread, globals: judge.world.globals });
  }
}

export function returned(judge: Judge, name: string, result: Scalar): void {
  const { thread, always } = judge;
  const ended = thread.calls.pop();
  if (ended === undefined || ended.call !== name) {
    throw new TraceError(
      0,
      'call',
      `${thread.name} returns from ${name}, but ${ended === undefined ? 'is in no call' : `is in ${ended.call} since event ${ended.since}`}. Log a call event where the call begins.`,
    );
  }
  judge.releases.abandon(thread);
  for (const contract of ended.contracts) {
    contract.state.exercised++;
    const wrong = judgeResult(contract, result);
    if (wrong !== null)
      judge.report(contract.state, `${thread.name} called ${name}. ${wrong}`, { objects: objectsOf(contract), earlier: ended.since });
  }
  always.locksBalance.exercised++;
  for (const holding of thread.held) {
    if (!ended.held.includes(holding))
      judge.report(always.locksBalance, `${thread.name} returns from ${name} with ${holding.of.name}, which it did not come with.`, {
        objects: { object: holding.of.of.name },
        earlier: holding.since,
      });
  }
  for (const holding of ended.held) {
    const kept = thread.held.some(one => one.of === holding.of);
    if (!kept)
      judge.report(always.locksBalance, `${thread.name} returns from ${name} without ${holding.of.name}, which it came with.`, {
        objects: { object: holding.of.of.name },
        earlier: holding.since,
      });
  }
}

export function threadEnd(judge: Judge): void {
  const { thread, world, always } = judge;
  judge.releases.abandon(thread);
  for (const holding of thread.held)
    judge.report(always.locksBalance, `${thread.name} ends with ${holding.of.name}.`, {
      objects: { object: holding.of.of.name },
      earlier: holding.since,
    });
  thread.waits = null;
  thread.ended = true;
  world.threads.delete(thread.name);
  for (const waiting of world.threads.values()) {
    const chain = stuckChain(waiting);
    if (chain?.at(-1) === thread) judge.report(always.everyWaitEnds, sayChain(chain), { earlier: waiting.waits?.since ?? null });
  }
}
