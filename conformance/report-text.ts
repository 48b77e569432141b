/** A report for a person at a terminal of 80 columns. Everything it says is in the report; colour is left to who prints it. */

import { printable } from './printable.ts';
import type { Finding, Outcome, RunReport, VectorReport } from './report.ts';
import { exitStatus, outcomes } from './verdict.ts';

const COLUMNS = 80;
/** Vectors of one outcome and one reason are told once. */
const MOST_TOLD = 20;
const MOST_HISTORY = 40;

/** Findings first, then what could not be judged, then the counts; the verdict is the last line. Ends with a newline. */
export function reportText(report: RunReport): string {
  const lines: string[] = [];
  const findings = report.vectors.filter(vector => isFinding(vector.outcome));
  for (const vector of findings.slice(0, MOST_TOLD)) lines.push(...findingLines(vector), '');
  if (findings.length > MOST_TOLD)
    lines.push(...wrap(`${findings.length - MOST_TOLD} more findings are in the report and not printed here.`, ''), '');
  lines.push(...leftOutLines(report.vectors), ...summaryLines(report));
  return `${lines.join('\n')}\n`;
}

/** One line for a terminal while the run goes on: `12/40  violation  irqfd/assignTwice/1`, never longer than the terminal is wide. */
export function progressLine(vector: VectorReport, done: number, total: number): string {
  return `${done}/${total}  ${vector.outcome}  ${printable(vector.id)}`.slice(0, COLUMNS - 1);
}

function isFinding(outcome: Outcome): boolean {
  switch (outcome) {
    case 'violation':
    case 'unexpected-pass':
    case 'crashed':
    case 'hung':
    case 'rubbish':
    case 'flooded':
    case 'out-of-order':
    case 'lied':
    case 'could-not-set-up':
      return true;
    case 'conforming':
    case 'unsupported':
    case 'refused':
    case 'inconclusive':
    case 'could-not-start':
    case 'not-run':
    case 'known-failing':
      return false;
  }
}

function findingLines(vector: VectorReport): string[] {
  return [
    `${vector.outcome}  ${printable(vector.id)}`,
    ...wrap(printable(vector.title), '  '),
    ...wrap(printable(vector.message, 2000), '  '),
    ...(vector.finding === null ? [] : historyLines(vector.finding)),
    // Not wrapped, so that it can be copied.
    ...(vector.reproduce === null ? [] : [`  again: ${printable(vector.reproduce)}`]),
  ];
}

function historyLines(finding: Finding): string[] {
  const from = Math.max(0, finding.at + 1 - MOST_HISTORY);
  const told = finding.history
    .slice(from, finding.at + 1)
    .map((line, index) => `  ${from + index === finding.at ? '>' : ' '} ${printable(line)}`);
  const later = finding.history.length - finding.at - 1;
  return [
    ...(from > 0 ? [`    (${from} earlier moments)`] : []),
    ...told,
    ...(later > 0 ? [`    (${later} later ${later === 1 ? 'moment' : 'moments'})`] : []),
  ];
}

/** What was not judged, or not as it was meant, by reason. */
function leftOutLines(vectors: readonly VectorReport[]): string[] {
  const byReason = new Map<string, VectorReport[]>();
  for (const vector of vectors) {
    if (isFinding(vector.outcome) || vector.message === '') continue;
    const reason = `${vector.outcome}: ${printable(vector.message, 2000)}`;
    const same = byReason.get(reason);
    if (same === undefined) byReason.set(reason, [vector]);
    else same.push(vector);
  }
  const lines = [...byReason]
    .slice(0, MOST_TOLD)
    .flatMap(([reason, same]) => [
      ...wrap(reason, '', '  '),
      ...wrap(same.length === 1 ? printable(same[0]?.id ?? '') : `${printable(same[0]?.id ?? '')} and ${same.length - 1} more`, '  '),
    ]);
  if (byReason.size > MOST_TOLD) lines.push(`${byReason.size - MOST_TOLD} more reasons are in the report and not printed here.`);
  return lines.length === 0 ? [] : [...lines, ''];
}

function summaryLines(report: RunReport): string[] {
  const { welcome, given } = report.adapter;
  const environment = Object.entries(report.environment)
    .map(([name, value]) => `${printable(name)} ${printable(value)}`)
    .join(', ');
  const who =
    welcome === null
      ? `adapter ${printable(given)}`
      : `adapter ${printable(welcome.name)} ${printable(welcome.version)}, profile ${[...new Set([welcome.profile, ...Object.values(welcome.profiles ?? {})])].map(one => printable(one)).join(', ')}`;
  const counts = outcomes.flatMap(outcome => (report.counts[outcome] === undefined ? [] : [`${report.counts[outcome]} ${outcome}`]));
  const rounds = report.rounds === 1 ? '' : `, ${report.rounds} rounds`;
  const shard = report.shard === null ? '' : `, shard ${report.shard.join('/')}`;
  return [
    ...wrap(`${who}${environment === '' ? '' : ` (${environment})`}`, '', '  '),
    ...wrap(
      `${counts.length === 0 ? 'no vectors' : counts.join(', ')} in ${(report.durationMs / 1000).toFixed(1)} s, seed ${report.seed}${rounds}${shard}`,
      '',
      '  ',
    ),
    ...wrap(`${report.verdict} (exit status ${exitStatus(report.verdict)}): ${printable(report.message, 2000)}`, '', '  '),
  ];
}

/** Lines of at most 80 columns, broken at spaces; a longer word stays whole. */
function wrap(text: string, first: string, rest = first): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
