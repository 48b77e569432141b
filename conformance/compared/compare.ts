/** `make compare`: the same C programs under ThreadSanitizer, Helgrind and Holdfast, each run once. Prints who found what, as a table. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Compared, compared } from './programs.ts';
import { helgrind, holdfast, type Saw, threadSanitizer } from './tools.ts';

const tools = [threadSanitizer, helgrind, holdfast];
const folder = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../../build/compared', import.meta.url));

function cell({ bug }: Compared, { how, said }: Saw): string {
  if (how === 'skipped') return 'skipped';
  if (bug === null) return how === 'nothing' ? 'silent' : `**false alarm**: ${said}`;
  if (how === 'nothing') return 'misses it';
  return how === 'found' ? `**finds it**: ${said}` : `misses it; reports elsewhere: ${said}`;
}

mkdirSync(out, { recursive: true });
const skipped = new Set<string>();
const rows: string[] = [
  `| program | what is wrong | ${tools.map(({ name }) => name).join(' | ')} |`,
  `| --- | --- |${' --- |'.repeat(tools.length)}`,
];
for (const program of compared) {
  const cells: string[] = [];
  for (const tool of tools) {
    process.stderr.write(`${program.name}: ${tool.name}\n`);
    const saw = await tool.look(program, join(folder, 'programs', `${program.name}.c`), out);
    if (saw.how === 'skipped') skipped.add(`${tool.name} was skipped: ${saw.said}.`);
    cells.push(cell(program, saw));
  }
  rows.push(`| \`${program.name}\` | ${program.bug ?? 'nothing'}; ${program.what} | ${cells.join(' | ')} |`);
}
process.stdout.write(`${[...rows, ...skipped].join('\n')}\n`);
