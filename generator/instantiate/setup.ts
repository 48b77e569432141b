/** What a scenario does before its first thread: it is run once, alone, and what it leaves is where the threads begin. */
import { firstProcess } from '../../oracles/thread.ts';
import { runAlone } from '../interpret/interpret.ts';
import type { Statement } from '../model.ts';
import type { Program, Site, State, Value } from '../program.ts';
import { assemble, atStart } from './assemble.ts';
import { type DraftThread, type Frame, ofFirst } from './frame.ts';
import { globalCounts, globalInstance, globalObjects } from './globals.ts';
import type { Environment, Typed } from './graph.ts';
import { createInliner } from './inline.ts';
import { NotRunnable } from './not-runnable.ts';
import { poolsOf } from './pool-sizes.ts';
import { sharedWith } from './shared.ts';
import { workersOf } from './workers.ts';

export interface Setup {
  readonly program: Program;
  readonly steps: ReturnType<typeof runAlone>['steps'];
  readonly state: State;
  readonly environment: Environment;
}

export function runSetup(frame: Frame, body: readonly Statement[]): Setup {
  const sites: Site[] = [];
  // The setup is not judged: what it does wrong would be the scenario's fault, not the system's.
  const shared = sharedWith({ ...frame, contracts: [] }, sites, () => undefined);
  const inliner = createInliner(shared);
  const environment = inliner.body(body, new Map());
  const globals = globalCounts(frame.system.globals);
  const drafts: DraftThread[] = [
    { name: 'setup', text: frame.scenario.name, context: 'task', ...ofFirst(frame), work: null, graph: inliner.finish() },
  ];
  const pools = poolsOf(frame, drafts, sites, globals);
  drafts.push(...workersOf(frame, shared, pools));
  const open = assemble(frame, drafts, sites, pools, globals, [], null);
  const program: Program = {
    ...open,
    initial: {
      allocated: globals,
      alive: Object.fromEntries(globalObjects(frame.system.globals).map(object => [object, 1])),
      cells: givenCells(frame),
      exclusive: {},
      threads: open.threads.map(atStart),
    },
  };
  try {
    const { state, steps, slots } = runAlone(program);
    const settled = new Map(
      [...environment].map(([name, typed]): [string, Typed] => [
        name,
        { ...typed, value: { kind: 'constant', value: valueIn(typed.value, slots) } },
      ]),
    );
    return { program, steps, state, environment: settled };
  } catch (fault) {
    throw new NotRunnable({
      at: frame.scenario.at,
      name: 'setup-fails',
      what: `What ${frame.scenario.name} does before its first thread goes wrong: ${fault instanceof Error ? fault.message : String(fault)}`,
      wayOut: 'Do it in a thread, where it can be explored, or mend it.',
    });
  }
}

function valueIn(value: Value, slots: readonly number[]): number {
  if (value.kind === 'constant') return value.value;
  if (value.kind === 'slot') return slots[value.slot] ?? 0;
  throw new Error('a computed local of the setup is used by a thread');
}

/** The setup's state in the numbers of the program: only wait queues are counted differently, because there are more of them. */
export function translate(setup: Setup, program: Program): Omit<State, 'threads'> {
  const { allocated, alive, cells, exclusive } = setup.state;
  const translated: Record<string, number> = {};
  for (const [name, value] of Object.entries(cells)) {
    const [, type = '', field = ''] = /^(.*)#\d+\.(.*)$/.exec(name) ?? [];
    const kind = program.types.find(one => one.name === type)?.fields.find(one => one.name === field)?.kind;
    if (kind !== 'wait-entry' || value === 0) {
      translated[name] = value;
      continue;
    }
    const queue = setup.program.waitQueues[value - 1];
    translated[name] =
      1 + program.waitQueues.findIndex(one => one.type === queue?.type && one.instance === queue.instance && one.field === queue.field);
  }
  return { allocated, alive, cells: translated, exclusive };
}

/** What the setup calls each object. */
export function namesIn(environment: Environment): Record<string, string> {
  const names: Record<string, string> = {};
  for (const [local, { type, value }] of environment)
    if (type !== null && value.kind === 'constant' && value.value > 0) names[`${type}#${value.value}`] ??= local.split('@')[0] ?? local;
  return names;
}

/** Fields that declared objects have from the beginning, by cell. A module is loaded, which is a reference of its own. */
export function givenCells({ system, words }: Frame): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const [name, type] of Object.entries(system.globals)) {
    const object = `${type}#${globalInstance(system.globals, name)}`;
    if (type === 'Module') cells[`${object}.pins`] = 1;
    if (name === firstProcess) Object.assign(cells, { [`${object}.users`]: 1, [`${object}.admin`]: 1 });
    for (const [field, value] of Object.entries(system.given[name] ?? {}))
      cells[`${object}.${field}`] = typeof value === 'string' ? 1 + words.indexOf(value) : Number(value ?? 0);
  }
  return cells;
}
