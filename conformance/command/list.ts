/** `holdfast list`: what there is. */

import type { System } from '../../generator/model.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { UsageFault } from '../usage-fault.ts';
import { keptFolder, selectSystems } from './places.ts';
import { paragraph } from './terminal.ts';

interface Item {
  readonly system: string;
  readonly name: string;
  readonly doc: string;
  readonly source?: string | null;
  readonly breaks?: readonly { rule: string; scenario: string }[];
}

const kinds: Readonly<Record<string, (system: System) => Item[]>> = {
  systems: system => [{ system: system.name, name: system.name, doc: system.doc }],
  scenarios: system => system.scenarios.map(({ name, doc }) => ({ system: system.name, name, doc })),
  rules: system => system.rules.map(({ name, doc, source }) => ({ system: system.name, name, doc, source })),
  variants: system => system.variants.map(({ name, doc, source, breaks }) => ({ system: system.name, name, doc, source, breaks })),
  defects: system =>
    system.variants
      .filter(variant => variant.breaks.length > 0)
      .map(({ name, doc, source, breaks }) => ({ system: system.name, name, doc, source, breaks })),
};

export async function list(what: string, options: { json?: boolean; spec?: string }): Promise<number> {
  const itemsOf = kinds[what];
  if (itemsOf === undefined) throw new UsageFault(`There is no list of ${what}. There are lists of ${Object.keys(kinds).join(', ')}.`);
  const { folder, systems } = selectSystems([], options.spec);
  const items: Item[] = [];
  for (const name of systems) {
    const { system } = await loadSystem(folder, name, keptFolder);
    if (system !== null) items.push(...itemsOf(system));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(items)}\n`);
  else
    for (const { system, name, doc } of items)
      process.stdout.write(`${what === 'systems' ? name : `${system}/${name}`}\n${paragraph(doc, 4)}\n`);
  return 0;
}
