/**
 * A real path to what a reduced search found. Between two stored states there is a chain of steps, and each stored state stands for others in
 * which objects and threads have other places; here the chain is gone again step by step, in the places that are real.
 */
import type { Program, Step } from '../program.ts';
import { wordNames } from './emit-stepper.ts';
import { applies, movedState, type StateSymmetry } from './moved-state.ts';
import { emitReduced, type ReducedSource } from './reduce.ts';
import { stepper } from './stepper.ts';

/** Steps taken one after the other, and where that ended; `rule`: a rule that the last of them breaks, `state` is null then. */
interface Chain {
  readonly leaves: readonly number[];
  readonly state: Int32Array | null;
  readonly rule: string | null;
}

/** All chains from a stored state to the next, and to what is wrong on the way. */
function chainsOf(source: ReducedSource): (words: Int32Array) => readonly Chain[] {
  let chains: Chain[] = [];
  const trail: number[] = [];
  const make = new Function(
    'trail',
    'found',
    'noted',
    `'use strict';
const taken = [];
const add = (leaf, ...words) => found(words);
const note = (finding, leaf) => noted(finding, leaf), cut = note, broken = () => {}, exceed = () => { throw new Error('a bound of the model is too small'); };
${source.source}
return s => expand(${wordNames(source.layout, 'w')
      .map((_, word) => `s[${word}]`)
      .join(', ')});`,
  );
  const run: (words: Int32Array) => void = make(
    trail,
    (words: readonly number[]) => chains.push({ leaves: [...trail], state: Int32Array.from(words), rule: null }),
    (finding: number, leaf: number) => chains.push({ leaves: [...trail, leaf], state: null, rule: source.findings[finding]?.rule ?? '' }),
  );
  return words => {
    chains = [];
    run(words);
    return chains;
  };
}

/** `through`: the states as stored, from the first; `rule`: what a step breaks that is taken on from the last, or null. */
export function replay(program: Program, through: readonly Int32Array[], rule: string | null): Step[] {
  const source = emitReduced(program, { trail: true });
  const chains = chainsOf(source),
    on = stepper(program);
  const isSame = (one: Int32Array, other: Int32Array): boolean => one.every((word, at) => word === other[at]);
  const places = (words: Int32Array): readonly (StateSymmetry | null)[] => [null, ...source.symmetries.filter(one => applies(one, words))];
  const moved = (place: StateSymmetry | null, words: Int32Array): Int32Array => (place === null ? words : movedState(place, words));
  const steps: Step[] = [];
  let real = on.initial();
  through.forEach((stored, at) => {
    const next = through[at + 1];
    if (next === undefined && rule === null) return;
    const place = places(real).find(one => isSame(moved(one, real), stored));
    const chain = chains(stored).find(one => (next === undefined ? one.rule === rule : one.state !== null && isSame(one.state, next)));
    if (place === undefined || chain === undefined) throw new Error(`the way of the reduced search was lost after ${steps.length} steps`);
    let here = stored;
    for (const leaf of chain.leaves) {
      const { thread = -1, node = -1, alternative = -1 } = source.leaves[leaf] ?? {};
      const there = on
        .successors(here)
        .find(({ step }) => step.thread === thread && step.node === node && step.alternative === alternative);
      const isLast = there?.state === null;
      const taken = on
        .successors(real)
        .find(
          ({ step, state, findings }) =>
            step.node === node &&
            (place === null ? step.thread : place.symmetry.threads[step.thread]) === thread &&
            (isLast
              ? state === null && rule !== null && findings.includes(rule)
              : state !== null && there?.state != null && isSame(moved(place, state), there.state)),
        );
      if (taken === undefined) throw new Error(`the way of the reduced search cannot be gone after ${steps.length} steps`);
      steps.push(taken.step);
      if (taken.state === null || there?.state == null) break;
      real = taken.state;
      here = there.state;
    }
  });
  return steps;
}
