/**
 * Little programs that can be run in any schedule: what a prediction says that a program could have done is done by the program itself.
 * A thread decides by nothing but what it reads, tries, puts and finds.
 */
import type { Event } from '../../event.ts';
import type { Bare } from './steps.ts';

export type Instruction =
  | { readonly do: 'lock' | 'try'; readonly lock: string; readonly inside: readonly Instruction[] }
  | { readonly do: 'section'; readonly inside: readonly Instruction[] }
  | { readonly do: 'if'; readonly flag: string; readonly is: number; readonly inside: readonly Instruction[] }
  | { readonly do: 'set'; readonly flag: string; readonly to: number }
  | {
      readonly do: 'get' | 'get-unless-zero' | 'put' | 'use' | 'free' | 'grace' | 'queue' | 'flush' | 'find' | 'take-off' | 'wait' | 'wake';
    };
export interface Program {
  readonly threads: readonly (readonly Instruction[])[];
  /** What the worker does when the work runs. */
  readonly work: readonly Instruction[];
  readonly references: number;
}

interface State {
  readonly owners: Map<string, string>;
  readonly flags: Map<string, number>;
  count: number;
  alive: boolean;
  onList: boolean;
  readonly inside: Map<string, number>;
  pending: number;
  running: number;
  runs: number;
  waiting: Set<string>;
}
/** What a thread does next: an event, once it can happen. */
interface Step {
  readonly can: () => boolean;
  readonly does: () => Bare;
}
type Running = Generator<Step, void, void>;

const always = (): boolean => true;
const object = 'A#1';
const domain = 'D#1.srcu';
const refs = 'A#1.refs';
const work = 'C#1.work';
const queue = 'Q#1.queue';

function* run(state: State, thread: string, instructions: readonly Instruction[]): Running {
  for (const one of instructions) {
    switch (one.do) {
      case 'lock': {
        const { lock } = one;
        yield { can: always, does: () => ({ kind: 'want', lock }) };
        yield { can: () => !state.owners.has(lock), does: () => (state.owners.set(lock, thread), { kind: 'got', lock }) };
        yield* run(state, thread, one.inside);
        yield { can: always, does: () => (state.owners.delete(lock), { kind: 'released', lock }) };
        break;
      }
      case 'try': {
        const { lock } = one;
        let got = false;
        const attempt = (): Bare => {
          got = !state.owners.has(lock);
          if (got) state.owners.set(lock, thread);
          return { kind: 'tried', lock, got };
        };
        yield { can: always, does: attempt };
        if (!got) break;
        yield* run(state, thread, one.inside);
        yield { can: always, does: () => (state.owners.delete(lock), { kind: 'released', lock }) };
        break;
      }
      case 'section':
        yield { can: always, does: () => (state.inside.set(thread, (state.inside.get(thread) ?? 0) + 1), { kind: 'enter', domain }) };
        yield* run(state, thread, one.inside);
        yield { can: always, does: () => (state.inside.delete(thread), { kind: 'exit', domain }) };
        break;
      case 'if': {
        let value = 0;
        yield { can: always, does: () => ((value = state.flags.get(one.flag) ?? 0), { kind: 'read', field: one.flag, value }) };
        if (value === one.is) yield* run(state, thread, one.inside);
        break;
      }
      case 'set':
        yield { can: always, does: () => (state.flags.set(one.flag, one.to), { kind: 'write', field: one.flag, value: one.to }) };
        break;
      case 'get':
        yield { can: always, does: () => (state.count++, { kind: 'get', counter: refs }) };
        break;
      case 'get-unless-zero': {
        let got = false;
        const attempt = (): Bare => {
          got = state.count > 0;
          if (got) state.count++;
          return { kind: 'get-unless-zero', counter: refs, got };
        };
        yield { can: always, does: attempt };
        if (got) yield* run(state, thread, [{ do: 'use' }, { do: 'put' }]);
        break;
      }
      case 'put': {
        let last = false;
        yield { can: always, does: () => ((last = --state.count === 0), { kind: 'put', counter: refs }) };
        if (last) yield* run(state, thread, [{ do: 'free' }]);
        break;
      }
      case 'use':
        yield { can: always, does: () => ({ kind: 'read', field: `${object}.size`, value: 0 }) };
        break;
      case 'free':
        yield { can: always, does: () => ((state.alive = false), { kind: 'free', object }) };
        break;
      case 'find': {
        let found = false;
        yield { can: always, does: () => ((found = state.onList), { kind: 'next', set: 'D#1.list', member: found ? object : null }) };
        if (found) yield* run(state, thread, [{ do: 'use' }]);
        break;
      }
      case 'take-off':
        yield { can: always, does: () => ((state.onList = false), { kind: 'remove', set: 'D#1.list', member: object }) };
        break;
      case 'grace': {
        let readers: string[] = [];
        const begin = (): Bare => ((readers = [...state.inside.keys()].filter(name => name !== thread)), { kind: 'grace-begin', domain });
        const entered = new Map<string, number>();
        yield { can: always, does: begin };
        for (const name of readers) entered.set(name, 1);
        const left = (): boolean => {
          for (const name of entered.keys()) if (!state.inside.has(name)) entered.delete(name);
          return entered.size === 0;
        };
        yield { can: left, does: () => ({ kind: 'grace-end', domain }) };
        break;
      }
      case 'queue': {
        const attempt = (): Bare => {
          const queued = state.pending < 0;
          if (queued) state.pending = ++state.runs;
          return { kind: 'queue', work, on: null, queued };
        };
        yield { can: always, does: attempt };
        break;
      }
      case 'flush': {
        let until = 0;
        yield { can: always, does: () => ((until = state.runs), { kind: 'flush-begin', work }) };
        const over = (): boolean => (state.pending < 0 || state.pending > until) && (state.running < 0 || state.running > until);
        yield { can: over, does: () => ({ kind: 'flush-end', work }) };
        break;
      }
      case 'wait':
        yield { can: always, does: () => (state.waiting.add(thread), { kind: 'wait-prepare', queue }) };
        yield { can: () => !state.waiting.has(thread), does: () => ({ kind: 'wait-sleep', queue, result: 'woken' }) };
        yield { can: always, does: () => ({ kind: 'wait-finish', queue }) };
        break;
      case 'wake':
        yield { can: always, does: () => (state.waiting.clear(), { kind: 'wake-all', queue }) };
        break;
    }
  }
}

function* worker(state: State, instructions: readonly Instruction[]): Running {
  for (;;) {
    yield {
      can: () => state.pending >= 0,
      does: () => ((state.running = state.pending), (state.pending = -1), { kind: 'run-begin', work }),
    };
    yield* run(state, 'worker', instructions);
    yield { can: always, does: () => ((state.running = -1), { kind: 'run-end', work }) };
  }
}

/** Runs by a schedule. `choose` names the thread that goes next among those that can; null ends it. */
export function execute(program: Program, choose: (able: readonly string[], done: number) => string | null): readonly Event[] {
  const state: State = {
    owners: new Map(),
    flags: new Map(),
    count: program.references,
    alive: true,
    onList: true,
    inside: new Map(),
    pending: -1,
    running: -1,
    runs: 0,
    waiting: new Set(),
  };
  const names = program.threads.map((_, index) => `t${index}`);
  const events: Event[] = [];
  const note = (thread: string, bare: Bare): void => void events.push({ ...bare, seq: events.length + 1, thread } as Event);
  note('main', { kind: 'alloc', object, fields: { refs: program.references } });
  for (const other of [...names, 'worker']) note('main', { kind: 'fork', other });
  const running = new Map<string, { readonly code: Running; next: Step | null }>();
  for (const [index, name] of [...names, 'worker'].entries()) {
    const code = name === 'worker' ? worker(state, program.work) : run(state, name, program.threads[index] ?? []);
    running.set(name, { code, next: code.next().value ?? null });
  }
  for (;;) {
    const able = [...running].filter(([, { next }]) => next?.can() === true).map(([name]) => name);
    const name = able.length === 0 ? null : choose(able, events.length);
    const chosen = name === null ? undefined : running.get(name);
    if (name === null || chosen?.next == null) return events;
    note(name, chosen.next.does());
    chosen.next = chosen.code.next().value ?? null;
  }
}
