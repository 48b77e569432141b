/** Everything that is generated from a spec and committed, by its path in the project: what `generate` writes and `generate --check` compares. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { System } from '../model.ts';
import { keptMutants } from '../mutate/mutant-file.ts';
import { exercisingScenarios } from '../verify/exercising.ts';
import { type Keeping, type KeptFile, keptFile, keptOr, textHash } from '../verify/kept-file.ts';
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
    const keeping = keepingOf(system.name);
    const made = keptOr(keeping === null ? null : keptOf(system, keeping), () => outputsOfSystem(system, onStep, keeping));
    for (const [file, text] of Object.entries(made)) outputs.set(file, text);
  }
  if (!whole) return outputs;
  outputs.set('oracles/all.oracle.ts', emitAllOracles(systems.map(system => system.name)));
  outputs.set('conformance/rules/README.md', ruleBookIndex(systems));
  onStep('schemas');
  for (const [file, text] of Object.entries(await schemas(keepingOf(systems[0]?.name ?? '')))) outputs.set(file, text);
  return outputs;
}

/** They are made of types, whatever the specs say, and making them takes a compiler of its own. */
async function schemas(keeping: Keeping | null): Promise<Record<string, string>> {
  if (keeping === null) return emitSchemas();
  const versions = readFileSync(join(projectFolder, 'package-lock.json'), 'utf8');
  const file = keptFile<Record<string, string>>(
    { ...keeping, specHash: '' },
    ['all'],
    'schemas',
    `${textHash([...making, 'conformance/command'])} ${versions}`,
  );
  const known = file.read();
  if (known !== null) return known;
  const made = await emitSchemas();
  file.write(made);
  return made;
}

function outputsOfSystem(system: System, onStep: (what: string) => void, keeping: Keeping | null): Record<string, string> {
  onStep(`${system.name}: oracle`);
  const outputs = { [`oracles/${system.name}.oracle.ts`]: emitOracle(system) };
  onStep(`${system.name}: rule book`);
  outputs[`conformance/rules/${system.name}.md`] = ruleBook(
    system,
    exercisingScenarios(system, keeping),
    keptMutants(projectFolder, system),
  );
  if (Object.keys(system.interface).length === 0) return outputs;
  onStep(`${system.name}: vectors`);
  outputs[`conformance/vectors/${system.name}.json`] = vectorText(makeVectors(system, keeping).file);
  return outputs;
}

/** Folders with all that decides what is made of a system. */
const making = [
  ...['', 'emit', 'explore', 'instantiate', 'interpret', 'mutate', 'read', 'temporal', 'verify', 'wasm'].map(
    folder => `generator/${folder}`,
  ),
  'oracles',
  'conformance',
];

/** Its outputs as they were made last, if nothing that they are made of has changed since; the mutants are in a file of their own. */
function keptOf(system: System, keeping: Keeping): KeptFile<Record<string, string>> {
  const mutants = JSON.stringify(keptMutants(projectFolder, system));
  return keptFile(keeping, [system.name], 'outputs', `${textHash(making)} ${mutants}`);
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
