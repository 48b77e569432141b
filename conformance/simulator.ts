/**
 * The embedded implementation: the generated stepper of a system, or of one of its variants, under a scheduler with a seed.
 * It knows the scenarios of the spec, so it makes the calls of a vector in the scenario that the vector came from.
 */
import { setupCalls, vectorCall } from '../generator/emit/emit-vectors.ts';
import { callersOf } from '../generator/emit/scripts.ts';
import { narrate } from '../generator/interpret/narrate.ts';
import type { System } from '../generator/model.ts';
import type { Program, Step } from '../generator/program.ts';
import type { Keeping } from '../generator/verify/kept-file.ts';
import { prepare } from '../generator/verify/prepare.ts';
import { eventFields } from '../oracles/event-fields.ts';
import { type Adapter, AdapterFailure } from './adapter.ts';
import type { Moment, RunAnswer, RunRequest } from './protocol.ts';
import { scheduler } from './scheduler.ts';
import { type SimulatedState, type SimulatedStep, simulatedStates } from './simulated-states.ts';
import type { Result } from './vector.ts';

export interface SimulatorOptions {
  /** A variant or a defect to run in place of the base. */ readonly variant?: string | null;
  /** What it claims to be; the base's profile, or the variant's own, if absent. */ readonly profile?: string;
  /** Report inside events. Costs time. */ readonly observe?: boolean;
  /** Where what is made of a system's scenarios is kept; nowhere if absent. */ readonly keepingOf?: (system: string) => Keeping;
}

/** A scenario, made ready once and run many times. */
interface Ready {
  readonly program: Program;
  readonly first: () => SimulatedState;
  /** For each caller, the choices that lead to its calls, by the calls as text. */ readonly choices: readonly ReadonlyMap<
    string,
    readonly number[]
  >[];
  readonly setup: readonly Result[];
}

export function simulator(systems: readonly System[], options: SimulatorOptions = {}): Adapter {
  const prepared = new Map<string, Ready>();
  const variant = options.variant ?? null;
  const prepare = (vector: string): Ready => {
    const [systemName = '', scenario = ''] = vector.split('/');
    const key = `${systemName}/${scenario}`;
    const known = prepared.get(key) ?? makeReady(systems, systemName, scenario, variant, options.keepingOf?.(systemName) ?? null);
    prepared.set(key, known);
    return known;
  };
  return {
    async start() {
      const own = options.profile ?? profileOf(systems, variant);
      const each = Object.fromEntries(systems.map(system => [system.name, own ?? system.profile ?? system.name]));
      return {
        type: 'welcome',
        protocol: 1,
        name: 'simulator',
        version: '1',
        calls: [...new Set(systems.flatMap(system => Object.keys(system.interface)))],
        observes: options.observe ? Object.keys(eventFields) : [],
        profile: each[systems[0]?.name ?? ''] ?? '',
        profiles: each,
        about: { systems: systems.map(system => system.name).join(', '), ...(variant === null ? {} : { variant }) },
      };
    },
    async run(request) {
      return runOnce(prepare(request.vector), request, options.observe ?? false);
    },
    async stop() {
      return;
    },
  };
}

/** Of the variant, or of the nearest that it builds on. */
function profileOf(systems: readonly System[], variant: string | null): string | null {
  const own = systems.flatMap(system => system.variants).find(one => one.name === variant);
  return own === undefined ? null : (own.profile ?? profileOf(systems, own.of));
}

function makeReady(
  systems: readonly System[],
  systemName: string,
  scenario: string,
  variant: string | null,
  keeping: Keeping | null,
): Ready {
  const system = systems.find(one => one.name === systemName);
  if (system === undefined || !system.scenarios.some(one => one.name === scenario))
    throw new AdapterFailure('could-not-start', `The simulator has no scenario ${systemName}/${scenario}. Generate the vectors anew.`);
  const { ready, diagnostics } = prepare(system, variant, scenario, keeping);
  if (ready === null) throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be run: ${diagnostics[0]?.what ?? ''}`);
  const { program, soFar } = ready;
  const callers = callersOf(program);
  if (typeof callers === 'string')
    throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be driven from outside: ${callers}.`);
  const setup = setupCalls(program);
  if (typeof setup === 'string') throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be set up: ${setup}.`);
  const choices = callers.scripts.map(
    scripts => new Map(scripts.map(script => [JSON.stringify(script.calls.map(call => vectorCall(program, call))), script.choices])),
  );
  return { program, first: simulatedStates(program, callers.places, soFar()), choices, setup: setup.map(call => call.result) };
}

function runOnce({ program, first, choices, setup }: Ready, request: RunRequest, observe: boolean): RunAnswer {
  const { order } = request;
  const own = request.callers.map((calls, caller) => choices[caller]?.get(JSON.stringify(calls)));
  if (own.some(one => one === undefined))
    throw new AdapterFailure(
      'could-not-start',
      `The simulator has no such calls in the scenario of ${request.vector}. Generate the vectors anew.`,
    );
  const schedule = scheduler(request.seed);
  const history: Moment[] = [];
  const steps: Step[] = [];
  let turn = 0;
  const mayGo = (thread: number): boolean => thread >= own.length || order === null || turn >= order.length || order[turn] === thread;
  const mayTake = ({ step, choice }: SimulatedStep): boolean => choice === null || own[step.thread]?.[choice] === step.alternative;
  for (let state = first(); ; ) {
    // First a thread, then one of its ways to go on: a thread with many ways is not taken more often.
    const threads: number[] = [],
      ways: (readonly SimulatedStep[])[] = [];
    for (const of of state.ways()) {
      if (!mayGo(of.thread)) continue;
      const open = of.ways.every(mayTake) ? of.ways : of.ways.filter(mayTake);
      if (open.length === 0) continue;
      threads.push(of.thread);
      ways.push(open);
    }
    if (threads.length === 0) break;
    const open = ways[schedule.thread(threads)] ?? [];
    const taken = open[schedule.way(open.length)];
    if (taken === undefined) break;
    if (observe) steps.push(taken.step);
    const next = taken.to();
    if (next === null)
      throw new AdapterFailure('exited', `The simulated kernel broke ${taken.findings.join(', ')}, after which nothing can be said of it.`);
    if (taken.moment !== null) history.push(taken.moment);
    if (taken.moment?.at === 'return') turn += 1;
    state = next;
  }
  const due = request.callers.reduce((sum, calls) => sum + 2 * calls.length, 0);
  if (history.length < due)
    throw new AdapterFailure('hung', 'The simulated callers wait for each other, or for something that never comes.');
  const answer: RunAnswer = { type: 'ran', id: request.id, setup: [...setup], history };
  if (!observe) return answer;
  return { ...answer, trace: [{ holdfast: 'trace', version: 1, system: program.system }, ...narrate(program, steps).events] };
}
