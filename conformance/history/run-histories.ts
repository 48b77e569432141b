/** Histories of calls at random against an adapter, each judged by what the spec can explain. */
import { type HistoryJudge, judgeHistory } from '../../generator/history/judge-history.ts';
import { openProgram } from '../../generator/instantiate/open-program.ts';
import { applyVariant } from '../../generator/instantiate/variant.ts';
import type { System } from '../../generator/model.ts';
import type { Scalar } from '../../oracles/event.ts';
import { type Adapter, AdapterFailure } from '../adapter.ts';
import { accountProblem } from '../judge.ts';
import { tellHistory } from '../moment.ts';
import type { Welcome } from '../protocol.ts';
import type { Vector } from '../vector.ts';
import { type AnswerJudgement, judgeAnswer } from './judge-answer.ts';
import { callsAtRandom } from './random-calls.ts';

/** `left-out`: it could not be run, as calls that wait for what nobody does. */
export type HistoryOutcome = 'explained' | 'violation' | 'inconclusive' | 'left-out' | 'failed';

export interface HistoryResult {
  readonly seed: number;
  readonly outcome: HistoryOutcome;
  /** What is not right, or why it could not be judged; empty if it is explained. */ readonly message: string;
  /** Calls that were under way while another was. */ readonly overlapping: number;
  readonly calls: number;
  readonly violation: {
    readonly history: readonly string[];
    /** Index into `history` of the moment that nothing explains. */ readonly at: number;
    readonly call: string;
    readonly result: Scalar;
    readonly allowed: readonly Scalar[];
    readonly rule: string | null;
    readonly says: string;
    readonly source: string | null;
  } | null;
}

export interface HistoriesOptions {
  readonly histories: number;
  /** Of the first history; the next has the next number. */ readonly seed: number;
  readonly onHistory?: (result: HistoryResult) => void;
  readonly signal?: AbortSignal;
}

/** Throws an AdapterFailure if the adapter does not come up. It is started anew after a failure. */
export async function runHistories(
  system: System,
  vectors: readonly Vector[],
  adapter: Adapter,
  options: HistoriesOptions,
): Promise<{ readonly welcome: Welcome; readonly results: readonly HistoryResult[] }> {
  let welcome = await adapter.start();
  const variant = variantOf(system, welcome);
  const applied = applyVariant(system, variant);
  const program = openProgram(system, variant, { callers: 1, pools: {} }, false);
  let judge = judgeHistory(system, { variant });
  const results: HistoryResult[] = [];
  for (let index = 0; index < options.histories && options.signal?.aborted !== true; index += 1) {
    const seed = (options.seed + index) >>> 0;
    const result = await runOne(applied, judge, vectors, program, adapter, welcome, seed, index + 1);
    results.push(result);
    options.onHistory?.(result);
    // A judge that has remembered much is slow to look things up.
    if (judge.size().remembered > 100_000) judge = judgeHistory(system, { variant });
    if (result.outcome !== 'failed') continue;
    await adapter.stop();
    if (index + 1 < options.histories) welcome = await adapter.start();
  }
  await adapter.stop();
  return { welcome, results };
}

/** The variant that describes what the adapter says it is; null for the base. Throws if the spec describes no such thing. */
function variantOf(system: System, { profile, profiles, about }: Welcome): string | null {
  const own = profiles?.[system.name] ?? profile;
  if (own === system.profile || (system.profile === null && about['variant'] === undefined)) return null;
  const variant = system.variants.find(one => one.profile === own && one.breaks.length === 0);
  if (variant !== undefined) return variant.name;
  if (system.profile === null) return null;
  throw new AdapterFailure('could-not-start', `It says that it is ${own}, and the spec of ${system.name} describes no such thing.`);
}

async function runOne(
  system: System,
  judge: HistoryJudge,
  vectors: readonly Vector[],
  program: ReturnType<typeof openProgram>,
  adapter: Adapter,
  welcome: Welcome,
  seed: number,
  id: number,
): Promise<HistoryResult> {
  const calls = callsAtRandom(program, vectors, call => welcome.calls.includes(call), seed);
  const none = { seed, overlapping: 0, calls: 0, violation: null };
  if (calls === null) return { ...none, outcome: 'inconclusive', message: `The adapter offers too few calls of ${system.name}.` };
  const asked = {
    id: `${system.name}/random/${seed}`,
    setup: [...calls.setup],
    callers: calls.callers.map(list => [...list]),
    order: null,
  };
  try {
    const answer = await adapter.run({ type: 'run', ...asked, vector: asked.id, id, seed });
    if (answer.type === 'refused') return { ...none, outcome: 'left-out', message: `It says: ${answer.reason}` };
    const problem = accountProblem(asked, answer);
    if (problem !== null) return { ...none, outcome: problem.kind === 'lied' ? 'failed' : 'left-out', message: problem.message };
    const judgement = judgeAnswer(judge, system, calls, answer);
    const counts = { seed, calls: answer.history.length / 2, overlapping: overlappingIn(answer.history) };
    if (judgement.kind === 'explained') return { ...counts, outcome: 'explained', message: '', violation: null };
    if (judgement.kind === 'inconclusive') return { ...counts, outcome: 'inconclusive', message: judgement.why, violation: null };
    return { ...counts, outcome: 'violation', ...told(judgement, tellHistory(asked, answer.history)) };
  } catch (fault) {
    if (!(fault instanceof AdapterFailure)) throw fault;
    return { ...none, outcome: 'failed', message: fault.message };
  }
}

function told(
  { at, call, result, allowed, clause }: Extract<AnswerJudgement, { kind: 'violation' }>,
  history: readonly string[],
): Pick<HistoryResult, 'message' | 'violation'> {
  const { rule, says, source } = clause;
  return { message: 'No run of the spec gives this.', violation: { history, at, call, result, allowed, rule, says, source } };
}

function overlappingIn(history: readonly { readonly at: 'call' | 'return' }[]): number {
  let under = 0;
  let count = 0;
  for (const { at } of history) {
    under += at === 'call' ? 1 : -1;
    if (at === 'call' && under > 1) count += 1;
  }
  return count;
}
