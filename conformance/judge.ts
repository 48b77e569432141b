/** Whether an answer is one that a correct implementation may give to a vector. */
import { callText, momentLabel, resultText } from './moment.ts';
import type { Moment, RunAnswer, Welcome } from './protocol.ts';
import type { Expected, Result, Vector } from './vector.ts';

export type Judgement =
  | { readonly kind: 'conforming' }
  /** No expected behaviour for this profile. */
  | { readonly kind: 'unsupported'; readonly message: string }
  | { readonly kind: 'could-not-set-up'; readonly message: string }
  /** The answer contradicts the vector: it cannot be what happened, whatever the implementation did. */
  | { readonly kind: 'lied'; readonly message: string }
  | Violation;

export interface Violation {
  readonly kind: 'violation';
  readonly message: string;
  /** Index of the first moment that nothing explains. */ readonly at: number;
  readonly seen: string;
  /** Results that this call may have here; empty if it may not return yet. */ readonly allowed: readonly Result[];
}

/** What an adapter is held to in this vector: its profile for the vector's system, or the one that it has for all. */
export function profileFor(vector: Vector, { profile, profiles }: Pick<Welcome, 'profile' | 'profiles'>): string {
  return profiles?.[vector.id.split('/')[0] ?? ''] ?? profile;
}

/** The behaviour that implementations of this profile are held to. One that names no profile is for all. */
export function expectedFor(vector: Vector, profile: string): Expected | null {
  return vector.expected.find(one => one.profiles.includes(profile)) ?? vector.expected.find(one => one.profiles.length === 0) ?? null;
}

export function judge(vector: Vector, profile: string, answer: Pick<RunAnswer, 'setup' | 'history'>): Judgement {
  const expected = expectedFor(vector, profile);
  if (expected === null) {
    const known = [...new Set(vector.expected.flatMap(one => one.profiles))].join(', ');
    return { kind: 'unsupported', message: `Nothing is expected of profile ${profile}; the vector knows ${known}.` };
  }
  return accountProblem(vector, answer) ?? follow(vector, expected, answer.history);
}

export type Problem = Exclude<Judgement, { kind: 'conforming' }>;

/** The calls of a vector, whatever is expected of them. */
export type Asked = Pick<Vector, 'setup' | 'callers' | 'order'>;

/** What keeps an answer from being judged: the setup failed, or it is no account of these calls. Null if nothing does. */
export function accountProblem(asked: Asked, answer: Pick<RunAnswer, 'setup' | 'history'>): Problem | null {
  return judgeSetup(asked, answer) ?? contradiction(asked, answer.history);
}

function judgeSetup(vector: Asked, answer: Pick<RunAnswer, 'setup' | 'history'>): Problem | null {
  if (answer.setup.length > vector.setup.length) {
    return lied(`It reports ${count(answer.setup.length, 'result')} of the setup, which has ${count(vector.setup.length, 'call')}.`);
  }
  for (const [index, call] of vector.setup.entries()) {
    const result = answer.setup[index];
    if (result === undefined) return lied(`Setup stops before ${callText(call)}, though every call until then succeeded.`);
    if (result !== call.result) {
      const wanted = call.keep === null ? resultText(call.result) : 'a handle';
      return { kind: 'could-not-set-up', message: `Setup call ${callText(call)} returned ${resultText(result)} instead of ${wanted}.` };
    }
  }
  return null;
}

/** What is wrong with the history as an account of this vector; null if it could be one. */
function contradiction(vector: Asked, history: readonly Moment[]): Problem | null {
  const made = vector.callers.map(() => 0);
  const open = vector.callers.map(() => false);
  const turns = vector.order?.flatMap(caller => [`c${caller}`, `r${caller}`]);
  for (const [index, moment] of history.entries()) {
    const { caller } = moment;
    const calls = vector.callers[caller];
    if (calls === undefined)
      return lied(`Moment ${index} is of caller ${caller}; the vector has ${count(vector.callers.length, 'caller')}.`);
    const turn = `${moment.at === 'call' ? 'c' : 'r'}${caller}`;
    if (moment.at === 'call') {
      if (open[caller] === true) return lied(`Moment ${index}: caller ${caller} makes a call before its last one returned.`);
      if (made[caller] === calls.length)
        return lied(`Moment ${index}: caller ${caller} makes more than its ${count(calls.length, 'call')}.`);
      if (moment.result !== undefined) return lied(`Moment ${index} is the beginning of a call and has a result.`);
      made[caller] = (made[caller] ?? 0) + 1;
      open[caller] = true;
    } else {
      if (open[caller] !== true) return lied(`Moment ${index}: caller ${caller} returns from a call that it has not made.`);
      if (moment.result === undefined) return lied(`Moment ${index} is a return without a result.`);
      open[caller] = false;
    }
    if (turns !== undefined && turns[index] !== turn) return lied(`Moment ${index}: it is not the turn of caller ${caller}.`);
  }
  for (const [caller, calls] of vector.callers.entries()) {
    if (open[caller] === true) return lied(`The last call of caller ${caller} never returns in its account.`);
    if (made[caller] !== calls.length)
      return lied(`Caller ${caller} made ${made[caller] ?? 0} of its ${count(calls.length, 'call')} in its account.`);
  }
  return null;
}

function follow(vector: Vector, expected: Expected, history: readonly Moment[]): Judgement {
  const made = vector.callers.map(() => 0);
  let state = 0;
  for (const [at, moment] of history.entries()) {
    const here = expected.states[state] ?? {};
    const label = momentLabel(moment);
    if (moment.at === 'call') made[moment.caller] = (made[moment.caller] ?? 0) + 1;
    if (Object.hasOwn(here, label)) {
      state = here[label] ?? 0;
      continue;
    }
    const number = made[moment.caller] ?? 0;
    const call = vector.callers[moment.caller]?.[number - 1];
    const subject = `Call ${number} of caller ${moment.caller}${call === undefined ? '' : `, ${callText(call)},`}`;
    const allowed = moment.at === 'call' ? [] : resultsAllowed(here, moment.caller);
    return { kind: 'violation', at, seen: label, allowed, message: `${subject} ${reason(moment, allowed)}` };
  }
  return { kind: 'conforming' };
}

function reason(moment: Moment, allowed: readonly Result[]): string {
  if (moment.at === 'call') return 'may not begin here.';
  const returned = `returned ${resultText(moment.result ?? null)}`;
  if (allowed.length === 0) return `${returned}; it may not return here at all, because it has to wait for another caller.`;
  return `${returned}; a correct implementation returns ${allowed.map(resultText).join(' or ')} here.`;
}

function resultsAllowed(here: Readonly<Record<string, number>>, caller: number): Result[] {
  const prefix = `r${caller}=`;
  return Object.keys(here)
    .filter(label => label.startsWith(prefix))
    .map(label => readResult(label.slice(prefix.length)));
}

/** Inverse of `resultText`. */
function readResult(text: string): Result {
  if (/^[A-Za-z_]/.test(text) && !['true', 'false', 'null'].includes(text)) return text;
  const value: unknown = JSON.parse(text);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function lied(message: string): Problem {
  return { kind: 'lied', message };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
