/**
 * Looks in one trace for what could have happened in another: the same events, in an order in which the program could have run as well.
 *
 * It keeps a window of the trace. What is before the window has happened as it did; so memory is bounded by the window and by what lives, and what
 * lies further apart than a third of it may be missed.
 */
import type { Event, EventKind, PlaceKind } from '../event.ts';
import type { Finding } from '../verdict.ts';
import { createTrials } from './admissible.ts';
import { predictDeadlocks } from './deadlocks.ts';
import { predictTouches } from './lifetimes.ts';
import type { Prediction } from './prediction.ts';
import { predictPutsUnderLocks } from './puts-under-locks.ts';
import { predictReferences } from './references.ts';
import { take } from './take.ts';
import { findingOf } from './tell.ts';
import { predictWakes } from './wakes.ts';
import { createWindow, semaphoresIn } from './window.ts';
import { createWorld } from './world.ts';

export interface Predictor {
  readonly event: (event: Event) => void;
  readonly end: () => Predicted;
}
export interface Predicted {
  /** Each with the event at which the rule is broken. */
  readonly findings: readonly { readonly finding: Finding; readonly event: Event }[];
  /** Some of what might have been found was not looked for any further, because it would have taken too long. */
  readonly cutShort: boolean;
  /** The trace is longer than the window: what lies far apart in it was not looked at together. */
  readonly beyond: boolean;
}
export interface PredictorOptions {
  readonly places?: Readonly<Record<string, PlaceKind>> | undefined;
  readonly observes?: readonly EventKind[] | undefined;
  /** Events in the window. */
  readonly window?: number;
}

/** Events that are looked at at once. */
export const usualWindow = 131_072;
/** Steps that may be taken for each event of the window. */
const effort = 24;
const mostFindings = 200;
/** Freed objects that are remembered. */
const mostFreed = 65_536;

/** What orders events. A trace that does not show one of these kinds does not tell in which order the program could have run. */
const ordering: readonly EventKind[] = [
  'alloc',
  'free',
  'read',
  'write',
  'add',
  'remove',
  'has',
  'next',
  'want',
  'got',
  'released',
  'tried',
  'enter',
  'exit',
  'grace-begin',
  'grace-end',
  'get',
  'put',
  'get-unless-zero',
  'queue',
  'run-begin',
  'run-end',
  'flush-begin',
  'flush-end',
  'cancel-begin',
  'cancel-end',
  'link',
  'unlink',
  'wait-prepare',
  'wait-sleep',
  'wake-all',
];

/** Null: the trace does not show enough to say that another order is possible. */
export function createPredictor({ places = {}, observes, window: size = usualWindow }: PredictorOptions): Predictor | null {
  if (observes !== undefined && !ordering.every(kind => observes.includes(kind))) return null;
  const semaphores = semaphoresIn(places);
  const base = createWorld(null, false);
  const findings: { finding: Finding; event: Event }[] = [];
  const known = new Set<string>();
  const freed: string[] = [];
  let events: Event[] = [];
  let first = 0;
  /** Frees and gets before it were looked at. */
  let looked = 0;
  let cutShort = false;
  let beyond = false;

  function look(atEnd: boolean): void {
    const window = createWindow(events, first, base, semaphores);
    const budget = { steps: effort * events.length };
    const told = {
      has: (same: string): boolean => known.has(same) || findings.length >= mostFindings,
      add(prediction: Prediction): void {
        known.add(prediction.same);
        findings.push({ finding: findingOf(prediction, window), event: window.event(prediction.last.at(-1) ?? window.first) });
      },
    };
    // What needs something from after the window is looked at again with the next one.
    const to = atEnd ? window.end : window.end - Math.floor(size / 4);
    const trials = createTrials(window, budget);
    predictDeadlocks(window, told, budget, trials);
    predictWakes(window, looked, to, told, budget, trials);
    predictReferences(window, looked, to, told, budget, trials);
    predictPutsUnderLocks(window, looked, to, told, budget, trials);
    predictTouches(window, looked, to, told, budget, trials);
    cutShort ||= budget.steps <= 0;
    looked = to;
  }
  function slide(): void {
    const dropped = events.splice(0, Math.floor((size * 2) / 3));
    for (const event of dropped) {
      take(base, event, first, () => {}, semaphores);
      if (event.kind === 'free') freed.push(event.object);
      if (event.kind === 'thread-end') {
        base.threads.delete(event.thread);
        base.last.delete(event.thread);
        base.forked.delete(event.thread);
      }
      first++;
    }
    for (const object of freed.splice(0, Math.max(0, freed.length - mostFreed))) base.freed.delete(object);
  }

  return {
    event(event) {
      events.push(event);
      if (events.length < size) return;
      look(false);
      slide();
      beyond = true;
    },
    end() {
      look(true);
      events = [];
      return { findings, cutShort, beyond };
    },
  };
}
