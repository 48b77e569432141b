/** The rules that need no declaration, what they say, and which event kinds it takes to judge them. */
import type { EventKind } from './event.ts';

export interface BuiltInRule {
  readonly sentence: string;
  /** Without one of these the oracle would be guessing. */
  readonly needs: readonly EventKind[];
  /** Events at which it can be broken; without one of these some violation may be missed. */
  readonly brokenAt: readonly EventKind[];
}

const touches: readonly EventKind[] = [
  'read',
  'write',
  'add',
  'remove',
  'has',
  'next',
  'want',
  'tried',
  'released',
  'assert-held',
  'enter',
  'exit',
  'grace-begin',
  'get',
  'put',
  'get-unless-zero',
  'queue',
  'run-begin',
  'flush-begin',
  'cancel-begin',
  'link',
  'unlink',
  'callback',
  'wait-prepare',
  'wake-all',
  'free',
];
const holding: readonly EventKind[] = ['got', 'released', 'tried', 'enter', 'exit'];
const waits: readonly EventKind[] = ['want', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin'];

export const builtInRules = {
  nullNeverFollowed: { sentence: 'A null pointer is never followed.', needs: [], brokenAt: ['null-followed'] },
  neverTouchedAfterFree: {
    sentence: 'Nobody touches an object after it was freed: no read, write, verb, callback or unlock.',
    needs: ['alloc', 'free'],
    brokenAt: touches,
  },
  neverResurrected: {
    sentence: 'A counter that has reached zero stays there.',
    needs: ['alloc', 'get', 'put', 'get-unless-zero'],
    brokenAt: ['get'],
  },
  referencesBalance: {
    sentence: 'A reference is put by who got it: no put at zero, and at rest every counter equals its owners.',
    needs: ['alloc', 'get', 'put', 'get-unless-zero', 'write'],
    brokenAt: ['put', 'quiesce'],
  },
  freedWhenIdle: {
    sentence: 'What is freed is idle: no lock inside is held, no work pending, no entry on a queue, in no set, no reader inside.',
    needs: [
      'got',
      'released',
      'tried',
      'enter',
      'exit',
      'queue',
      'run-begin',
      'cancel-begin',
      'link',
      'unlink',
      'add',
      'remove',
      'alloc',
      'get',
      'put',
      'get-unless-zero',
    ],
    brokenAt: ['free'],
  },
  lastPutTakesNoHeldLock: {
    sentence: 'A put that may be the last is not made under a lock that its release takes.',
    needs: ['got', 'released', 'tried', 'alloc', 'get', 'get-unless-zero'],
    brokenAt: ['put', 'want', 'free'],
  },
  releasedByHolder: {
    sentence: 'A lock is released only by the thread that holds it.',
    needs: ['got', 'tried', 'enter'],
    brokenAt: ['released', 'exit'],
  },
  flagTakenWhenFree: { sentence: 'A flag that is used as a lock is taken only while it is free.', needs: ['write'], brokenAt: ['write'] },
  neverTakenTwice: {
    sentence: 'A thread does not wait for a lock that it holds itself.',
    needs: ['got', 'released', 'tried'],
    brokenAt: ['want'],
  },
  neverSleepsInAtomic: {
    sentence: 'Nothing sleeps under a spinlock, in a plain RCU read section, in an interrupt.',
    needs: [...holding, 'thread-start'],
    brokenAt: [...waits, 'wait-sleep', 'wait-done'],
  },
  irqLocksKeepIrqsOff: {
    sentence: 'A lock that is taken in an interrupt is taken elsewhere only with interrupts off.',
    needs: ['thread-start', 'got', 'released', 'tried'],
    brokenAt: ['got', 'tried'],
  },
  conditionNeverSleeps: {
    sentence: 'The condition of a wait does not sleep: when it is read the thread is about to sleep already, and not running any more.',
    needs: ['wait-prepare', 'wait-finish', 'wait-sleep', 'wake-all'],
    brokenAt: waits,
  },
  locksBalance: { sentence: 'A call returns with the locks it came with.', needs: holding, brokenAt: ['call', 'return', 'thread-end'] },
  noLockCycle: {
    sentence: 'Locks, grace periods and flushes wait for each other in one order.',
    needs: ['got', 'released', 'tried', 'enter', 'exit', 'run-begin', 'run-end'],
    brokenAt: waits,
  },
  neverFlushesItself: {
    sentence: 'No flush or cancel of a work item from inside its own run.',
    needs: ['run-begin', 'run-end'],
    brokenAt: ['flush-begin', 'cancel-begin', 'flush-queue-begin'],
  },
  everyWaitEnds: {
    sentence: 'Every wait ends: no deadlock, no lost wake-up.',
    needs: ['got', 'released', 'tried', 'enter', 'exit', 'run-begin', 'run-end'],
    brokenAt: waits,
  },
  quietAtTheEnd: {
    sentence: 'At the end nothing is left behind: no lock, reader, reference, entry, queued work or unfreed object.',
    needs: ['alloc', 'free', 'write', 'add', 'remove', ...holding, 'queue', 'run-begin', 'run-end', 'cancel-begin', 'link', 'unlink'],
    brokenAt: ['quiesce'],
  },
  valuesInBounds: {
    sentence: 'A number stays within its bounds: a Natural never goes below zero.',
    needs: [],
    brokenAt: ['write'],
  },
  heldWhereAsserted: {
    sentence: 'A function that says it needs a lock is called with it (`assertHeld`).',
    needs: holding,
    brokenAt: ['assert-held'],
  },
  soleWhereAsserted: {
    sentence: 'What a thread says is its alone is touched by no other (`assertSole`).',
    needs: ['assert-sole', 'free'],
    brokenAt: touches,
  },
  bugNeverReached: { sentence: 'What the author thinks cannot happen does not (`bug`).', needs: [], brokenAt: ['bug'] },
} satisfies Record<string, BuiltInRule>;

export type BuiltInName = keyof typeof builtInRules;
export const builtInNames = Object.keys(builtInRules).filter((name): name is BuiltInName => name in builtInRules);
