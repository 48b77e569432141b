/** A way to break a rule, as data: the steps in the words of the spec, and what the parts of the false condition were. */

import type { Event } from '../../oracles/event.ts';
import type { Witness } from '../explore/explore.ts';
import { explainFalse, type Part } from '../interpret/explain-predicate.ts';
import { startOf, stateFindings, successors } from '../interpret/interpret.ts';
import { blocked, narrate } from '../interpret/narrate.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { Place, System } from '../model.ts';
import type { Finding, Program, State, Step } from '../program.ts';
import type { FairLoop } from '../temporal/fair-loop.ts';

export interface CounterexampleStep {
  /** Name of the thread. */ readonly thread: string;
  /** The spec's own words. */ readonly text: string;
  /** Innermost function first. */ readonly in: readonly string[];
  readonly at: Place;
}

export interface Counterexample {
  readonly threads: readonly { readonly name: string; readonly text: string }[];
  readonly steps: readonly CounterexampleStep[];
  /** `loop`: the last steps lead back to where they began, and can be taken again and again. */ readonly kind: Witness['kind'] | 'loop';
  /** Of a loop: the position of its first step. */ readonly loopFrom: number | null;
  readonly detail: string;
  readonly objects: Readonly<Record<string, string>>;
  /** Parts of the condition and their values; empty for rules that have none. */ readonly parts: readonly Part[];
  /** Of a deadlock: who waits, and at what. */ readonly waiting: readonly CounterexampleStep[];
  /** The same as a trace, setup included. */ readonly events: readonly Event[];
  /** For each step, the positions of its events. */ readonly eventsOf: readonly (readonly number[])[];
}

export function counterexampleOf(
  system: System,
  program: Program,
  steps: readonly Step[],
  rule: string,
  kind: Witness['kind'],
): Counterexample {
  const { events, states, eventsOf } = narrate(program, steps);
  const before = (kind === 'step' ? states[steps.length - 1] : states.at(-1)) ?? startOf(program);
  const last = steps.at(-1);
  const finding = findingOf(program, before, last, rule, kind);
  const thread = kind === 'step' ? (last?.thread ?? null) : null;
  const own = system.rules.find(one => one.name === rule);
  const seen = kind === 'deadlock' ? blocked(program, before, events.length) : [];
  return {
    threads: threadsIn(program, steps),
    steps: steps.map(step => stepOf(program, step)),
    kind,
    loopFrom: null,
    detail: finding?.detail ?? '',
    objects: finding?.objects ?? {},
    parts:
      own === undefined || finding === undefined || own.kind === 'contract'
        ? []
        : explainFalse(program, before, own, finding.objects, thread),
    waiting: kind === 'deadlock' ? waitingIn(program, before) : [],
    events: [...events, ...seen],
    eventsOf,
  };
}

/** The way to the loop, and one turn of it. Who never gets to the end of what it began is the one that waits. */
export function loopCounterexample(program: Program, { path, loop, thread, how }: FairLoop): Counterexample {
  const steps = [...path, ...loop];
  const { events, states, eventsOf } = narrate(program, steps);
  const name = program.threads[thread]?.name ?? '';
  const standing = states[path.length]?.threads[thread]?.node ?? -1;
  const what = { call: 'does not come back from what it calls', run: 'does not come to the end of its run', wait: 'waits for ever' }[how];
  const goesOn = loop.some(step => step.thread === thread);
  return {
    threads: threadsIn(program, steps),
    steps: steps.map(step => stepOf(program, step)),
    kind: 'loop',
    loopFrom: path.length,
    detail: `${name} ${what}, although every thread that can go on does`,
    objects: {},
    parts: [],
    waiting: goesOn ? [] : [stepOf(program, { thread, node: standing, alternative: 0 })],
    events,
    eventsOf,
  };
}

function findingOf(program: Program, state: State, step: Step | undefined, rule: string, kind: Witness['kind']): Finding | undefined {
  switch (kind) {
    case 'step':
      return successors(program, state)
        .filter(one => sameStep(one.step, step))
        .flatMap(one => one.findings)
        .find(one => one.rule === rule);
    case 'state':
      return stateFindings(program, state).find(one => one.rule === rule);
    case 'rest': {
      const all = quiescenceFindings(program, state).filter(one => one.rule === rule);
      const [first] = all;
      return first === undefined ? undefined : { ...first, detail: all.map(one => one.detail).join('; ') };
    }
    case 'deadlock':
      return { rule, fatal: false, objects: {}, detail: 'nobody can go on' };
  }
}

function sameStep(one: Step, other: Step | undefined): boolean {
  return one.thread === other?.thread && one.node === other.node && one.alternative === other.alternative;
}

function stepOf(program: Program, { thread, node, alternative }: Step): CounterexampleStep {
  const owner = program.threads[thread];
  const site = program.sites[owner?.nodes[node]?.site ?? -1];
  const action = owner?.nodes[node]?.action;
  const chosen =
    action?.kind === 'choose' && !action.byCaller && action.alternatives.length === 2 ? ` is ${alternative === 0 ? 'false' : 'true'}` : '';
  return {
    thread: owner?.name ?? '',
    text: `${site?.text ?? ''}${chosen}`,
    in: site?.in ?? [],
    at: site?.at ?? { file: '', line: 0, column: 0 },
  };
}

/** Those that take a step, in the order of the program. */
function threadsIn(program: Program, steps: readonly Step[]): { name: string; text: string }[] {
  const busy = new Set(steps.map(step => step.thread));
  return program.threads.flatMap(({ name, text }, index) => (busy.has(index) ? [{ name, text }] : []));
}

function waitingIn(program: Program, state: State): CounterexampleStep[] {
  return state.threads.flatMap(({ node }, thread) => {
    const owner = program.threads[thread];
    const action = owner?.nodes[node]?.action;
    if (owner === undefined || action === undefined || action.kind === 'take') return [];
    return [stepOf(program, { thread, node, alternative: 0 })];
  });
}
