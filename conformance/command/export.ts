/** `holdfast export`: scenarios as models for another checker. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promela } from '../../generator/export/promela.ts';
import { instantiate } from '../../generator/instantiate/instantiate.ts';
import type { System } from '../../generator/model.ts';
import { printDiagnostic } from '../../generator/read/diagnostic.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { writeNew } from '../../generator/write-whole.ts';
import { UsageFault } from '../usage-fault.ts';
import { keptFolder, selectSystems, shown } from './places.ts';

export interface ExportOptions {
  readonly to: string;
  readonly scenario?: string;
  readonly variant?: string;
  readonly out?: string;
  readonly spec?: string;
}

export async function exportSystem(name: string, options: ExportOptions): Promise<number> {
  if (options.to !== 'promela') throw new UsageFault(`There is no export to ${options.to}. There is promela.`);
  const { folder } = selectSystems([name], options.spec);
  const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
  for (const one of diagnostics) process.stderr.write(printDiagnostic(one));
  if (system === null || diagnostics.length > 0) return 1;
  const scenarios = scenariosOf(system, options);
  const texts = new Map<string, string>();
  for (const scenario of scenarios) {
    const { program, diagnostics } = instantiate(system, options.variant ?? null, scenario);
    for (const one of diagnostics) process.stderr.write(printDiagnostic(one));
    if (program === null) return 1;
    texts.set(scenario, promela(program).text);
  }
  const [first] = texts.values();
  if (options.out === undefined) process.stdout.write(first ?? '');
  else if (options.scenario !== undefined) keep(options.out, first ?? '');
  else {
    mkdirSync(options.out, { recursive: true });
    for (const [scenario, text] of texts) keep(join(options.out, `${scenario}.pml`), text);
  }
  return 0;
}

function scenariosOf(system: System, { scenario, variant, out }: ExportOptions): readonly string[] {
  const names = system.scenarios.map(({ name }) => name);
  const chosen = system.variants.find(({ name }) => name === variant);
  if (variant !== undefined && chosen === undefined)
    throw new UsageFault(
      `${system.name} has no variant ${variant}. It has ${system.variants.map(({ name }) => name).join(', ') || 'none'}.`,
    );
  const there = names.filter(name => chosen?.absentScenarios.includes(name) !== true);
  if (scenario !== undefined && !there.includes(scenario))
    throw new UsageFault(`${system.name} has no scenario ${scenario}. It has ${there.join(', ')}.`);
  if (scenario === undefined && out === undefined && there.length > 1)
    throw new UsageFault(
      `${system.name} has ${there.length} scenarios, each a model of its own: name one with --scenario, or with --out a folder for all of them.`,
    );
  return scenario === undefined ? there : [scenario];
}

function keep(file: string, text: string): void {
  try {
    writeNew(file, text);
  } catch (fault) {
    throw new UsageFault(`${shown(file)} cannot be written: ${fault instanceof Error ? fault.message : String(fault)}.`);
  }
  process.stdout.write(`wrote  ${shown(file)}\n`);
}
