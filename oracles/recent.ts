/** The latest events of a trace, to tell what happened before a finding. */

import type { Event } from './event.ts';
import { objectOf, touched } from './predict/world.ts';
import { sayEvent } from './say-event.ts';
import type { Finding, Step } from './verdict.ts';

const kept = 1024;
/** Steps of a story, the event itself included. */
const mostSteps = 12;

export interface Recent {
  readonly add: (event: Event) => void;
  /** The finding with what led to it, in order: what its rule keeps, and what was done last to the objects that it is about. */
  readonly tell: (finding: Finding) => Finding;
}

export function createRecent(): Recent {
  const ring: (Event | undefined)[] = Array.from({ length: kept }, () => undefined);
  let next = 0;

  function tell(finding: Finding): Finding {
    const steps = new Map<number, Step>();
    const own = new Map((finding.story ?? []).map(step => [step.event, step]));
    const objects = new Set(Object.values(finding.objects).map(objectOf));
    for (let back = 1; back <= kept && steps.size < mostSteps; back++) {
      const event = ring[(next - back + kept) % kept];
      if (event === undefined) break;
      const mine = event.seq === finding.event || event.seq === finding.earlier || own.has(event.seq);
      if (!mine && ![...touched(event), ...(event.kind === 'alloc' ? [event.object] : [])].some(object => objects.has(object))) continue;
      steps.set(event.seq, { ...(own.get(event.seq) ?? stepOf(event)), of: event });
    }
    for (const step of own.values()) if (!steps.has(step.event)) steps.set(step.event, step);
    return { ...finding, story: [...steps.values()].sort((one, other) => one.event - other.event) };
  }
  return {
    add(event) {
      ring[next] = event;
      next = (next + 1) % kept;
    },
    tell,
  };
}

const stepOf = (event: Event): Step => ({ event: event.seq, thread: event.thread, what: sayEvent(event), site: event.site ?? null });
