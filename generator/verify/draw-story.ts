/** What a drawing of a counterexample shows beside its steps: which locks are held from where to where, and how reference counts change. */
import type { Event } from '../../oracles/event.ts';
import type { Counterexample } from './counterexample.ts';

export interface Holding {
  readonly thread: string;
  /** `Kvm#1.lock`; a read section by its domain. */ readonly lock: string;
  /** Step that takes it. */ readonly from: number;
  /** Step that releases it, or null: it is held to the end. */ readonly to: number | null;
}

export interface CountChange {
  readonly step: number;
  /** `Kvm#1.users` */ readonly counter: string;
  readonly before: number;
  /** Null: the step is broken, it puts at 0 or gets from 0. */ readonly after: number | null;
}

export interface Story {
  readonly holdings: readonly Holding[];
  readonly changes: readonly CountChange[];
}

export function storyOf({ events, eventsOf }: Pick<Counterexample, 'events' | 'eventsOf'>): Story {
  const counts = countsAtFirst(events);
  const open = new Map<string, { thread: string; lock: string; from: number; depth: number }>();
  const ended: Holding[] = [];
  const changes: CountChange[] = [];
  const before = new Set(eventsOf.flat());
  const first = Math.min(events.length, ...before);
  for (const event of events.slice(0, first)) count(counts, event);
  const take = (thread: string, lock: string, from: number): void => {
    const key = `${thread} ${lock}`,
      known = open.get(key);
    if (known === undefined) open.set(key, { thread, lock, from, depth: 1 });
    else known.depth++;
  };
  const release = (thread: string, lock: string, to: number): void => {
    const key = `${thread} ${lock}`,
      known = open.get(key);
    if (known === undefined || --known.depth > 0) return;
    open.delete(key);
    ended.push({ thread, lock, from: known.from, to });
  };
  eventsOf.forEach((positions, step) => {
    for (const position of positions) {
      const event = events[position];
      if (event === undefined) continue;
      if (event.kind === 'got' || (event.kind === 'tried' && event.got)) take(event.thread, event.lock, step);
      else if (event.kind === 'enter') take(event.thread, event.domain, step);
      else if (event.kind === 'released') release(event.thread, event.lock, step);
      else if (event.kind === 'exit') release(event.thread, event.domain, step);
      const change = count(counts, event);
      if (change !== null) changes.push({ step, ...change });
    }
  });
  const held = [...open.values()].map(({ thread, lock, from }): Holding => ({ thread, lock, from, to: null }));
  return { holdings: [...ended, ...held].sort((one, other) => one.from - other.from), changes };
}

/** Of objects that are never allocated on the way: 0. */
function countsAtFirst(events: readonly Event[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of events)
    if (event.kind === 'alloc')
      for (const [field, value] of Object.entries(event.fields))
        if (typeof value === 'number') counts.set(`${event.object}.${field}`, value);
  return counts;
}

function count(counts: Map<string, number>, event: Event): Omit<CountChange, 'step'> | null {
  const change = (counter: string, by: 1 | -1): Omit<CountChange, 'step'> => {
    const before = counts.get(counter) ?? 0;
    if (before === 0) return { counter, before, after: null };
    counts.set(counter, before + by);
    return { counter, before, after: before + by };
  };
  switch (event.kind) {
    case 'get':
      return change(event.counter, 1);
    case 'get-unless-zero':
      return event.got ? change(event.counter, 1) : null;
    case 'put':
      return change(event.counter, -1);
    case 'fget':
      return event.file === null ? null : change(`${event.file}.refs`, 1);
    default:
      return null;
  }
}
