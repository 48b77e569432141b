/** Single steps of a program by the generated code, for whoever walks one path at a time. */

import type { Program, State, Step } from '../program.ts';
import { type OnDemand, onDemand, type Sink } from './on-demand.ts';
import { decode, encode } from './pack-state.ts';

export interface PackedSuccessor {
  readonly step: Step /** Null if a fatal finding cut the path. */;
  readonly state: Int32Array | null /** Names of rules. */;
  readonly findings: string[];
}

export interface Stepper {
  initial(): Int32Array;
  /** All threads in order, all alternatives in order. A thread that has to wait, or has ended, is absent. */
  successors(packed: Int32Array): PackedSuccessor[];
  /** State rules broken in the state. */ broken(packed: Int32Array): string[];
  decode(packed: Int32Array): State;
  encode(state: State): Int32Array;
}

export function stepperOn(on: OnDemand): Stepper {
  const { layout, findings, leaves } = on.code;
  let successors: PackedSuccessor[] = [],
    rules: string[] = [];
  const found = (leaf: number, state: Int32Array | null): void => {
    const { thread = -1, node = -1, alternative = -1 } = leaves[leaf] ?? {};
    successors.push({ step: { thread, node, alternative }, state, findings: rules });
    rules = [];
  };
  const note = (finding: number): void => {
    rules.push(findings[finding]?.rule ?? '');
  };
  const sink: Sink = {
    add: leaf => found(leaf, on.next.slice()),
    cut: (finding, leaf) => {
      note(finding);
      found(leaf, null);
    },
    note,
    broken: note,
  };
  const collect = (run: OnDemand['judge'], packed: Int32Array): void => {
    successors = [];
    rules = [];
    on.tellTo(sink);
    run(packed, 0);
  };
  return {
    initial: () => encode(layout, layout.program.initial),
    successors: packed => {
      collect(on.expand, packed);
      return successors;
    },
    broken: packed => {
      collect(on.judge, packed);
      return rules;
    },
    decode: packed => decode(layout, packed),
    encode: state => encode(layout, state),
  };
}

export function stepper(program: Program): Stepper {
  return stepperOn(onDemand(program));
}

/** The steps that lead from each of these states to the next. */
export function stepsThrough(on: Stepper, through: readonly Int32Array[]): Step[] {
  return through.slice(1).map((to, at) => {
    const taken = on.successors(through[at] ?? to).find(({ state }) => state?.every((word, place) => word === to[place]));
    if (taken === undefined) throw new Error(`no step leads on from state ${at} of a way`);
    return taken.step;
  });
}
