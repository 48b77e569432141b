/**
 * What the runner and an implementation say to each other: one JSON object a line, requests on the implementation's standard input, answers on
 * its standard output, one answer for each request, in order. Standard error is for people. Plain types: the JSON schema is made from this file.
 */
import type { Result, SetupCall, VectorCall } from './vector.ts';

/** First message. */
export interface Hello {
  type: 'hello' /** Lowest and highest protocol version that the runner speaks. */;
  protocol: [number, number];
}
export interface Welcome {
  type: 'welcome';
  protocol: number;
  name: string;
  version: string;
  /** Calls it can make. A vector with another call is skipped as unsupported. */
  calls: string[];
  /** Kinds of inside events that it reports with a run; empty if it sees calls and returns only. */
  observes: string[];
  /** Which expected behaviour it is held to: `linux-6.17`. */
  profile: string;
  /** Where it is another for the vectors of some system: by the system's name. */
  profiles?: { [system: string]: string };
  /** Environment for the report: kernel release, machine. */
  about: { [key: string]: string };
}

/** Make the calls of one vector, from a fresh state; leave nothing behind. */
export interface RunRequest {
  type: 'run';
  id: number;
  vector: string;
  setup: SetupCall[];
  callers: VectorCall[][];
  order: number[] | null;
  /** Where an implementation can vary its timing or its schedule, the same seed should give the same. */
  seed: number;
}
export interface RunAnswer {
  type: 'ran';
  id: number;
  /** Results of the setup calls, in order, as far as it came. Null for a handle. */
  setup: Result[];
  /** Calls and returns in an order in which they can have happened: a call is noted before it is made, a return after. */
  history: Moment[];
  /** Lines of a trace, if `observes` is not empty. */
  trace?: object[];
}
export interface Moment {
  caller: number;
  at: 'call' | 'return' /** Of a return. */;
  result?: Result;
}

/** The implementation cannot do this now, for a reason that is not a fault of it. */
export interface Refusal {
  type: 'refused';
  id: number;
  reason: string;
}
export interface Bye {
  type: 'bye';
}
export type Request = Hello | RunRequest | Bye;
export type Answer = Welcome | RunAnswer | Refusal;
