/** A counterexample as a table for a terminal: a column for each thread, a row for each step. */
import stringWidth from 'string-width';
import type { Counterexample, CounterexampleStep } from './counterexample.ts';

/** A column narrower than this breaks words; then each step says its thread instead. */
const narrowest = 20;

export function printCounterexample(example: Counterexample, width: number): string[] {
  const { threads, steps } = example;
  const number = String(steps.length).length;
  const column = Math.floor((width - number - 2) / Math.max(1, threads.length)) - 2;
  return threads.length > 1 && column >= narrowest ? asColumns(example, number, column) : asList(example, number, width);
}

/** Above the first step of what comes again and again. */
const again = 'from here on, again and again:';

function asColumns({ threads, steps, loopFrom }: Counterexample, number: number, column: number): string[] {
  const row = (label: string, cells: readonly string[][]) => {
    const height = Math.max(1, ...cells.map(cell => cell.length));
    return Array.from({ length: height }, (_, line) =>
      `${(line === 0 ? label : '').padStart(number)}  ${cells.map(cell => pad(cell[line] ?? '', column)).join('  ')}`.trimEnd(),
    );
  };
  const rule = `${'-'.repeat(number)}  ${threads.map(() => '-'.repeat(column)).join('  ')}`;
  const head = row(
    '',
    threads.map(({ name, text }) => wrap(name.startsWith('worker') ? name : `${name}: ${text}`, column)),
  );
  const body = steps.flatMap((step, index) => [
    ...(index === loopFrom ? [`${' '.repeat(number)}  ${again}`] : []),
    ...row(
      String(index + 1),
      threads.map(({ name }) => (name === step.thread ? wrap(say(step), column) : [])),
    ),
  ]);
  return [...head, rule, ...body];
}

function asList({ steps, threads, loopFrom }: Counterexample, number: number, width: number): string[] {
  const name = Math.max(0, ...threads.map(thread => stringWidth(shortName(thread.name))));
  return steps.flatMap((step, index) => {
    const lines = wrap(`${say(step)}  [${step.in[0] ?? 'scenario'}]`, Math.max(30, width - number - name - 4));
    const told = lines.map(
      (line, at) =>
        `${(at === 0 ? String(index + 1) : '').padStart(number)}  ${pad(at === 0 ? shortName(step.thread) : '', name)}  ${line}`,
    );
    return index === loopFrom ? [`${' '.repeat(number)}  ${again}`, ...told] : told;
  });
}

function shortName(name: string): string {
  return name.replace(/^worker /, '');
}

function say(step: CounterexampleStep): string {
  return step.text;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** Breaks at spaces, brackets and dots, never inside a name if there is another way. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(/(?<=[ (.,:])/)) {
    if (line !== '' && stringWidth(line + part.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = '  ';
    }
    line += part;
    while (stringWidth(line) > width && !line.includes(' ', 3)) {
      lines.push(line.slice(0, width));
      line = `  ${line.slice(width)}`;
    }
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  return lines;
}
