/** Work items: queued, run, waited for, taken off their queue. */
import type { Event } from '../event.ts';
import type { Need, Saw } from './seen.ts';
import { keep, type ThreadState, type World } from './world.ts';

const fresh: { pending: number; running: number; runner: string; on: string | null; last: number; ended: number } = {
  pending: -1,
  running: -1,
  runner: '',
  on: null,
  last: -1,
  ended: -1,
};

export function work(
  world: World,
  event: Event & { readonly kind: 'queue' | 'run-begin' | 'run-end' | 'cancel-begin' },
  at: number,
  need: Need,
  thread: ThreadState,
): Saw {
  const name = event.work;
  const known = world.works.get(name);
  // A work function may free what it is part of.
  if (event.kind === 'run-end' && known === undefined) {
    world.threads.set(event.thread, { ...thread, held: thread.held.filter(one => one.kind !== 'run' || one.name !== name) });
    return 0;
  }
  if (known === undefined) keep(world, name);
  const now = known ?? fresh;
  switch (event.kind) {
    case 'queue':
      need(now.last);
      if (event.queued !== now.pending < 0) return null;
      if (!event.queued) return now.pending;
      world.works.set(name, { ...now, pending: at, on: event.on ?? now.on, last: at });
      if (event.on !== null) {
        const others = world.onQueue.get(event.on);
        if (others === undefined) keep(world, event.on);
        if (others?.includes(name) !== true) world.onQueue.set(event.on, [...(others ?? []), name]);
      }
      return now.last;
    case 'run-begin':
      need(now.last);
      need(now.ended);
      if (now.runner !== '') return null;
      world.works.set(name, { ...now, pending: -1, running: now.pending, runner: event.thread, last: at });
      world.threads.set(event.thread, { ...thread, held: [...thread.held, { kind: 'run', name, mode: 'alone', at, on: now.on }] });
      return now.pending;
    case 'run-end':
      world.works.set(name, { ...now, running: -1, runner: '', ended: at });
      world.threads.set(event.thread, { ...thread, held: thread.held.filter(one => one.kind !== 'run' || one.name !== name) });
      if (now.on !== null && now.pending < 0)
        world.onQueue.set(
          now.on,
          (world.onQueue.get(now.on) ?? []).filter(one => one !== name),
        );
      return now.running;
    case 'cancel-begin':
      need(now.last);
      if (event.removed !== now.pending >= 0) return null;
      world.works.set(name, event.removed ? { ...now, pending: -1, last: at } : now);
      world.threads.set(event.thread, { ...thread, works: tokens(world, [name], event.thread) });
      return now.pending;
  }
}

/** What has to end before a flush does: the runs that are queued or under way. */
export function tokens(
  world: World,
  names: readonly string[],
  thread: string,
): readonly { readonly work: string; readonly queued: number }[] {
  return names.flatMap(name => {
    const known = world.works.get(name);
    if (known === undefined || known.runner === thread) return [];
    return [known.pending, ...(known.runner === '' ? [] : [known.running])]
      .filter(queued => queued >= 0)
      .map(queued => ({ work: name, queued }));
  });
}

export function flushed(world: World, name: string, need: Need, thread: ThreadState): Saw {
  world.threads.set(name, { ...thread, works: null });
  for (const { work: one, queued } of thread.works ?? []) {
    const known = world.works.get(one);
    if (known === undefined) continue;
    need(known.ended);
    if (known.pending === queued || (known.runner !== '' && known.running === queued)) return null;
  }
  return 0;
}
