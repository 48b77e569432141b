/** What random walks through a scenario came to, apart from what they found. */
import type { Share } from './coverage.ts';

export interface WalkReport {
  readonly walks: number;
  readonly seed: number;
  /** Steps after which a walk was given up, and how many were. */ readonly depth: number;
  readonly givenUp: number;
  /** Of all walks together. */ readonly steps: number;
  readonly stepsPerSecond: number;
  /** Of the rules in force, of the steps of the code, and of the ways on from its branches: what some walk put to the test or took. */
  readonly rules: Share;
  readonly nodes: Share;
  readonly branches: Share;
  /** Rules broken whose counterexample may not be a shortest one. */ readonly notShortest: readonly string[];
}
