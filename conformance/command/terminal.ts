/** What depends on whether a person is watching: width, colour, a line of progress. */

import { createLogUpdate } from 'log-update';
import pc from 'picocolors';

export const width = Math.max(40, Math.min(process.stdout.columns ?? 100, 120));
export const colour = pc.createColors(Boolean(process.stdout.isTTY) && pc.isColorSupported);

/** A line that is written over; nothing at all into a pipe or a file. */
export function progressLine(): { say(text: string): void; done(): void } {
  if (!process.stderr.isTTY) return { say: () => undefined, done: () => undefined };
  const line = createLogUpdate(process.stderr);
  return { say: text => line(text), done: () => line.clear() };
}

/** Breaks text at spaces; later lines are indented by so much. */
export function paragraph(text: string, indent: number, first = indent): string {
  const lines: string[] = [];
  let line = ' '.repeat(first);
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}

/** `1 scenario`, `2 scenarios`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}
