/** How each action uses fields, as far as the order of two steps can be told by it. */
import type { Action, Program, Target } from '../program.ts';

export const READ = 1;
export const WRITE = 2;
/** Writes what every writer of the field writes. */
export const SAME = 4;
export const RAISE = 8;
export const PUT = 16;
export const LOCK = 32;
export const READ_LOCK = 64;
export const UNLOCK = 128;
/** Goes one way or the other, by whether a lock is free. */
export const TRY = 256;
/** Begins to wait for the read sections that are open. */
export const BEGIN = 512;
/** The same by a thread that does nothing afterwards that others can tell, before it is seen again. */
export const LAST_BEGIN = 16384;
export const QUEUE = 1024;
export const TAKE = 2048;
export const CANCEL = 4096;
/** Begins to wait for the runs that there are. */
export const NOTE = 8192;

/** What an action does to a field: `is` matters to others, and to it matters what others do of `minds`. */
export interface Use {
  readonly field: string;
  readonly is: number;
  readonly minds: number;
}

export const isSeen = (action: Action): boolean =>
  action.kind === 'call' || action.kind === 'return' || (action.kind === 'choose' && action.byCaller);

export const classOf = ({ type, field }: Target): string => `${type}.${field}`;

export function usesOf(program: Program, action: Action, same: ReadonlyMap<string, number>): readonly Use[] {
  const on = (is: number, minds: number): readonly Use[] =>
    'target' in action && action.target !== null ? [{ field: classOf(action.target), is, minds }] : [];
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
    case 'read-constant':
    case 'assert-held':
    case 'assert-sole':
    case 'alloc':
    case 'free':
    case 'next-later':
    case 'choose':
    case 'bug':
    case 'call-null':
    case 'call':
    case 'return':
    // Once it can go on, nobody can stop it.
    case 'grace-end':
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
    // Entries change under the queue's lock only, which the thread has.
    case 'next-entry':
    // Who waits for it can only go on sooner.
    case 'exit':
    case 'done':
      return [];
    case 'read':
    case 'has':
    case 'next':
    case 'pick':
      return on(READ, WRITE | SAME | RAISE | PUT);
    // The descriptor keeps the file, so what is raised was not zero, and what others put is not the last.
    case 'fget':
      return on(READ, WRITE);
    case 'write':
      return same.has(classOf(action.target)) ? on(SAME, READ | WRITE) : on(WRITE, READ | WRITE | SAME);
    case 'lock':
    case 'write-lock-queued':
      return on(LOCK, LOCK | READ_LOCK | TRY);
    case 'write-lock':
      return on(LOCK | TRY, LOCK | READ_LOCK | UNLOCK | TRY);
    case 'read-lock':
      return on(READ_LOCK, LOCK | TRY);
    case 'try-lock':
      return on(LOCK | TRY, LOCK | READ_LOCK | UNLOCK | TRY);
    case 'unlock':
    case 'read-unlock':
    case 'link':
    case 'unlink':
      return on(UNLOCK, TRY);
    case 'enter':
      return on(0, BEGIN | LAST_BEGIN);
    case 'grace-begin':
      return on(BEGIN, 0);
    // Whoever raises knows of a reference that nobody puts meanwhile.
    case 'get':
      return on(RAISE, READ);
    case 'get-unless-zero':
    case 'put':
    case 'put-later':
      return on(PUT, PUT | READ);
    case 'queue':
    case 'queue-after-grace':
      return on(QUEUE, QUEUE | TAKE | CANCEL | NOTE);
    case 'take':
      return on(TAKE, QUEUE | CANCEL);
    case 'cancel-begin':
      return on(CANCEL, QUEUE | TAKE | CANCEL);
    case 'flush-begin':
      return on(NOTE, 0);
    case 'flush-queue-begin':
      return (program.onQueue[classOf(action.target)] ?? []).map(field => ({ field, is: NOTE, minds: 0 }));
    default:
      return on(WRITE, READ | WRITE | SAME);
  }
}

/** Fields that are only ever written with one value, and that value. */
export function writtenTheSame(program: Program): ReadonlyMap<string, number> {
  const values = new Map<string, number | null>();
  for (const thread of program.threads)
    for (const { action } of thread.nodes) {
      if (action.kind !== 'write') continue;
      const field = classOf(action.target);
      const value = action.value.kind === 'constant' ? action.value.value : null;
      values.set(field, values.has(field) && values.get(field) !== value ? null : value);
    }
  return new Map([...values].flatMap(([field, value]): [string, number][] => (value === null ? [] : [[field, value]])));
}
