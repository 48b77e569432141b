/** What the tests of histories and the measuring of them share. */
import { fileURLToPath } from 'node:url';
import type { System } from '../model.ts';
import { loadSystem } from '../read/load-system.ts';
import type { Ending, HistoryJudge } from './judge-history.ts';
import type { HistoryMoment } from './random-history.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

export async function systemForTests(name: string): Promise<System> {
  const { system } = await loadSystem(`${project}spec`, name, `${project}build/systems`);
  if (system === null) throw new Error(`the spec of ${name} cannot be read`);
  return system;
}

/** Where the judging ends, and how; null if all moments are explained. */
export function judgeAll(judge: HistoryJudge, moments: readonly HistoryMoment[]): { readonly at: number; readonly ending: Ending } | null {
  for (const [at, moment] of moments.entries()) {
    const ending =
      moment.at === 'call'
        ? judge.call(moment.thread, moment.call, moment.arguments)
        : judge.return(moment.thread, moment.result, moment.call);
    if (ending !== null) return { at, ending };
  }
  return null;
}
