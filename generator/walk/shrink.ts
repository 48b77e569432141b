/**
 * A shorter way to break the same rule. First steps are left out, as long as what is left can still be taken and still breaks it; then the end
 * is looked for anew, breadth first, from ever earlier states of the walk; last from the first state. Where that search gets to the end of all
 * shorter runs, the result is a shortest one, and `shortest` says so.
 */

import type { Witness } from '../explore/explore.ts';
import { type Stepper, stepper } from '../explore/stepper.ts';
import { atRest } from '../interpret/quiescence.ts';
import type { Finding, Program, State, Step } from '../program.ts';

export interface Shrunk {
  readonly steps: readonly Step[];
  /** No run with fewer steps breaks the rule in this way. */ readonly shortest: boolean;
}

/** States that one search looks at, and that all attempts at leaving steps out look at together. */
const STATES_FOR_A_SEARCH = 40_000;
const STATES_FOR_LEAVING_OUT = 200_000;

interface Broken {
  readonly rule: string;
  readonly kind: Witness['kind'];
  readonly quiescence: (state: State) => Finding[];
}

/** The steps break the rule in this way at their end, as a walk found. */
export function shrink(
  program: Program,
  rule: string,
  kind: Witness['kind'],
  steps: readonly Step[],
  quiescence: Broken['quiescence'],
): Shrunk {
  const on = stepper(program);
  const broken: Broken = { rule, kind, quiescence };
  let best = leaveOut(program, on, broken, steps);
  for (let back = 4; back < best.length; back *= 2) {
    const kept = best.slice(0, best.length - back);
    const end = stateAfter(on, kept);
    const tail = end === null ? null : search(program, on, broken, end, back - 1).steps;
    if (tail !== null) best = leaveOut(program, on, broken, [...kept, ...tail]);
  }
  const anew = search(program, on, broken, on.initial(), best.length - 1);
  return { steps: anew.steps ?? best, shortest: anew.steps !== null || anew.complete };
}

/** Steps that break the rule from here: none, one more, or null if it is not broken here. */
function breaksHere(program: Program, on: Stepper, { rule, kind, quiescence }: Broken, state: Int32Array): readonly Step[] | null {
  switch (kind) {
    case 'state':
      return on.broken(state).includes(rule) ? [] : null;
    case 'step': {
      const taken = on.successors(state).find(({ findings }) => findings.includes(rule));
      return taken === undefined ? null : [taken.step];
    }
    case 'deadlock':
    case 'rest': {
      if (on.successors(state).length > 0) return null;
      const decoded = on.decode(state);
      if (atRest(program, decoded) !== (kind === 'rest')) return null;
      return kind === 'deadlock' || quiescence(decoded).some(one => one.rule === rule) ? [] : null;
    }
  }
}

function isSame(one: Step, other: Step): boolean {
  return one.thread === other.thread && one.node === other.node && one.alternative === other.alternative;
}

function stateAfter(on: Stepper, steps: readonly Step[]): Int32Array | null {
  let at: Int32Array | null = on.initial();
  for (const step of steps) {
    if (at === null) return null;
    at = on.successors(at).find(one => isSame(one.step, step))?.state ?? null;
  }
  return at;
}

/** Ever smaller runs of steps are left out, and those that cannot be taken any more are too. */
function leaveOut(program: Program, on: Stepper, broken: Broken, steps: readonly Step[]): readonly Step[] {
  let best = steps,
    left = STATES_FOR_LEAVING_OUT;
  const attempt = (some: readonly Step[]): readonly Step[] | null => {
    const taken: Step[] = [];
    let at = on.initial();
    for (let next = 0; ; next++) {
      left--;
      const end = breaksHere(program, on, broken, at);
      if (end !== null) return [...taken, ...end];
      const step = some[next];
      if (step === undefined) return null;
      const state = on.successors(at).find(one => isSame(one.step, step))?.state ?? null;
      if (state === null) continue;
      taken.push(step);
      at = state;
    }
  };
  for (let size = Math.max(1, Math.floor(best.length / 2)); size >= 1 && left > 0; ) {
    let shorter = false;
    for (let from = 0; from < best.length && left > 0; ) {
      const found = attempt([...best.slice(0, from), ...best.slice(from + size)]);
      if (found !== null && found.length < best.length) {
        best = found;
        shorter = true;
      } else from += size;
    }
    if (size > 1 || !shorter) size = Math.floor(size / 2);
  }
  return best;
}

/** At most so many steps that break the rule, the fewest there are; null if there are none or too many states. */
function search(
  program: Program,
  on: Stepper,
  broken: Broken,
  from: Int32Array,
  most: number,
): { readonly steps: readonly Step[] | null; readonly complete: boolean } {
  const seen = new Set<string>([from.join()]);
  interface Reached {
    readonly state: Int32Array;
    readonly before: Reached | null;
    readonly step: Step | null;
  }
  let level: Reached[] = [{ state: from, before: null, step: null }];
  for (let length = 0; length <= most && level.length > 0; length++) {
    const next: Reached[] = [];
    for (const reached of level) {
      const end = breaksHere(program, on, broken, reached.state);
      if (end !== null && length + end.length <= most) {
        const steps = [...end];
        for (let at: Reached | null = reached; at !== null; at = at.before) if (at.step !== null) steps.unshift(at.step);
        return { steps, complete: true };
      }
      if (length === most) continue;
      for (const { step, state } of on.successors(reached.state)) {
        if (state === null) continue;
        const key = state.join();
        if (seen.has(key)) continue;
        if (seen.size >= STATES_FOR_A_SEARCH) return { steps: null, complete: false };
        seen.add(key);
        next.push({ state, before: reached, step });
      }
    }
    level = next;
  }
  return { steps: null, complete: true };
}
