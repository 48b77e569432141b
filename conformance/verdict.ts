/** From outcomes to one verdict and one exit status. Works on counts, so that merged reports get theirs in the same way. */
import type { Outcome, RunVerdict, VectorReport } from './report.ts';

type Counts = Readonly<Record<string, number>>;

/** What an outcome says about the run. `failed`: the adapter gave no account that could be judged. */
const weight: Readonly<Record<Outcome, 'good' | 'wrong' | 'failed' | 'open' | 'left-out'>> = {
  conforming: 'good',
  'known-failing': 'good',
  violation: 'wrong',
  'unexpected-pass': 'wrong',
  crashed: 'failed',
  hung: 'failed',
  rubbish: 'failed',
  flooded: 'failed',
  'out-of-order': 'failed',
  lied: 'failed',
  'could-not-start': 'failed',
  'could-not-set-up': 'open',
  refused: 'open',
  inconclusive: 'open',
  'not-run': 'open',
  unsupported: 'left-out',
};
/** In the order in which a summary lists them. */
export const outcomes: readonly Outcome[] = [
  'conforming',
  'violation',
  'unexpected-pass',
  'crashed',
  'hung',
  'rubbish',
  'flooded',
  'out-of-order',
  'lied',
  'could-not-start',
  'could-not-set-up',
  'refused',
  'inconclusive',
  'not-run',
  'known-failing',
  'unsupported',
];

export function countOutcomes(vectors: readonly Pick<VectorReport, 'outcome'>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const number = vectors.filter(vector => vector.outcome === outcome).length;
    if (number > 0) counts[outcome] = number;
  }
  return counts;
}

/** Never `skipped`: that an adapter is unavailable is not seen in counts. */
export function verdictOf(counts: Counts): { readonly verdict: RunVerdict; readonly message: string } {
  const sum = { good: 0, wrong: 0, failed: 0, open: 0, 'left-out': 0 };
  for (const outcome of outcomes) sum[weight[outcome]] += counts[outcome] ?? 0;
  const judged = sum.good + sum.wrong;
  if (judged + sum.failed + sum.open + sum['left-out'] === 0) return { verdict: 'nothing-selected', message: 'No vector was selected.' };
  if (sum.failed > 0 && judged + sum.open === 0) {
    return { verdict: 'broken-adapter', message: 'The adapter could not be started, or failed in every vector.' };
  }
  if (sum.wrong + sum.failed > 0) {
    return {
      verdict: 'violation',
      message: `${sum.wrong + sum.failed} of ${judged + sum.failed + sum.open} vectors did not go as they must.`,
    };
  }
  if (sum.open > 0) return { verdict: 'inconclusive', message: `Nothing is wrong, but ${sum.open} vectors could not be judged.` };
  if (judged === 0) return { verdict: 'inconclusive', message: 'The adapter supports none of the vectors, so nothing was judged.' };
  const without = sum['left-out'] === 0 ? '' : `; ${sum['left-out']} more are not supported`;
  return { verdict: 'pass', message: `All ${judged} vectors that were judged conform, or fail as listed${without}.` };
}

/** 0 all conform, 1 a violation or an unexpected pass, 2 nothing selected, 3 inconclusive, 4 the adapter is broken. */
export function exitStatus(verdict: RunVerdict): 0 | 1 | 2 | 3 | 4 {
  switch (verdict) {
    case 'pass':
      return 0;
    case 'violation':
      return 1;
    case 'nothing-selected':
      return 2;
    case 'inconclusive':
    case 'skipped':
      return 3;
    case 'broken-adapter':
      return 4;
  }
}
