/** Single steps of a program by the generated code, for whoever walks one path at a time. */

import type { Program, State, Step } from '../program.ts';
import { emitStepper, type StepperSource, wordNames } from './emit-stepper.ts';
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

/** What the generated code calls when it runs alone. */
interface Collector {
  readonly found: (leaf: number, words: readonly number[] | null) => void;
  readonly note: (finding: number) => void;
  readonly exceed: (text: number) => never;
}
type Run = (words: Int32Array) => void;

function compile({ layout, source }: StepperSource, collector: Collector): { readonly expand: Run; readonly judge: Run } {
  const loads = wordNames(layout, 'w')
    .map((_, word) => `s[${word}]`)
    .join(', ');
  const make = new Function(
    'collector',
    `'use strict';
const { found, note, exceed } = collector;
const add = (leaf, ...words) => found(leaf, words);
const cut = (finding, leaf) => { note(finding); found(leaf, null); };
const broken = note;
${source}
return { expand: s => expand(${loads}), judge: s => judge(${loads}) };`,
  );
  return make(collector);
}

export function stepperOf(source: StepperSource): Stepper {
  const { layout, findings, leaves, excesses } = source;
  let successors: PackedSuccessor[] = [],
    rules: string[] = [];
  const { expand, judge } = compile(source, {
    found: (leaf, words) => {
      const { thread = -1, node = -1, alternative = -1 } = leaves[leaf] ?? {};
      successors.push({ step: { thread, node, alternative }, state: words === null ? null : Int32Array.from(words), findings: rules });
      rules = [];
    },
    note: finding => {
      rules.push(findings[finding]?.rule ?? '');
    },
    exceed: text => {
      throw new Error(excesses[text]);
    },
  });
  const collect = (run: Run, packed: Int32Array): void => {
    successors = [];
    rules = [];
    run(packed);
  };
  return {
    initial: () => encode(layout, layout.program.initial),
    successors: packed => {
      collect(expand, packed);
      return successors;
    },
    broken: packed => {
      collect(judge, packed);
      return rules;
    },
    decode: packed => decode(layout, packed),
    encode: state => encode(layout, state),
  };
}

export function stepper(program: Program): Stepper {
  return stepperOf(emitStepper(program));
}
