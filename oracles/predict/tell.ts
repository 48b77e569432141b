/** From a prediction to a finding: what it says, and what of the order matters to a person. */
import type { Event } from '../event.ts';
import { sayEvent } from '../say-event.ts';
import type { Finding, Reordering, Step } from '../verdict.ts';
import type { Prediction } from './prediction.ts';
import type { Window } from './window.ts';
import { classOf, objectOf, touched } from './world.ts';

/** Steps of a thread, and of one object, that are shown, the latest ones. */
const mostOfThread = 10;
const mostOfObject = 16;
/** Events of an order that is kept whole. */
const longestKept = 20_000;

/** The other order is shown, but that it breaks the rule is inferred. */
const isInferred = ({ rule, last }: Prediction): boolean =>
  rule === 'lastPutTakesNoHeldLock' || (rule === 'everyWaitEnds' && last.length === 1);

export function findingOf(prediction: Prediction, window: Window): Finding {
  const last = window.event(prediction.last.at(-1) ?? window.first);
  const object = objectOf(prediction.about[0] ?? '');
  const steps = whatMatters(prediction, window);
  const free = prediction.order.findLast(at => window.event(at).kind === 'free');
  return {
    rule: `always.${prediction.rule}`,
    strength: isInferred(prediction) ? 'possible' : 'predicted',
    detail: detailOf(prediction, window),
    objects: prediction.rule === 'everyWaitEnds' ? {} : { object },
    event: last.seq,
    thread: last.thread,
    earlier: free === undefined ? null : window.event(free).seq,
    story: steps.slice(-6),
    ...(prediction.rule === 'everyWaitEnds' && prediction.last.length > 1 ? { circle: circleOf(prediction, window) } : {}),
    reordering: {
      steps,
      leftOut: Math.max(0, prediction.cut - window.first + prediction.order.length - steps.length),
      ...wholeOf(prediction, window),
    },
  };
}

/** As the lock graph names what is waited for. */
const circleOf = ({ last }: Prediction, window: Window): readonly string[] =>
  last
    .map(at => {
      const event = window.event(at);
      switch (event.kind) {
        case 'want':
          return classOf(event.lock);
        case 'grace-begin':
          return classOf(event.domain);
        case 'flush-begin':
        case 'cancel-begin':
          return `the run of ${classOf(event.work)}`;
        default:
          return event.kind;
      }
    })
    .sort();

function detailOf({ rule, last, about, order }: Prediction, window: Window): string {
  const event = window.event(last.at(-1) ?? 0);
  const [place = ''] = about;
  switch (rule) {
    case 'everyWaitEnds':
      if (last.length === 1)
        return `In another order ${about[1]} waits on ${place} with ${about[2]} in hand, and ${event.thread}, which wakes it in this trace, ${sayEvent(event)} (event ${event.seq}) before it does.`;
      return `In another order ${last
        .map(at => window.event(at))
        .map(one => `${one.thread} ${sayEvent(one)} (event ${one.seq})`)
        .join('; ')}. Each has what another one waits for.`;
    case 'freedWhenIdle':
      return `In another order ${event.thread} frees ${place} (event ${event.seq}) while what is inside is still in use.`;
    case 'neverTouchedAfterFree': {
      const free = order.map(window.event).findLast(one => one.kind === 'free' && one.object === place);
      return `In another order ${free?.thread ?? 'another thread'} frees ${place} (event ${free?.seq ?? 0}) before ${event.thread} touches it (event ${event.seq}).`;
    }
    case 'referencesBalance':
      return `In another order ${event.thread} puts ${place} (event ${event.seq}) when it is zero already.`;
    case 'lastPutTakesNoHeldLock':
      return `In another order ${event.thread} puts the last ${place} (event ${event.seq}) while it holds ${about[1] ?? 'a lock'}, which the release takes in this trace.`;
    case 'neverResurrected':
      return `In another order ${event.thread} gets ${place} (event ${event.seq}) when it has reached zero.`;
  }
}

/** The latest steps of the threads that are in it, and of what it is about; what holds what is waited for, always. */
function whatMatters({ rule, cut, order, free, last, about }: Prediction, window: Window): readonly Step[] {
  // Those that break the rule, and those that let them.
  const makers = order.filter(at => last.includes(at) || free.has(at) || (window.event(at).kind === 'free' && rule !== 'everyWaitEnds'));
  const threads = new Set(makers.map(at => window.event(at).thread));
  if (rule === 'everyWaitEnds' && last.length === 1) threads.add(about[1] ?? '');
  const objects = new Set(about.filter(place => place.includes('#')).map(objectOf));
  const chosen = new Set<number>(last);
  for (const at of last) for (const held of window.heldAt(at)) if (held.at >= window.first) chosen.add(held.at);
  const left = new Map<string, number>();
  const takeSome = (key: string, most: number, at: number): void => {
    const taken = left.get(key) ?? 0;
    if (taken >= most) return;
    left.set(key, taken + 1);
    chosen.add(at);
  };
  const all = [...lastBefore(window, cut), ...order];
  for (const at of all.toReversed()) {
    const event = window.event(at);
    if (threads.has(event.thread)) takeSome(`thread ${event.thread}`, mostOfThread, at);
    for (const object of event.kind === 'alloc' ? [event.object] : touched(event))
      if (objects.has(object)) takeSome(`object ${object}`, mostOfObject, at);
  }
  const steps = all.filter(at => chosen.has(at)).map(at => stepOf(window.event(at)));
  const end = steps.at(-1);
  // What it would see there is not known: it is freed memory.
  return rule !== 'neverTouchedAfterFree' || end === undefined
    ? steps
    : [...steps.slice(0, -1), { ...end, what: `touches ${about[0] ?? ''}` }];
}

/** Events before the cut that are looked at. */
const farthestBack = 2_000;
function lastBefore(window: Window, cut: number): readonly number[] {
  const from = Math.max(window.first, cut - farthestBack);
  return Array.from({ length: cut - from }, (_, index) => from + index);
}

export const stepOf = (event: Event): Step => ({
  event: event.seq,
  thread: event.thread,
  what: sayEvent(event),
  site: event.site ?? null,
  of: event,
});

function wholeOf({ cut, order }: Prediction, window: Window): Pick<Reordering, 'events' | 'order'> {
  if (window.first > 0 || cut + order.length > longestKept) return { events: null, order: null };
  const all = [...Array.from({ length: cut }, (_, at) => at), ...order].map(window.event);
  return { events: all.map((event, index) => ({ ...event, seq: index + 1 })), order: all.map(({ seq }) => seq) };
}
