/** The embedded implementation for calls that are in no scenario: the model itself, under a scheduler with a seed. */
import { Excess } from '../generator/history/moves.ts';
import { type OpenRun, openRun } from '../generator/history/open-run.ts';
import type { Room } from '../generator/instantiate/open-program.ts';
import type { System } from '../generator/model.ts';
import type { Scalar } from '../oracles/event.ts';
import { type Adapter, AdapterFailure } from './adapter.ts';
import type { Moment, RunAnswer, RunRequest } from './protocol.ts';
import { scheduler } from './scheduler.ts';
import type { Argument, Result } from './vector.ts';

/** Callers that it has room for, and objects of all types together; of each at least 2. */
const callers = 4;
const objects = 56;

/** `variant`: a variant or a defect to run in place of the base. */
export function openSimulator(system: System, variant: string | null): Adapter {
  let run: OpenRun | null = null;
  return {
    async start() {
      run ??= openRun(system, variant, roomFor(system));
      return {
        type: 'welcome',
        protocol: 1,
        name: 'simulator',
        version: '1',
        calls: Object.keys(system.interface),
        observes: [],
        profile: system.variants.find(({ name }) => name === variant)?.profile ?? system.profile ?? '',
        about: { system: system.name, ...(variant === null ? {} : { variant }) },
      };
    },
    async run(request) {
      if (run === null) throw new AdapterFailure('exited', 'It was asked before it was started.');
      try {
        return answerTo(run, request);
      } catch (fault) {
        if (fault instanceof Stuck) return { type: 'refused', id: request.id, reason: fault.message };
        if (fault instanceof Excess) return { type: 'refused', id: request.id, reason: `the model has no room: ${fault.message}` };
        throw fault;
      }
    },
    async stop() {
      return;
    },
  };
}

function roomFor(system: System): Room {
  const types = Object.keys(system.objects);
  const each = Math.max(2, Math.min(6, Math.floor(objects / types.length)));
  return { callers, pools: Object.fromEntries(types.map(type => [type, each])) };
}

/** Nobody can go on any more. */
class Stuck extends Error {}

function answerTo(run: OpenRun, request: RunRequest): RunAnswer {
  const schedule = scheduler(request.seed);
  const every = Array.from({ length: run.threads }, (_, thread) => thread);
  const valueOf = (argument: Argument): Scalar => (typeof argument === 'object' && argument !== null ? argument.handle : argument);
  run.reset();
  let unnamed = 0;
  const stuck = new Set<number>();
  const choose = (mayGo: (thread: number) => boolean): number => {
    const threads = every.filter(thread => !stuck.has(thread) && mayGo(thread));
    const thread = threads[schedule.thread(threads)];
    if (thread === undefined) throw new Stuck('the callers wait for each other, or for something that never comes');
    return thread;
  };
  /** One step; what a call returned that ends by it. */
  const step = (thread: number, keep: string | null): { readonly result: Scalar } | null => {
    const went = run.step(
      thread,
      ways => schedule.way(ways),
      () => keep ?? `unnamed ${(unnamed += 1)}`,
    );
    if (went === null) stuck.add(thread);
    else stuck.clear();
    return went === null ? null : went.returned;
  };
  const isAtWork = (thread: number): boolean => thread >= run.callers || run.isCalling(thread);
  const setup: Result[] = [];
  for (const { call, with: given, keep, result: wanted } of request.setup) {
    run.begin(0, call, given.map(valueOf));
    stuck.clear();
    let returned: { readonly result: Scalar } | null = null;
    while (returned === null) returned = step(choose(isAtWork), keep);
    setup.push(keep === null ? returned.result : null);
    if (keep === null && returned.result !== wanted) return { type: 'ran', id: request.id, setup, history: [] };
  }
  const history: Moment[] = [];
  const made = request.callers.map(() => 0);
  const nextOf = (caller: number) => request.callers[caller]?.[made[caller] ?? 0];
  const due = request.callers.reduce((sum, calls) => sum + 2 * calls.length, 0);
  while (history.length < due) {
    const thread = choose(one => isAtWork(one) || nextOf(one) !== undefined);
    const next = nextOf(thread);
    if (!isAtWork(thread) && next !== undefined) {
      run.begin(thread, next.call, next.with.map(valueOf));
      history.push({ caller: thread, at: 'call' });
      stuck.clear();
      continue;
    }
    const returned = step(thread, null);
    if (returned === null) continue;
    history.push({ caller: thread, at: 'return', result: returned.result });
    made[thread] = (made[thread] ?? 0) + 1;
  }
  return { type: 'ran', id: request.id, setup, history };
}
