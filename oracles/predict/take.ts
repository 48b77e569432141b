/**
 * Takes one event: whether it can happen now, what it sees, and which earlier events it cannot do without.
 *
 * Two orders of the same events are the same to every thread if each event sees in both what it saw: a read the same write, a try-lock that
 * fails a holder, a put whether it was the last. So the program, which decides by nothing else, could have run in either.
 */
import type { Event, ReadMode } from '../event.ts';
import { everything, type Need, type Saw } from './seen.ts';
import { count, inOrder, read, useSet, write } from './take-memory.ts';
import { flushed, tokens, work } from './take-work.ts';
import { bury, classOf, type Held, keep, type ThreadState, threadOf, touched, type World } from './world.ts';

type Mode = 'alone' | ReadMode;
const excludes = (one: Mode, other: Mode): boolean => one === 'alone' || other === 'alone';

/** `semaphores`: classes of locks that have no owner and perhaps several holders. */
export function take(world: World, event: Event, at: number, need: Need, semaphores: ReadonlySet<string>): Saw {
  const last = world.last.get(event.thread);
  if (last === undefined) need(world.forked.get(event.thread) ?? everything);
  if (world.barrier >= 0 && (last === undefined || last < world.barrier)) need(world.barrier);
  world.last.set(event.thread, at);
  let alive = true;
  for (const object of touched(event)) {
    const made = world.made.get(object);
    if (made !== undefined) need(made);
    if (world.freed.get(object) !== undefined) alive = false;
  }
  return alive ? takeLive(world, event, at, need, semaphores, threadOf(world, event.thread)) : null;
}

function takeLive(world: World, event: Event, at: number, need: Need, semaphores: ReadonlySet<string>, thread: ThreadState): Saw {
  switch (event.kind) {
    case 'fork':
      world.forked.set(event.other, at);
      return 0;
    case 'join': {
      const other = world.last.get(event.other);
      if (other !== undefined) need(other);
      return 0;
    }
    case 'thread-end':
      if (world.forked.get(event.thread) === undefined) world.barrier = at;
      return 0;
    case 'quiesce':
      need(everything);
      world.barrier = at;
      return 0;
    case 'alloc':
      world.made.set(event.object, at);
      for (const [field, value] of Object.entries(event.fields))
        if (typeof value === 'number') {
          const place = `${event.object}.${field}`;
          keep(world, place);
          world.given.set(place, value);
        }
      return 0;
    case 'free':
      bury(world, event.object, at);
      return 0;
    case 'read':
      return read(world, event.field, event.value, at, need);
    case 'write':
      return write(world, event.field, event.value, at, need);
    case 'add':
    case 'remove':
    case 'has':
    case 'next':
      return useSet(world, event.set, event.kind === 'add' || event.kind === 'remove', at, need);
    case 'got':
      return lock(world, event, at, need, semaphores, thread, event.lock, event.mode ?? 'alone');
    case 'tried':
      if (event.got) return lock(world, event, at, need, semaphores, thread, event.lock, event.mode ?? 'alone');
      return tryInVain(world, event.lock, event.mode ?? 'alone', at, need, semaphores);
    case 'released':
      return unlock(world, event.thread, event.lock, at, need, semaphores);
    case 'enter': {
      const readers = world.readers.get(event.domain);
      if (readers === undefined) keep(world, event.domain);
      world.readers.set(event.domain, [...(readers ?? []), { thread: event.thread, at }]);
      hold(world, event.thread, { kind: 'section', name: event.domain, mode: 'recursive-read', at, on: null });
      return 0;
    }
    case 'exit': {
      const readers = world.readers.get(event.domain) ?? [];
      const own = readers.findLast(one => one.thread === event.thread);
      if (own === undefined) return null;
      world.readers.set(
        event.domain,
        readers.filter(one => one !== own),
      );
      letGo(world, event.thread, own.at);
      return 0;
    }
    case 'grace-begin': {
      const sections = (world.readers.get(event.domain) ?? []).filter(one => one.thread !== event.thread);
      world.threads.set(event.thread, { ...thread, sections: sections.map(one => ({ domain: event.domain, at: one.at })) });
      return 0;
    }
    case 'grace-end':
      world.threads.set(event.thread, { ...thread, sections: null });
      return (thread.sections ?? []).some(({ domain, at: entered }) => world.readers.get(domain)?.some(one => one.at === entered))
        ? null
        : 0;
    case 'get':
    case 'put':
    case 'put-later':
    case 'get-unless-zero':
      return count(world, event, event.counter, at, need);
    case 'fget':
      if (event.file !== null) count(world, { kind: 'get' }, `${event.file}.refs`, at, need);
      return inOrder(world, event.field, at, need);
    case 'close-fd':
      return inOrder(world, event.field, at, need);
    case 'link':
      if (event.linked) {
        keep(world, event.entry);
        world.linked.set(event.entry, event.queue);
      }
      return inOrder(world, event.queue, at, need);
    case 'unlink':
      world.linked.delete(event.entry);
      return inOrder(world, event.queue, at, need);
    case 'callback':
      return inOrder(world, event.queue, at, need);
    case 'queue':
    case 'run-begin':
    case 'run-end':
    case 'cancel-begin':
      return work(world, event, at, need, thread);
    case 'flush-begin':
      world.threads.set(event.thread, { ...thread, works: tokens(world, [event.work], event.thread) });
      return 0;
    case 'flush-queue-begin':
      world.threads.set(event.thread, { ...thread, works: tokens(world, world.onQueue.get(event.on) ?? [], event.thread) });
      return 0;
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return flushed(world, event.thread, need, thread);
    case 'wait-prepare':
      if (world.waiters.get(event.queue) === undefined) keep(world, event.queue);
      world.waiters.set(event.queue, [...(world.waiters.get(event.queue) ?? []), event.thread]);
      world.threads.set(event.thread, { ...thread, wokenBy: -1 });
      return 0;
    case 'wake-all':
      for (const name of new Set(world.waiters.get(event.queue) ?? [])) {
        const waiter = threadOf(world, name);
        if (waiter.wokenBy < 0) world.threads.set(name, { ...waiter, wokenBy: at });
      }
      if (world.waiters.get(event.queue) !== undefined) world.waiters.set(event.queue, []);
      return 0;
    case 'wait-sleep':
      if (event.result === 'timeout') return 0;
      // Woken by something that the trace does not show: nothing is known of when that could be.
      need(thread.wokenBy < 0 ? everything : thread.wokenBy);
      return thread.wokenBy;
    case 'complete':
      // Done once, done for good.
      if (world.written.get(event.completion) === undefined) {
        keep(world, event.completion);
        world.written.set(event.completion, at);
      }
      return 0;
    case 'wait-done': {
      if (event.result === 'timeout') return 0;
      const done = world.written.get(event.completion);
      need(done ?? everything);
      return done ?? -1;
    }
    case 'wait-finish': {
      const waiters = world.waiters.get(event.queue);
      if (waiters !== undefined)
        world.waiters.set(
          event.queue,
          waiters.filter(name => name !== event.thread),
        );
      return 0;
    }
    default:
      // The others say something and change nothing.
      return 0;
  }
}

function hold(world: World, name: string, held: Held): void {
  const thread = threadOf(world, name);
  world.threads.set(name, { ...thread, held: [...thread.held, held] });
}
function letGo(world: World, name: string, taken: number): void {
  const thread = threadOf(world, name);
  world.threads.set(name, { ...thread, held: thread.held.filter(one => one.at !== taken) });
}

function lock(
  world: World,
  event: Event,
  at: number,
  need: Need,
  semaphores: ReadonlySet<string>,
  thread: ThreadState,
  name: string,
  mode: Mode,
): Saw {
  const known = world.locks.get(name);
  if (known === undefined) keep(world, name);
  const { holders, last } = known ?? { holders: [], last: -1 };
  const ownerless = semaphores.has(classOf(name));
  if (ownerless) need(last);
  else if (holders.some(one => excludes(one.mode, mode))) return null;
  world.locks.set(name, { holders: [...holders, { thread: event.thread, mode, at }], last: at });
  world.threads.set(event.thread, { ...thread, held: [...thread.held, { kind: 'lock', name, mode, at, on: null }] });
  return ownerless ? last : 0;
}

function tryInVain(world: World, name: string, mode: Mode, at: number, need: Need, semaphores: ReadonlySet<string>): Saw {
  const known = world.locks.get(name);
  if (known === undefined) {
    need(everything);
    return -1;
  }
  if (semaphores.has(classOf(name))) {
    need(known.last);
    world.locks.set(name, { ...known, last: at });
    return known.last;
  }
  const holder = known.holders.find(one => excludes(one.mode, mode));
  if (holder !== undefined) need(holder.at);
  // A release is written down before it takes effect, so a try may fail after it. That is not taken in any other order.
  else need(everything);
  return holder?.at ?? -1;
}

function unlock(world: World, thread: string, name: string, at: number, need: Need, semaphores: ReadonlySet<string>): Saw {
  const known = world.locks.get(name);
  const holder = known?.holders.findLast(one => one.thread === thread) ?? known?.holders.at(-1);
  if (known === undefined || holder === undefined) return null;
  const ownerless = semaphores.has(classOf(name));
  if (ownerless) need(known.last);
  need(holder.at);
  world.locks.set(name, { holders: known.holders.filter(one => one !== holder), last: at });
  letGo(world, holder.thread, holder.at);
  return holder.at;
}
