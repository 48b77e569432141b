/**
 * What a trace is made of: one JSON object a line, in the order in which things happened. Depends on nothing.
 *
 * Objects are named `Type#n` and a name is never used again, so that a touch after free is seen even where memory is recycled.
 * A field is named by its object: `Irqfd#1.kvm`. So are the locks, counters, work items and queues inside it.
 */

/** Object names are told from other strings by their `#`. Strings without one are words of the spec, an errno for instance. */
export type Scalar = string | number | boolean | null;

/** First line of a trace. */
export interface TraceHeader {
  readonly holdfast: 'trace';
  readonly version: 1;
  /** Null: a trace of no system that has a spec. It is judged by what holds for every program. */
  readonly system: string | null;
  /** Event kinds that whoever wrote the trace can see; all of them if absent. A rule that needs another kind is inconclusive. */
  readonly observes?: readonly EventKind[];
  /** What a field is, by `Type.field`, for a trace without a system. Of a lock or a domain that is not listed nobody knows whether it sleeps. */
  readonly places?: Readonly<Record<string, PlaceKind>>;
  /** How the trace came about, and how to get it again. */
  readonly from?: string;
}

/** Locks and read sections, as far as it matters to every program: may its taker sleep, and may its holder? */
export type PlaceKind = 'mutex' | 'spinlock' | 'wait-queue' | 'rw-lock' | 'rw-semaphore' | 'semaphore' | 'rcu' | 'srcu';

/** How a lock with several holders is taken. Absent: alone. A plain reader queues behind a writer that waits; a recursive one does not. */
export type ReadMode = 'read' | 'recursive-read';

interface Common {
  /** Position in the trace, strictly increasing. */
  readonly seq: number;
  /** Name of the thread; never used again for another. */
  readonly thread: string;
  /** Where in the spec or the source, for people: `spec/irqfd/irqfd.ts:120`. */
  readonly site?: string;
}

export type Event = Common &
  /** `process`: on whose behalf it runs. */
  (
    | { readonly kind: 'thread-start'; readonly context: 'task' | 'hardirq' | 'worker'; readonly process?: string }
    | { readonly kind: 'thread-end' }
    /** The thread makes another one, or has seen its end. Without them a thread is taken to follow all that was before it, and its end to precede all that is after. */
    | { readonly kind: 'fork' | 'join'; readonly other: string }
    /** A call of the interface begins or ends. */
    | { readonly kind: 'call'; readonly call: string; readonly arguments: readonly Scalar[] }
    | { readonly kind: 'return'; readonly call: string; readonly result: Scalar }
    /** A new object; fields not given are 0, null, empty. Counters by their value. */
    | { readonly kind: 'alloc'; readonly object: string; readonly fields: Readonly<Record<string, Scalar>> }
    | { readonly kind: 'free'; readonly object: string }
    | { readonly kind: 'read' | 'write'; readonly field: string; readonly value: Scalar }
    /** A pointer that is followed is null; `field` is `Type.field`, what was looked for behind it. */
    | { readonly kind: 'null-followed'; readonly field: string }
    | { readonly kind: 'add' | 'remove'; readonly set: string; readonly member: string }
    | { readonly kind: 'has'; readonly set: string; readonly member: string; readonly found: boolean }
    /** The next or any member of a set is looked at; null when there is none. */
    | { readonly kind: 'next'; readonly set: string; readonly member: string | null }
    /** Before the thread waits for the lock, so that a trace shows a deadlock. Locks: mutex, spinlock, reader-writer lock, wait queue. */
    | { readonly kind: 'want' | 'got' | 'released'; readonly lock: string; readonly irq?: boolean; readonly mode?: ReadMode }
    | { readonly kind: 'tried'; readonly lock: string; readonly got: boolean; readonly irq?: boolean; readonly mode?: ReadMode }
    /** The code claims to hold it (`lockdep_assert_held`). */
    | { readonly kind: 'assert-held'; readonly lock: string }
    | { readonly kind: 'enter' | 'exit' | 'grace-begin' | 'grace-end'; readonly domain: string }
    | { readonly kind: 'get' | 'put'; readonly counter: string }
    /** As `put`; what the last one runs is put off until the thread is out of its outermost call (`fput`). */
    | { readonly kind: 'put-later'; readonly counter: string }
    /** From here on no other thread touches the object. */
    | { readonly kind: 'assert-sole'; readonly object: string }
    | { readonly kind: 'get-unless-zero'; readonly counter: string; readonly got: boolean }
    | { readonly kind: 'queue'; readonly work: string; readonly on: string | null; readonly queued: boolean }
    /** A worker runs the item. */
    | { readonly kind: 'run-begin' | 'run-end'; readonly work: string }
    | { readonly kind: 'flush-begin' | 'flush-end' | 'cancel-end'; readonly work: string }
    | { readonly kind: 'cancel-begin'; readonly work: string; readonly removed: boolean }
    /** Every item queued on this work queue. */
    | { readonly kind: 'flush-queue-begin' | 'flush-queue-end'; readonly on: string }
    /** `linked` is false if the queue had an exclusive entry already. The queue's lock is held, and released by an event of its own. */
    | { readonly kind: 'link'; readonly queue: string; readonly entry: string; readonly exclusive: boolean; readonly linked: boolean }
    | { readonly kind: 'unlink'; readonly queue: string; readonly entry: string }
    /** The entry's callback begins, under the queue's lock. */
    | { readonly kind: 'callback'; readonly queue: string; readonly entry: string }
    | { readonly kind: 'wait-prepare' | 'wait-finish' | 'wake-all'; readonly queue: string }
    | { readonly kind: 'wait-sleep'; readonly queue: string; readonly result: 'woken' | 'timeout' }
    /** Done; and who waited for it goes on, or its time is up. */
    | { readonly kind: 'complete'; readonly completion: string }
    | { readonly kind: 'wait-done'; readonly completion: string; readonly result: 'done' | 'timeout' }
    /** A descriptor is looked up and its file's counter `refs` raised, or closed. Null: nothing is open there. */
    | { readonly kind: 'fget' | 'close-fd'; readonly field: string; readonly file: string | null }
    | { readonly kind: 'bug' }
    /** Whoever writes the trace says that all is at rest: nothing runs, nothing is pending. `stays`: objects that may remain. */
    | { readonly kind: 'quiesce'; readonly stays: readonly string[] }
  );

export type EventKind = Event['kind'];
