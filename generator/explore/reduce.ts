/** A stepper that stores fewer states and finds the same: see REDUCTION.md. */
import type { Program } from '../program.ts';
import { reductionCode } from './emit-reduction.ts';
import { emitStepper, type StepperSource } from './emit-stepper.ts';
import { symmetryCode } from './emit-symmetry.ts';
import { independence } from './independence.ts';
import { layout } from './layout.ts';
import { localStates } from './local-states.ts';
import { type StateSymmetry, stateSymmetry } from './moved-state.ts';
import { slotKinds } from './slot-kinds.ts';
import { symmetries } from './symmetry.ts';

/** Threads are told apart by the bits of a number. */
const MOST_THREADS = 30;

export interface ReduceOptions {
  /** Both are on if absent; for tests of one without the other. */ readonly symmetry?: boolean;
  readonly order?: boolean;
  /** The code keeps the steps that it is on, as numbers of leaves, in an array `trail`; absent: it does not. */ readonly trail?: boolean;
}

export interface ReducedSource extends StepperSource {
  readonly symmetries: readonly StateSymmetry[];
}

export function emitReduced(program: Program, options: ReduceOptions = {}): ReducedSource {
  const plan = layout(program);
  const symmetric = options.symmetry === false ? [] : stateSymmetries(program);
  const alike = program.threads.map((_, thread) =>
    Math.min(thread, ...symmetric.map(({ symmetry }) => symmetry.threads[thread] ?? thread)),
  );
  const locals = options.order === false || program.threads.length > MOST_THREADS ? null : localStates(plan);
  const source = emitStepper(program, {
    code: (layout, names) => {
      const words = names.join(', ');
      const all = program.threads.map((_, thread) => `if ((skip & ${1 << thread}) === 0) stepOf(${thread}, ${words});`).join(' ');
      const [on, off] = options.trail === true ? ['trail.push(leaf); ', ' trail.pop();'] : ['', ''];
      const storing = symmetryCode(layout, symmetric, names);
      if (locals === null)
        return `${storing}function expand(${words}) { const skip = 0; ${all} }\nfunction go(leaf, ${words}) { ${on}storeOne(leaf, ${words});${off} }\n`;
      return `let gone = 0, tried = 0;
${storing}${reductionCode(layout, locals, independence(layout, locals, alike), names)}
function expand(${words}) { if (leadFor(false, ${words})) return; const skip = tried; ${all} }
function go(leaf, ${words}) { ${names.map(name => `${name} |= 0;`).join(' ')} gone++; taken[leaf] = 1; ${on}if (!leadFor(true, ${words})) storeOne(leaf, ${words});${off} }
`;
    },
  });
  return { ...source, symmetries: symmetric };
}

/** All symmetries, or none: some of them alone would not do to tell which state stands for the others. */
export function stateSymmetries(program: Program): readonly StateSymmetry[] {
  const kinds = program.threads.flatMap(thread => slotKinds(program, thread) ?? []);
  if (kinds.length < program.threads.length) return [];
  const plan = layout(program);
  const found = symmetries(program);
  const fitting = found.flatMap(one => stateSymmetry(plan, kinds, one) ?? []);
  return fitting.length === found.length ? fitting : [];
}
