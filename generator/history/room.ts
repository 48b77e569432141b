/** How much an open program has room for, and the next larger. */
import type { Room } from '../instantiate/open-program.ts';
import type { System } from '../model.ts';

const steps = [1, 2, 4, 6, 10, 16, 24, 30];

export function smallestRoom(system: System): Room {
  return { callers: 1, pools: Object.fromEntries(Object.keys(system.objects).map(type => [type, 2])) };
}

/** Null if there is none: a set holds at most 30. */
export function withMore(room: Room, type: string): Room | null {
  const now = room.pools[type] ?? 0;
  const next = steps.find(step => step > now);
  return next === undefined ? null : { ...room, pools: { ...room.pools, [type]: next } };
}

/** Beyond that many calls at once counters and owners have no place for them. */
export const mostCallers = 8;

export function withCallers(room: Room, callers: number): Room | null {
  const next = [1, 4, mostCallers].find(step => step >= callers);
  return next === undefined ? null : { ...room, callers: next };
}
