/** Which mapping reads an ftrace text: the one given as a file, or the one that comes with the project. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { linux612Vfio } from '../../oracles/ftrace/linux-6.12-vfio.ts';
import type { FtraceMapping } from '../../oracles/ftrace/mapping.ts';
import { UsageFault } from '../usage-fault.ts';

/** A JSON file holds the mapping; a TypeScript or JavaScript file exports it, under any name. */
export async function ftraceMapping(file: string | undefined): Promise<FtraceMapping> {
  if (file === undefined) return linux612Vfio;
  if (!existsSync(file)) throw new UsageFault(`${file}: there is no such file.`);
  const values: readonly unknown[] = file.endsWith('.json')
    ? [parse(file)]
    : Object.values(await import(pathToFileURL(resolve(file)).href));
  const mapping = values.find(isMapping);
  if (mapping === undefined)
    throw new UsageFault(
      `${file} holds no mapping: an object with holdfast: 'ftrace-mapping', version: 1, and ${parts.join(', ')}. Begin with a copy of oracles/ftrace/linux-6.12-vfio.ts.`,
    );
  return mapping;
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (fault) {
    throw new UsageFault(`${file} is not JSON: ${fault instanceof Error ? fault.message : String(fault)}.`);
  }
}

const parts = ['types', 'places', 'systems', 'sites', 'probes', 'calls', 'workQueues'] as const;
const lists = ['observes', 'mayMiss', 'returns', 'halfSeen'] as const;

function isMapping(value: unknown): value is FtraceMapping {
  if (typeof value !== 'object' || value === null) return false;
  const given = new Map(Object.entries(value));
  const isObject = (part: unknown): boolean => typeof part === 'object' && part !== null && !Array.isArray(part);
  return (
    given.get('holdfast') === 'ftrace-mapping' &&
    given.get('version') === 1 &&
    parts.every(part => isObject(given.get(part))) &&
    lists.every(part => Array.isArray(given.get(part)))
  );
}
