/** Collects what is wrong, in the order found. */
import type { Finding, State, Step } from '../program.ts';
import type { StepperSource } from './emit-stepper.ts';
import type { Witness } from './explore.ts';
import type { SearchHooks } from './machine-search.ts';

/** Something wrong with a state that nobody can leave. */
export interface End {
  readonly rule: string;
  readonly fatal: boolean;
  readonly kind: 'deadlock' | 'rest';
}

export interface WitnessLog {
  readonly hooks: SearchHooks;
  /** What is wrong with a state that nobody can leave, each rule once. */
  readonly ends: (atRest: boolean, state: () => State) => readonly End[];
  readonly has: (end: End) => boolean;
  /** Each of the rules was found broken. */ readonly hasAll: (rules: ReadonlySet<string>) => boolean;
  readonly found: (finding: number, state: number, leaf: number) => void;
  /** So many more states have this end; the first of all of them is `state`. */
  readonly ended: (end: End, state: number, count: number) => void;
  /** `counts` is how often each finding was made. */
  readonly all: (counts: Int32Array) => readonly Witness[];
}

export function witnessLog(
  source: Pick<StepperSource, 'findings' | 'leaves' | 'excesses'>,
  quiescence: ((state: State) => Finding[]) | undefined,
  stuck: ((state: State) => readonly string[]) | undefined,
  stateAt: (index: number) => State,
): WitnessLog {
  const first: { readonly witness: Omit<Witness, 'count'>; readonly count: (counts: Int32Array) => number }[] = [];
  const endCounts = new Map<string, number>();
  const keyOf = ({ kind, rule }: End): string => `${kind} ${rule}`;
  const ends: WitnessLog['ends'] = (atRest, state) => {
    if (!atRest) return (stuck?.(state()) ?? ['always.everyWaitEnds']).map(rule => ({ rule, fatal: false, kind: 'deadlock' }));
    const broken = new Map(quiescence?.(state()).map(({ rule, fatal }) => [rule, fatal]));
    return [...broken].map(([rule, fatal]) => ({ rule, fatal, kind: 'rest' }));
  };
  const ended: WitnessLog['ended'] = (end, state, count) => {
    const key = keyOf(end),
      before = endCounts.get(key) ?? 0;
    endCounts.set(key, before + count);
    if (before === 0) first.push({ witness: { ...end, state, step: null }, count: () => endCounts.get(key) ?? 0 });
  };
  const found: WitnessLog['found'] = (finding, state, leaf) => {
    const { rule, fatal, kind } = source.findings[finding] ?? { rule: '', fatal: false, kind: 'state' };
    first.push({ witness: { rule, fatal, kind, state, step: stepOf(source, leaf) }, count: counts => counts[finding] ?? 0 });
  };
  return {
    hooks: {
      found,
      terminal: (state, atRest) => {
        for (const end of ends(atRest, () => stateAt(state))) ended(end, state, 1);
      },
      exceed: text => {
        throw new Error(source.excesses[text]);
      },
    },
    ends,
    hasAll: rules => [...rules].every(rule => first.some(({ witness }) => witness.rule === rule)),
    has: end => endCounts.has(keyOf(end)),
    found,
    ended,
    all: counts => first.map(({ witness, count }) => ({ ...witness, count: count(counts) })),
  };
}

export function stepOf({ leaves }: Pick<StepperSource, 'leaves'>, leaf: number): Step | null {
  const at = leaves[leaf];
  return at === undefined ? null : { thread: at.thread, node: at.node, alternative: at.alternative };
}
