/** Everything that is generated from a spec and committed, by its path in the project: what `generate` writes and `generate --check` compares. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { System } from '../model.ts';
import { keptMutants } from '../mutate/mutant-file.ts';
import { exercisingScenarios } from '../verify/exercising.ts';
import type { Keeping } from '../verify/prepare.ts';
import { writeWhole } from '../write-whole.ts';
import { emitAllOracles, emitOracle } from './emit-oracle.ts';
import { emitSchemas } from './emit-schema.ts';
import { makeVectors } from './emit-vectors.ts';
import { ruleBook, ruleBookIndex } from './rule-book.ts';

const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

/** A file that differs from what the spec says, or that nothing makes any more. */
export interface Drift {
  readonly file: string;
  readonly how: 'missing' | 'different' | 'stale';
}

/**
 * Texts by path, for all systems of the spec. `whole`: every system is there, so what is not made is stale. `keepingOf`: where what is made of a
 * system's scenarios is kept.
 */
export async function outputsOf(
  systems: readonly System[],
  whole: boolean,
  onStep: (what: string) => void,
  keepingOf: (system: string) => Keeping | null = () => null,
): Promise<Map<string, string>> {
  const outputs = new Map<string, string>();
  for (const system of systems) {
    onStep(`${system.name}: oracle`);
    outputs.set(`oracles/${system.name}.oracle.ts`, emitOracle(system));
    onStep(`${system.name}: rule book`);
    outputs.set(
      `conformance/rules/${system.name}.md`,
      ruleBook(system, exercisingScenarios(system, keepingOf(system.name)), keptMutants(projectFolder, system)),
    );
    if (Object.keys(system.interface).length === 0) continue;
    onStep(`${system.name}: vectors`);
    outputs.set(`conformance/vectors/${system.name}.json`, vectorText(makeVectors(system).file));
  }
  if (!whole) return outputs;
  outputs.set('oracles/all.oracle.ts', emitAllOracles(systems.map(system => system.name)));
  outputs.set('conformance/rules/README.md', ruleBookIndex(systems));
  onStep('schemas');
  for (const [file, text] of Object.entries(await emitSchemas())) outputs.set(file, text);
  return outputs;
}

/** A line for each vector, so that a change of one is a change of one line. */
function vectorText({ vectors, ...head }: ReturnType<typeof makeVectors>['file']): string {
  const opening = JSON.stringify(head, null, 1).replace(/\n\}$/, '');
  return `${opening},\n "vectors": [\n${vectors.map(vector => `  ${JSON.stringify(vector)}`).join(',\n')}\n ]\n}\n`;
}

export function driftOf(folder: string, outputs: ReadonlyMap<string, string>, whole: boolean): Drift[] {
  const drift: Drift[] = [];
  for (const [file, text] of outputs) {
    const path = join(folder, file);
    if (!existsSync(path)) drift.push({ file, how: 'missing' });
    else if (readFileSync(path, 'utf8') !== text) drift.push({ file, how: 'different' });
  }
  if (whole) for (const file of made(folder)) if (!outputs.has(file)) drift.push({ file, how: 'stale' });
  return drift.sort((one, other) => (one.file < other.file ? -1 : 1));
}

/** Files on disk that only the generator makes. */
function made(folder: string): string[] {
  const list = (sub: string, ending: string) =>
    existsSync(join(folder, sub))
      ? readdirSync(join(folder, sub))
          .filter(file => file.endsWith(ending))
          .map(file => `${sub}/${file}`)
      : [];
  return [
    ...list('oracles', '.oracle.ts'),
    ...list('conformance/vectors', '.json'),
    ...list('conformance/rules', '.md'),
    ...list('conformance', '.schema.json'),
  ];
}

/** A run that is broken off leaves whole files. */
export function write(folder: string, outputs: ReadonlyMap<string, string>, drift: readonly Drift[]): void {
  for (const { file, how } of drift) {
    const path = join(folder, file);
    if (how === 'stale') {
      rmSync(path);
      continue;
    }
    writeWhole(path, outputs.get(file) ?? '');
  }
}
