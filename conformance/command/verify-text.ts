/** What `verify` says to a person: a row for each scenario, and each violation with its counterexample. */
import { printCounterexample } from '../../generator/verify/print-counterexample.ts';
import type { Violation } from '../../generator/verify/verify.ts';
import { shellWord } from '../shell-word.ts';
import { colour, paragraph, width } from './terminal.ts';
import type { Outcome } from './verify.ts';

/** A row for each scenario that was walked through at random. */
export function walksTable(outcomes: readonly Outcome[]): string {
  const head = ['scenario', 'walks', 'steps', 'steps/s', 'given up', 'rules', 'code', 'branches', 'verdict'];
  const share = ({ covered, of }: { covered: number; of: number }) => (of === 0 ? '-' : `${covered} of ${of}`);
  const rows = outcomes.map(outcome => {
    const { walks } = outcome;
    const name = `${outcome.scenario}${outcome.variant === null ? '' : ` (${outcome.variant})`}`;
    if (walks === null) return [name, ...head.slice(2).map(() => '-'), verdictOf(outcome)];
    const counts = [walks.walks, walks.steps, walks.stepsPerSecond, walks.givenUp].map(number);
    const shares = [walks.rules, walks.nodes, walks.branches].map(share);
    return [name, ...counts, ...shares, outcome.verdict === 'inconclusive' ? 'nothing found' : verdictOf(outcome)];
  });
  return layOut(head, rows, new Set([0, 8]), outcomes);
}

export function tableOf(outcomes: readonly Outcome[], defects: boolean): string {
  const head = defects
    ? ['defect', 'scenario', 'states', 'steps', 'found by']
    : ['scenario', 'states', 'transitions', 'depth', 'seconds', 'states/s', 'verdict'];
  const rows = outcomes.map(outcome => (defects ? defectRow(outcome) : scenarioRow(outcome)));
  return layOut(head, rows, new Set(defects ? [0, 1, 4] : [0, 6]), outcomes);
}

/** `texts`: columns that begin at the left. */
function layOut(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts: ReadonlySet<number>,
  outcomes: readonly Outcome[],
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)));
  const last = head.length - 1;
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => (column === last ? cell : texts.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`;
  const total = widths.reduce((sum, one) => sum + one + 2, 0);
  if (total > width) return narrow(head, rows, outcomes);
  return `${[colour.dim(line(head)), ...rows.map((row, index) => (isCalm(outcomes[index]) ? line(row) : colour.red(line(row))))].join('\n')}\n`;
}

/** Random walks that found nothing are as good as walks can be. */
function isCalm(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome.passed || (outcome.walks !== null && outcome.verdict === 'inconclusive');
}

/** Too narrow for a table: each row as a few words on lines of their own. */
function narrow(head: readonly string[], rows: readonly (readonly string[])[], outcomes: readonly Outcome[]): string {
  return rows
    .map((row, index) => {
      const text = `  ${row[0] ?? ''}\n${paragraph(
        row
          .slice(1)
          .map((cell, column) => `${head[column + 1]} ${cell}`)
          .join(', '),
        4,
      )}`;
      return `${isCalm(outcomes[index]) ? text : colour.red(text)}\n`;
    })
    .join('');
}

function scenarioRow(outcome: Outcome): string[] {
  return [
    `${outcome.scenario}${outcome.variant === null ? '' : ` (${outcome.variant})`}`,
    number(outcome.states),
    number(outcome.transitions),
    String(outcome.depth),
    outcome.seconds.toFixed(2),
    number(outcome.statesPerSecond),
    verdictOf(outcome),
  ];
}

function verdictOf(outcome: Outcome): string {
  const broken = [...new Set(outcome.violations.map(violation => violation.rule))].join(', ');
  return outcome.verdict === 'violation' ? `violation of ${broken || 'the spec itself'}` : outcome.verdict;
}

/** What is known of runs without end, where every thread gets its turn. */
export function tellEnds(outcomes: readonly Outcome[]): string {
  const judged = outcomes.filter(outcome => outcome.diagnostics.length === 0 && outcome.verdict !== 'violation' && outcome.walks === null);
  const counted = (ends: Outcome['ends']) => judged.filter(outcome => outcome.ends === ends).map(outcome => outcome.scenario);
  const [shape, rounds, unknown] = [counted('shape'), counted('rounds'), counted('unknown')];
  const lines: string[] = [];
  if (shape.length + rounds.length > 0)
    lines.push(
      `  Every call, run and wait ends if every thread gets its turn: in ${shape.length + rounds.length} scenarios${shape.length > 0 ? `, in ${shape.length} of them by the shape of the code` : ''}.`,
    );
  if (unknown.length > 0)
    lines.push(`  Whether every call, run and wait ends is not known, there are too many states: ${unknown.join(', ')}.`);
  return lines.length === 0 ? '' : `${colour.dim(lines.map(line => paragraph(line.trim(), 2)).join('\n'))}\n`;
}

/** Which scenarios were explored reduced. Small ones are explored whole, which takes less time. */
export function tellReduced(outcomes: readonly Outcome[], isOn: boolean): string {
  const reduced = outcomes.filter(outcome => outcome.isReduced).map(outcome => outcome.scenario);
  if (!isOn || reduced.length === 0) return '';
  const text = `Reduced, by symmetry and by the order of steps that do not matter to each other: ${reduced.join(', ')}. The others are explored whole.`;
  return `${colour.dim(paragraph(text, 2))}\n`;
}

function defectRow(outcome: Outcome): string[] {
  const steps = (outcome.expected ?? []).map(({ rule, found }) => {
    const violation = outcome.violations.find(one => one.rule === rule);
    return !found ? '-' : (violation?.counterexample?.steps.length.toString() ?? 'order');
  });
  return [
    outcome.variant ?? '',
    outcome.scenario,
    number(outcome.states),
    steps.join(', '),
    (outcome.expected ?? []).map(({ rule, found }) => (found ? rule : `NOT FOUND by ${rule}`)).join(', '),
  ];
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `spec`: as the user named it, for the line that shows it again. */
export function tellViolation(outcome: Outcome, violation: Violation, spec: string | undefined): string {
  const { counterexample } = violation;
  const where = `${outcome.system}${outcome.variant === null ? '' : ` ${outcome.variant}`}, scenario ${outcome.scenario}`;
  const lines = [
    '',
    `${colour.red(colour.bold(violation.strength === 'possible' ? 'possible violation' : 'violation'))}  ${colour.bold(violation.rule)}  in ${where}`,
    paragraph(violation.sentence, 2),
  ];
  if (violation.detail !== '') lines.push(paragraph(`${violation.detail}.`, 2));
  if (counterexample !== null) {
    lines.push('', ...printCounterexample(counterexample, width - 2).map(line => `  ${line}`), '', paragraph(endOf(counterexample), 2));
    for (const { text, value } of counterexample.parts) lines.push(`    ${text} is ${value}`);
    for (const step of counterexample.waiting)
      lines.push(
        paragraph(`${step.thread} waits at ${step.text} in ${step.in[0] ?? 'the scenario'}, ${step.at.file}:${step.at.line}`, 6, 4),
      );
  }
  if (violation.source !== null) lines.push(paragraph(`source:  ${violation.source}`, 11, 2));
  // Not wrapped, so that it can be copied.
  const variant = outcome.variant === null ? '' : ` --variant ${outcome.variant}`;
  const { walks } = outcome;
  const walked = walks === null ? '' : ` --walks ${walks.walks} --seed ${walks.seed} --walk-depth ${walks.depth}`;
  if (walks?.notShortest.includes(violation.rule) || outcome.notShortest.includes(violation.rule))
    lines.push(paragraph('There may be a shorter way: there are too many states to tell.', 2));
  lines.push(
    `  again:   npx holdfast verify ${outcome.system}${variant} --scenario ${outcome.scenario} --rule ${violation.rule}${walked}${spec === undefined ? '' : ` --spec ${shellWord(spec)}`}`,
  );
  return `${lines.join('\n')}\n`;
}

function endOf({ kind, steps, loopFrom, parts }: NonNullable<Violation['counterexample']>): string {
  const last = steps.at(-1);
  const place = last === undefined ? '' : ` (${last.in[0] ?? 'scenario'}, ${last.at.file}:${last.at.line})`;
  switch (kind) {
    case 'step':
      return `Step ${steps.length} breaks it${place}${parts.length > 0 ? ':' : '.'}`;
    case 'state':
      return `After step ${steps.length} it is broken${place}${parts.length > 0 ? ':' : '.'}`;
    case 'deadlock':
      return `After step ${steps.length} nobody can go on:`;
    case 'loop':
      return `Steps ${(loopFrom ?? 0) + 1} to ${steps.length} can be taken again and again, without end${place}.`;
    case 'rest':
      return `After step ${steps.length} all has ended, and this is left.`;
  }
}
