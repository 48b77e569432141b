/**
 * What a spec may say. Nothing here has a body: a spec is read by the generator, never run.
 *
 * Types catch misspellings and wrong kinds. They do not catch broken rules: a defect that puts twice or
 * forgets a get has to compile, so that `verify` can show what it does.
 *
 * A verb is one atomic step of the model and one event of a trace, unless its comment says how many.
 * So is every single read and every single write of a field that is not readonly.
 */

// ---- What objects are made of. Only verbs act on these; the generator knows them by their type's name.

/** Sleeping lock with an owner. */
export interface Mutex {
  readonly kind: 'mutex';
}
/** Holding it is atomic context: nothing may sleep. `lockIrq` also turns interrupts off. */
export interface SpinLock {
  readonly kind: 'spinlock';
}
/** Spinning reader-writer lock; holding either side is atomic context. Readers may recurse, and do not wait behind a waiting writer. */
export interface RwLock {
  readonly kind: 'rwlock';
}
/** Sleeping reader-writer lock. Fair: a reader waits behind a waiting writer, so a reader must not recurse. */
export interface RwSemaphore {
  readonly kind: 'rwsem';
}
/** Sleepable read sections; `synchronize` waits for those that are open. */
export interface SrcuDomain {
  readonly kind: 'srcu';
}
/** As SRCU, but a read section is atomic context. */
export interface RcuDomain {
  readonly kind: 'rcu';
}
/** `count` may be read; only get and put change it. What the last put runs is declared by `Runs`. */
export interface RefCount {
  readonly kind: 'refcount';
  readonly count: number;
}
/** A function that runs later, in a worker. Which one is declared by `Runs`. */
export interface Work {
  readonly kind: 'work';
}
/** Work items that run side by side, as many workers as items. */
export interface WorkQueue {
  readonly kind: 'work-queue';
}
/** Work items that run one at a time, in the order queued. */
export interface OrderedWorkQueue {
  readonly kind: 'ordered-work-queue';
}
/** A list of entries and of sleeping threads, with a spinlock (interrupts off) of its own. It may be named as a guard. */
export interface WaitQueue {
  readonly kind: 'wait-queue';
}
/** A callback that sits on a wait queue and runs under that queue's lock. Which one is declared by `Runs`. */
export interface WaitEntry<Key extends string = string> {
  readonly kind: 'wait-entry';
  readonly key?: Key;
}
/** Done once; waited for by any number. */
export interface Completion {
  readonly kind: 'completion';
}
/** Callbacks run in the reading side of the chain's own semaphore. */
export interface NotifierChain<Event extends string = string> {
  readonly kind: 'notifier-chain';
  readonly event?: Event;
}
export interface NotifierBlock<Event extends string = string> {
  readonly kind: 'notifier-block';
  readonly event?: Event;
}
/**
 * A module; `pins` keeps its code, and begins at 1, the reference of its being loaded. Its last put ends it: calling one of its exported functions
 * through a pointer is a use after free from then on. A call by name does not ask.
 */
export interface Module {
  readonly kind: 'module';
  readonly pins: RefCount;
}
/**
 * A flag that is used as a lock: every lock rule applies. Writing 'taken' acquires it, and never waits; 'free' releases it. Who sleeps until a
 * condition is true that reads the flag waits for the lock.
 */
export type FlagLock = 'free' | 'taken';
/** A count that is broken if it goes below zero. The model keeps it exactly, up to 7. */
export type Natural = number & { readonly natural?: true };
/** A whole number from 0 to Max. Every number of the model has such a bound. */
export type UpTo<Max extends number> = number & { readonly upTo?: Max };
/** A number of seconds. Exploring lets a timed wait end at any time; a field's value is the number. */
export interface Duration {
  readonly kind: 'duration';
}
/** An address space or a process: compared by identity, held by counted references. */
export interface Process {
  readonly kind: 'process';
  readonly users: RefCount;
  readonly admin: boolean;
}

type Primitive =
  | Mutex
  | SpinLock
  | RwLock
  | RwSemaphore
  | SrcuDomain
  | RcuDomain
  | RefCount
  | Work
  | WorkQueue
  | OrderedWorkQueue
  | WaitQueue
  | WaitEntry
  | Completion
  | NotifierChain
  | NotifierBlock;
export type Lock = Mutex | SpinLock | RwLock | RwSemaphore | WaitQueue | NotifierChain;
export type ReadSection = SrcuDomain | RcuDomain;
export type Protection = Lock | ReadSection | FlagLock;

// ---- Locks

/** Enabled when nobody holds it. Broken if this thread holds it already, or if the thread must not sleep and the lock does. */
export declare function lock(on: Mutex | SpinLock): void;
export declare function unlock(on: Mutex | SpinLock): void;
/** As `lock`, with interrupts off until `unlockIrq`. */
export declare function lockIrq(on: SpinLock): void;
export declare function unlockIrq(on: SpinLock): void;
/** True if it was taken. Never waits, so it adds no edge to the lock order. */
export declare function tryLock(on: Mutex | SpinLock): boolean;
/**
 * Of a lock: enabled when no other thread has the write side and, of a fair one, none waits for it. Broken if this thread has the write side or,
 * of a fair one, either. Of a domain: always enabled, and nests. The read side satisfies guards of reading, the write side those of writing too.
 */
export declare function readLock(on: RwLock | RwSemaphore | ReadSection): void;
export declare function readUnlock(on: RwLock | RwSemaphore | ReadSection): void;
/**
 * Enabled when nobody has either side. Broken if this thread has one. On an RwSemaphore two steps where it is not free: the thread
 * queues, and readers that come later wait behind it; then it is its turn.
 */
export declare function writeLock(on: RwLock | RwSemaphore): void;
export declare function writeUnlock(on: RwLock | RwSemaphore): void;
/** Kernel's `guard()`: taken here, released where the block ends, in reverse order. `using _ = guard(vfio.lock);` */
export declare function guard(on: Mutex | SpinLock): Disposable;
/** `lockdep_assert_held`: whoever calls must hold it. */
export declare function assertHeld(on: Protection): void;
/**
 * Wait until every read section that is open now has ended. Later ones do not delay it. May sleep.
 * Two steps: the beginning notes the readers, the end is enabled when all of those have left.
 */
export declare function synchronize(on: ReadSection): void;
/**
 * The work item becomes pending when a grace period that begins now has ended (`call_srcu`); until then it counts as pending for whoever queues,
 * flushes or cancels it. False if it was pending.
 */
export declare function queueAfterGrace(on: ReadSection, work: Work): boolean;

// ---- References and lifetime

/** Count + 1. Broken if the count is zero: nothing comes back from there. */
export declare function get(on: RefCount): void;
/** As `get`, or false and no change if the count is zero. */
export declare function getUnlessZero(on: RefCount): boolean;
/** Count - 1. The last one runs what `Runs` says, here and now, in this thread, with what it holds. */
export declare function put(on: RefCount): void;
/**
 * As `put`, but what the last one runs is put off until the outermost call of this thread returns (`fput`): without the locks held here. Several that
 * are put off run one after the other, the environment picks the order.
 */
export declare function putLater(on: RefCount): void;
/** The function, with the module that exports it pinned, or null if the module is gone. One step, as `getUnlessZero` of its pins. */
export declare function symbolGet<Symbol>(symbol: Symbol): Symbol | null;
/** Unpins the module that exports it. One step, as `put` of its pins. */
export declare function symbolPut<Symbol>(symbol: Symbol): void;

/** A number in a process's table of open files. It may be closed by anyone at any time. */
export interface Descriptor<File> {
  readonly kind: 'descriptor';
  file: File | null;
}
/** The file with a reference, or null if nothing is open there. */
export declare function fget<File extends { refs: RefCount }>(fd: Descriptor<File>): File | null;
/** Nothing is open there from now on; puts the file's reference. False if nothing was (`EBADF`). Two steps, the put is the second. */
export declare function closeFd<File extends { refs: RefCount }>(fd: Descriptor<File>): boolean;

/** A new object: unlocked, empty, zero, false, null, unless said otherwise. Pointers that cannot be null must be given. */
export declare function alloc<Type extends object>(fields: Given<Type>): Type;
/**
 * The end of an object. Every later touch by anyone is a use after free. Broken if a lock inside is held, a work item inside
 * is pending (a run that is under way may end, but not touch the object again), an entry inside is on a queue, the object is
 * still in a set, or a reader of a domain inside has not left.
 */
export declare function free(object: object): void;
/** From here on nobody else can reach the object, so its fields need no guard; a later touch by another thread breaks it. The reason is a comment. */
export declare function assertSole(object: object): void;
/** Reaching this is broken: `if (kvm === null) bug();` (`BUG_ON`, `WARN_ON`). */
export declare function bug(): never;
/** Forget what tsc thinks it knows of an object's fields: another thread may have been here. Not a step. */
export declare function again<Type extends object>(object: Type): Type;

// ---- Work

/** Make an idle item pending; false if it was pending. A running item may be queued again. Which queue it is on matters to `flushQueue`. */
export declare function queue(work: Work, on?: WorkQueue | OrderedWorkQueue): boolean;
/** Wait for the runs that are pending or running now, and no later ones. May sleep. Never ends inside the item itself. Two steps. */
export declare function flush(work: Work): void;
/** Remove a pending run and wait for a running one. May sleep. True if one was removed. Two steps. */
export declare function cancel(work: Work): boolean;
/** As `flush`, for every item that was queued on it. Two steps. */
export declare function flushQueue(on: WorkQueue | OrderedWorkQueue): void;

// ---- Wait queues and callbacks

/** Put the entry on the queue. Two steps: the queue's lock is taken, the entry is linked and the lock released. */
export declare function addWaitEntry(queue: WaitQueue, entry: WaitEntry): void;
/** As `addWaitEntry`, unless the queue has an exclusive entry already: then false and no change. */
export declare function addWaitEntryExclusive(queue: WaitQueue, entry: WaitEntry): boolean;
/** Take the entry off the queue. Two steps, as `addWaitEntry`. When it returns, the callback neither runs nor will. */
export declare function removeWaitEntry(queue: WaitQueue, entry: WaitEntry): void;
/**
 * Take the queue's lock with interrupts off, run the callbacks of its entries under it in this thread, release it.
 * One step to take the lock, one for each entry (the environment picks the order), the callbacks' own, one to release.
 */
export declare function wake<Key extends string>(queue: WaitQueue, key: Key): void;
/** Sleep until the condition is true. It is read before sleeping and after every wake-up, never in between. */
export declare function waitEvent(on: WaitQueue, condition: () => boolean): void;
/** As waitEvent, dropping the mutex while asleep (`wait_event_cmd` with unlock and lock). */
export declare function waitEventUnlocked(on: WaitQueue, condition: () => boolean, dropped: Mutex): void;
/** As waitEvent; the environment may let the time pass, or send a signal. With a mutex as waitEventUnlocked. */
export declare function waitEventTimeout(on: WaitQueue, condition: () => boolean, atMost: Duration, dropped?: Mutex): 'woken' | 'timeout';
export declare function wakeAll(on: WaitQueue): void;
/** Done, and who waits goes on. When it returns it touches the completion no more: who waited may free it. */
export declare function complete(on: Completion): void;
/** Enabled when it is done. May sleep. */
export declare function waitFor(on: Completion): void;
/** As waitFor; the environment may let the time pass while it is not done. */
export declare function waitForTimeout(on: Completion, atMost: Duration): 'done' | 'timeout';
/** Put the block on the chain, under the write side of the chain's semaphore: taken as by `writeLock`, released in the step that links. */
export declare function register(chain: NotifierChain, block: NotifierBlock): void;
/** Take the block off the chain, likewise. When it returns, its callback neither runs nor will. */
export declare function unregister(chain: NotifierChain, block: NotifierBlock): void;
/**
 * Run the callbacks of the chain's blocks in this thread, under the read side of its semaphore. One step to take it, one for each block (the
 * environment picks the order), the callbacks' own, one to release.
 */
export declare function notify<Event extends string>(chain: NotifierChain<Event>, event: Event): void;

// ---- Choices of the environment, each a step

/** Allocation fails, a copy faults, a user closes or does not. In what runs before the first thread it is false. */
export declare function maybe(): boolean;
export declare function oneOf<Value>(...values: readonly Value[]): Value;
/** Any member, the environment chooses; null when the set is empty. One step, and a read of the set. */
export declare function anyOf<Type>(set: ReadonlySet<Type>): Type | null;
/** The process that runs this step. A setup, a worker and a thread that is no user's run on behalf of the first process, an administrator's. */
export declare const current: Process;
export declare function seconds(count: number): Duration;

// ---- Expressions that rules and operations share

export declare function implies(when: boolean, then: boolean): boolean;
/**
 * Some member for which the condition is true. In a rule it is looked at in one state. In an operation it is a loop: every `next` member is a
 * step that reads the set (the environment picks the order), every read of the condition too, and the first member that decides ends it; so
 * what the answer says may have changed by the time it is given, unless a lock keeps it.
 */
export declare function some<Type>(of: ReadonlySet<Type>, condition: (one: Type) => boolean): boolean;
/** As `some`: no member for which the condition is false. */
export declare function every<Type>(of: ReadonlySet<Type>, condition: (one: Type) => boolean): boolean;
/** Allocated, not yet freed, and no counter of it has reached zero. */
export declare function isLive(object: object | null): boolean;
/** The work item is pending or running. */
export declare function isQueued(work: Work): boolean;
/** The entry is on some wait queue. */
export declare function isOnQueue(entry: WaitEntry): boolean;

/** What makes a type a rule: nothing a spec writes, but what lets tsc tell a rule from an operation. */
interface IsRule {
  readonly isRule?: true;
}

// ---- Rules about an object's fields. Each is one constant per object type, so that a variant can exchange it.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fields that can change after the object was made: not readonly, or a set. */
type Shared<Type> = {
  [Field in keyof Type]-?: Type[Field] extends Primitive
    ? never
    : Type[Field] extends ReadonlySet<unknown>
      ? Field
      : Same<Pick<Type, Field>, { -readonly [F in Field]: Type[F] }> extends true
        ? Field
        : never;
}[keyof Type];
/** A lock (any of them to read, all of them to write), or a condition while which nobody writes. */
type ReadGuard = Protection | boolean;
type Guard<Type> =
  | ((object: Type) => Lock | readonly Lock[])
  | { readonly read: (object: Type) => ReadGuard | readonly ReadGuard[]; readonly write: (object: Type) => Lock | readonly Lock[] }
  | Unguarded;
/** Every field that can change says what guards it, as a path from the object. */
export type GuardedBy<Type> = IsRule & { readonly [Field in Shared<Type>]: Guard<Type> };
interface Unguarded {
  readonly kind: 'unguarded';
}
/** Read and written without a lock; the comment beside it says why that is right. */
export declare const unguarded: Unguarded;

type Pointee<Field> = Field extends ReadonlySet<infer One> ? One : Exclude<Field, null>;
/**
 * Pointers that own a reference, and which counter of the other object it is on. All other pointers are borrowed.
 * At rest a counter that has owners equals the number of live fields that own it and of the scenario's own handles.
 */
export type Owns<Type> = IsRule & { readonly [Field in keyof Type]?: (object: Pointee<Type[Field]>) => RefCount };
/** What an object's counter runs at its last put, what its work runs, what its wait entry and notifier block call. Every one has an entry. */
export type Runs<Type> = { readonly [Field in Runnable<Type>]: Runner<Type, Type[Field]> };
type Runnable<Type> = {
  [Field in keyof Type]-?: Type[Field] extends RefCount | Work | WaitEntry | NotifierBlock ? Field : never;
}[keyof Type];
type Runner<Type, Field> =
  Field extends WaitEntry<infer Key>
    ? (object: Type, key: Key) => void
    : Field extends NotifierBlock<infer Event>
      ? (object: Type, event: Event) => void
      : (object: Type) => void;
/** Functions other modules reach by symbolGet. */
export interface Exports {
  readonly module: Module;
  readonly symbols: readonly Callable[];
}

// ---- Rules about locks

/** Taken from left to right, the left one outside. A read section stands for its readers and for the wait for them. */
export type LockOrder<Objects extends readonly unknown[] = []> = IsRule & ((...objects: Objects) => readonly Protection[]);
/** As LockOrder, and released in reverse: broken where one is let go while something is held that belongs inside it, by class. */
export type NestedOrder<Objects extends readonly unknown[] = []> = IsRule & ((...objects: Objects) => readonly Protection[]);
/** The second is taken inside the first although the other order exists too. The comment says why the two never meet; exploring holds it to that. */
export type OrderException<Objects extends readonly unknown[] = []> = IsRule & ((...objects: Objects) => readonly [Protection, Protection]);
/** No lock is taken or tried, and nothing sleeps, while a lock of this class is held. Entering a read section is allowed. */
export type Innermost<Type> = IsRule & ((object: Type) => Lock);
/**
 * A field is read once into a local; a decision and its action use that local. Broken by the second read of the same object's field within the
 * outermost call of a thread, whatever functions the two are in, or within one run of a work item.
 */
export type ReadOnce<Type> = IsRule & ((object: Type) => unknown);

// ---- Rules about states and events

export interface Past {
  /** The thread of this event holds it, or is inside a read section of it. */
  holds(lock: Protection): boolean;
}
/** A rule looks and does not touch. */
type Seen<Objects> = { readonly [Name in keyof Objects]: Readonly<Objects[Name]> };
/** True in every reachable state, for every choice of live objects. */
export type Invariant<Objects> = IsRule & ((objects: Seen<Objects>, past: Past) => boolean);
/** True whenever nobody holds a lock that guards writing a field which it reads. */
export type Settled<Objects> = IsRule & ((objects: Seen<Objects>, past: Past) => boolean);
/** True just before every event of one kind. The event is written as the statement that makes it. */
export interface AtEvery<Objects> extends IsRule {
  readonly event: (objects: Objects) => unknown;
  readonly then: (objects: Seen<Objects>, past: Past) => boolean;
}

// ---- Rules about calls. `Call` is a function of the spec: `Contract<typeof merge>`.

/** `never` accepts every parameter list. */
type Callable = (...args: never[]) => unknown;
export type Errno =
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EAGAIN'
  | 'EBADF'
  | 'EBADFD'
  | 'EBUSY'
  | 'EEXIST'
  | 'EFAULT'
  | 'EINVAL'
  | 'EIO'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSYS'
  | 'ENOTTY'
  | 'EOPNOTSUPP'
  | 'EPERM'
  | 'ESRCH';
type Failure<Call extends Callable> = Extract<ReturnType<Call>, Errno>;
export interface Contract<Call extends Callable> extends IsRule {
  /**
   * Per errno of the signature, when it is due. Returned only if its condition was true at an instant of the call; and
   * a call throughout which some condition was true must return one whose condition was true. Several true: any of them.
   */
  readonly fails: { readonly [Name in Failure<Call>]: (...args: Parameters<Call>) => boolean };
  /** True at an instant of every call that succeeds. */
  readonly ensures?: (...args: Parameters<Call>) => boolean;
  /**
   * A failing call leaves all that it wrote as it found it, except these, by class: fields, sets, counters. Judged where it is said; `() => []`
   * excepts nothing, and `fd => [fd.file?.group?.users]` may be written for what is behind a null. What others write meanwhile does not count, nor
   * what is gone.
   */
  readonly mayLeave?: (...args: Parameters<Call>) => readonly unknown[];
}
/** The environment may bring it about in any state: memory is short, user memory faults. */
export declare const atAnyTime: () => true;
/** Every lock and read section that the call, with all it calls and what its last puts run, may take, by class. A trace shows it only of calls that are offered. */
export type TakesOnly<Call extends Callable> = IsRule & ((...args: Parameters<Call>) => readonly Protection[]);
/**
 * Every call ends, if every thread gets its turn. A trace has no times, so it is judged by exploring alone; `within` is for people.
 * `given` is what the environment owes: where it never becomes true, or does not stay so, the call need not end. It is asked of calls that a
 * scenario makes itself, and true of others.
 */
export interface Ends<Call extends Callable> extends IsRule {
  readonly within?: Duration;
  readonly given?: (...args: Parameters<Call>) => boolean;
}

// ---- What an implementation offers

/**
 * The calls that an implementation offers to its users. Made from a scenario, each is seen from outside as a call and a return.
 * A system whose scenarios make no other calls can be tested without looking inside.
 */
export interface Interface {
  readonly [name: string]: Callable;
}

// ---- Variants. Spec is the type of a spec file: `import * as base`, `Variant<typeof base>`.

/** The same file with some of its functions and rules exchanged, also where the file's own functions call them. */
export interface Variant<Spec> {
  readonly of?: Variant<Spec>;
  readonly instead: { readonly [Name in keyof Spec]?: Spec[Name] | Absent };
  /** Rules that hold here and not in the base. */
  readonly also?: readonly IsRule[];
}
/** A variant that implementations in the field have; vectors are made for it too. */
export interface Profile<Spec> extends Variant<Spec> {
  /** As an adapter names it: `linux-6.12`. */
  readonly profile: string;
}
interface Absent {
  readonly kind: 'absent';
}
/** The variant has no such function, rule or scenario. */
export declare const absent: Absent;
/** A variant that breaks rules; verification must find each, in the scenario named with it. An old kernel may be one. */
export interface Defect<Spec> extends Variant<Spec> {
  readonly breaks: readonly [Broken, ...Broken[]];
}
interface Broken {
  readonly rule: IsRule;
  readonly in: Scenario;
}
export interface BuiltIn extends IsRule {
  readonly kind: 'built-in';
}
/** Rules that need no declaration. */
export declare const always: {
  /** Nobody touches an object after it was freed: no read, write, verb, callback or unlock. */
  readonly neverTouchedAfterFree: BuiltIn;
  /** A null pointer is never followed. */
  readonly nullNeverFollowed: BuiltIn;
  /** A counter that has reached zero stays there. */
  readonly neverResurrected: BuiltIn;
  /** A reference is put by who got it: no put at zero, and at rest every counter equals its owners. */
  readonly referencesBalance: BuiltIn;
  /** What is freed is idle: no lock inside is held, no work pending, no entry on a queue, in no set, no reader inside. */
  readonly freedWhenIdle: BuiltIn;
  /** A put that may be the last is not made under a lock that its release takes. */
  readonly lastPutTakesNoHeldLock: BuiltIn;
  /** A lock is released only by the thread that holds it. */
  readonly releasedByHolder: BuiltIn;
  /** A flag that is used as a lock is taken only while it is free. */
  readonly flagTakenWhenFree: BuiltIn;
  /** A thread does not wait for a lock that it holds itself. */
  readonly neverTakenTwice: BuiltIn;
  /** Nothing sleeps under a spinlock, in a plain RCU read section, in an interrupt. */
  readonly neverSleepsInAtomic: BuiltIn;
  /** A lock that is taken in an interrupt is taken elsewhere only with interrupts off. */
  readonly irqLocksKeepIrqsOff: BuiltIn;
  /** The condition of a wait does not sleep: when it is read the thread is about to sleep already, and not running any more. */
  readonly conditionNeverSleeps: BuiltIn;
  /** A call returns with the locks it came with. */
  readonly locksBalance: BuiltIn;
  /** Locks, grace periods and flushes wait for each other in one order. */
  readonly noLockCycle: BuiltIn;
  /** No flush or cancel of a work item from inside its own run. */
  readonly neverFlushesItself: BuiltIn;
  /** Every wait ends: no deadlock, no lost wake-up. */
  readonly everyWaitEnds: BuiltIn;
  /** At the end nothing is left behind: no lock, reader, reference, entry, queued work or unfreed object. */
  readonly quietAtTheEnd: BuiltIn;
  /** A number stays within its bounds: a Natural never goes below zero. */
  readonly valuesInBounds: BuiltIn;
  /** A function that says it needs a lock is called with it (`assertHeld`). */
  readonly heldWhereAsserted: BuiltIn;
  /** What a thread says is its alone is touched by no other (`assertSole`). */
  readonly soleWhereAsserted: BuiltIn;
  /** What the author thinks cannot happen does not (`bug`). */
  readonly bugNeverReached: BuiltIn;
};

// ---- The rule book. A rule and a defect name the facts they state by `@fact R101, R102` and `@sure candidate` in their comment.

/** What is known of the domain and is not a rule with a name of its own. */
interface Known {
  /** One sentence. */
  readonly says: string;
  readonly source: string;
  /** `read`: in source, a mail or a changelog. `known`: from general knowledge. `candidate`: our own reading, that nobody else has confirmed. */
  readonly sure: 'read' | 'known' | 'candidate';
}
/** It follows from these rules of the system, or of every system. */
interface Follows extends Known {
  readonly from: readonly [IsRule, ...IsRule[]];
}
/** Neither exploring nor a trace can decide it, for this reason. */
interface Undecided extends Known {
  readonly undecided: string;
}
/** By the number in the rule book: R of a rule, D of a defect. */
export type Facts = Readonly<Record<`${'R' | 'D'}${number}`, Follows | Undecided>>;

// ---- Scenarios

type Given<Type> = { readonly [Field in keyof Type as Must<Type[Field]> extends true ? Field : never]: Start<Type[Field]> } & {
  readonly [Field in keyof Type as Must<Type[Field]> extends true ? never : Field]?: Start<Type[Field]>;
};
type Must<Field> = [Field] extends [RefCount]
  ? true
  : [Field] extends [Primitive | number | boolean | FlagLock | ReadonlySet<unknown>]
    ? false
    : null extends Field
      ? false
      : true;
type Start<Field> = [Field] extends [RefCount] ? number : [Field] extends [Primitive] ? never : Field;
export interface Setup {
  /** What the body does, interleaved with every other thread. */
  thread(body: () => unknown): void;
  /** As thread, on behalf of a process. */
  user(process: Process, body: () => unknown): void;
  /** As thread, in a hardware interrupt: atomic context from beginning to end. */
  interrupt(body: () => unknown): void;
  /** Inside a thread: the caller does one of these. Exploring tries each; a vector is made for each. */
  choose(...bodies: readonly (() => unknown)[]): void;
  /** A descriptor that is open on a file, or on nothing. It owns the file's reference. */
  descriptor<File>(on: File | null): Descriptor<File>;
  process(is?: { readonly admin: boolean }): Process;
  /** What may be left when all has ended; everything else must be back where it began. */
  stays(...what: readonly unknown[]): void;
}
/** The body up to the first thread runs alone. */
export type Scenario = (setup: Setup) => void;
