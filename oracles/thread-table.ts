/** Steps as a table for a person: a column for each thread, a row for each step, headed by its number in the trace. */
import type { Step } from './verdict.ts';

/** A column narrower than this breaks words; then each step says its thread instead. */
const narrowest = 18;

/** Lines of at most `width` letters. */
export function threadTable(steps: readonly Step[], width: number): string[] {
  const threads = [...new Set(steps.map(({ thread }) => thread))];
  const digits = Math.max(...steps.map(({ event }) => String(event).length), 'event'.length);
  const column = Math.floor((width - digits - 2) / Math.max(1, threads.length)) - 2;
  return threads.length > 1 && column >= narrowest ? asColumns(steps, threads, digits, Math.min(column, 44)) : asList(steps, digits, width);
}

function asColumns(steps: readonly Step[], threads: readonly string[], digits: number, column: number): string[] {
  const row = (label: string, cells: readonly (readonly string[])[]): string[] =>
    Array.from({ length: Math.max(1, ...cells.map(cell => cell.length)) }, (_, line) =>
      `${(line === 0 ? label : '').padStart(digits)}  ${cells.map(cell => (cell[line] ?? '').padEnd(column)).join('  ')}`.trimEnd(),
    );
  return [
    ...row(
      'event',
      threads.map(thread => wrap(thread, column)),
    ),
    `${'-'.repeat(digits)}  ${threads.map(() => '-'.repeat(column)).join('  ')}`,
    ...steps.flatMap(step =>
      row(
        String(step.event),
        threads.map(thread => (thread === step.thread ? wrap(said(step), column) : [])),
      ),
    ),
  ];
}

function asList(steps: readonly Step[], digits: number, width: number): string[] {
  const name = Math.max(0, ...steps.map(({ thread }) => thread.length));
  return steps.flatMap(step =>
    wrap(said(step), Math.max(30, width - digits - name - 4)).map(
      (line, at) => `${(at === 0 ? String(step.event) : '').padStart(digits)}  ${(at === 0 ? step.thread : '').padEnd(name)}  ${line}`,
    ),
  );
}

const said = ({ what, site }: Step): string => (site === null ? what : `${what} [${site}]`);

/** Breaks at spaces; a word that is longer than a line is broken anywhere. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = '';
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
