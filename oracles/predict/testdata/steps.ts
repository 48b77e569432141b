/** Steps of traces for tests: a thread, and what it does. */
import type { Event } from '../../event.ts';

export type Bare = Event extends infer One ? (One extends Event ? Omit<One, 'seq' | 'thread'> : never) : never;
export type Step = readonly [thread: string, event: Bare];

export const together = (thread: string, ...events: readonly Bare[]): readonly Step[] => events.map((event): Step => [thread, event]);
export const line = (thread: string, event: Bare): readonly Step[] => [[thread, event]];
/** `main` makes the threads, all before any of them does something. */
export const start = (...threads: readonly string[]): readonly Step[] => threads.flatMap(other => line('main', { kind: 'fork', other }));
export const got = (thread: string, lock: string): readonly Step[] => line(thread, { kind: 'got', lock });
export const lock = (thread: string, name: string): readonly Step[] =>
  together(thread, { kind: 'want', lock: name }, { kind: 'got', lock: name });
export const unlock = (thread: string, name: string): readonly Step[] => line(thread, { kind: 'released', lock: name });
export const nested = (thread: string, ...names: readonly string[]): readonly Step[] => [
  ...names.flatMap(name => lock(thread, name)),
  ...names.toReversed().flatMap(name => unlock(thread, name)),
];
export const enter = (thread: string, domain: string): readonly Step[] => line(thread, { kind: 'enter', domain });
export const exit = (thread: string, domain: string): readonly Step[] => line(thread, { kind: 'exit', domain });
export const grace = (thread: string, domain: string): readonly Step[] =>
  together(thread, { kind: 'grace-begin', domain }, { kind: 'grace-end', domain });
export const put = (thread: string, counter: string): readonly Step[] => line(thread, { kind: 'put', counter });
export const free = (thread: string, object: string): readonly Step[] => line(thread, { kind: 'free', object });
