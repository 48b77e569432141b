/** Fields, sets, counters, and what is only ever taken in the order of the trace. */
import type { Event } from '../event.ts';
import type { Need, Saw } from './seen.ts';
import { type Counter, keep, objectOf, type World } from './world.ts';

export function read(world: World, place: string, value: unknown, at: number, need: Need): Saw {
  const counter = world.counters.get(place);
  if (counter !== undefined) {
    needAll(counter.ops, need);
    if (counter.count === null) need(counter.last);
    world.counters.set(place, { count: typeof value === 'number' ? value : null, last: at, ops: fromHere(world, at) });
    return counter.count === null ? counter.last : -2 - counter.count;
  }
  const written = world.written.get(place) ?? world.made.get(objectOf(place)) ?? -1;
  need(written);
  return written;
}

export function write(world: World, place: string, value: unknown, at: number, need: Need): Saw {
  const counter = world.counters.get(place);
  if (counter !== undefined) {
    needAll(counter.ops, need);
    need(counter.last);
    world.counters.set(place, { count: typeof value === 'number' ? value : null, last: at, ops: fromHere(world, at) });
    return counter.last;
  }
  // A flag that is a lock is taken by writing it, and by nobody who does not find it free: its writes stay in their order.
  if (value === 'taken' || value === 'free') return useSet(world, place, true, at, need);
  if (world.written.get(place) === undefined) keep(world, place);
  world.written.set(place, at);
  if (typeof value === 'number') world.given.set(place, value);
  return 0;
}

export function useSet(world: World, set: string, changes: boolean, at: number, need: Need): Saw {
  const written = world.written.get(set);
  need(written ?? -1);
  if (changes) {
    if (written === undefined) keep(world, set);
    world.written.set(set, at);
  }
  return written ?? -1;
}

export function inOrder(world: World, place: string, at: number, need: Need): Saw {
  const last = world.ordered.get(place);
  if (last === undefined) keep(world, place);
  else need(last);
  world.ordered.set(place, at);
  return last ?? -1;
}

export function count(world: World, event: Pick<Event, 'kind'> & { readonly got?: boolean }, place: string, at: number, need: Need): Saw {
  const known = world.counters.get(place);
  if (known === undefined) keep(world, place);
  const {
    count: before,
    last,
    ops,
  } = known ?? {
    count: world.given.get(place) ?? null,
    last: world.made.get(objectOf(place)) ?? -1,
    ops: null,
  };
  const put = event.kind === 'put' || event.kind === 'put-later';
  const got = event.kind === 'get' || event.got === true;
  const after = before === null ? null : Math.max(0, before + (put ? -1 : got ? 1 : 0));
  // That a put is the last, or that nothing is left to get, depends on all that came before; the contrary is looked at when it is tried.
  const onAll = before !== null && ((put && before === 1) || !(put || got));
  if (onAll) needAll(ops, need);
  const remembered = onAll ? fromHere(world, at) : world.remembers ? { at, before: ops } : null;
  world.counters.set(place, { count: after, last: at, ops: remembered });
  if (before === null) {
    need(last);
    return last;
  }
  if (!put && !got) return before === 0 ? 0 : null;
  if (before === 0) return null;
  return put && before === 1 ? 0 : 1;
}

/** What needs all that was done before stands for it from then on. */
const fromHere = (world: World, at: number): Counter['ops'] => (world.remembers ? { at, before: null } : null);

function needAll(ops: Counter['ops'], need: Need): void {
  for (let op = ops; op !== null; op = op.before) need(op.at, true);
}
