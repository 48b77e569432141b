/** The vectors that come with the package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readVectors } from '../read-vectors.ts';
import { UsageFault } from '../usage-fault.ts';
import type { Vector } from '../vector.ts';
import { shown, vectorsFolder } from './places.ts';

/** Throws a UsageFault if there are none, or a file is damaged. */
export function packagedVectors(): Vector[] {
  const files = existsSync(vectorsFolder)
    ? readdirSync(vectorsFolder)
        .filter(file => file.endsWith('.json'))
        .sort()
    : [];
  if (files.length === 0) throw new UsageFault(`There are no vectors in ${shown(vectorsFolder)}. Run \`npx holdfast generate\`.`);
  return files.flatMap(file => readVectors(readText(join(vectorsFolder, file)), shown(join(vectorsFolder, file))).vectors);
}

/** Throws a UsageFault that names the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (fault) {
    throw new UsageFault(`${shown(file)} cannot be read: ${fault instanceof Error ? fault.message : String(fault)}.`);
  }
}
