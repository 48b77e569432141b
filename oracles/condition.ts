/**
 * The questions that generated rules ask. A path that crosses null gives `undefined` here, and everything behind it is false, as is everything
 * inside an object that was freed.
 */
import { type Domain, type Entry, identity, type Lock, type Thing, type Work } from './thing.ts';
import type { Thread } from './thread.ts';

type Perhaps<Type> = Type | null | undefined;

/** Allocated, not yet freed, and no counter of it has reached zero. */
export function isLive(thing: Perhaps<Thing>): boolean {
  if (thing === null || thing === undefined) return false;
  const { alive, counters } = thing[identity];
  if (!alive) return false;
  for (const counter of counters) if (counter.count === 0) return false;
  return true;
}
export const isQueued = (work: Perhaps<Work>): boolean => work != null && (work.pending || work.running !== null);
export const isOnQueue = (entry: Perhaps<Entry>): boolean => entry?.queue != null;

/** By this thread: a lock owned or read, a read section open. */
export function holds(thread: Thread, on: Perhaps<Lock | Domain>): boolean {
  if (on == null) return false;
  return (on.kind !== 'domain' && on.owner === thread) || on.readers?.has(thread) === true;
}
/** As `holds`, but reading a lock is not enough. */
export const holdsToWrite = (thread: Thread, on: Perhaps<Lock>): boolean => on?.owner === thread;
/** By anyone. */
export function isHeld(on: Perhaps<Lock | Domain>): boolean {
  if (on == null) return false;
  return (on.kind !== 'domain' && on.owner !== null) || (on.readers?.size ?? 0) > 0;
}
export const isHeldToWrite = (on: Perhaps<Lock>): boolean => on?.owner != null;
export const has = <Type>(set: Perhaps<ReadonlySet<Type>>, member: Perhaps<Type>): boolean =>
  set != null && member != null && set.has(member);
export function some<Type>(set: Perhaps<ReadonlySet<Type>>, condition: (one: Type) => boolean): boolean {
  if (set != null) for (const one of set) if (condition(one)) return true;
  return false;
}
export function every<Type>(set: Perhaps<ReadonlySet<Type>>, condition: (one: Type) => boolean): boolean {
  if (set != null) for (const one of set) if (!condition(one)) return false;
  return true;
}
