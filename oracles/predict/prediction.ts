/** A way to break a rule that was found: an order in which the events of the trace could have come, and the ones that break it at its end. */
import type { Order } from './admissible.ts';

/** Rules by their names among those that hold for every program. */
export type Predictable =
  | 'everyWaitEnds'
  | 'neverTouchedAfterFree'
  | 'freedWhenIdle'
  | 'referencesBalance'
  | 'lastPutTakesNoHeldLock'
  | 'neverResurrected';

export interface Prediction extends Order {
  readonly rule: Predictable;
  /** The last ones of the order: what breaks the rule, or the waits that never end. */
  readonly last: readonly number[];
  /** What it is about: places and objects. */
  readonly about: readonly string[];
  /** Equal for findings that are about the same thing: one of them is told. */
  readonly same: string;
}

/** What was told of already, and how much more may be tried. */
export interface Told {
  readonly has: (same: string) => boolean;
  readonly add: (prediction: Prediction) => void;
}
