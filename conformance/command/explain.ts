/** `holdfast explain`: one thing of the spec, or the findings in a trace, told to a person. */

import { existsSync, statSync } from 'node:fs';
import type { System } from '../../generator/model.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { UsageFault } from '../usage-fault.ts';
import type { ExplainOptions } from './explain-finding.ts';
import { keptFolder, selectSystems } from './places.ts';
import { colour, counted, paragraph } from './terminal.ts';

/** `event`: of a trace, only what is found there. */
export async function explain(id: string, event: number | null, options: ExplainOptions & { readonly spec?: string }): Promise<number> {
  if (existsSync(id) && statSync(id).isFile()) return (await import('./explain-finding.ts')).explainTrace(id, event, options);
  if (event !== null) throw new UsageFault(`${id}: there is no such trace.`);
  const { folder, systems } = selectSystems([], options.spec);
  const read: System[] = [];
  for (const one of systems) {
    const { system } = await loadSystem(folder, one, keptFolder);
    if (system !== null) read.push(system);
  }
  const [first = '', ...rest] = id.split('/');
  const name = rest.length > 0 ? rest.join('/') : first;
  const inside = rest.length === 0 ? read : read.filter(system => system.name === first);
  const told = [
    ...tellBuiltIn(read, name),
    ...inside.flatMap(system => [...tellSystem(system, name), ...tellRule(system, name), ...tellScenario(system, name)]),
    ...inside.flatMap(system => [...tellVariant(system, name), ...tellFact(system, name)]),
    ...tellKnown('every system', inside[0]?.generic, name),
  ];
  if (told.length === 0) told.push(...(await tellVectorOf(id)));
  if (told.length === 0)
    throw new UsageFault(
      `There is nothing called ${id}. \`npx holdfast list WHAT\` says what there is: systems, rules, scenarios, variants, defects, facts, vectors.`,
    );
  process.stdout.write(`${told.join('\n')}\n`);
  return 0;
}

/** Also without the `always.` before it. */
function tellBuiltIn(systems: readonly System[], asked: string): string[] {
  const name = asked.startsWith('always.') ? asked : `always.${asked}`;
  const sentence = systems.find(system => system.builtIn[name] !== undefined)?.builtIn[name];
  if (sentence === undefined) return [];
  return [
    `${colour.bold(name)}  a rule that holds for every system`,
    paragraph(sentence, 2),
    ...tellFound(systems.flatMap(system => defectsFoundBy(system, name))),
  ];
}

function tellSystem(system: System, name: string): string[] {
  if (system.name !== name) return [];
  const defects = system.variants.filter(variant => variant.breaks.length > 0).length;
  const amounts = [
    counted(system.rules.length, 'rule'),
    counted(system.scenarios.length, 'scenario'),
    counted(system.variants.length - defects, 'variant'),
    counted(defects, 'defect'),
    counted(Object.keys(system.interface).length, 'call'),
  ];
  return [
    `${colour.bold(name)}  system, ${system.files.join(', ')}`,
    paragraph(system.doc, 2),
    paragraph(`It has ${amounts.join(', ')}.`, 2),
    `  npx holdfast verify ${name}`,
  ];
}

function tellRule(system: System, name: string): string[] {
  const rule = system.rules.find(one => one.name === name);
  if (rule === undefined) return [];
  return [
    `${colour.bold(`${system.name}/${name}`)}  ${rule.kind}, ${rule.at.file}:${rule.at.line}`,
    paragraph(rule.doc, 2),
    ...tellOrigin(rule),
    ...tellFound(defectsFoundBy(system, name)),
  ];
}

function defectsFoundBy(system: System, rule: string): string[] {
  return system.variants.filter(variant => variant.breaks.some(one => one.rule === rule)).map(variant => `${system.name}/${variant.name}`);
}

function tellFound(defects: readonly string[]): string[] {
  return defects.length === 0 ? [] : [paragraph(`It finds the ${defects.length === 1 ? 'defect' : 'defects'} ${defects.join(', ')}.`, 2)];
}

function tellOrigin(of: Pick<System['rules'][number], 'source' | 'facts' | 'sure'>): string[] {
  return [
    ...(of.source === null ? [] : [paragraph(`source: ${of.source}`, 4, 2)]),
    ...(of.facts === undefined ? [] : [`  facts: ${of.facts.join(', ')}`]),
    ...(of.sure === undefined ? [] : [`  how sure: ${of.sure}`]),
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
    ...tellOrigin(variant),
    ...variant.breaks.map(({ rule, scenario }) => `  breaks ${rule} in ${scenario}`),
    ...(variant.breaks.length > 0 ? [`  npx holdfast verify ${system.name} --defects --variant ${name}`] : []),
  ];
}

/** A number of the rule book: told by itself, or stated by rules and defects. */
function tellFact(system: System, id: string): string[] {
  const stated = [...system.rules, ...system.variants].filter(one => one.facts?.includes(id));
  return [
    ...stated.map(one => paragraph(`${colour.bold(id)}  is stated by ${system.name}/${one.name}: ${one.doc}`, 2, 0)),
    ...tellKnown(system.name, system.facts, id),
  ];
}

function tellKnown(of: string, facts: System['facts'], id: string): string[] {
  const fact = facts?.find(one => one.id === id);
  if (fact === undefined) return [];
  return [
    `${colour.bold(id)}  fact of ${of}, ${fact.at.file}:${fact.at.line}`,
    paragraph(fact.says, 2),
    paragraph(`source: ${fact.source}`, 4, 2),
    `  how sure: ${fact.sure}`,
    paragraph(fact.undecided === null ? `It follows from ${fact.from.join(', ')}.` : `Nothing decides it: ${fact.undecided}`, 2),
  ];
}

async function tellVectorOf(id: string): Promise<string[]> {
  const [{ packagedVectors }, { tellVector }] = await Promise.all([import('./packaged-vectors.ts'), import('./explain-vector.ts')]);
  const vector = packagedVectors().find(one => one.id === id);
  return vector === undefined ? [] : tellVector(vector);
}
