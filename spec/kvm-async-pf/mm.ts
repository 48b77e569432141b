/** The address space that guest memory is part of. It can be there without the memory: then whoever used it has ended. */
import { alloc, bug, free, type GuardedBy, get, getUnlessZero, put, type RefCount, type Runs } from '../language.ts';

/** An address space (`struct mm_struct`). */
export interface Mm {
  /** Who uses the memory (`mm_users`). */
  users: RefCount;
  /** Who keeps the structure (`mm_count`); the users together are one. */
  grabs: RefCount;
  /** The memory is there. */
  mapped: boolean;
}

/**
 * The memory is looked at by its users, and taken away when the last has gone.
 * @source Linux 6.12, kernel/fork.c, __mmput()
 */
export const mmGuards: GuardedBy<Mm> = { mapped: { read: mm => mm.users.count > 0, write: () => [] } };
export const mmRuns: Runs<Mm> = { users: mm => unmap(mm), grabs: mm => free(mm) };

/** A new address space with one user. */
export function createMm(): Mm {
  return alloc<Mm>({ users: 1, grabs: 1, mapped: true });
}

/** The last user has gone, and the memory with it. */
export function unmap(mm: Mm): void {
  mm.mapped = false;
  put(mm.grabs);
}

/** Bring a page in, unless the memory is going (`mmget_not_zero` and `get_user_pages_remote`). */
export function bringIn(mm: Mm): void {
  if (!getUnlessZero(mm.users)) return;
  lookAt(mm);
  put(mm.users);
}

/** What is looked at is there. */
export function lookAt(mm: Mm): void {
  if (!mm.mapped) bug();
}

/** Keep the structure (`mmgrab`). */
export function grab(mm: Mm): void {
  get(mm.grabs);
}

/** The process ends (`exit_mm`). */
export function exit(mm: Mm): void {
  put(mm.users);
}
