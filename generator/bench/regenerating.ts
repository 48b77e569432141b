/** How long it takes to generate everything from the specs: with nothing kept, and when nothing has changed. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { BenchRow, Measure } from './row.ts';

const SECONDS = 20;
const project = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['spec', 'generator', 'oracles', 'conformance', 'package.json', 'package-lock.json', 'tsconfig.json'];

/** In a copy of the project, so that what is kept of it stays as it is. */
async function inCopy<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  try {
    for (const one of copied) cpSync(join(project, one), join(folder, one), { recursive: true });
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
    mkdirSync(join(folder, 'build'));
    await execa('node', ['--import', 'tsx', 'conformance/bundle-command.ts'], { cwd: folder });
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const regenerating: Measure = say =>
  inCopy(async folder => {
    const rows: BenchRow[] = [];
    for (const what of ['nothing kept', 'nothing changed']) {
      const began = performance.now();
      await execa('node', ['conformance/holdfast.js', 'generate'], { cwd: folder });
      const seconds = (performance.now() - began) / 1000;
      say(`generated everything, ${what}, in ${seconds.toFixed(1)} s`);
      rows.push({
        what: `generating everything, ${what}`,
        ours: `${seconds.toFixed(1)} s`,
        peer: null,
        ratio: null,
        goal: `under ${SECONDS} s`,
        met: seconds < SECONDS,
      });
    }
    return rows;
  });
