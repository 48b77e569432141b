/** Whether what an adapter saw, setup and all, is a history that the spec explains. */
import { type Clause, clauseAgainst } from '../../generator/history/explain-rejection.ts';
import { HistoryError, type HistoryJudge } from '../../generator/history/judge-history.ts';
import type { System } from '../../generator/model.ts';
import type { Scalar } from '../../oracles/event.ts';
import { resultText } from '../moment.ts';
import type { RunAnswer } from '../protocol.ts';
import type { Argument, VectorCall } from '../vector.ts';
import type { CallsAtRandom } from './random-calls.ts';

export type AnswerJudgement =
  | { readonly kind: 'explained' }
  | { readonly kind: 'inconclusive'; readonly why: string }
  | {
      readonly kind: 'violation';
      /** Moments of the callers that are explained; the next is not. */ readonly at: number;
      readonly call: string;
      readonly result: Scalar;
      readonly allowed: readonly Scalar[];
      readonly clause: Clause;
    };

/** `system` with its variant applied. The answer is one to these calls: it has been looked at whether it contradicts them. */
export function judgeAnswer(judge: HistoryJudge, system: System, { setup, callers }: CallsAtRandom, answer: RunAnswer): AnswerJudgement {
  judge.forget();
  const valueOf = (argument: Argument): Scalar => (typeof argument === 'object' && argument !== null ? argument.handle : argument);
  let at = -1;
  let now: { readonly text: string; readonly result: Scalar } = { text: '', result: null };
  const step = (ending: ReturnType<HistoryJudge['call']>): AnswerJudgement | null => {
    if (ending === null) return null;
    if (ending.kind === 'inconclusive') return ending;
    const clause = clauseAgainst(system, ending.rejection);
    return { kind: 'violation', at: Math.max(0, at), call: now.text, result: now.result, allowed: ending.rejection.allowed, clause };
  };
  try {
    for (const { call, with: given, keep, result } of setup) {
      now = { text: callText(call, given.map(valueOf)), result: keep ?? result };
      const ending = step(judge.call('setup', call, given.map(valueOf))) ?? step(judge.return('setup', keep ?? result));
      if (ending !== null) return ending;
    }
    const made = callers.map(() => 0);
    for (const [index, moment] of answer.history.entries()) {
      at = index;
      const thread = `caller ${moment.caller}`;
      const next: VectorCall | undefined = callers[moment.caller]?.[made[moment.caller] ?? 0];
      if (next === undefined) continue;
      const given = next.with.map(valueOf);
      now = { text: `${thread}: ${callText(next.call, given)}`, result: moment.result ?? null };
      const ending = step(moment.at === 'call' ? judge.call(thread, next.call, given) : judge.return(thread, moment.result ?? null));
      if (ending !== null) return ending;
      if (moment.at === 'return') made[moment.caller] = (made[moment.caller] ?? 0) + 1;
    }
    return { kind: 'explained' };
  } catch (fault) {
    if (fault instanceof HistoryError) return { kind: 'inconclusive', why: fault.message };
    throw fault;
  }
}

const callText = (call: string, given: readonly Scalar[]): string => `${call}(${given.map(resultText).join(', ')})`;
