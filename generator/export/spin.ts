/** Runs SPIN on an exported model, in a folder of its own that is gone afterwards. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Model } from './promela.ts';

export interface SpinResult {
  readonly states: number;
  readonly transitions: number;
  /** Rules whose assertion failed, and `always.everyWaitEnds` for an invalid end state; sorted. */ readonly broken: readonly string[];
  readonly errors: number;
  /** False if the stack was too small for the deepest path, or memory for the states. */ readonly complete: boolean;
  /** Of translating and compiling, and of the search. */ readonly compileSeconds: number;
  readonly searchSeconds: number;
  /** Bytes of a state, before SPIN stores it. */ readonly stateBytes: number;
}

/** First line that SPIN says of itself, or null where it is not installed. */
export async function spinVersion(): Promise<string | null> {
  const { exitCode, stdout } = await execa('spin', ['-V'], { reject: false });
  return exitCode === 0 ? (stdout.split('\n')[0] ?? '') : null;
}

/** All states, without reduction. `depth` bounds the longest path without a state twice. Throws if SPIN or gcc refuses the model. */
export async function runSpin(model: Model, depth: number, flags: readonly string[] = ['-O2'], hashBits = 20): Promise<SpinResult> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-spin-'));
  try {
    await writeFile(join(folder, 'model.pml'), model.text);
    const began = performance.now();
    await called('spin', ['-o1', '-o2', '-o3', '-a', 'model.pml'], folder);
    await called('gcc', [...flags, '-w', '-DSAFETY', '-DNOREDUCE', '-DVECTORSZ=4096', '-o', 'pan', 'pan.c'], folder);
    const compiled = performance.now();
    const { all: said = '' } = await execa('./pan', ['-c0', `-m${depth}`, `-w${hashBits}`], {
      cwd: folder,
      all: true,
      reject: false,
      maxBuffer: 1 << 29,
    });
    return readReport(said, model, (compiled - began) / 1000, (performance.now() - compiled) / 1000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** SPIN also refuses with status 0. */
async function called(tool: string, given: readonly string[], folder: string): Promise<void> {
  const { exitCode, all: said = '' } = await execa(tool, given, { cwd: folder, all: true, reject: false });
  if (exitCode !== 0 || /Error:|error:/.test(said))
    throw new Error(`${tool} refuses the model: ${said.split('\n').slice(0, 5).join('\n')}`);
}

export function readReport(said: string, { rules }: Model, compileSeconds = 0, searchSeconds = 0): SpinResult {
  const count = (pattern: RegExp): number => {
    const found = pattern.exec(said)?.[1];
    if (found === undefined) throw new Error(`pan does not say what it found:\n${said.slice(-2000)}`);
    return Number(found);
  };
  const broken = new Set<string>();
  for (const [, what = ''] of said.matchAll(/assertion violated (.*?)(?: \(at depth.*)?$/gm)) {
    const named = (what.match(/\w+/g) ?? []).flatMap(name => rules.get(name) ?? []);
    for (const rule of named.length > 0 ? named : [what]) broken.add(rule);
  }
  if (/^pan:\d+: invalid end state/m.test(said)) broken.add('always.everyWaitEnds');
  // Whatever else it reports, as a block within a d_step, is a fault of the model.
  for (const [, what = ''] of said.matchAll(/^pan:\d+: (?!assertion violated|invalid end state)(.*?)(?: \(at depth.*)?$/gm))
    broken.add(`(pan: ${what})`);
  return {
    states: count(/^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?) states, stored/m),
    transitions: count(/^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?) transitions/m),
    errors: count(/errors: (\d+)/),
    stateBytes: count(/State-vector (\d+) byte/),
    broken: [...broken].sort(),
    complete: !/max search depth too small|Search not completed|out of memory/.test(said),
    compileSeconds,
    searchSeconds,
  };
}
