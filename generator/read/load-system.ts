/**
 * A system ready to use. Reading a spec with ts-morph takes a second, so what was read is kept under build/ for as long as the text
 * of the spec, of the language and of the readers is the same; a command that finds it there loads no compiler.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { System } from '../model.ts';
import { writeWhole } from '../write-whole.ts';
import type { Diagnostic } from './diagnostic.ts';
import { genericFactsFile, systemFiles } from './spec-folder.ts';

export interface Loaded {
  readonly system: System | null;
  readonly diagnostics: readonly Diagnostic[] /** Hash of everything it was made from. */;
  readonly hash: string;
}

const here = dirname(fileURLToPath(import.meta.url));

export async function loadSystem(specFolder: string, name: string, keepIn: string | null): Promise<Loaded> {
  const hash = hashOf(specFolder, name);
  const kept = keepIn === null ? null : join(keepIn, `${name}.${hash.slice(0, 16)}.json`);
  const known = kept === null ? null : readKept(kept, hash);
  if (known !== null) return known;
  const { readSystem } = await import('./read-spec.ts');
  const { checkSpec } = await import('./check-spec.ts');
  const { inFileOrder } = await import('./diagnostic.ts');
  const { system, diagnostics } = readSystem(specFolder, name);
  const all = inFileOrder([...diagnostics, ...(system === null ? [] : checkSpec(system))]);
  const loaded: Loaded = { system, diagnostics: all, hash };
  if (kept !== null) keep(kept, loaded);
  return loaded;
}

function hashOf(specFolder: string, name: string): string {
  const hash = createHash('sha256');
  const readers = [
    ...readdirSync(here)
      .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .sort(),
    '../model.ts',
  ].map(file => join(here, file));
  const generic = genericFactsFile(specFolder);
  for (const file of [
    ...systemFiles(specFolder, name),
    ...(generic === null ? [] : [generic]),
    join(specFolder, 'language.ts'),
    ...readers,
  ])
    hash.update(`${file.slice(file.lastIndexOf('/'))}\n`).update(readFileSync(file));
  return hash.digest('hex');
}

/** Null if it is not there or was cut short: then it is made again. */
function readKept(file: string, hash: string): Loaded | null {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Loaded;
    return kept.hash === hash ? kept : null;
  } catch {
    return null;
  }
}

/** A disk that is full or read-only only costs time. */
function keep(file: string, loaded: Loaded): void {
  try {
    writeWhole(file, JSON.stringify(loaded));
  } catch {
    return;
  }
}
