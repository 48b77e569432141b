/** Where things are in the package, and how they are shown to a person. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemNames } from '../../generator/read/spec-folder.ts';
import { UsageFault } from '../usage-fault.ts';

export const packageFolder = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const keptFolder = join(packageFolder, 'build/systems');
export const steppersFolder = join(packageFolder, 'build/steppers');
export const vectorsFolder = join(packageFolder, 'conformance/vectors');

/** The folder with the systems, and those that were asked for. */
export function selectSystems(names: readonly string[], spec: string | undefined): { folder: string; systems: string[] } {
  const folder = resolve(spec ?? join(packageFolder, 'spec'));
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UsageFault(`${spec} is not a folder. --spec wants the folder that holds language.ts and the systems.`);
  if (!existsSync(join(folder, 'language.ts')))
    throw new UsageFault(
      `${shown(folder)} has no language.ts, so it holds no systems. Copy spec/language.ts into it, or name another folder.`,
    );
  const known = systemNames(folder);
  if (known.length === 0)
    throw new UsageFault(
      `${shown(folder)} holds no system. A system is a folder with a file of its own name: ${shown(folder)}/example/example.ts.`,
    );
  for (const name of names)
    if (!known.includes(name)) throw new UsageFault(`There is no system ${name} in ${shown(folder)}. It has ${known.join(', ')}.`);
  return { folder, systems: names.length > 0 ? [...names] : known };
}

/** A path as a person here would type it. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' ? '.' : near.startsWith('..') ? path : near;
}
