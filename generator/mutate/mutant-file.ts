/**
 * What was found out about a system's mutants, kept beside its rule book: finding it out takes minutes. It is for one text of the spec;
 * of another text it says nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageFault } from '../../conformance/usage-fault.ts';
import type { Rule, System } from '../model.ts';
import type { MutantResult } from './mutate.ts';

export interface MutantFile {
  readonly schema: 'holdfast/mutants/1';
  readonly generated: string;
  readonly system: string;
  /** Of what decides how a mutant fares: functions, rules, scenarios, objects, without comments and places. */ readonly of: string;
  /** Scenarios with more states were left out. */ readonly maxStates: number;
  readonly mutants: readonly MutantResult[];
}

export const mutantFileOf = (system: string): string => `conformance/rules/${system}.mutants.json`;

export function mutantText(system: System, maxStates: number, mutants: readonly MutantResult[]): string {
  const { mutants: all, ...head }: MutantFile = {
    schema: 'holdfast/mutants/1',
    generated: `Written by \`holdfast mutate ${system.name} --every --write\` from spec/${system.name}.`,
    system: system.name,
    of: meaningOf(system),
    maxStates,
    mutants,
  };
  const opening = JSON.stringify(head, null, 1).replace(/\n\}$/, '');
  return `${opening},\n "mutants": [\n${all.map(mutant => `  ${JSON.stringify(mutant)}`).join(',\n')}\n ]\n}\n`;
}

/** Null if there is none, or it is of another text of the spec. Throws a UsageFault if it is damaged. */
export function keptMutants(folder: string, system: System): readonly MutantResult[] | null {
  const path = join(folder, mutantFileOf(system.name));
  if (!existsSync(path)) return null;
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as MutantFile;
    return file.of === meaningOf(system) ? file.mutants : null;
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    throw new UsageFault(`${path} is damaged (${why}). \`holdfast mutate ${system.name} --every --write\` makes it again.`);
  }
}

/** Lines move when a comment changes, so neither places nor what is named by them counts. */
function meaningOf({ objects, globals, given, exports, operations, rules, scenarios }: System): string {
  const text = JSON.stringify({ objects, globals, given, exports, operations, rules, scenarios }, (key, value) =>
    ['at', 'doc', 'source', 'facts', 'sure'].includes(key) ? undefined : value,
  );
  return createHash('sha256')
    .update(text.replace(/@[\w.-]+:\d+/g, ''))
    .digest('hex')
    .slice(0, 16);
}

/** Rules that neither a mutant nor a defect breaks. An exception of the lock order allows something, so it finds nothing by itself. */
export function findingNothing(system: System, mutants: readonly MutantResult[]): Rule[] {
  const found = new Set([
    ...mutants.flatMap(({ foundBy }) => Object.keys(foundBy)),
    ...system.variants.flatMap(({ breaks }) => breaks.map(({ rule }) => rule)),
  ]);
  return system.rules.filter(({ name, kind }) => kind !== 'order-exception' && !found.has(name));
}
