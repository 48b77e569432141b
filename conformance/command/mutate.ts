/** `holdfast mutate`: small mistakes in the functions of a system, and who finds them. */
import { join } from 'node:path';
import type { System } from '../../generator/model.ts';
import { findingNothing, mutantFileOf, mutantText } from '../../generator/mutate/mutant-file.ts';
import { type MutantResult, mutate } from '../../generator/mutate/mutate.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { systemNames } from '../../generator/read/spec-folder.ts';
import { writeWhole } from '../../generator/write-whole.ts';
import { UsageFault } from '../usage-fault.ts';
import type { MutantsDocument } from './documents.ts';
import { keptFolder, packageFolder, selectSystems } from './places.ts';
import { colour, counted, paragraph, progressLine } from './terminal.ts';

export interface MutateOptions {
  readonly operation?: string[];
  readonly maxStates: number;
  readonly every?: boolean;
  readonly write?: boolean;
  readonly json?: boolean;
  readonly spec?: string;
}

/** Scenarios and mutants that survive are no fault of anybody's; a rule that finds nothing is. */
export async function mutateSystems(names: readonly string[], options: MutateOptions): Promise<number> {
  const { folder, systems } = selectSystems(names, options.spec);
  if (options.write && (folder !== join(packageFolder, 'spec') || options.operation !== undefined || !options.every))
    throw new UsageFault(
      '--write keeps what was found for the rule book: it goes with --every, the whole of a system, and the spec of this package.',
    );
  const line = progressLine();
  const selected: System[] = [];
  for (const name of systems) {
    const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
    if (system === null || diagnostics.length > 0)
      throw new UsageFault(`The spec of ${name} has ${counted(diagnostics.length, 'fault')}. \`npx holdfast verify ${name}\` tells them.`);
    selected.push(system);
  }
  for (const operation of options.operation ?? []) refuseUnknown(operation, selected, systemNames(folder));
  const documents: MutantsDocument['systems'] = [];
  for (const system of selected) {
    const { name } = system;
    if (options.operation?.every(operation => system.operations[operation] === undefined)) continue;
    const mutants = mutate(system, {
      maxStates: options.maxStates,
      every: options.every ?? false,
      ...(options.operation === undefined ? {} : { operations: options.operation }),
      onMutant: (done, of, { id }) => line.say(`${name}  ${done} of ${of}: ${id}`),
    });
    line.done();
    const idle = options.every && options.operation === undefined ? findingNothing(system, mutants).map(({ name: rule }) => rule) : [];
    documents.push({ system: name, mutants: mutants.map(mutantDocument), findNothing: idle });
    if (!options.json) process.stdout.write(tell(system, mutants, idle, options));
    if (options.write) writeWhole(join(packageFolder, mutantFileOf(name)), mutantText(system, options.maxStates, mutants));
  }
  if (options.json)
    process.stdout.write(`${JSON.stringify({ schema: 'holdfast/mutate/1', systems: documents } satisfies MutantsDocument)}\n`);
  return documents.some(({ findNothing }) => findNothing.length > 0) ? 1 : 0;
}

/** After a list of names, another word is one more of them, also if it was meant as a system. */
function refuseUnknown(operation: string, systems: readonly System[], names: readonly string[]): void {
  if (systems.some(system => system.operations[operation] !== undefined)) return;
  throw new UsageFault(
    names.includes(operation)
      ? `${operation} is a system, and stands among the functions. Name the systems first: \`holdfast mutate ${operation} --operation ...\`.`
      : `No system that was selected has a function ${operation}.`,
  );
}

function mutantDocument({
  id,
  operation,
  at,
  what,
  foundBy,
  givenUp,
}: MutantResult): MutantsDocument['systems'][number]['mutants'][number] {
  return { id, operation, at, what, foundBy: { ...foundBy }, givenUp: [...givenUp] };
}

function tell(system: System, mutants: readonly MutantResult[], idle: readonly string[], options: MutateOptions): string {
  const survivors = mutants.filter(({ foundBy }) => Object.keys(foundBy).length === 0);
  const counts = new Map<string, number>();
  for (const { foundBy } of mutants) for (const rule of Object.keys(foundBy)) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  const wide = Math.max(0, ...[...counts.keys()].map(rule => rule.length));
  const lines = [colour.bold(system.name)];
  if (survivors.length > 0) lines.push('  Nothing finds:');
  for (const { operation, at, what, givenUp } of survivors)
    lines.push(
      paragraph(
        `${operation} ${what}, ${at.file}:${at.line}${givenUp.length === 0 ? '' : ` (${givenUp.join(', ')} grew too large)`}`,
        6,
        4,
      ),
    );
  if (counts.size > 0) lines.push(options.every ? '  Found by:' : '  Found first by:');
  for (const [rule, count] of [...counts].sort(([, one], [, other]) => other - one)) lines.push(`    ${rule.padEnd(wide)}  ${count}`);
  if (idle.length > 0) lines.push(colour.red(paragraph(`Rules that find no mutant and no defect: ${idle.join(', ')}`, 4, 2)));
  const found = mutants.length - survivors.length;
  const rate = mutants.length === 0 ? '' : `, ${Math.round((100 * found) / mutants.length)} %`;
  lines.push(
    paragraph(
      `${found} of ${counted(mutants.length, 'mutant')} found${rate}; scenarios of up to ${options.maxStates.toLocaleString('en')} states were used`,
      4,
      2,
    ),
  );
  return `${lines.join('\n')}\n`;
}
