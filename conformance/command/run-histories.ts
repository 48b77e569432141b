/** `holdfast run --histories`: calls at random against an implementation, beyond the vectors, judged by what the spec explains. */
import { loadSystem } from '../../generator/read/load-system.ts';
import { type Adapter, AdapterFailure } from '../adapter.ts';
import { type HistoryResult, runHistories } from '../history/run-histories.ts';
import { resultText } from '../moment.ts';
import { openSimulator } from '../open-simulator.ts';
import { printable } from '../printable.ts';
import { UsageFault } from '../usage-fault.ts';
import type { Vector } from '../vector.ts';
import type { HistoriesDocument } from './documents.ts';
import { keptFolder, packageFolder } from './places.ts';
import { colour, counted, paragraph, progressLine } from './terminal.ts';

export interface RunHistoriesOptions {
  readonly adapter: string;
  readonly variant?: string;
  readonly histories: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Results after which no more are told whole. */
const mostTold = 3;

/** `given`: the adapter and its options as they are typed again. `connect` makes the adapter, if it is not the simulator. */
export async function runHistoriesOf(
  name: string,
  vectors: readonly Vector[],
  options: RunHistoriesOptions,
  given: string,
  connect: () => Promise<Adapter>,
): Promise<number> {
  const { system, diagnostics } = await loadSystem(`${packageFolder}/spec`, name, keptFolder);
  if (system === null) throw new UsageFault(`The spec of ${name} cannot be read: ${diagnostics[0]?.what ?? ''}`);
  const variant = options.variant ?? null;
  if (variant !== null && !system.variants.some(one => one.name === variant)) throw new UsageFault(`${name} has no variant ${variant}.`);
  const own = vectors.filter(({ id }) => id.startsWith(`${name}/`));
  if (Object.keys(system.interface).length === 0 || own.length === 0)
    throw new UsageFault(`${name} has no vectors of calls, so there is nothing to draw calls from.`);
  const adapter = options.adapter === 'simulator' ? openSimulator(system, variant) : await connect();
  const broken = new AbortController();
  process.once('SIGINT', () => broken.abort());
  const line = progressLine();
  let done = 0;
  let told = 0;
  const again = (seed: number): string => `npx holdfast run --adapter ${given} --histories 1 --seed ${seed} ${name}`;
  try {
    const { welcome, results } = await runHistories(system, own, adapter, {
      histories: options.histories,
      seed: options.seed,
      signal: broken.signal,
      onHistory(result) {
        done += 1;
        if (!options.json) line.say(`${done} of ${inAll(options.histories)}`);
        if (options.json || (result.outcome !== 'violation' && result.outcome !== 'failed') || told >= mostTold) return;
        told += 1;
        line.done();
        process.stdout.write(tell(result, again(result.seed)));
      },
    });
    line.done();
    const document = documentOf(name, given, welcome.profile, results, again);
    process.stdout.write(options.json ? `${JSON.stringify(document)}\n` : summary(document));
    return document.verdict === 'pass' ? 0 : document.verdict === 'violation' ? 1 : document.verdict === 'inconclusive' ? 3 : 4;
  } catch (fault) {
    line.done();
    if (!(fault instanceof AdapterFailure)) throw fault;
    await adapter.stop();
    process.stderr.write(`holdfast: ${fault.message}\n`);
    return fault.kind === 'unavailable' ? 3 : 4;
  }
}

const inAll = (count: number): string => `${count.toLocaleString('en')} ${count === 1 ? 'history' : 'histories'}`;

function documentOf(
  system: string,
  given: string,
  profile: string,
  results: readonly HistoryResult[],
  again: (seed: number) => string,
): HistoriesDocument {
  const count = (outcome: HistoryResult['outcome']): number => results.filter(one => one.outcome === outcome).length;
  const counts = {
    explained: count('explained'),
    violation: count('violation'),
    inconclusive: count('inconclusive'),
    leftOut: count('left-out'),
    failed: count('failed'),
  };
  const judged = counts.explained + counts.violation;
  return {
    schema: 'holdfast/histories/1',
    verdict:
      counts.violation > 0
        ? 'violation'
        : judged === 0 && counts.failed > 0
          ? 'broken-adapter'
          : counts.failed > 0
            ? 'violation'
            : judged === 0 || counts.inconclusive > 0
              ? 'inconclusive'
              : 'pass',
    system,
    adapter: given,
    profile,
    counts,
    calls: results.reduce((sum, one) => sum + one.calls, 0),
    overlapping: results.reduce((sum, one) => sum + one.overlapping, 0),
    histories: results
      .filter(one => one.outcome !== 'explained')
      .map(({ seed, outcome, message, violation }) => ({
        seed,
        outcome,
        message,
        reproduce: again(seed),
        violation: violation === null ? null : { ...violation, history: [...violation.history], allowed: [...violation.allowed] },
      })),
  };
}

function tell({ outcome, message, violation, seed }: HistoryResult, again: string): string {
  if (violation === null) return `${colour.red(outcome)}  history ${seed}: ${printable(message)}\n  again:   ${again}\n`;
  const { history, at, call, result, allowed, rule, says, source } = violation;
  const may = allowed.length === 0 ? 'it may not return yet' : `the spec gives ${allowed.map(resultText).join(' or ')} here`;
  return `${[
    `${colour.red('not explained')}  ${call} returned ${resultText(result)}; ${may}`,
    ...history.slice(0, at + 1).map((moment, index) => `  ${index === at ? '>' : ' '} ${String(index + 1).padStart(3)}  ${moment}`),
    paragraph(`rule:    ${rule === null ? '' : `${rule}. `}${says}`, 11, 2),
    ...(source === null ? [] : [paragraph(`source:  ${source}`, 11, 2)]),
    `  again:   ${again}`,
  ].join('\n')}\n`;
}

function summary({ verdict, system, counts, calls, overlapping, histories }: HistoriesDocument): string {
  const total = counts.explained + counts.violation + counts.inconclusive + counts.leftOut + counts.failed;
  const said = [
    `${counts.explained} of ${inAll(total)} explained`,
    ...(counts.violation > 0 ? [`${counts.violation} not`] : []),
    ...(counts.inconclusive > 0 ? [`${counts.inconclusive} could not be judged`] : []),
    ...(counts.leftOut > 0 ? [`${counts.leftOut} left out`] : []),
    ...(counts.failed > 0 ? [`${counts.failed} without an answer`] : []),
  ];
  const why = [
    ...new Set(histories.filter(one => one.outcome === 'inconclusive' || one.outcome === 'left-out').map(({ message }) => message)),
  ].slice(0, 3);
  const shown = verdict === 'pass' ? colour.green(verdict) : colour.red(verdict);
  return `${[
    ...why.map(text => paragraph(`not judged: ${printable(text)}`, 14, 2)),
    `${shown}  ${system}: ${said.join(', ')}; ${counted(calls, 'call')}, ${overlapping} begun during another`,
  ].join('\n')}\n`;
}
