/**
 * The states of a scenario as the simulator comes to them. What can be done in a state, and what of it is seen from outside, is found out when
 * the first run gets there; all later runs only follow it.
 */
import { resultOf, slotsOf } from '../generator/emit/automaton.ts';
import type { ChoicePlaces } from '../generator/emit/scripts.ts';
import type { OnDemand } from '../generator/explore/on-demand.ts';
import { stepperOn } from '../generator/explore/stepper.ts';
import { evaluate } from '../generator/interpret/evaluate.ts';
import type { Program, Step } from '../generator/program.ts';
import type { Moment } from './protocol.ts';

export interface SimulatedState {
  /** By thread, in ascending order; threads that have to wait are absent. */
  readonly ways: () => readonly { readonly thread: number; readonly ways: readonly SimulatedStep[] }[];
}

export interface SimulatedStep {
  readonly step: Step;
  /** Null if what it breaks is fatal. */ readonly to: () => SimulatedState | null;
  /** Rules that it breaks. */ readonly findings: readonly string[];
  /** Which of its caller's choices it is; null if it is none. */ readonly choice: number | null;
  /** What its caller sees of it. */ readonly moment: Moment | null;
}

/** States that are remembered; where there are more, all are forgotten and found again. */
const MOST_REMEMBERED = 200_000;

/** The first state. `places`: the choices of each caller, who are the first threads. */
export function simulatedStates(program: Program, places: readonly ChoicePlaces[], on: OnDemand): () => SimulatedState {
  const stepper = stepperOn(on);
  const known = new Map<string, SimulatedState>();
  const stateOf = (packed: Int32Array): SimulatedState => {
    const key = packed.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const state = open(packed);
    known.set(key, state);
    return state;
  };
  const open = (packed: Int32Array): SimulatedState => {
    let found: ReturnType<SimulatedState['ways']> | null = null;
    return {
      ways: () => {
        found ??= waysFrom(packed);
        return found;
      },
    };
  };
  const waysFrom = (packed: Int32Array): ReturnType<SimulatedState['ways']> => {
    const byThread = new Map<number, SimulatedStep[]>();
    for (const { step, state, findings } of stepper.successors(packed)) {
      let to: SimulatedState | null = null;
      const own = byThread.get(step.thread) ?? [];
      byThread.set(step.thread, own);
      own.push({
        step,
        findings,
        choice: places[step.thread]?.get(step.node) ?? null,
        moment: momentOf(packed, step),
        to: () => {
          if (state !== null) to ??= stateOf(state);
          return to;
        },
      });
    }
    return [...byThread].map(([thread, ways]) => ({ thread, ways }));
  };
  const momentOf = (packed: Int32Array, { thread, node }: Step): Moment | null => {
    const action = program.threads[thread]?.nodes[node]?.action;
    if (action?.kind === 'call') return { caller: thread, at: 'call' };
    if (action?.kind !== 'return') return null;
    const value = evaluate(action.result, slotsOf(action.result, on.code.layout, packed, thread));
    return { caller: thread, at: 'return', result: resultOf(program, thread, action.call, value) };
  };
  const first = stepper.initial();
  return () => stateOf(first);
}
