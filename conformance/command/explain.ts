/** `holdfast explain`: one thing of the spec, told to a person. */

import type { System } from '../../generator/model.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { UsageFault } from '../usage-fault.ts';
import { keptFolder, selectSystems } from './places.ts';
import { colour, paragraph } from './terminal.ts';

export async function explain(id: string, options: { spec?: string }): Promise<number> {
  const { folder, systems } = selectSystems([], options.spec);
  const [first = '', ...rest] = id.split('/');
  const name = rest.length > 0 ? rest.join('/') : first;
  const told: string[] = [];
  for (const one of systems) {
    if (rest.length > 0 && one !== first) continue;
    const { system } = await loadSystem(folder, one, keptFolder);
    if (system !== null) told.push(...tellRule(system, name), ...tellScenario(system, name), ...tellVariant(system, name));
    if (name.startsWith('always.') && told.length > 0) break;
  }
  if (told.length === 0)
    throw new UsageFault(`There is nothing called ${id}. \`npx holdfast list rules\`, scenarios or variants say what there is.`);
  process.stdout.write(`${told.join('\n')}\n`);
  return 0;
}

function tellRule(system: System, name: string): string[] {
  const builtIn = system.builtIn[name];
  const rule = system.rules.find(one => one.name === name);
  const killed = system.variants
    .filter(variant => variant.breaks.some(one => one.rule === name))
    .map(variant => `${system.name}/${variant.name}`);
  const found = killed.length === 0 ? [] : [paragraph(`It finds the defects ${killed.join(', ')}.`, 2)];
  if (builtIn !== undefined) return [`${colour.bold(name)}  a rule that holds for every system`, paragraph(builtIn, 2), ...found];
  if (rule === undefined) return [];
  return [
    `${colour.bold(`${system.name}/${name}`)}  ${rule.kind}, ${rule.at.file}:${rule.at.line}`,
    paragraph(rule.doc, 2),
    ...(rule.source === null ? [] : [paragraph(`source: ${rule.source}`, 4, 2)]),
    ...found,
  ];
}

function tellScenario(system: System, name: string): string[] {
  const scenario = system.scenarios.find(one => one.name === name);
  return scenario === undefined
    ? []
    : [
        `${colour.bold(`${system.name}/${name}`)}  scenario, ${scenario.at.file}:${scenario.at.line}`,
        paragraph(scenario.doc, 2),
        `  npx holdfast verify ${system.name} --scenario ${name}`,
      ];
}

function tellVariant(system: System, name: string): string[] {
  const variant = system.variants.find(one => one.name === name);
  if (variant === undefined) return [];
  return [
    `${colour.bold(`${system.name}/${name}`)}  ${variant.breaks.length > 0 ? 'defect' : 'variant'}, ${variant.at.file}:${variant.at.line}`,
    paragraph(variant.doc, 2),
    ...(variant.source === null ? [] : [paragraph(`source: ${variant.source}`, 4, 2)]),
    ...variant.breaks.map(({ rule, scenario }) => `  breaks ${rule} in ${scenario}`),
    ...(variant.breaks.length > 0 ? [`  npx holdfast verify ${system.name} --defects --variant ${name}`] : []),
  ];
}
