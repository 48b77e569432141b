/** One vector on an adapter that has been started: as many rounds as asked for, until one does not conform. */
import { type Adapter, AdapterFailure } from './adapter.ts';
import { expectedFor, judge, profileFor } from './judge.ts';
import { callText, tellHistory } from './moment.ts';
import { printable } from './printable.ts';
import type { Moment, RunAnswer, Welcome } from './protocol.ts';
import type { Finding, Outcome } from './report.ts';
import type { Vector } from './vector.ts';

/** An oracle, applied to the lines of one trace. */
export type JudgeTrace = (lines: readonly object[]) => {
  readonly verdict: 'pass' | 'violation' | 'inconclusive';
  readonly findings: readonly { readonly rule: string; readonly detail: string }[];
};

export interface VectorResult {
  readonly outcome: Outcome;
  readonly message: string;
  readonly seed: number | null;
  readonly rounds: number;
  readonly finding: Finding | null;
}

/** Counts requests of a whole run, so that no two have the same id. */
export interface RequestIds {
  next: number;
}

export async function runVector(
  vector: Vector,
  adapter: Adapter,
  welcome: Welcome,
  seeds: readonly number[],
  ids: RequestIds,
  judgeTrace: JudgeTrace | null,
): Promise<VectorResult> {
  const unsupported = notSupported(vector, welcome);
  if (unsupported !== null) return { outcome: 'unsupported', message: unsupported, seed: null, rounds: 0, finding: null };
  let open: VectorResult | null = null;
  let overlapped = 0;
  for (const [index, seed] of seeds.entries()) {
    const { history, ...judged } = await runRound(vector, adapter, welcome, seed, ids, judgeTrace);
    const result = { ...judged, seed, rounds: index + 1 };
    if (history !== undefined && hasOverlap(history)) overlapped += 1;
    if (result.outcome === 'inconclusive') open ??= result;
    else if (result.outcome !== 'conforming') return result;
  }
  const message =
    vector.order === null && vector.callers.length > 1 && overlapped === 0
      ? `No two calls ran at once in ${seeds.length === 1 ? 'its only round' : `any of ${seeds.length} rounds`}.`
      : '';
  return open ?? { outcome: 'conforming', message, seed: seeds.at(-1) ?? null, rounds: seeds.length, finding: null };
}

/** Whether the adapter failed in such a way that it has to be started again. */
export function needsRestart(outcome: Outcome): boolean {
  return outcome === 'crashed' || outcome === 'hung' || outcome === 'rubbish' || outcome === 'flooded' || outcome === 'out-of-order';
}

type RoundResult = Pick<VectorResult, 'outcome' | 'message' | 'finding'> & { readonly history?: readonly Moment[] };

/** Whether a call began while another had not returned. */
function hasOverlap(history: readonly Moment[]): boolean {
  let under = 0;
  for (const { at } of history) {
    under += at === 'call' ? 1 : -1;
    if (under > 1) return true;
  }
  return false;
}

async function runRound(
  vector: Vector,
  adapter: Adapter,
  welcome: Welcome,
  seed: number,
  ids: RequestIds,
  judgeTrace: JudgeTrace | null,
): Promise<RoundResult> {
  const { setup, callers, order } = vector;
  try {
    const answer = await adapter.run({ type: 'run', id: ids.next++, vector: vector.id, setup, callers, order, seed });
    if (answer.type === 'refused') return plain('refused', `It says: ${printable(answer.reason)}`);
    return { ...judgeAnswer(vector, welcome, answer, judgeTrace), history: answer.history };
  } catch (error) {
    return plain(...failureOf(error));
  }
}

function judgeAnswer(vector: Vector, welcome: Welcome, answer: RunAnswer, judgeTrace: JudgeTrace | null): RoundResult {
  const judgement = judge(vector, profileFor(vector, welcome), answer);
  if (judgement.kind === 'violation') {
    const { at, seen, allowed } = judgement;
    return {
      outcome: 'violation',
      message: judgement.message,
      finding: { history: tellHistory(vector, answer.history), at, seen, allowed: [...allowed] },
    };
  }
  if (judgement.kind !== 'conforming') return plain(judgement.kind, judgement.message);
  if (welcome.observes.length > 0 && answer.trace === undefined)
    return plain('lied', 'It says that it reports inside events, and gives no trace.');
  if (answer.trace === undefined || judgeTrace === null) return plain('conforming', '');
  const { verdict, findings } = judgeTrace(answer.trace);
  const told = findings.map(finding => `${finding.rule}: ${finding.detail}`).join('; ');
  if (verdict === 'pass') return plain('conforming', '');
  return plain(verdict, told === '' ? 'The trace does not show all that the rules need.' : `The trace breaks ${told}.`);
}

function notSupported(vector: Vector, welcome: Welcome): string | null {
  const missing = [...vector.setup, ...vector.callers.flat()].find(call => !welcome.calls.includes(call.call));
  if (missing !== undefined) return `The adapter does not offer ${callText(missing)}.`;
  const profile = profileFor(vector, welcome);
  if (expectedFor(vector, profile) !== null) return null;
  const known = [...new Set(vector.expected.flatMap(one => one.profiles))];
  return `Nothing is expected of profile ${printable(profile)}; the vector knows ${known.join(', ')}.`;
}

function failureOf(error: unknown): [Outcome, string] {
  if (!(error instanceof AdapterFailure))
    return ['crashed', `The adapter threw: ${error instanceof Error ? printable(error.message) : 'no reason given'}`];
  switch (error.kind) {
    case 'exited':
      return ['crashed', error.message];
    case 'unavailable':
    case 'could-not-start':
      return ['could-not-start', error.message];
    case 'hung':
    case 'rubbish':
    case 'flooded':
    case 'out-of-order':
      return [error.kind, error.message];
  }
}

function plain(outcome: Outcome, message: string): RoundResult {
  return { outcome, message, finding: null };
}
