/**
 * The one interface that connects an implementation to the runner. Implement it in TypeScript for what lives in this process;
 * for everything else there is `childAdapter`, which speaks protocol.ts with a program in any language.
 *
 * The runner calls `start`, then `run` once for each vector and round, one at a time, then `stop`. When `start` or `run` rejects, the
 * runner notes it for that vector, calls `stop`, and calls `start` again before the next one: so an adapter has to come back fresh
 * from `start` whatever happened before, and `stop` has to succeed in every state. How long a `run` may take is the adapter's
 * to limit; the runner waits.
 */
import type { Refusal, RunAnswer, RunRequest, Welcome } from './protocol.ts';

export interface Adapter {
  /** Rejects with an AdapterFailure: `unavailable` if this machine cannot do it, `could-not-start` for all else. */
  start(): Promise<Welcome>;
  /**
   * Makes the calls of one vector from a fresh state and says what was seen. What it says is judged, never believed: an answer
   * that contradicts the request is the outcome `lied`. Rejects with an AdapterFailure if there is no answer.
   */
  run(request: RunRequest): Promise<RunAnswer | Refusal>;
  /** Gives everything back. Never rejects; calling it twice is harmless. */
  stop(): Promise<void>;
}

/**
 * Why there is no answer:
 * - `unavailable`: the implementation is not on this machine (no device, no permission). Nobody's fault; the run is skipped.
 * - `could-not-start`: no welcome, or none that the runner understands.
 * - `exited`: it ended before it answered.
 * - `hung`: no answer within the time allowed.
 * - `rubbish`: the answer is not JSON, or not what the schema says.
 * - `flooded`: a line longer than allowed.
 * - `out-of-order`: an answer that nobody asked for, to another question, or a second one.
 */
export type FailureKind = 'unavailable' | 'could-not-start' | 'exited' | 'hung' | 'rubbish' | 'flooded' | 'out-of-order';

export class AdapterFailure extends Error {
  readonly kind: FailureKind;
  /** The message is one or more full sentences for a person, without a stack. */
  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = 'AdapterFailure';
    this.kind = kind;
  }
}
