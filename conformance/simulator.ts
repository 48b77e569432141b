/**
 * The embedded implementation: the generated stepper of a system, or of one of its variants, under a scheduler with a seed.
 * It knows the scenarios of the spec, so it makes the calls of a vector in the scenario that the vector came from.
 */
import { resultOf } from '../generator/emit/automaton.ts';
import { setupCalls, vectorCall } from '../generator/emit/emit-vectors.ts';
import { type ChoicePlaces, callersOf } from '../generator/emit/scripts.ts';
import { emitStepper } from '../generator/explore/emit-stepper.ts';
import { type PackedSuccessor, type Stepper, stepperOf } from '../generator/explore/stepper.ts';
import { instantiate } from '../generator/instantiate/instantiate.ts';
import { evaluate } from '../generator/interpret/evaluate.ts';
import { narrate } from '../generator/interpret/narrate.ts';
import type { System } from '../generator/model.ts';
import type { Program, Step } from '../generator/program.ts';
import { eventFields } from '../oracles/event-fields.ts';
import { type Adapter, AdapterFailure } from './adapter.ts';
import type { Moment, RunAnswer, RunRequest } from './protocol.ts';
import { scheduler } from './scheduler.ts';
import type { Result } from './vector.ts';

export interface SimulatorOptions {
  /** A variant or a defect to run in place of the base. */ readonly variant?: string | null;
  /** What it claims to be; the base's profile, or the variant's own, if absent. */ readonly profile?: string;
  /** Report inside events. Costs time. */ readonly observe?: boolean;
}

/** A scenario, made ready once and run many times. */
interface Prepared {
  readonly program: Program;
  readonly stepper: Stepper;
  readonly places: readonly ChoicePlaces[];
  /** For each caller, the choices that lead to its calls, by the calls as text. */ readonly choices: readonly ReadonlyMap<
    string,
    readonly number[]
  >[];
  readonly setup: readonly Result[];
}

export function simulator(systems: readonly System[], options: SimulatorOptions = {}): Adapter {
  const prepared = new Map<string, Prepared>();
  const variant = options.variant ?? null;
  const prepare = (vector: string): Prepared => {
    const [systemName = '', scenario = ''] = vector.split('/');
    const key = `${systemName}/${scenario}`;
    const known = prepared.get(key) ?? makeReady(systems, systemName, scenario, variant);
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

function makeReady(systems: readonly System[], systemName: string, scenario: string, variant: string | null): Prepared {
  const system = systems.find(one => one.name === systemName);
  if (system === undefined || !system.scenarios.some(one => one.name === scenario))
    throw new AdapterFailure('could-not-start', `The simulator has no scenario ${systemName}/${scenario}. Generate the vectors anew.`);
  const { program, diagnostics } = instantiate(system, variant, scenario);
  if (program === null)
    throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be run: ${diagnostics[0]?.what ?? ''}`);
  const callers = callersOf(program);
  if (typeof callers === 'string')
    throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be driven from outside: ${callers}.`);
  const setup = setupCalls(program);
  if (typeof setup === 'string') throw new AdapterFailure('could-not-start', `${systemName}/${scenario} cannot be set up: ${setup}.`);
  const choices = callers.scripts.map(
    scripts => new Map(scripts.map(script => [JSON.stringify(script.calls.map(call => vectorCall(program, call))), script.choices])),
  );
  return { program, stepper: stepperOf(emitStepper(program)), places: callers.places, choices, setup: setup.map(call => call.result) };
}

function runOnce({ program, stepper, places, choices, setup }: Prepared, request: RunRequest, observe: boolean): RunAnswer {
  const callers = request.callers.length;
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
  const mayStep = ({ step }: PackedSuccessor): boolean => {
    if (step.thread >= callers) return true;
    const place = places[step.thread]?.get(step.node);
    if (place !== undefined && own[step.thread]?.[place] !== step.alternative) return false;
    return request.order === null || turn >= request.order.length || request.order[turn] === step.thread;
  };
  let state = stepper.initial();
  for (;;) {
    const open = stepper.successors(state).filter(mayStep);
    if (open.length === 0) break;
    // First a thread, then one of its ways to go on: a thread with many ways is not taken more often.
    const threads = [...new Set(open.map(({ step }) => step.thread))];
    const thread = threads[schedule.thread(threads)];
    const ways = open.filter(({ step }) => step.thread === thread);
    const taken = ways[schedule.way(ways.length)];
    if (taken === undefined) break;
    steps.push(taken.step);
    if (taken.state === null)
      throw new AdapterFailure('exited', `The simulated kernel broke ${taken.findings.join(', ')}, after which nothing can be said of it.`);
    const moment = momentOf(program, stepper, state, taken.step);
    if (moment !== null) history.push(moment);
    if (moment?.at === 'return') turn += 1;
    state = taken.state;
  }
  const due = request.callers.reduce((sum, calls) => sum + 2 * calls.length, 0);
  if (history.length < due)
    throw new AdapterFailure('hung', 'The simulated callers wait for each other, or for something that never comes.');
  const answer: RunAnswer = { type: 'ran', id: request.id, setup: [...setup], history };
  if (!observe) return answer;
  return { ...answer, trace: [{ holdfast: 'trace', version: 1, system: program.system }, ...narrate(program, steps).events] };
}

function momentOf(program: Program, stepper: Stepper, before: Int32Array, { thread, node }: Step): Moment | null {
  const action = program.threads[thread]?.nodes[node]?.action;
  if (action?.kind === 'call') return { caller: thread, at: 'call' };
  if (action?.kind !== 'return') return null;
  const slots = action.result.kind === 'constant' ? {} : (stepper.decode(before).threads[thread]?.slots ?? {});
  return { caller: thread, at: 'return', result: resultOf(program, thread, action.call, evaluate(action.result, slots)) };
}
