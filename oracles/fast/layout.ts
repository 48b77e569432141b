/**
 * How the fast engine lays an object out: a few words that every object has, and after them each field, in the order of the type's table.
 * A word is one place in an array of whole numbers and the same place in an array of doubles, where numbers of events are.
 */
import type { FieldKind, FieldTable } from '../definition.ts';

// Words that every object begins with.
/** 1 from alloc to free. Its double is the object's number, 12 of `Irqfd#12`. */
export const alive = 0;
/** How many pointers, calls and runs lead here; while there are any, the words of a freed object stay its own, all zero. */
export const pins = 1;
/** Where it is in the list of the live objects of its type. */
export const listed = 2;
/** Changes with each birth. Its double says when it was born, by count. */
export const serial = 3;
/** First and last of the sets that it is in, as links. */
export const firstIn = 4;
export const lastIn = 5;
export const typeNumber = 6;
/** A declared object that no alloc has announced yet. */
export const assumed = 7;
export const headWords = 8;

// Words of a lock, with the doubles: since when it is owned. A domain of readers has the same, and never an owner.
export const owner = 0;
/** Read sections, or read sides of the lock, that are open. A flag used as a lock has none; there, the double says when it was written. */
export const sections = 1;
/** Threads that wait for it. */
export const waiters = 2;
// And of a wait queue or a chain of callbacks, which is a lock too: its entries, as places.
export const firstEntry = 3;
export const lastEntry = 4;

// Words of a counter; its double: when it reached zero.
export const count = 0;
export const handles = 1;

// Words of a work item, with the doubles: when it was queued, and the number of the object with the work queue.
export const pending = 0;
export const running = 1;
/** Class of the work queue that it was put on last, plus one; beside it, the number of its object. */
export const queuedOn = 2;
export const workWaiters = 3;

// Words of a wait entry, with the double: since when it is linked.
export const onQueue = 0;
export const nextEntry = 1;
export const previousEntry = 2;
export const queueObject = 3;

// Words of a set: links, and the double of the first says when it was written.
export const firstLink = 0;
export const lastLink = 1;

// The word of a completion.
export const done = 0;

// A plain field has its value in the first word (a number: in the second double), and when it was written in the first double.
export const numberValue = 1;

const lockWords = 3;
const words: Readonly<Record<FieldKind, number>> = {
  mutex: lockWords,
  spinlock: lockWords,
  rwlock: lockWords,
  rwsem: lockWords,
  flag: lockWords,
  'wait-queue': lockWords + 2,
  'notifier-chain': lockWords + 2,
  srcu: lockWords,
  rcu: lockWords,
  refcount: 2,
  work: 4,
  'work-queue': 1,
  'ordered-work-queue': 1,
  'wait-entry': 4,
  'notifier-block': 4,
  completion: 1,
  set: 2,
  pointer: 1,
  boolean: 1,
  word: 1,
  number: 2,
};

export interface Layout {
  /** Where each field begins, by its name. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly size: number;
}
export function layoutOf(fields: Readonly<Record<string, Pick<FieldTable, 'kind'>>>): Layout {
  const offsets: Record<string, number> = {};
  let size = headWords;
  for (const [field, { kind }] of Object.entries(fields)) {
    offsets[field] = size;
    size += words[kind];
  }
  return { offsets, size };
}

/** Words of a system's fields as numbers, from 1; 0 is null. */
export function wordNumbers(
  types: Readonly<Record<string, { readonly fields: Readonly<Record<string, FieldTable>> }>>,
): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { fields } of Object.values(types))
    for (const { words: of = [] } of Object.values(fields))
      for (const word of of) if (!numbers.has(word)) numbers.set(word, numbers.size + 1);
  return numbers;
}
