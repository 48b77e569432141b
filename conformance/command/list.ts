/** `holdfast list`: what there is. */

import type { System, Variant } from '../../generator/model.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { UsageFault } from '../usage-fault.ts';
import { packagedVectors } from './packaged-vectors.ts';
import { keptFolder, selectSystems } from './places.ts';
import { paragraph } from './terminal.ts';

interface Item {
  readonly system: string;
  readonly name: string;
  readonly doc: string;
  readonly source?: string | null;
  readonly facts?: readonly string[] | undefined;
  readonly sure?: string | undefined;
  readonly breaks?: readonly { rule: string; scenario: string }[];
}

function variantItem(system: System, { name, doc, source, facts, sure, breaks }: Variant): Item {
  return { system: system.name, name, doc, source, facts, sure, breaks };
}

const kinds: Readonly<Record<string, (system: System) => Item[]>> = {
  systems: system => [{ system: system.name, name: system.name, doc: system.doc }],
  scenarios: system => system.scenarios.map(({ name, doc }) => ({ system: system.name, name, doc })),
  rules: system => system.rules.map(({ name, doc, source, facts, sure }) => ({ system: system.name, name, doc, source, facts, sure })),
  variants: system => system.variants.map(variant => variantItem(system, variant)),
  facts: system => factItems(system.name, system.facts),
  defects: system => system.variants.filter(variant => variant.breaks.length > 0).map(variant => variantItem(system, variant)),
};

function factItems(system: string, facts: System['facts'] = []): Item[] {
  return facts.map(({ id, says, source }) => ({ system, name: id, doc: says, source }));
}

/** What `list` can list. */
const listed = [...Object.keys(kinds), 'vectors'];

export async function list(what: string, options: { json?: boolean; spec?: string }): Promise<number> {
  if (what === 'vectors') return listVectors(options.json === true);
  const itemsOf = kinds[what];
  if (itemsOf === undefined) throw new UsageFault(`There is no list of ${what}. There are lists of ${listed.join(', ')}.`);
  const { folder, systems } = selectSystems([], options.spec);
  const items: Item[] = [];
  for (const name of systems) {
    const { system } = await loadSystem(folder, name, keptFolder);
    // What is true of every system is told once.
    if (what === 'facts' && items.length === 0) items.push(...factItems('always', system?.generic));
    if (system !== null) items.push(...itemsOf(system));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(items)}\n`);
  else
    for (const { system, name, doc } of items)
      process.stdout.write(`${what === 'systems' ? name : `${system}/${name}`}\n${paragraph(doc, 4)}\n`);
  return 0;
}

/** Those of the package: vectors are made from its own spec. */
function listVectors(json: boolean): number {
  const vectors = packagedVectors();
  if (json)
    process.stdout.write(`${JSON.stringify(vectors.map(({ id, title, scenario, exercises }) => ({ id, title, scenario, exercises })))}\n`);
  else for (const { id, title } of vectors) process.stdout.write(`${id}\n${paragraph(title, 4)}\n`);
  return 0;
}
