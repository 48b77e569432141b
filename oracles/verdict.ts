/** What comes out of judging a trace. */
import type { Event, EventKind } from './event.ts';

/** Inconclusive: no rule was broken, but some rule needs an event kind that the trace does not show. */
export type Verdict = 'pass' | 'violation' | 'inconclusive';
/**
 * Observed: it happened. Predicted: the same events in another order, in which the program could have run, do it. Possible: what happened
 * shows that it may, as a cycle in the lock graph does, but no such order was found.
 */
export type Strength = 'observed' | 'predicted' | 'possible';

/** Something that happened before the finding and belongs to it. */
export interface Step {
  readonly event: number;
  readonly thread: string;
  /** What the thread did, as the end of a sentence about it: `takes Kvm#1.lock`. */
  readonly what: string;
  readonly site: string | null;
  /** The event itself, where it is kept. */
  readonly of?: Event;
}

/** Another order of the events of the trace, in which the program could have run. */
export interface Reordering {
  /** What matters of it, in the new order. Each keeps the number that it has in the trace. */
  readonly steps: readonly Step[];
  /** Steps of it that are not shown. */
  readonly leftOut: number;
  /** The whole of it from the beginning of the trace, numbered anew: a trace in which the rule is broken. Null if that is too long. */
  readonly events: readonly Event[] | null;
  /** The numbers of those events in the trace. */
  readonly order: readonly number[] | null;
}

export interface Finding {
  /** `publishedVmIsAlive`, `always.neverTakenTwice`. */
  readonly rule: string;
  readonly strength: Strength;
  /** What exactly, in names of the trace. */
  readonly detail: string;
  /** Objects bound, by variable. */
  readonly objects: Readonly<Record<string, string>>;
  /** `seq` of the event that broke the rule, and its thread. */
  readonly event: number;
  readonly thread: string;
  /** `seq` of the event that made it wrong: who took the lock, who freed, who wrote. Null if there is none. */
  readonly earlier: number | null;
  /** What led to it, in order, where the oracle keeps that. Ends with the event itself. */
  readonly story?: readonly Step[];
  /** Of a circle of waits: the classes of what is waited for, in order of their names. */
  readonly circle?: readonly string[];
  /** Of what is predicted. */
  readonly reordering?: Reordering;
}

export interface RuleCount {
  readonly rule: string;
  /** How often the rule was put to the test: its condition arose, its guard was asked for, its verb was seen. 0: says nothing. */
  readonly exercised: number;
  readonly findings: number;
  /** `partly`: what was seen was judged, but some of what can break it is not shown. `not`: it would be guessing. */
  readonly judged: 'fully' | 'partly' | 'not';
  /** Event kinds that are missing for judging it fully. */
  readonly missing: readonly EventKind[];
}

export interface Report {
  /** Null: the trace was judged by what holds for every program. */
  readonly system: string | null;
  readonly verdict: Verdict;
  readonly events: number;
  /** The first of them, at most `mostFindings`. */
  readonly findings: readonly Finding[];
  /** Findings that are counted but not listed. */
  readonly unlisted: number;
  readonly rules: readonly RuleCount[];
  readonly prediction?: Prediction;
}

/**
 * Whether other orders of the events were looked at: all that can be; only of events near each other, because the trace is longer than what is looked
 * at at once; or only as far as it was quick; not, because the trace does not show what orders its events; or not asked for.
 */
export type Prediction = 'whole' | 'near' | 'partly' | 'not shown' | 'not asked';

export const mostFindings = 1000;

export function verdictOf(rules: readonly RuleCount[]): Verdict {
  if (rules.some(rule => rule.findings > 0)) return 'violation';
  return rules.some(rule => rule.judged !== 'fully') ? 'inconclusive' : 'pass';
}
