/** TypeScript as text: lists, records, comments. */
import { quoted } from './emit-oracle-condition.ts';

export const indent = (text: string, by: number): string =>
  text
    .split('\n')
    .map(line => (line === '' ? '' : `${' '.repeat(by)}${line}`))
    .join('\n');
export const list = (words: readonly string[]): string => `[${words.map(quoted).join(', ')}]`;
export const record = (entries: readonly (readonly string[])[]): string =>
  entries.length === 0
    ? '{}'
    : `{ ${entries.map(([name = '', value = '']) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)}: ${value}`).join(', ')} }`;
export const sentence = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** Comment lines stay below this width. */
const width = 140;

export function doc(text: string): string {
  const lines = text
    .trim()
    .replaceAll('*/', '*\\/')
    .split('\n')
    .flatMap(line => wrapped(line.trim()));
  if (lines.length === 1) return lines[0] === '' ? '' : `/** ${lines[0] ?? ''} */\n`;
  return `/**\n${lines.map(line => (line === '' ? ' *' : ` * ${line}`)).join('\n')}\n */\n`;
}

function wrapped(line: string): string[] {
  const lines: string[] = [];
  let last = '';
  for (const word of line.split(' ')) {
    if (last !== '' && last.length + 1 + word.length > width) {
      lines.push(last);
      last = word;
    } else last = last === '' ? word : `${last} ${word}`;
  }
  return [...lines, last];
}
