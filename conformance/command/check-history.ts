/** `holdfast check --history`: calls and returns, explained by the spec or not. */
import { existsSync, statSync } from 'node:fs';
import { clauseAgainst } from '../../generator/history/explain-rejection.ts';
import { type Ending, HistoryError, type HistoryJudge, judgeHistory } from '../../generator/history/judge-history.ts';
import { applyVariant } from '../../generator/instantiate/variant.ts';
import type { System } from '../../generator/model.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { TraceError } from '../../oracles/trace-error.ts';
import { readHistory, type SeenMoment } from '../history/read-history.ts';
import { resultText } from '../moment.ts';
import { UsageFault } from '../usage-fault.ts';
import type { HistoryCheckDocument, HistoryDocument } from './documents.ts';
import { openTrace } from './open-trace.ts';
import { keptFolder, selectSystems } from './places.ts';
import { colour, counted, paragraph } from './terminal.ts';

export interface HistoryCheckOptions {
  readonly json?: boolean;
  readonly variant?: string;
  readonly spec?: string;
  readonly format?: string;
  readonly system?: string;
  readonly mapping?: string;
  readonly draw?: string;
}

export async function checkHistories(files: readonly string[], options: HistoryCheckOptions): Promise<number> {
  for (const name of ['format', 'system', 'mapping', 'draw'] as const)
    if (options[name] !== undefined) throw new UsageFault(`--${name} does not go with --history, which reads JSON Lines of one system.`);
  const histories: HistoryDocument[] = [];
  const unread: string[] = [];
  for (const file of files) {
    try {
      const document = await checkOne(file, options);
      histories.push(document);
      if (!options.json) process.stdout.write(tell(document));
    } catch (fault) {
      if (!(fault instanceof UsageFault)) throw fault;
      unread.push(fault.message);
    }
  }
  if (histories.length === 0) throw new UsageFault(unread.join('\nholdfast: '));
  const verdict = histories.some(one => one.verdict === 'violation')
    ? 'violation'
    : histories.some(one => one.verdict === 'inconclusive')
      ? 'inconclusive'
      : 'pass';
  if (options.json)
    process.stdout.write(`${JSON.stringify({ schema: 'holdfast/check-history/1', verdict, histories } satisfies HistoryCheckDocument)}\n`);
  for (const message of unread) process.stderr.write(`holdfast: ${message}\n`);
  if (unread.length > 0) return 2;
  return verdict === 'pass' ? 0 : verdict === 'violation' ? 1 : 3;
}

async function checkOne(file: string, options: HistoryCheckOptions): Promise<HistoryDocument> {
  const name = file === '-' ? 'standard input' : file;
  if (file !== '-' && !existsSync(file)) throw new UsageFault(`${file}: there is no such file.`);
  if (file !== '-' && statSync(file).isDirectory()) throw new UsageFault(`${file} is a folder; name the histories in it.`);
  let system: System | null = null;
  let judge: HistoryJudge | null = null;
  let line = 1;
  const totals = { calls: 0, returns: 0 };
  try {
    const moments = readHistory(openTrace(file), async named => {
      system = await systemNamed(named, options);
      judge = judgeHistory(system, { variant: options.variant ?? null });
    });
    for await (const moment of moments) {
      line = moment.line;
      const ending = follow(judge, moment);
      if (moment.at === 'call') totals.calls += 1;
      else totals.returns += 1;
      if (ending !== null) return documentOf(file, system, totals, moment, ending, options);
    }
  } catch (fault) {
    if (fault instanceof TraceError)
      throw new UsageFault(`${name}:${fault.line}${fault.field === '' ? '' : ` ${fault.field}`}: ${fault.message}`);
    if (fault instanceof HistoryError) throw new UsageFault(`${name}:${line}: ${fault.message}`);
    throw fault;
  }
  return documentOf(file, system, totals, null, null, options);
}

function follow(judge: HistoryJudge | null, moment: SeenMoment): Ending | null {
  if (judge === null) return null;
  return moment.at === 'call'
    ? judge.call(moment.thread, moment.call, moment.arguments)
    : judge.return(moment.thread, moment.result, moment.call);
}

async function systemNamed(name: string, { spec, variant }: HistoryCheckOptions): Promise<System> {
  const { folder } = selectSystems([name], spec);
  const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
  if (system === null) throw new UsageFault(`The spec of ${name} cannot be read: ${diagnostics[0]?.what ?? ''}`);
  if (Object.keys(system.interface).length === 0)
    throw new UsageFault(`${name} offers no calls, so it explains no history. Its spec has no Interface.`);
  if (variant !== undefined && !system.variants.some(one => one.name === variant))
    throw new UsageFault(`${name} has no variant ${variant}.`);
  return system;
}

function documentOf(
  history: string,
  system: System | null,
  { calls, returns }: { calls: number; returns: number },
  moment: SeenMoment | null,
  ending: Ending | null,
  { variant }: HistoryCheckOptions,
): HistoryDocument {
  // A history without a return shows nothing.
  const verdict = ending?.kind ?? (returns === 0 ? 'inconclusive' : 'pass');
  const document: HistoryDocument = {
    history,
    system: system?.name ?? '',
    variant: variant ?? null,
    verdict,
    calls,
    explained: ending === null ? calls + returns : calls + returns - 1,
    why: ending?.kind === 'inconclusive' ? ending.why : returns === 0 ? 'No call returns in it.' : null,
    rejected: null,
  };
  if (ending?.kind !== 'violation' || moment === null || system === null) return document;
  const { rejection } = ending;
  const clause = clauseAgainst(applyVariant(system, variant ?? null), rejection);
  document.rejected = {
    event: moment.seq,
    line: moment.line,
    thread: rejection.thread,
    call: rejection.call,
    arguments: [...rejection.arguments],
    result: rejection.result,
    allowed: [...rejection.allowed],
    underWay: [...rejection.underWay],
    contract: clause.rule,
    source: clause.source,
    says: clause.says,
  };
  return document;
}

function tell({ history, variant, verdict, calls, explained, why, rejected }: HistoryDocument): string {
  const lines: string[] = [];
  if (rejected !== null) {
    const { thread, call, arguments: given, result, allowed, underWay, contract, source, says, event, line } = rejected;
    const may = allowed.length === 0 ? 'it may not return yet' : `the spec gives ${allowed.map(resultText).join(' or ')} here`;
    lines.push(
      `${colour.red('not explained')}  ${thread}: ${call}(${given.map(resultText).join(', ')}) returned ${resultText(result)}; ${may}`,
      `  event:   ${event}, on line ${line}; the ${counted(explained, 'moment')} before it are explained`,
      ...(underWay.length < 2 ? [] : [`  at once: ${underWay.join('; ')}`]),
      paragraph(`rule:    ${contract === null ? '' : `${contract}. `}${says}`, 11, 2),
      ...(source === null ? [] : [paragraph(`source:  ${source}`, 11, 2)]),
      `  again:   npx holdfast check --history${variant === null ? '' : ` --variant ${variant}`} ${history}`,
    );
  }
  if (why !== null) lines.push(paragraph(why, 2, 0));
  const shown = verdict === 'pass' ? colour.green(verdict) : colour.red(verdict);
  lines.push(`${shown}  ${history}: ${counted(calls, 'call')}, ${counted(explained, 'moment')} explained`);
  return `${lines.join('\n')}\n`;
}
