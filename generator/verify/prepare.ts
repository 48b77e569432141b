/**
 * A scenario made ready: its program, and the code that explores it. Making these takes longer than exploring a small scenario does, so they
 * are kept under build/ for as long as the text of the spec and of the generator is the same.
 *
 * What is kept is a cache and nothing else: a file that is cut short, damaged, of another version or unwritable is made again, or done without.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { emitStepper, type StepperSource } from '../explore/emit-stepper.ts';
import { emitReduced } from '../explore/reduce.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { writeWhole } from '../write-whole.ts';

/** Where to keep what was made, and what names the text of the spec. */
export interface Keeping {
  readonly folder: string;
  readonly specHash: string;
}

export interface Prepared {
  /** Null if the scenario cannot be run. */ readonly program: Program | null;
  readonly source: StepperSource | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Bytes of the digest before what is kept. */
const DIGEST = 32;

/** The code of a program that is explored reduced: made, and kept, only where it is wanted. */
export function reducedSource(program: Program, keeping: Keeping | null): StepperSource {
  if (keeping === null) return emitReduced(program);
  const stem = `${program.system}.${program.variant ?? ''}.${program.scenario}.reduced.`;
  const key = keyOf([
    keeping.specHash,
    generatorHash(),
    process.version,
    program.system,
    program.variant ?? '',
    program.scenario,
    'reduced',
  ]);
  const file = join(keeping.folder, `${stem}${key.slice(0, 16)}.bin`);
  const known = readKept(file, key);
  if (known?.source != null) return known.source;
  const source = emitReduced(program);
  keep(keeping.folder, stem, file, key, { program: null, source, diagnostics: [] });
  return source;
}

export function prepare(system: System, variant: string | null, scenario: string, keeping: Keeping | null): Prepared {
  if (keeping === null) return make(system, variant, scenario);
  const stem = `${system.name}.${variant ?? ''}.${scenario}.`;
  const key = keyOf([keeping.specHash, generatorHash(), process.version, system.name, variant ?? '', scenario]);
  const file = join(keeping.folder, `${stem}${key.slice(0, 16)}.bin`);
  const known = readKept(file, key);
  if (known !== null) return known;
  const made = make(system, variant, scenario);
  keep(keeping.folder, stem, file, key, made);
  return made;
}

function make(system: System, variant: string | null, scenario: string): Prepared {
  const { program, diagnostics } = instantiate(system, variant, scenario);
  return { program, source: program === null ? null : emitStepper(program), diagnostics };
}

const keyOf = (parts: readonly string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

let hashed: string | null = null;

/** Of everything that decides what is made of a spec once it was read. */
function generatorHash(): string {
  if (hashed !== null) return hashed;
  const hash = createHash('sha256');
  const generator = fileURLToPath(new URL('..', import.meta.url));
  for (const folder of ['explore', 'instantiate', 'interpret', 'temporal', 'verify', '.'])
    for (const file of readdirSync(join(generator, folder)).sort())
      if (file.endsWith('.ts') && !file.endsWith('.test.ts'))
        hash.update(`${folder}/${file}\n`).update(readFileSync(join(generator, folder, file)));
  hashed = hash.digest('hex');
  return hashed;
}

interface Kept {
  readonly key: string;
  readonly prepared: Prepared;
}

function readKept(file: string, key: string): Prepared | null {
  try {
    const bytes = readFileSync(file);
    const content = bytes.subarray(DIGEST);
    if (!createHash('sha256').update(content).digest().equals(bytes.subarray(0, DIGEST))) return null;
    const kept: Kept = deserialize(content);
    return kept.key === key ? kept.prepared : null;
  } catch {
    return null;
  }
}

/** What was kept of an older spec goes. A disk that is full or read-only only costs time. */
function keep(folder: string, stem: string, file: string, key: string, prepared: Prepared): void {
  try {
    const kept: Kept = { key, prepared };
    const content = serialize(kept);
    writeWhole(file, Buffer.concat([createHash('sha256').update(content).digest(), content]));
    for (const other of readdirSync(folder))
      if (other.startsWith(stem) && /^[0-9a-f]+\.bin$/.test(other.slice(stem.length)) && join(folder, other) !== file)
        rmSync(join(folder, other), { force: true });
  } catch {
    return;
  }
}
