/** What holds for every program: the rules that need no spec, why they matter, and which event kinds it takes to judge them fully. */
import type { EventKind } from '../event.ts';

export interface GenericRule {
  readonly sentence: string;
  readonly why: string;
  readonly lookAt: string;
  /** Without one of these some violation may be missed. None is ever made up: where something is not known, the rule is silent. */
  readonly kinds: readonly EventKind[];
}

const holding: readonly EventKind[] = ['want', 'got', 'released'];
const reading: readonly EventKind[] = ['enter', 'exit'];
const counting: readonly EventKind[] = ['alloc', 'get', 'put', 'get-unless-zero'];
const running: readonly EventKind[] = ['run-begin', 'run-end'];

export const genericRules = {
  nullNeverFollowed: {
    sentence: 'A null pointer is never followed.',
    why: 'The kernel oopses, with whatever locks the thread holds.',
    lookAt: 'Who sets the pointer to null, and what keeps the reader from running then.',
    kinds: ['null-followed'],
  },
  neverTouchedAfterFree: {
    sentence: 'Nobody touches an object after it was freed: no read, write, verb, callback or unlock.',
    why: "The memory may be somebody else's by now, so the touch corrupts it or acts on it.",
    lookAt: 'The reference, lock or grace period that should have kept the object until this touch.',
    kinds: ['alloc', 'free'],
  },
  freedWhenIdle: {
    sentence: 'What is freed is idle: no lock inside is held, no work pending or running, no entry on a queue, no reader inside.',
    why: 'Who holds, runs or wakes it later does so in freed memory.',
    lookAt: 'The cancel, flush, unhook or unlock that has to come before the free.',
    kinds: ['free', ...holding, ...reading, 'queue', ...running, 'cancel-begin', 'link', 'unlink'],
  },
  freedAfterGrace: {
    sentence: 'An object that is used inside read sections is freed after a grace period that begins when nobody can find it any more.',
    why: 'A reader that found it before may still be using it.',
    lookAt: 'The synchronize between taking it off the list and freeing it.',
    kinds: ['free', 'remove', ...reading, 'grace-begin', 'grace-end'],
  },
  graceWaitsForReaders: {
    sentence: 'A grace period ends after every read section that was open when it began.',
    why: 'What is freed after it is still being read.',
    lookAt: 'The domain that the reader is in, and the one that the updater waits for.',
    kinds: [...reading, 'grace-begin', 'grace-end'],
  },
  neverResurrected: {
    sentence: 'A counter that has reached zero stays there.',
    why: 'The destructor runs already; the new reference does not stop it.',
    lookAt: 'A get that should be a get-unless-zero, or a pointer that should have been cleared before the last put.',
    kinds: counting,
  },
  referencesBalance: {
    sentence: 'A reference is put by who got it: no put at zero.',
    why: 'One put too many frees the object under another owner.',
    lookAt: 'Which path puts twice, or puts what it never got.',
    kinds: counting,
  },
  lastPutTakesNoHeldLock: {
    sentence: 'A put that may be the last is not made under a lock that its release takes.',
    why: 'The thread then waits for itself, inside the destructor.',
    lookAt: 'Whether the put can move behind the unlock, or the release can do without the lock.',
    kinds: [...holding, ...counting, 'free'],
  },
  releasedByHolder: {
    sentence: 'A lock is released only by the thread that holds it, and a read section left only by who is in it.',
    why: "The release lets somebody in while the real holder still works, and breaks the lock's state.",
    lookAt: 'The path on which the lock was already released, or never taken.',
    kinds: ['got', 'released', 'tried', ...reading],
  },
  neverTakenTwice: {
    sentence: 'A thread does not wait for a lock that it holds itself.',
    why: 'It waits for ever.',
    lookAt: 'The caller that holds the lock already, often through a callback or a destructor.',
    kinds: holding,
  },
  locksBalance: {
    sentence: 'A call, a work item and a thread end with the locks they began with.',
    why: 'The next one who needs the lock waits for ever.',
    lookAt: 'The error path that returns without an unlock.',
    kinds: ['got', 'released', 'call', 'return', 'thread-end', ...running],
  },
  noLockCycle: {
    sentence: 'Locks, grace periods and flushes wait for each other in one order.',
    why: 'Two threads that take them in opposite orders at the same time wait for each other for ever.',
    lookAt: 'One of the acquisitions: take the outer lock first, or drop the inner one before.',
    kinds: [...holding, ...reading, ...running, 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin'],
  },
  irqLocksKeepIrqsOff: {
    sentence: 'A lock that is taken in an interrupt is taken elsewhere only with interrupts off.',
    why: 'The interrupt comes on the same processor while the lock is held, and waits for ever.',
    lookAt: 'The acquisition with interrupts on: it needs the irq or irqsave form.',
    kinds: ['thread-start', 'got'],
  },
  neverSleepsInAtomic: {
    sentence: 'Nothing sleeps under a spinlock, in a plain RCU read section, in an interrupt.',
    why: 'Others spin for the lock on a processor that the sleeper needs.',
    lookAt: 'The call that may sleep: move it behind the unlock, or use the form that does not sleep.',
    kinds: [
      'thread-start',
      ...holding,
      ...reading,
      'grace-begin',
      'flush-begin',
      'cancel-begin',
      'flush-queue-begin',
      'wait-sleep',
      'wait-done',
    ],
  },
  everyWaitEnds: {
    sentence: 'Every wait ends: no deadlock.',
    why: 'These threads never go on.',
    lookAt: 'The first of the waits: what it holds while it waits.',
    kinds: [...holding, ...reading, 'grace-begin', 'flush-begin', ...running],
  },
  neverFlushesItself: {
    sentence: 'No flush or cancel of a work item from inside its own run.',
    why: 'The run waits for its own end.',
    lookAt: 'How the work function reaches the flush.',
    kinds: [...running, 'flush-begin', 'cancel-begin', 'flush-queue-begin'],
  },
  callbackWhileLinked: {
    sentence: 'The callback of a wait entry runs under the lock of its queue, and only while the entry is on that queue.',
    why: 'Whoever took the entry off believes that no callback comes any more, and frees what it uses.',
    lookAt: "The wake-up that runs without the queue's lock, or the entry that is taken off without it.",
    kinds: ['callback', 'link', 'unlink', 'got', 'released'],
  },
  heldWhereAsserted: {
    sentence: 'A function that says it needs a lock is called with it.',
    why: 'What the lock protects can change under the function.',
    lookAt: 'The caller: where it lets go, or that it never takes the lock.',
    kinds: ['assert-held', 'got', 'released', ...reading],
  },
  soleWhereAsserted: {
    sentence: 'Where a thread says that it has an object to itself, no other thread touches it any more.',
    why: 'The thread goes on without a lock, and the other one races with it.',
    lookAt: 'Who can still find the object.',
    kinds: ['assert-sole'],
  },
  quietAtTheEnd: {
    sentence: 'At the end nothing is left behind: no lock, reader, queued work, linked entry, or object that nobody has.',
    why: 'What is left behind is leaked, or blocks the next user.',
    lookAt: 'The path that ended without undoing what it did.',
    kinds: ['quiesce', ...holding, ...reading, 'queue', ...running, 'link', 'unlink', ...counting, 'free'],
  },
  bugNeverReached: {
    sentence: 'What the author thinks cannot happen does not.',
    why: 'The code that follows relies on it.',
    lookAt: 'The path that led here.',
    kinds: ['bug'],
  },
} satisfies Record<string, GenericRule>;

export type GenericName = keyof typeof genericRules;
export const genericNames = Object.keys(genericRules).filter((name): name is GenericName => name in genericRules);
export const genericRule = (id: string): GenericRule | undefined => {
  const name = genericNames.find(one => `always.${one}` === id);
  return name === undefined ? undefined : genericRules[name];
};
