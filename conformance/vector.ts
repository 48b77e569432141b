/** A vector: calls for an implementation to make, and everything that a correct one may answer. Plain types: the JSON schema is made from this file. */

export interface VectorFile {
  /** Who wrote the file and how to change it. */
  generated: string;
  schema: 'holdfast/vectors/1';
  system: string;
  /** Behaviours that implementations in the field have, by the names that adapters give them. */
  profiles: string[];
  vectors: Vector[];
}

export interface Vector {
  /** A path that never changes: `irqfd/assignTwice/1-2-1`. */
  id: string;
  /** What it shows, in a sentence. */
  title: string;
  /** Scenario of the spec it was made from. */
  scenario: string;
  /** Made one after the other before anything else, each with the only result it may have; another result is a failure to set up. */
  setup: SetupCall[];
  /** What each caller does, in its own order. */
  callers: VectorCall[][];
  /** Which caller makes the next call, waiting for it to return; null: all callers run at once. */
  order: number[] | null;
  expected: Expected[];
  /** Rules that some run of it puts to the test. */
  exercises: string[];
}

/** A handle made by an earlier call, or a plain value. */
export type Argument = Handle | string | number | boolean | null;
export interface Handle {
  /** Name that a setup call gave to its result. */
  handle: string;
}

export interface SetupCall {
  call: string;
  with: Argument[];
  /** Name under which the result is kept if it is a handle; else null. */
  keep: string | null;
  /** The result if it is a plain value; null for a handle. */
  result: Result;
}

export interface VectorCall {
  call: string;
  with: Argument[];
}

/** What a call returns: an errno name, a number, true or false; null for nothing. */
export type Result = string | number | boolean | null;

/**
 * What implementations of some profiles may do. An automaton over what is seen from outside: `c0` caller 0 begins its next call,
 * `r0=EBUSY` its call returns EBUSY. A run is correct if the automaton can follow it from state 0, whatever happens unseen in between.
 */
export interface Expected {
  profiles: string[];
  /** For the reader: every result allowed for each call of each caller, in some run. */
  allowed: Result[][][];
  /** For each state, the state that each event leads to. Events not named are not allowed there. */
  states: { [event: string]: number }[];
}
