/** Why the spec gives no such result: the clause of the call's contract that speaks of it, and whether its condition was true. */
import { resultText } from '../../conformance/moment.ts';
import { decode } from '../explore/pack-state.ts';
import { look } from '../interpret/evaluate.ts';
import type { Predicate, Rule, System } from '../model.ts';
import type { Rejection } from './judge-history.ts';

export interface Clause {
  /** Name of the contract; null if the call has none. */ readonly rule: string | null;
  readonly source: string | null;
  /** What it says of the result that was seen. */ readonly says: string;
}

type Contract = Extract<Rule, { kind: 'contract' }>;

export function clauseAgainst(system: System, rejection: Rejection): Clause {
  const { operation } = rejection.at.call;
  const rule = system.rules.find((one): one is Contract => one.kind === 'contract' && one.operation === operation);
  if (rule === undefined)
    return { rule: null, source: null, says: `${rejection.call} has no contract; its result is what the code of ${operation} gives.` };
  return { rule: rule.name, source: rule.source, says: saysOf(rule, rejection) };
}

function saysOf(rule: Contract, { at, call, result, allowed }: Rejection): string {
  if (allowed.length === 0) return `${call} has to wait here for something that only others can give.`;
  const seen = instantsOf(rule, at);
  const failure = rule.fails.find(({ errno }) => errno === result);
  if (failure !== undefined) {
    if (isAlways(failure.when)) return `It allows ${failure.errno} at any time, but no run of the code gives it here.`;
    const text = textOf(failure.when);
    return seen(failure.when).ever
      ? `It allows ${failure.errno} where \`${text}\`; that was so on some way, but no run of the code gives it here.`
      : `It allows ${failure.errno} only where \`${text}\`, and on no way that the call can have gone from here was that so.`;
  }
  if (typeof result === 'string' && /^E[A-Z]+$/.test(result))
    return `It knows no ${result}: ${call} fails with ${rule.fails.map(({ errno }) => errno).join(', ') || 'nothing'}.`;
  const due = rule.fails.filter(({ when }) => !isAlways(when) && seen(when).always);
  if (due.length > 0)
    return `${due.map(({ errno, when }) => `${errno} is due where \`${textOf(when)}\``).join('; ')}, and that was so on every way, throughout.`;
  if (rule.ensures !== null && !seen(rule.ensures).ever)
    return `It ensures \`${textOf(rule.ensures)}\`, and on no way that the call can have gone from here was that so.`;
  return `No condition of it forbids ${resultText(result)} here, but every run of the code gives ${allowed.map(resultText).join(' or ')}.`;
}

/** Whether a condition was ever, or always, true in the states that the call went through on its way. */
function instantsOf(
  rule: Contract,
  { engine, set, caller, call }: Rejection['at'],
): (predicate: Predicate) => { ever: boolean; always: boolean } {
  const { layout } = engine;
  const thread = layout.program.threads[caller];
  const looks: ((predicate: Predicate) => number)[] = [];
  engine.instants(set, caller, packed => {
    const state = decode(layout, packed);
    const own = state.threads[caller];
    if (own === undefined || thread === undefined) return;
    const variables = Object.fromEntries(
      rule.parameters.map(({ name }, index) => {
        const value = call.arguments[index]?.value;
        return [name, value?.kind === 'slot' ? (own.slots[value.slot] ?? 0) : 0];
      }),
    );
    // An argument that is not looked at any more is not kept: of such a state nothing can be said.
    const isKept = rule.parameters.every(({ name, type }) => type === null || variables[name] !== 0);
    if (isKept) looks.push(predicate => look(predicate, { program: layout.program, state, thread: caller, variables }));
  });
  return predicate => {
    const all = looks.map(at => at(predicate) !== 0);
    return { ever: all.some(Boolean), always: all.length > 0 && all.every(Boolean) };
  };
}

const isAlways = (when: Predicate): boolean => when.kind === 'constant' && when.value === true;

function textOf(predicate: Predicate): string {
  return 'text' in predicate
    ? predicate.text
    : predicate.kind === 'constant'
      ? String(predicate.value)
      : 'name' in predicate
        ? predicate.name
        : 'it';
}
