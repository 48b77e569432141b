/** Reader-writer locks, and questions about sets, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('reader-writer locks and questions about sets');

const library = `/** Books stand on shelves; whoever looks for one reads, whoever moves one writes. */
import {
  alloc, every, lock, readLock, readUnlock, some, unlock, writeLock, writeUnlock,
  type Defect, type GuardedBy, type LockOrder, type Mutex, type RwLock, type RwSemaphore, type Scenario, 
} from '../language.ts';
import * as shop from './shop.ts';

/** A shelf of books. */
export interface Shelf { sem: RwSemaphore; spin: RwLock; desk: Mutex; books: Set<Book>; open: boolean; asked: boolean }
/** A book, lent or not. */
export interface Book { lent: boolean }

/**
 * The shelf's semaphore guards what stands on it.
 * @source our own example
 */
export const shelfGuards: GuardedBy<Shelf> = { books: shelf => shelf.sem, open: shelf => shelf.spin, asked: { read: shelf => [shelf.sem, shelf.spin], write: shelf => shelf.sem } };
/**
 * A book is lent under the lock of the desk.
 * @source our own example
 */
export const bookGuards: GuardedBy<Book> = { lent: { read: () => [], write: () => [] } };
/**
 * The desk is taken inside the shelf.
 * @source our own example
 */
export const deskInside: LockOrder<[Shelf]> = shelf => [shelf.sem, shelf.desk];
/** Whether all are in, read while looking. */
export function allIn(shelf: Shelf): boolean { return every(shelf.books, book => !book.lent); }
/** Whether one is out. */
export function oneOut(shelf: Shelf): boolean { return shelf.open && some(shelf.books, book => book.lent); }

/** Looks, and says whether all were in. */
export function look(shelf: Shelf): boolean {
  readLock(shelf.sem);
  const all = allIn(shelf);
  readUnlock(shelf.sem);
  return all;
}
/** Looks whether the shelf is open and one is out. */
export function lookOut(shelf: Shelf): boolean {
  readLock(shelf.sem);
  readLock(shelf.spin);
  if (oneOut(shelf)) {
    readUnlock(shelf.spin);
    readUnlock(shelf.sem);
    return true;
  }
  readUnlock(shelf.spin);
  readUnlock(shelf.sem);
  return false;
}
/** Lends one and opens. */
export function lend(shelf: Shelf, book: Book): void {
  writeLock(shelf.sem);
  book.lent = true;
  shelf.books.delete(book);
  shelf.asked = true;
  lock(shelf.desk);
  unlock(shelf.desk);
  writeLock(shelf.spin);
  shelf.open = true;
  writeUnlock(shelf.spin);
  writeUnlock(shelf.sem);
}

/** Two books, one reader, one lender. */
export const lendsWhileLooking: Scenario = ({ thread, stays }) => {
  const shelf = alloc<Shelf>({});
  const one = alloc<Book>({});
  const other = alloc<Book>({});
  shelf.books.add(one);
  shelf.books.add(other);
  stays(shelf, one, other);
  thread(() => look(shelf));
  thread(() => lookOut(shelf));
  thread(() => lend(shelf, one));
};

/** The read side is taken to write. */
export const lendsAsReader: Defect<typeof shop> = {
  breaks: [{ rule: shelfGuards, in: lendsWhileLooking }],
  instead: {
    lend: (shelf, book) => {
      readLock(shelf.sem);
      shelf.books.delete(book);
      readUnlock(shelf.sem);
    },
  },
};
/** The desk is taken outside the shelf that is read. */
export const deskFirst: Defect<typeof shop> = {
  breaks: [{ rule: deskInside, in: lendsWhileLooking }],
  instead: {
    look: shelf => {
      lock(shelf.desk);
      readLock(shelf.sem);
      readUnlock(shelf.sem);
      unlock(shelf.desk);
      return true;
    },
  },
};
`;

test('a spec with reader-writer locks and questions passes, and explorer, interpreter and oracle agree on every step', () => {
  const system = systemOf(library);
  assert.equal(broken(system, 'lendsWhileLooking'), []);
  allAgree(system, 'lendsWhileLooking');
  assert.ok(broken(system, 'lendsWhileLooking', 'lendsAsReader').includes('shelfGuards'));
  allAgree(system, 'lendsWhileLooking', 'lendsAsReader');
  assert.ok(broken(system, 'lendsWhileLooking', 'deskFirst').includes('deskInside'));
  allAgree(system, 'lendsWhileLooking', 'deskFirst');
});

test('a question about a set is asked member by member: what it answers need not have been true at any time', () => {
  const system = systemOf(`/** There is always a lamp on, and still somebody finds all of them off. */
import { type GuardedBy, type Scenario, alloc, bug, every, unguarded } from '../language.ts';

/** A street with lamps. */
export interface Street { lamps: Set<Lamp> }
/** On or off. */
export interface Lamp { on: boolean }
/**
 * Anybody looks.
 * @source our own example
 */
export const streetGuards: GuardedBy<Street> = { lamps: unguarded };
/**
 * Anybody looks.
 * @source our own example
 */
export const lampGuards: GuardedBy<Lamp> = { on: unguarded };

/** The other one goes on before the first goes off. */
export function change(from: Lamp, to: Lamp): void {
  to.on = true;
  from.on = false;
}
/** Walks down the street. */
export function walk(street: Street): void {
  if (every(street.lamps, lamp => !lamp.on)) bug();
}
/** One walks, one changes the lamps. */
export const changesWhileWalking: Scenario = ({ thread, stays }) => {
  const street = alloc<Street>({});
  const one = alloc<Lamp>({ on: true });
  const other = alloc<Lamp>({});
  street.lamps.add(one);
  street.lamps.add(other);
  stays(street, one, other);
  thread(() => walk(street));
  thread(() => change(one, other));
};
/** Nobody changes them. */
export const nobodyChanges: Scenario = ({ thread, stays }) => {
  const street = alloc<Street>({});
  const one = alloc<Lamp>({ on: true });
  street.lamps.add(one);
  stays(street, one);
  thread(() => walk(street));
};
`);
  assert.equal(broken(system, 'changesWhileWalking'), ['always.bugNeverReached']);
  assert.equal(broken(system, 'nobodyChanges'), []);
  allAgree(system, 'changesWhileWalking');
});

test.run();
