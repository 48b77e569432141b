/** Traces of any length of each system: of random walks through its scenarios the part that does most and leaves everything as it was. */
import { fileURLToPath } from 'node:url';
import { findLoop, type Loop } from '../../oracles/bench-loops.ts';
import type { OracleDefinition } from '../../oracles/definition.ts';
import type { Event } from '../../oracles/event.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { successors } from '../interpret/interpret.ts';
import { narrate } from '../interpret/narrate.ts';
import type { Program, State, Step } from '../program.ts';
import { readSystem } from '../read/read-spec.ts';

const specFolder = fileURLToPath(new URL('../../spec', import.meta.url));
/** Scenarios looked at, and steps of a walk. */
const mostScenarios = 12;
const mostSteps = 1_000;

/** Null: there is none in the walks that were looked at. */
export function loopOf(definition: OracleDefinition): Loop | null {
  const { system } = readSystem(specFolder, definition.system);
  if (system === null) throw new Error(`spec/${definition.system} cannot be read`);
  let best: Loop | null = null;
  for (const [number, scenario] of system.scenarios.slice(0, mostScenarios).entries()) {
    const { program } = instantiate(system, null, scenario.name);
    const loop = program === null ? null : findLoop(definition, walk(program, number + 17));
    if (loop !== null && loop.different > (best?.different ?? 0)) best = loop;
  }
  return best;
}

function walk(program: Program, seed: number): readonly Event[] {
  let random = seed;
  const steps: Step[] = [];
  let state: State | null = program.initial;
  while (state !== null && steps.length < mostSteps) {
    const possible = successors(program, state);
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    const next = possible[Math.floor((random / 2 ** 31) * possible.length)];
    if (next === undefined) break;
    steps.push(next.step);
    state = next.state;
  }
  return narrate(program, steps).events;
}
