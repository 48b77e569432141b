/** Small programs made by hand about reader-writer locks. For tests. */
import type { Action, Program, Target } from '../program.ts';
import { at, field, lock, objectType, type TinyNode, type TinyThread, tiny, unlock, write } from './tiny-program.ts';

const shelf = () =>
  objectType('Shelf', [field('sem', 'rwsem', 3), field('rw', 'rwlock', 3), field('lock', 'mutex', 3), field('value', 'number', 3)]);
const sem = at('Shelf', 'sem');
const rw = at('Shelf', 'rw');
const read = (target: Target): Action => ({ kind: 'read-lock', target });
const unread = (target: Target): Action => ({ kind: 'read-unlock', target });

/** Takes the write side at this place of its nodes: two of them, where it has to queue. */
export const writeLock = (place: number): TinyNode[] => [
  { action: { kind: 'write-lock', target: sem }, next: place + 2, otherwise: place + 1 },
  { kind: 'write-lock-queued', target: sem },
];
const writer = (): TinyThread => ({ nodes: [...writeLock(0), write(at('Shelf', 'value'), 1), unlock(sem)] });
const reader = (target: Target): TinyThread => ({ nodes: [read(target), unread(target)] });

/** Two readers and a writer of one rwsem. */
export function readersAndWriter(): Program {
  return tiny({ name: 'readersAndWriter', types: [shelf()], threads: [reader(sem), reader(sem), writer()] });
}

/** A thread reads what it reads already: of an rwsem that is broken, of an rwlock it is not. */
export function readsTwice(kind: 'rwsem' | 'rwlock'): Program {
  const on = kind === 'rwsem' ? sem : rw;
  return tiny({ name: `readsTwice: ${kind}`, types: [shelf()], threads: [{ nodes: [read(on), read(on), unread(on), unread(on)] }] });
}

/** A reader becomes a writer without letting go, or the other way round. */
export function changesSides(from: 'read' | 'write', kind: 'rwsem' | 'rwlock'): Program {
  const on = kind === 'rwsem' ? sem : rw;
  const own: TinyNode[] = kind === 'rwsem' ? writeLock(from === 'read' ? 1 : 0) : [lock(on)];
  return tiny({
    name: `changesSides: ${from} ${kind}`,
    types: [shelf()],
    threads: [{ nodes: from === 'read' ? [read(on), ...own] : [...own, read(on)] }],
  });
}

/** A reader of an rwlock holds off the writer until it leaves; the writer holds off the reader. */
export function spinningSides(): Program {
  return tiny({
    name: 'spinningSides',
    types: [shelf()],
    threads: [reader(rw), { nodes: [lock(rw), write(at('Shelf', 'value'), 1), unlock(rw)] }],
  });
}

/** T1 reads, then takes the mutex; T2 takes the mutex, then reads. Two readers never wait for each other; `withWriter` one waits between them. */
export function readersInBothOrders(withWriter: boolean): Program {
  return tiny({
    name: `readersInBothOrders${withWriter ? ': writer' : ''}`,
    types: [shelf()],
    threads: [
      { nodes: [read(sem), lock(at('Shelf', 'lock')), unlock(at('Shelf', 'lock')), unread(sem)] },
      { nodes: [lock(at('Shelf', 'lock')), read(sem), unread(sem), unlock(at('Shelf', 'lock'))] },
      ...(withWriter ? [writer()] : []),
    ],
  });
}

/** Sleeping on an rwsem under an rwlock. */
export function sleepsUnderRwLock(): Program {
  return tiny({ name: 'sleepsUnderRwLock', types: [shelf()], threads: [{ nodes: [read(rw), read(sem), unread(sem), unread(rw)] }] });
}

/** Lets go of a read side that it does not have. */
export function readsNot(): Program {
  return tiny({ name: 'readsNot', types: [shelf()], threads: [{ nodes: [unread(sem)] }] });
}

/** An object is freed whose lock is read, by another thread. */
export function freedWhileRead(): Program {
  return tiny({
    name: 'freedWhileRead',
    types: [shelf()],
    stays: [],
    threads: [{ nodes: [read(rw)] }, { nodes: [{ kind: 'free', object: { kind: 'constant', value: 1 }, type: 'Shelf' }] }],
  });
}

export const tinyLocks: readonly Program[] = [
  readersAndWriter(),
  readsTwice('rwsem'),
  readsTwice('rwlock'),
  changesSides('read', 'rwsem'),
  changesSides('write', 'rwsem'),
  changesSides('read', 'rwlock'),
  changesSides('write', 'rwlock'),
  spinningSides(),
  readersInBothOrders(false),
  readersInBothOrders(true),
  sleepsUnderRwLock(),
  readsNot(),
  freedWhileRead(),
];
