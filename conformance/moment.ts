/** How one moment of a history is named: in an automaton, and to a person. */
import type { Moment } from './protocol.ts';
import type { Argument, Result, Vector, VectorCall } from './vector.ts';

/**
 * Name of the event in `Expected.states`: `c0` when caller 0 begins its next call, `r0=EBUSY` when its call returns EBUSY. Different
 * results have different names: a string that could be read as something else stands in quotes (`r0="0"`).
 */
export function momentLabel(moment: Moment): string {
  return moment.at === 'call' ? `c${moment.caller}` : `r${moment.caller}=${resultText(moment.result ?? null)}`;
}

export function resultText(result: Result): string {
  if (typeof result !== 'string') return JSON.stringify(result);
  const isName = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(result) && !['true', 'false', 'null'].includes(result);
  return isName ? result : JSON.stringify(result);
}

/** `assign(vm, efd, 4)`: handles by their names, values as they are. */
export function callText(call: VectorCall): string {
  return `${call.call}(${call.with.map(argumentText).join(', ')})`;
}

function argumentText(argument: Argument): string {
  return typeof argument === 'object' && argument !== null ? argument.handle : resultText(argument);
}

/** Each moment as a line: `caller 0 calls assign(vm, efd, 4)`, `caller 0 returns EBUSY`. */
export function tellHistory(vector: Pick<Vector, 'callers'>, history: readonly Moment[]): string[] {
  const made = vector.callers.map(() => 0);
  return history.map(moment => {
    if (moment.at === 'return') return `caller ${moment.caller} returns ${resultText(moment.result ?? null)}`;
    const index = made[moment.caller] ?? 0;
    made[moment.caller] = index + 1;
    const call = vector.callers[moment.caller]?.[index];
    return `caller ${moment.caller} calls ${call === undefined ? 'something that it was not told to call' : callText(call)}`;
  });
}
