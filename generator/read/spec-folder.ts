/** Where the systems of a spec are: every folder with a file of its own name. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export function systemNames(specFolder: string): string[] {
  return readdirSync(specFolder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(specFolder, entry.name, `${entry.name}.ts`)))
    .map(entry => entry.name)
    .sort();
}

/** Facts that are true of every system; null if there are none. */
export function genericFactsFile(specFolder: string): string | null {
  const file = join(specFolder, 'generic.facts.ts');
  return existsSync(file) ? file : null;
}

/** Spec files of a system, sorted; with the folder's path. */
export function systemFiles(specFolder: string, name: string): string[] {
  return readdirSync(join(specFolder, name))
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
    .map(file => join(specFolder, name, file));
}
