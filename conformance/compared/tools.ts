/** How each tool looks at a program: compiles it, runs it once, and says what was reported. */
import { spawnSync } from 'node:child_process';
import { createReadStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { allOracles } from '../../oracles/all.oracle.ts';
import { checkBinary } from '../../oracles/check-binary.ts';
import type { Compared } from './programs.ts';

/** `found`: a report is of this kind of bug and names the function that is wrong. `noise`: there are reports, but none is. */
export type Saw =
  | { readonly how: 'found' | 'noise' | 'nothing'; readonly said: string }
  | { readonly how: 'skipped'; readonly said: string };

export interface Tool {
  readonly name: string;
  readonly look: (program: Compared, source: string, out: string) => Promise<Saw>;
}

/** A program waits for less than a second; a tool makes that some seconds. */
const patience = 60_000;

function run(
  command: string,
  ...given: readonly string[]
): { readonly status: number | null; readonly text: string; readonly missing: boolean } {
  const { status, stdout, stderr, error } = spawnSync(command, given, { encoding: 'utf8', timeout: patience, maxBuffer: 64 << 20 });
  return { status, text: `${stdout ?? ''}${stderr ?? ''}`, missing: error !== undefined && 'code' in error && error.code === 'ENOENT' };
}
const compile = (source: string, out: string, ...flags: readonly string[]) =>
  run('gcc', '-std=gnu11', '-O1', '-g', '-pthread', ...flags, source, '-o', out);
const isThere = (command: string): boolean => !run(command, '--version').missing;

/** What kinds of reports there are, without their numbers. */
const kindsOf = (reports: readonly string[]): string => [...new Set(reports.map(report => report.split('\n')[0]?.trim() ?? ''))].join(', ');
const isAbout: Readonly<Record<Compared['about'], (kind: string, text: string) => boolean>> = {
  waits: kind => /lock.order|deadlock/.test(kind),
  // A race on a counter that is atomic is none; what the object itself is used for races with its free.
  free: (_, text) => /\b(free|destroy)\b/.test(text),
  memory: kind => /race/.test(kind),
};

function judged({ about }: Compared, reports: readonly { readonly kind: string; readonly text: string }[]): Saw {
  if (reports.length === 0) return { how: 'nothing', said: '' };
  const right = reports.filter(({ kind, text }) => /\bwrong_\w+/.test(text) && isAbout[about](kind, text));
  return { how: right.length > 0 ? 'found' : 'noise', said: kindsOf((right.length > 0 ? right : reports).map(({ kind }) => kind)) };
}

export const threadSanitizer: Tool = {
  name: 'ThreadSanitizer',
  async look(compared, source, out) {
    const program = join(out, `${compared.name}.tsan`);
    const made = compile(source, program, '-fsanitize=thread');
    if (made.missing || made.status !== 0) return { how: 'skipped', said: 'gcc cannot build with -fsanitize=thread here' };
    // Some kernels spread addresses wider than it can bear.
    const steady = isThere('setarch') ? ['setarch', process.arch === 'arm64' ? 'aarch64' : 'x86_64', '-R', program] : [program];
    const [command = program, ...given] = steady;
    const { text } = run(command, ...given);
    if (text.includes('FATAL: ThreadSanitizer')) return { how: 'skipped', said: 'ThreadSanitizer does not run on this kernel' };
    const reports = text.split('==================').filter(part => part.includes('WARNING: ThreadSanitizer:'));
    return judged(
      compared,
      reports.map(report => ({ text: report, kind: /WARNING: ThreadSanitizer: ([^(]+?) \(/.exec(report)?.[1] ?? 'report' })),
    );
  },
};

export const helgrind: Tool = {
  name: 'Helgrind',
  async look(compared, source, out) {
    if (!isThere('valgrind')) return { how: 'skipped', said: 'valgrind is not installed' };
    const program = join(out, `${compared.name}.plain`);
    if (compile(source, program).status !== 0) return { how: 'skipped', said: 'gcc cannot build it' };
    const { text } = run('valgrind', '--tool=helgrind', '--free-is-write=yes', '--fair-sched=yes', program);
    const lines = text.split('\n').map(line => line.replace(/^==\d+== ?/, ''));
    const reports: string[] = [];
    // A report begins after a row of dashes, and ends at the next.
    for (const part of lines.join('\n').split(/^-{20,}.*$/m))
      if (/Possible data race|lock order|Thread #\d+:|Exiting thread/.test(part)) reports.push(part);
    const real = reports.filter(report => /Possible data race|lock order "|Invalid|unlocked|still holds/.test(report));
    return judged(
      compared,
      real.map(report => ({
        text: report,
        kind: report.includes('lock order') ? 'lock order violated' : (/Possible data race/.exec(report)?.[0].toLowerCase() ?? 'report'),
      })),
    );
  },
};

export const holdfast: Tool = {
  name: 'Holdfast',
  async look({ name, bug }, source, out) {
    const program = join(out, `${name}.recorded`);
    const trace = join(out, `${name}.hft`);
    const made = compile(source, program, '-DRECORD');
    if (made.status !== 0) return { how: 'skipped', said: made.missing ? 'gcc is not installed' : 'gcc cannot build it' };
    rmSync(trace, { force: true });
    if (run(program, trace).status !== 0) return { how: 'skipped', said: 'it could not be recorded' };
    const { findings } = await checkBinary(
      createReadStream(trace),
      system => allOracles.get(system),
      () => {},
      true,
    );
    if (findings.length === 0) return { how: 'nothing', said: '' };
    const said = [...new Set(findings.map(({ rule, strength }) => `${rule.replace('always.', '')} (${strength})`))].join(', ');
    // A trace names no functions; its programs do nothing else that could be found.
    return { how: bug === null ? 'noise' : 'found', said };
  },
};
