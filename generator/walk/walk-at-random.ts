/** Random runs of a program that is too large to explore: judged by the same rules, a sample and never a proof. */
import { emitStepper, type StepperSource } from '../explore/emit-stepper.ts';
import type { Witness } from '../explore/explore.ts';
import { decode, encode } from '../explore/pack-state.ts';
import type { Finding, Program, State, Step } from '../program.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { compileWalk } from './emit-walk.ts';

export interface WalkOptions {
  readonly walks: number;
  /** Whole, from 0. The same seed gives the same walks. */ readonly seed: number;
  /** Steps after which a walk is given up. */ readonly depth: number;
  /** What is wrong where all has ended and nothing is pending. */ readonly quiescence?: (state: State) => Finding[];
  /** Called every 200 ms at most. */ readonly progress?: (walks: number, steps: number) => void;
}

/** Of all walks that broke the rule in this way the first of those with the fewest steps until then. */
export interface WalkWitness {
  readonly rule: string;
  readonly kind: Witness['kind'];
  /** How often it was found. */ readonly count: number;
  /** For a rule that a step breaks, that step is the last. */ readonly steps: readonly Step[];
}

export interface Walks {
  readonly walks: number;
  /** Of all walks together. */ readonly steps: number;
  readonly seconds: number;
  /** Walks given up because of the depth. */ readonly givenUp: number;
  readonly witnesses: readonly WalkWitness[];
  readonly coverage: Coverage;
}

const WALKS_BETWEEN_LOOKS_AT_THE_CLOCK = 256;
const MS_BETWEEN_REPORTS = 200;

/** `source`: the program's code, if it was made already. */
export function walkAtRandom(program: Program, options: WalkOptions, source: StepperSource = emitStepper(program)): Walks {
  const { findings, leaves, layout } = source;
  const shortest = new Map<string, { rule: string; kind: Witness['kind']; steps: Step[]; count: () => number }>();
  const stepsTo = (length: number): Step[] => Array.from(walker.via.subarray(0, length), stepOf);
  const stepOf = (leaf: number): Step => {
    const { thread = -1, node = -1, alternative = -1 } = leaves[leaf] ?? {};
    return { thread, node, alternative };
  };
  const keep = (rule: string, kind: Witness['kind'], steps: () => Step[], length: number, count: () => number): void => {
    const key = `${kind} ${rule}`,
      known = shortest.get(key);
    if (known === undefined || length < known.steps.length) shortest.set(key, { rule, kind, steps: steps(), count });
  };
  const ended = new Map<string, readonly string[]>(),
    endings = new Map<string, number>();
  const walker = compileWalk(source, encode(layout, program.initial), options.depth, {
    found: (finding, leaf, length) => {
      const { rule, kind } = findings[finding] ?? { rule: '', kind: 'state' as const };
      const steps = () => (leaf < 0 ? stepsTo(length) : [...stepsTo(length), stepOf(leaf)]);
      keep(rule, kind, steps, length + (leaf < 0 ? 0 : 1), () => walker.counts[finding] ?? 0);
    },
    terminal: (atRest, length) => {
      // States at rest are few, and judging one takes long.
      const state = walker.now.join();
      const broken =
        ended.get(state) ??
        (atRest
          ? [...new Set((options.quiescence?.(decode(layout, walker.now)) ?? []).map(({ rule }) => rule))]
          : ['always.everyWaitEnds']);
      ended.set(state, broken);
      const kind = atRest ? 'rest' : 'deadlock';
      for (const rule of broken) {
        const key = `${kind} ${rule}`;
        endings.set(key, (endings.get(key) ?? 0) + 1);
        keep(
          rule,
          kind,
          () => stepsTo(length),
          length,
          () => endings.get(key) ?? 0,
        );
      }
    },
    exceed: text => {
      throw new Error(source.excesses[text]);
    },
  });
  const began = performance.now();
  let steps = 0,
    givenUp = 0,
    reported = began;
  for (let walk = 0; walk < options.walks; walk++) {
    const length = walker.walk(seedOf(options.seed, walk));
    steps += length;
    if (length === options.depth) givenUp++;
    if (walk % WALKS_BETWEEN_LOOKS_AT_THE_CLOCK !== 0 || options.progress === undefined) continue;
    const now = performance.now();
    if (now - reported < MS_BETWEEN_REPORTS) continue;
    reported = now;
    options.progress(walk, steps);
  }
  return {
    walks: options.walks,
    steps,
    seconds: (performance.now() - began) / 1000,
    givenUp,
    witnesses: [...shortest.values()].map(({ count, ...one }) => ({ ...one, count: count() })),
    coverage: coverageOf(program, source, walker.taken, walker.tested),
  };
}

/** Seeds of walks that follow each other have nothing in common (SplitMix32). Never 0, from which the generator would not get away. */
function seedOf(seed: number, walk: number): number {
  let mixed = Math.imul(seed ^ Math.floor(seed / 2 ** 32), 0x9e3779b1) + Math.imul(walk + 1, 0x9e3779b9);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) | 0 || 1;
}
