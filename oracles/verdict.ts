/** What comes out of judging a trace. */
import type { EventKind } from './event.ts';

/** Inconclusive: no rule was broken, but some rule needs an event kind that the trace does not show. */
export type Verdict = 'pass' | 'violation' | 'inconclusive';
/** Observed: it happened. Possible: what happened shows that it can, as a cycle in the lock graph does. */
export type Strength = 'observed' | 'possible';

/** Something that happened before the finding and belongs to it. */
export interface Step {
  readonly event: number;
  readonly thread: string;
  /** What the thread did, as the end of a sentence about it: `takes Kvm#1.lock`. */
  readonly what: string;
  readonly site: string | null;
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
}

export const mostFindings = 1000;

export function verdictOf(rules: readonly RuleCount[]): Verdict {
  if (rules.some(rule => rule.findings > 0)) return 'violation';
  return rules.some(rule => rule.judged !== 'fully') ? 'inconclusive' : 'pass';
}
