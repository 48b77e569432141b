/**
 * Runs every test file, each in a process of its own, two at a time, and adds up what uvu says. A file that dies before its summary is a
 * failure. Arguments narrow: only files whose path contains one of them.
 */

import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { execa } from 'execa';

const minutesForOneFile = 8;
const narrow = process.argv.slice(2);
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.test.ts'], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter(file => file !== '' && (narrow.length === 0 || narrow.some(part => file.includes(part))))
  .sort();

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

async function runFile(file: string): Promise<Result> {
  const began = performance.now();
  const { all = '', exitCode } = await execa('node', ['--import', 'tsx', file], {
    reject: false,
    all: true,
    timeout: minutesForOneFile * 60_000,
    env: { FORCE_COLOR: '0' },
    maxBuffer: 1 << 28,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const count = (name: string) =>
    [...all.matchAll(new RegExp(`^\\s*${name}:\\s+(\\d+)`, 'gm'))].reduce((sum, [, number]) => sum + Number(number), 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  // A process that dies or hangs leaves no summary, or fails beside it.
  const failed = Math.max(total - passed - skipped, exitCode === 0 && total > 0 ? 0 : 1);
  process.stdout.write(
    `${failed === 0 ? 'ok  ' : 'FAIL'}  ${file}  ${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ''}${failed > 0 ? `, ${failed} failed` : ''}  ${seconds} s\n`,
  );
  for (const [, reason] of all.matchAll(/^(skipped: .*)$/gm)) process.stdout.write(`      ${reason ?? ''}\n`);
  if (failed > 0) process.stdout.write(`${all}\n`);
  return { passed, failed, skipped };
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const waiting = [...files];
await Promise.all(
  Array.from({ length: Math.max(2, Math.min(4, availableParallelism())) }, async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { passed, failed, skipped } = await runFile(file);
      sum.passed += passed;
      sum.failed += failed;
      sum.skipped += skipped;
    }
  }),
);
if (files.length === 0) {
  process.stdout.write('No test file was selected.\n');
  process.exitCode = 2;
} else {
  process.exitCode = sum.failed === 0 ? 0 : 1;
  process.stdout.write(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}\n`);
}
