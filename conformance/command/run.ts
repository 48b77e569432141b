/** `holdfast run`: vectors against an implementation. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from '../adapter.ts';
import { childAdapter } from '../child-adapter.ts';
import { readKnownFailing } from '../known-failing.ts';
import { pattern } from '../pattern.ts';
import { progressLine as progressText, reportText } from '../report-text.ts';
import { runVectors } from '../runner.ts';
import { readReplay, readShard } from '../seed.ts';
import { shellWord } from '../shell-word.ts';
import { UsageFault } from '../usage-fault.ts';
import type { Vector } from '../vector.ts';
import { exitStatus } from '../verdict.ts';
import { judgeTrace } from './judge-trace.ts';
import { packagedVectors, readText } from './packaged-vectors.ts';
import { keptFolder, packageFolder, shown, steppersFolder } from './places.ts';
import { progressLine } from './terminal.ts';

export interface RunOptions {
  readonly adapter: string;
  readonly variant?: string;
  readonly profile?: string;
  readonly observe?: boolean;
  readonly shard?: string;
  readonly knownFailing?: string;
  readonly timeout: number;
  readonly rounds: number;
  readonly seed: number;
  readonly replay?: string;
  readonly histories?: number;
  readonly json?: boolean;
}

export async function run(patterns: readonly string[], options: RunOptions): Promise<number> {
  const vectors = packagedVectors();
  if (options.histories !== undefined) return histories(patterns, options, options.histories, vectors);
  const replay = options.replay === undefined ? null : readReplay(options.replay);
  if (options.replay !== undefined && replay === null)
    throw new UsageFault(`${options.replay} is no token to replay: a token is a vector's id, @, and a number.`);
  const shard = options.shard === undefined ? null : readShard(options.shard);
  if (options.shard !== undefined && shard === null) throw new UsageFault(`--shard ${options.shard}: write 1/4 for the first of four.`);
  const systems = [...new Set(vectors.map(vector => vector.id.split('/')[0] ?? ''))];
  const wanted = patterns.map(text => (systems.includes(text) ? `${text}/**` : text));
  for (const text of wanted) refuseUnmatched(text, vectors);
  const adapter = await adapterOf(
    options,
    systems.filter(
      system =>
        wanted.length === 0 ||
        wanted.some(text => text.startsWith(`${system}/`) || text.includes('*')) ||
        replay?.vector.startsWith(`${system}/`),
    ),
  );
  const broken = new AbortController();
  process.once('SIGINT', () => broken.abort());
  const line = progressLine();
  const report = await runVectors(vectors, adapter, {
    given: givenText(options),
    patterns: wanted,
    shard,
    replay,
    seed: options.seed,
    rounds: options.rounds,
    judgeTrace,
    signal: broken.signal,
    knownFailing: options.knownFailing === undefined ? [] : readKnownFailing(readText(options.knownFailing), options.knownFailing),
    onVector: (vector, done, total) => line.say(progressText(vector, done, total)),
  });
  line.done();
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
  return exitStatus(report.verdict);
}

/** Calls at random, of one system. */
async function histories(patterns: readonly string[], options: RunOptions, count: number, vectors: readonly Vector[]): Promise<number> {
  for (const name of ['profile', 'observe', 'shard', 'knownFailing', 'replay'] as const)
    if (options[name] !== undefined)
      throw new UsageFault(
        `--${name === 'knownFailing' ? 'known-failing' : name} does not go with --histories, which makes its own calls.`,
      );
  const systems = [...new Set(vectors.map(({ id }) => id.split('/')[0] ?? ''))];
  const [name, ...more] = patterns;
  if (name === undefined || more.length > 0 || !systems.includes(name))
    throw new UsageFault(`--histories wants the name of one system that has vectors: ${systems.join(', ')}.`);
  if (options.variant !== undefined && options.adapter !== 'simulator') throw new UsageFault('--variant is for the simulator.');
  const { runHistoriesOf } = await import('./run-histories.ts');
  return runHistoriesOf(name, vectors, { ...options, histories: count }, givenText(options), () => adapterOf(options, []));
}

/** A pattern that matches nothing is a mistake, whatever the others match. */
function refuseUnmatched(text: string, vectors: readonly Vector[]): void {
  if (vectors.some(({ id }) => pattern(text)(id))) return;
  const below = vectors.some(({ id }) => id.startsWith(`${text}/`));
  throw new UsageFault(
    below
      ? `No vector is called ${text}, but there are some below it: '${text}/**'.`
      : `No vector matches ${text}. \`npx holdfast list vectors\` says what there is.`,
  );
}

/** As it must be typed again. */
function givenText({ adapter, variant, profile, observe }: RunOptions): string {
  return `${shellWord(adapter)}${variant === undefined ? '' : ` --variant ${variant}`}${profile === undefined ? '' : ` --profile ${profile}`}${observe ? ' --observe' : ''}`;
}

async function adapterOf(options: RunOptions, systems: readonly string[]): Promise<Adapter> {
  const limits = { timeoutMs: options.timeout };
  if (options.adapter !== 'simulator' && (options.variant !== undefined || options.profile !== undefined || options.observe)) {
    throw new UsageFault(
      '--variant, --profile and --observe are for the simulator; another adapter says itself what it is and what it sees.',
    );
  }
  switch (options.adapter) {
    case 'simulator':
      return simulatorOf(options, systems);
    case 'linux-kvm': {
      const program = join(packageFolder, 'build/linux-kvm');
      if (!existsSync(program)) throw new UsageFault(`${shown(program)} is not built. Run \`make build\`.`);
      return childAdapter([program], limits);
    }
    default: {
      const command = options.adapter.trim().split(/\s+/);
      if (command[0] === undefined || command[0] === '')
        throw new UsageFault('--adapter wants simulator, linux-kvm, or the command line of a program that speaks the protocol.');
      return childAdapter(command, limits);
    }
  }
}

async function simulatorOf(options: RunOptions, names: readonly string[]): Promise<Adapter> {
  const { loadSystem } = await import('../../generator/read/load-system.ts');
  const { simulator } = await import('../simulator.ts');
  const specFolder = join(packageFolder, 'spec');
  const systems = [];
  const hashes = new Map<string, string>();
  for (const name of names) {
    const { system, diagnostics, hash } = await loadSystem(specFolder, name, keptFolder);
    if (system === null || diagnostics.length > 0)
      throw new UsageFault(`The spec of ${name} has ${diagnostics.length} faults. \`npx holdfast verify ${name}\` tells them.`);
    if (options.variant === undefined || system.variants.some(variant => variant.name === options.variant)) systems.push(system);
    hashes.set(name, hash);
  }
  if (systems.length === 0)
    throw new UsageFault(
      `No system that was selected has a variant ${options.variant ?? ''}. \`npx holdfast list variants\` says what there is.`,
    );
  return simulator(systems, {
    variant: options.variant ?? null,
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    observe: options.observe ?? false,
    keepingOf: name => ({ folder: steppersFolder, specHash: hashes.get(name) ?? '' }),
  });
}
