/**
 * Monitors of contracts. A call's instants are the states from just after `call` to just before `return`: an errno is right if its condition was
 * true at one of them, success is wrong if at each of them some condition was true, or if what the call ensures was true at none.
 */
import { isThing } from './bindings.ts';
import type { Bound, ContractRule, Here } from './definition.ts';
import type { Scalar } from './event.ts';
import type { RuleState } from './judge.ts';
import { type Cell, type Counter, identity, type Slot, type Thing } from './thing.ts';
import type { Holding } from './thread.ts';

export interface CallUnderWay {
  readonly call: string;
  readonly since: number;
  /** What the thread held when it called. */
  readonly held: readonly Holding[];
  readonly contracts: readonly ContractUnderWay[];
  /** Fields of `read-once` rules that it has read, by name, and the event. */
  readonly reads: Map<string, number>;
}
interface ContractUnderWay {
  readonly rule: ContractRule;
  readonly state: RuleState;
  readonly bound: Bound;
  /** Errnos that were due at some instant. */
  readonly due: Set<string>;
  alwaysDue: boolean;
  ensured: boolean;
  /** What it has changed and not put back: by field the value found, by counter gets less puts, by set its members put in or taken off. */
  readonly left: Map<Slot | Counter, Cell | number | Set<Thing>>;
}

export const beginContract = (rule: ContractRule, state: RuleState, values: Bound[string][]): ContractUnderWay => ({
  rule,
  state,
  bound: Object.fromEntries(rule.parameters.map((name, at) => [name, values[at] ?? null])),
  due: new Set(),
  alwaysDue: true,
  ensured: false,
  left: new Map(),
});

/** Looks at the present instant. */
export function atInstant(contract: ContractUnderWay, here: Here): void {
  let anyDue = false;
  for (const [errno, condition] of Object.entries(contract.rule.fails)) {
    if (condition === null || !condition(contract.bound, here)) continue;
    anyDue = true;
    contract.due.add(errno);
  }
  if (!anyDue) contract.alwaysDue = false;
  if (!contract.ensured && contract.rule.ensures !== null && contract.rule.ensures(contract.bound, here)) contract.ensured = true;
}

/** What is wrong with the result, in words; null if it is right. */
export function judgeResult(contract: ContractUnderWay, result: Scalar): string | null {
  if (typeof result === 'string' && result in contract.rule.fails) {
    if (!contract.due.has(result) && contract.rule.fails[result] !== null)
      return `It returned ${result}, which was not due at any time of the call.`;
    const left = [...contract.left.keys()].filter(({ of }) => of.alive).map(({ name }) => name);
    return left.length === 0 ? null : `It returned ${result}, and left ${left.join(', ')} changed.`;
  }
  if (contract.alwaysDue) return `It returned ${String(result)}, but had to fail: ${[...contract.due].join(' or ')} was due all the time.`;
  return contract.rule.ensures === null || contract.ensured
    ? null
    : `It returned ${String(result)}, but what it ensures was not true at any time of the call.`;
}

export function objectsOf(contract: ContractUnderWay): Record<string, string> {
  const names: Record<string, string> = {};
  for (const [name, value] of Object.entries(contract.bound)) if (isThing(value)) names[name] = value[identity].name;
  return names;
}
