/**
 * A system as a program without a scenario: callers that may make any call of the interface at any time, for ever. Whoever runs it says which
 * call a caller makes next, and with what.
 */
import type { System } from '../model.ts';
import type { Contract, Program, ProgramType } from '../program.ts';
import { assemble, atStart } from './assemble.ts';
import { contractsOf } from './contracts.ts';
import type { DraftThread, Frame } from './frame.ts';
import { globalCounts, globalObjects } from './globals.ts';
import { createInliner } from './inline.ts';
import { givenCells } from './setup.ts';
import { sharedWith } from './shared.ts';
import { applyVariant } from './variant.ts';
import { wordsOf } from './words.ts';
import { workersOf } from './workers.ts';

/** How much an open program has room for. */
export interface Room {
  readonly callers: number;
  /** Objects of each type at once; those of a type that is not named are as many as are declared. */
  readonly pools: Readonly<Record<string, number>>;
}

/** Numbers that a call may be given, at most. */
export const largestNumber = 31;

/** Callers are the first threads. `judged`: with what its contracts need to be judged, which takes more states. Throws where the system cannot be run. */
export function openProgram(base: System, variant: string | null, room: Room, judged: boolean): Program {
  const system = applyVariant(base, variant);
  const words = wordsOf(system);
  const contracts: Contract[] = judged ? contractsOf(system, words) : [];
  const at = { file: '', line: 0, column: 0 };
  const frame: Frame = { system, scenario: { name: 'history', doc: '', at, body: [] }, variant, words, contracts };
  const sites: Program['sites'][number][] = [];
  const shared = sharedWith(frame, sites, () => undefined);
  const declared = globalCounts(system.globals);
  const pools = Object.fromEntries(Object.keys(system.objects).map(type => [type, Math.max(declared[type] ?? 0, room.pools[type] ?? 0)]));
  const largest = Math.max(largestNumber, words.length, ...Object.values(pools));
  const drafts = Array.from({ length: room.callers }, (_, index): DraftThread => {
    const inliner = createInliner(shared);
    inliner.caller(Object.values(system.interface), largest);
    return { name: `T${index + 1}`, text: 'any call', context: 'task', work: null, graph: inliner.finish() };
  });
  drafts.push(...workersOf(frame, shared, pools));
  const program = assemble(frame, drafts, sites, pools, declared, [], null);
  return {
    ...program,
    contracts,
    types: program.types.map((type): ProgramType => ({ ...type, initial: declared[type.name] ?? 0 })),
    initial: {
      allocated: declared,
      alive: Object.fromEntries(globalObjects(system.globals).map(object => [object, 1])),
      cells: givenCells(frame),
      exclusive: {},
      threads: program.threads.map(atStart),
    },
  };
}
