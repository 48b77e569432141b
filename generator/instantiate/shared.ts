/** What the graphs of all threads of a program are made with. */
import type { Site } from '../program.ts';
import type { Frame } from './frame.ts';
import type { Shared } from './graph.ts';
import { usesOf } from './system-uses.ts';

export function sharedWith(frame: Frame, sites: Site[], known: Shared['known']): Shared {
  const { system } = frame;
  const offered = new Map(Object.entries(system.interface).map(([name, operation]) => [operation, name]));
  for (const { operation } of frame.contracts) if (!offered.has(operation)) offered.set(operation, operation);
  const asked = system.rules.flatMap(rule => (rule.kind === 'ends' && rule.given !== null ? [rule.operation] : []));
  for (const operation of asked) if (!offered.has(operation)) offered.set(operation, operation);
  return {
    system,
    words: frame.words,
    known,
    entriesOn: usesOf(system).entriesOn,
    visible: offered,
    kept: new Set(asked),
    sites,
    contractOf: operation => frame.contracts.findIndex(contract => contract.operation === operation),
  };
}
