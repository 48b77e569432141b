/** A finding in a trace as a counterexample, so that it is drawn as those of the explorer are. */
import type { Counterexample, CounterexampleStep } from '../../generator/verify/counterexample.ts';
import type { Event } from '../../oracles/event.ts';
import type { Finding, Step } from '../../oracles/verdict.ts';

const nowhere = { file: '', line: 0, column: 0 };

/** Null where nothing is known of how it came about. */
export function exampleOf(finding: Finding): Counterexample | null {
  const steps = finding.reordering?.steps ?? finding.story ?? [];
  if (steps.length === 0) return null;
  const stuck = finding.rule === 'always.everyWaitEnds';
  // Who waits for ever does so after the last step that is one.
  const waits = stuck ? steps.filter(step => isWait(step.of) && lastOf(steps, step)) : [];
  const taken = steps.filter(step => !waits.includes(step));
  // A counter whose beginning is not shown would seem to begin at zero.
  const made = new Set(taken.flatMap(({ of }) => (of?.kind === 'alloc' ? [of.object] : [])));
  const shown = (event: Event | undefined): event is Event =>
    event !== undefined && (!('counter' in event) || made.has(event.counter.slice(0, event.counter.indexOf('.'))));
  const events = taken.flatMap(({ of }) => (shown(of) ? [of] : []));
  return {
    threads: [...new Set(taken.map(({ thread }) => thread))].map(name => ({ name, text: '' })),
    steps: taken.map(stepOf),
    kind: waits.length > 0 ? 'state' : 'step',
    loopFrom: null,
    detail: finding.detail,
    objects: finding.objects,
    parts: [],
    waiting: waits.map(step => ({ ...stepOf(step), text: `${step.what.replace(/^waits for /, '')} (event ${step.event})` })),
    events,
    eventsOf: taken.map(({ of }) => (shown(of) ? [events.indexOf(of)] : [])),
  };
}

const stepOf = ({ thread, what, site, event }: Step): CounterexampleStep => ({
  thread,
  text: `${what} (event ${event})`,
  in: site === null ? [] : [site],
  at: nowhere,
});

const isWait = (event: Event | undefined): boolean =>
  event !== undefined && ['want', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin', 'wait-prepare'].includes(event.kind);
const lastOf = (steps: readonly Step[], step: Step): boolean => steps.findLast(({ thread }) => thread === step.thread) === step;
