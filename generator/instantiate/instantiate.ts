/** A scenario of a system, made ready to run: its setup is run, what that leaves is the initial state, and every thread gets its graph. */

import { firstProcess } from '../../oracles/thread.ts';
import type { Expression, Statement, System } from '../model.ts';
import type { Program, Site } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { assemble, atStart } from './assemble.ts';
import { contractsOf } from './contracts.ts';
import type { DraftThread, Frame } from './frame.ts';
import { globalInstance } from './globals.ts';
import type { Environment } from './graph.ts';
import { createInliner } from './inline.ts';
import { NotRunnable } from './not-runnable.ts';
import { poolsOf } from './pool-sizes.ts';
import { namesIn, runSetup, translate } from './setup.ts';
import { sharedWith } from './shared.ts';
import { staysOf } from './stays.ts';
import { applyVariant } from './variant.ts';
import { wordsOf } from './words.ts';
import { workersOf } from './workers.ts';

export interface Instantiation {
  readonly program: Program | null;
  readonly diagnostics: readonly Diagnostic[];
}

export function instantiate(base: System, variant: string | null, scenarioName: string): Instantiation {
  const system = applyVariant(base, variant);
  const scenario = system.scenarios.find(one => one.name === scenarioName);
  if (scenario === undefined) throw new Error(`${base.name}${variant === null ? '' : ` ${variant}`} has no scenario ${scenarioName}`);
  const diagnostics: Diagnostic[] = [];
  const words = wordsOf(system);
  const frame: Frame = { system, scenario, variant, words, contracts: contractsOf(system, words) };
  try {
    return { program: withThreads(frame), diagnostics };
  } catch (fault) {
    if (!(fault instanceof NotRunnable)) throw fault;
    diagnostics.push(fault.diagnostic);
    return { program: null, diagnostics };
  }
}

function withThreads(frame: Frame): Program {
  const { scenario } = frame;
  const firstThread = scenario.body.findIndex(statement => statement.kind === 'thread');
  const own = (statement: Statement) => statement.kind !== 'thread' && statement.kind !== 'stays';
  const setupBody = scenario.body.slice(0, firstThread < 0 ? undefined : firstThread).filter(own);
  const late = firstThread < 0 ? undefined : scenario.body.slice(firstThread).find(own);
  if (late !== undefined) {
    throw new NotRunnable({
      at: late.at,
      name: 'setup-after-thread',
      what: `${scenario.name} does something between its threads; it would run before them, which is not what it reads like.`,
      wayOut: 'Move it above the first thread, or into a thread.',
    });
  }
  if (firstThread < 0)
    throw new NotRunnable({
      at: scenario.at,
      name: 'scenario-without-thread',
      what: `${scenario.name} has no thread, so nothing happens in it.`,
      wayOut: 'Add `thread(() => ...)`.',
    });

  const setup = runSetup(frame, setupBody);
  const sites: Site[] = [];
  const shared = sharedWith(frame, sites, (type, instance, field) =>
    instance <= (setup.state.allocated[type] ?? 0) ? (setup.state.cells[`${type}#${instance}.${field}`] ?? 0) : undefined,
  );
  const first = globalInstance(frame.system.globals, firstProcess);
  const drafts: DraftThread[] = scenario.body
    .filter(statement => statement.kind === 'thread')
    .map((statement, index) => {
      const process = statement.process === undefined ? first : processOf(frame, statement.process, setup.environment);
      const inliner = createInliner(shared, process);
      inliner.body(statement.body, setup.environment);
      return {
        name: `T${index + 1}`,
        text: statement.text,
        context: statement.context,
        ...(process === 0 ? {} : { process }),
        work: null,
        graph: inliner.finish(),
      };
    });
  const pools = poolsOf(frame, drafts, sites, setup.state.allocated);
  drafts.push(...workersOf(frame, shared, pools));
  const processes = Array.from({ length: setup.state.allocated['Process'] ?? 0 }, (_, index) => `Process#${index + 1}`);
  const stays = [
    ...scenario.body.flatMap(statement => (statement.kind === 'stays' ? statement.what : [])).flatMap(what => staysOf(frame, what, setup)),
    ...processes.filter(name => (setup.state.alive[name] ?? 0) !== 0),
  ];
  const program = assemble(frame, drafts, sites, pools, setup.state.allocated, stays, { program: setup.program, steps: setup.steps });
  return {
    ...program,
    names: namesIn(setup.environment),
    initial: { ...translate(setup, program), threads: program.threads.map(atStart) },
  };
}

function processOf(frame: Frame, process: Expression, environment: Environment): number {
  const typed = process.kind === 'local' ? environment.get(process.name) : undefined;
  if (typed?.type === 'Process' && typed.value.kind === 'constant') return typed.value.value;
  throw new NotRunnable({
    at: frame.scenario.at,
    name: 'user-without-process',
    what: `${frame.scenario.name} has a user that is not a process of its setup.`,
    wayOut: 'Write `const one = process();` above, and `user(one, () => ...)`.',
  });
}
