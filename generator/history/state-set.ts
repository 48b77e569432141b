/** Sets of model states that explain the same, and the parts that they fall into. */

/** Types of the handles, and how many callers are in a call. */
export interface Shape {
  readonly handles: readonly string[];
  readonly callers: number;
}

/** One or more states of one shape. `id` is that of no other set. */
export interface StateSet extends Shape {
  readonly id: number;
  readonly states: Int32Array;
  /** Objects of the handles, the same in all states. */ readonly objects: readonly number[];
  /** What came of it before, by what happened. */ readonly known: Map<string, unknown>;
}

/** A part of a set: its handles and callers by their indices in the whole. */
export interface Part {
  readonly set: StateSet;
  readonly handles: readonly number[];
  readonly callers: readonly number[];
}
