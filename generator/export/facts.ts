/** What of a program can change at all, and who can make it change: all else is a constant, and no part of a state of SPIN. */
import type { Action, Program, Target } from '../program.ts';

export interface Facts {
  /** `Irqfd.kvm` of fields that some step other than `free` changes. */ readonly written: ReadonlySet<string>;
  readonly freed: ReadonlySet<string>;
  readonly allocated: ReadonlySet<string>;
  /** Types of which a thread may say that an object is its alone. */ readonly sole: ReadonlySet<string>;
  /** `Irqfd.entry` of entries that may be linked exclusively. */ readonly exclusive: ReadonlySet<string>;
  /** Threads, lowest first, that take the lock, open a section or read a lock, wait for a grace period, for a run, on a wait queue, or to write a lock; by the field. */
  readonly lockers: Threads;
  readonly readers: Threads;
  readonly synchronizers: Threads;
  readonly flushers: Threads;
  readonly sleepers: Threads;
  readonly queuers: Threads;
}
export type Threads = ReadonlyMap<string, readonly number[]>;

export function classOf({ type, field }: Pick<Target, 'type' | 'field'>): string {
  return `${type}.${field}`;
}

export function factsOf(program: Program): Facts {
  const written = new Set<string>(),
    freed = new Set<string>(),
    allocated = new Set<string>(),
    exclusive = new Set<string>(),
    sole = new Set<string>();
  const lockers = new Map<string, number[]>(),
    readers = new Map<string, number[]>(),
    synchronizers = new Map<string, number[]>(),
    flushers = new Map<string, number[]>(),
    sleepers = new Map<string, number[]>(),
    queuers = new Map<string, number[]>();
  const note = (in_: Map<string, number[]>, field: string, thread: number): void => {
    const known = in_.get(field) ?? [];
    if (!known.includes(thread)) in_.set(field, [...known, thread]);
  };
  const look = (action: Action, thread: number): void => {
    switch (action.kind) {
      case 'write-lock':
        note(queuers, classOf(action.target), thread);
        note(lockers, classOf(action.target), thread);
        written.add(classOf(action.target));
        return;
      case 'lock':
      case 'try-lock':
      case 'flag-take':
      case 'write-lock-queued':
        note(lockers, classOf(action.target), thread);
        written.add(classOf(action.target));
        return;
      case 'write':
      case 'add':
      case 'remove':
      case 'unlock':
      case 'flag-free':
      case 'get':
      case 'get-unless-zero':
      case 'put':
      case 'put-later':
      case 'queue':
      case 'take':
      case 'complete':
      case 'close-fd':
        written.add(classOf(action.target));
        return;
      case 'link':
      case 'unlink':
        written.add(classOf(action.target)).add(classOf(action.entry));
        if (action.kind === 'link' && action.exclusive) exclusive.add(classOf(action.entry));
        return;
      case 'alloc':
        allocated.add(action.type);
        for (const field of Object.keys(action.fields)) written.add(`${action.type}.${field}`);
        return;
      case 'assert-sole':
        sole.add(action.type);
        return;
      case 'free':
        freed.add(action.type);
        return;
      case 'fget': {
        const file = program.types
          .find(type => type.name === action.target.type)
          ?.fields.find(field => field.name === action.target.field)?.to;
        written.add(`${file ?? ''}.refs`);
        return;
      }
      case 'enter':
      case 'read-lock':
        return note(readers, classOf(action.target), thread);
      case 'grace-begin':
        return note(synchronizers, classOf(action.target), thread);
      case 'queue-after-grace':
        written.add(classOf(action.target));
        for (const [worker, { work }] of program.threads.entries())
          if (work !== null && classOf(work) === classOf(action.target)) note(synchronizers, classOf(action.domain), worker);
        return;
      case 'flush-begin':
        return note(flushers, classOf(action.target), thread);
      case 'cancel-begin':
        written.add(classOf(action.target));
        return note(flushers, classOf(action.target), thread);
      case 'flush-queue-begin':
        for (const work of program.onQueue[classOf(action.target)] ?? []) note(flushers, work, thread);
        return;
      case 'wait-prepare':
        return note(sleepers, classOf(action.target), thread);
      default:
        return;
    }
  };
  program.threads.forEach(({ nodes }, thread) => {
    for (const { action } of nodes) look(action, thread);
  });
  for (const [cell, linked] of Object.entries(program.initial.exclusive)) if (linked === 1) exclusive.add(cell.replace(/#\d+\./, '.'));
  return { sole, written, freed, allocated, exclusive, lockers, readers, synchronizers, flushers, sleepers, queuers };
}
