/** Tells a finding to a person: the rule in its own words, the event, what made it wrong, what is known of the objects. */

import { isThing } from './bindings.ts';
import { builtInNames, builtInRules } from './built-in.ts';
import type { OracleDefinition } from './definition.ts';
import { genericRule } from './generic/rules.ts';
import { tellSteps } from './tell-steps.ts';
import { type Cells, identity, type Part, type Slot } from './thing.ts';
import type { Finding } from './verdict.ts';
import type { World } from './world.ts';

export function explainFinding(finding: Finding, definition: OracleDefinition, world?: World): string[] {
  const { sentence, source } = aboutRule(finding.rule, definition);
  const strength = finding.strength === 'observed' ? '' : `  (${finding.strength})`;
  const lines = [
    `violation  ${definition.system}/${finding.rule}${strength}`,
    `  ${sentence}`,
    `  event ${finding.event}: ${finding.detail}`,
  ];
  if (finding.earlier !== null && finding.reordering === undefined) lines.push(`  since event ${finding.earlier}`);
  lines.push(...tellSteps(finding));
  // What was predicted did not come to be, so there is no state to tell.
  if (world !== undefined && finding.reordering === undefined)
    for (const name of new Set(Object.values(finding.objects))) lines.push(`  ${stateOf(name, world)}`);
  const generic = genericRule(finding.rule);
  if (generic !== undefined) lines.push(`  why:     ${generic.why}`, `  look at: ${generic.lookAt}`);
  if (source !== null) lines.push(`  source:  ${source}`);
  return lines;
}

export function aboutRule(rule: string, definition: OracleDefinition): { readonly sentence: string; readonly source: string | null } {
  const builtIn = builtInNames.find(name => `always.${name}` === rule);
  if (builtIn !== undefined) return { sentence: builtInRules[builtIn].sentence, source: null };
  const declared = definition.rules.find(one => one.name === rule);
  return { sentence: declared?.sentence ?? `${rule} is not a rule of this oracle.`, source: declared?.source ?? null };
}

function stateOf(name: string, world: World): string {
  const object = world.live(name);
  if (object === null) {
    const freed = world.freed(name);
    return freed?.at == null ? `${name} is freed.` : `${name} was freed at event ${freed.at} by ${freed.thread}.`;
  }
  const { slots, parts } = object[identity];
  const facts = [...slots.map(saySlot), ...parts.map(sayPart)].filter(fact => fact !== null);
  return `${name} has ${facts.join(', ')}.`;
}

function saySlot({ field, cells, members }: Slot): string {
  if (members !== null)
    return `${field} with ${members.size === 0 ? 'nothing' : [...members].map(one => one[identity].name).join(' ')} in it`;
  return `${field} ${sayCell(cells, field)}`;
}
function sayCell(cells: Cells, field: string): string {
  const cell = cells[field];
  return isThing(cell) ? `${cell[identity].name}${cell[identity].alive ? '' : ' (freed)'}` : String(cell);
}

/** Null where there is nothing to say. */
function sayPart(part: Part): string | null {
  const field = part.name.slice(part.name.indexOf('.') + 1);
  switch (part.kind) {
    case 'counter':
      return `${field} ${part.count}`;
    case 'completion':
      return part.done ? `${field} done` : null;
    case 'lock':
    case 'wait-queue':
      return part.owner === null ? null : `${field} held by ${part.owner.name}`;
    case 'domain':
      return part.readers.size === 0 ? null : `${field} with ${[...part.readers.keys()].map(reader => reader.name).join(' ')} inside`;
    case 'work': {
      const running = part.running === null ? null : `run by ${part.running.name}`;
      const states = [part.pending ? 'pending' : null, running].filter(state => state !== null);
      return states.length === 0 ? null : `${field} ${states.join(' and ')}`;
    }
    case 'entry':
      return part.queue === null ? null : `${field} on ${part.queue.name}`;
    case 'work-queue':
      return null;
  }
}
