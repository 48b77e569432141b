/**
 * One scenario of one system (or variant), ready to run: a control-flow graph for each thread, every call inlined,
 * every object type with as many instances as can ever be allocated. `instantiate.ts` makes it. The stepper, the
 * slow interpreter and the exporters add only their own syntax; what each action means is said here.
 *
 * Every value is a small non-negative number. Null and false are 0, true is 1. A pointer is the number of an instance of its
 * type, from 1. A word (a string of the spec) is 1 + its index in `words`. A set is a bit mask, instance n is bit n-1.
 */
import type { Operator, Place, Predicate, Rule } from './model.ts';

export type Value =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'operator'; readonly operator: Operator; readonly of: readonly Value[] };

/** A field of an instance. `object` is 0 for null. */
export interface Target {
  readonly object: Value;
  readonly type: string;
  readonly field: string;
}

/**
 * What a node does. Three kinds:
 * - **pure** (`set`, `branch`, `jump`): part of the step before it, never a place where another thread may run.
 * - **ahead** (`read-constant`, `assert-held`): part of the step after it; it touches the object when that step is taken.
 * - all others are **steps**: between two of them any other thread may run.
 *
 * Each step checks in this order, and an earlier *fatal* finding hides later ones:
 * 1. object is null: `always.nullNeverFollowed`, fatal;
 * 2. object was freed (or never allocated): `always.neverTouchedAfterFree`, fatal; the same for the member or entry it also touches;
 *    An object that it touches is another thread's alone (`assert-sole`): `always.soleWhereAsserted`, not fatal;
 * 3. it may sleep, and the thread is in atomic context: `always.neverSleepsInAtomic`. May sleep: `lock` of a mutex, `write-lock`,
 *    `read-lock` of an rwsem, `grace-begin`, `flush-begin`, `cancel-begin`, `flush-queue-begin`, `wait-sleep`, `wait-done`. Atomic context: the thread
 *    holds a spinlock, an rwlock (either side) or a wait queue's lock, or is in a read section of an rcu domain, or its context is `hardirq`;
 * 4. the field is guarded and the guard does not hold, nor is the object this thread's alone (`assert-sole`): the `guards` rule (read, has, next, pick: read guard; write, add, remove, flag-take, flag-free: write guard);
 * 5. it waits (`lock`, `read-lock`, `write-lock`, `grace-begin`, `flush-begin`, `cancel-begin`, `flush-queue-begin`, `wait-sleep` for flags) for a class that a
 *    declared order puts outside one that the thread holds: the `order` rule. Held: locks owned, the read side of locks, read sections open,
 *    and for a worker the run itself. A lock's class is `Type.field`, a domain's too (inside it holds, waiting for it acquires), a work item's
 *    run is `run of Type.field`. Both sides of a reader-writer lock are one class;
 *    It releases (`unlock`, `flag-free`, `read-unlock`, `exit`, `link`, `unlink`) a class while the thread holds one that a nested order puts inside it: that rule too.
 *    It takes a lock (`lock`, `read-lock`, `write-lock`, `try-lock`, `flag-take`) or may sleep while the thread holds the lock of an `innermost` rule: that rule.
 *    It takes a lock or enters a read section, inside a call of the function of a `takes-only` rule that does not list the class: that rule.
 *    It reads a field that this call has read of this object before (`read` with `once`): the `read-once` rule;
 * 6. `at-every` rules for this verb;
 * 7. what its own line below calls broken (fatal unless said otherwise).
 * A fatal finding cuts the path: there is no successor.
 */
export type Action =
  // pure
  | { readonly kind: 'set'; readonly slot: number; readonly value: Value }
  /** To `next` if the value is not 0, else to `otherwise`. */
  | { readonly kind: 'branch'; readonly when: Value }
  | { readonly kind: 'jump' }
  // ahead
  /** Field is readonly; or the `pins` of the module that a function is in which is called through a pointer: its code is used. */
  | { readonly kind: 'read-constant'; readonly target: Target; readonly slot: number }
  /** Not held by this thread: `always.heldWhereAsserted`, not fatal. */
  | { readonly kind: 'assert-held'; readonly target: Target }
  // fields
  /** `once`: slot with the instances of which the present call has read the field; the target's joins them. */
  | { readonly kind: 'read'; readonly target: Target; readonly slot: number; readonly once?: number }
  /** Beyond what the field holds, a number below 0 included: `always.valuesInBounds`; the same for a counter that is raised, and in an `alloc`. */
  | { readonly kind: 'write'; readonly target: Target; readonly value: Value }
  // sets. Touch the member too.
  | { readonly kind: 'add' | 'remove'; readonly target: Target; readonly member: Value }
  | { readonly kind: 'has'; readonly target: Target; readonly member: Value; readonly slot: number }
  /** For each member not in `visited` one successor: slot is the member, visited gains it, to `next`. With none left one successor to `otherwise`. Alternative: the member, or 0. */
  | { readonly kind: 'next'; readonly target: Target; readonly visited: number; readonly slot: number }
  /** For each member one successor with slot the member; for an empty set one with slot 0. Alternative: the member, or 0. */
  | { readonly kind: 'pick'; readonly target: Target; readonly slot: number }
  // locks: mutex, spinlock, wait-queue; the write side of an rwlock
  /** Enabled when free: nobody owns it, nor reads it. Held by this thread: `always.neverTakenTwice`. */
  | { readonly kind: 'lock'; readonly target: Target; readonly irq: boolean }
  /** Not this thread's: `always.releasedByHolder`. */
  | { readonly kind: 'unlock'; readonly target: Target; readonly irq: boolean }
  /** Slot 1 and taken, or 0. */
  | { readonly kind: 'try-lock'; readonly target: Target; readonly slot: number }
  // flags used as locks: the cell is the owner, as of a mutex. Who reads the flag sees whether it is taken.
  /** Writes `taken`. Somebody has it: `always.flagTakenWhenFree`. It waits for nobody: who waits for the flag does so in a `wait-sleep`. */
  | { readonly kind: 'flag-take'; readonly target: Target }
  /** Writes `free`. Not this thread's: `always.releasedByHolder`. */
  | { readonly kind: 'flag-free'; readonly target: Target }
  // reader-writer locks: rwlock, rwsem. The writer is an owner as above (`lock` and `unlock`, but see `write-lock`); readers are counted
  // by thread, as read sections are.
  /**
   * Enabled when no other thread owns it and, of an rwsem, none is queued to write it. Owned by this thread, or an rwsem that it reads
   * already (a writer may stand between the two): `always.neverTakenTwice`. Readers of an rwlock may recurse.
   */
  | { readonly kind: 'read-lock'; readonly target: Target }
  /** Not read by this thread: `always.releasedByHolder`. */
  | { readonly kind: 'read-unlock'; readonly target: Target }
  /**
   * Write side of an rwsem. Always enabled: to `next` with the lock owned if it is free, else to `otherwise`, which is `write-lock-queued`,
   * queued: new readers wait from here on. Owned or read by this thread: `always.neverTakenTwice`.
   */
  | { readonly kind: 'write-lock'; readonly target: Target }
  /** Enabled when nobody owns or reads it. Owned, and no longer queued. Was judged when it queued: only what it touches is judged here. */
  | { readonly kind: 'write-lock-queued'; readonly target: Target }
  // read sections: srcu, rcu. A thread's sections of one domain nest (last in, first out).
  | { readonly kind: 'enter' | 'exit'; readonly target: Target }
  /** Notes for each thread how many sections it has open. Open by this thread itself: `always.everyWaitEnds`. */
  | { readonly kind: 'grace-begin'; readonly target: Target }
  /** Enabled when every noted section has ended. (At `exit` a thread's note becomes at most the sections it still has open.) */
  | { readonly kind: 'grace-end'; readonly target: Target }
  // counters
  /** At 0: `always.neverResurrected`. */
  | { readonly kind: 'get'; readonly target: Target }
  | { readonly kind: 'get-unless-zero'; readonly target: Target; readonly slot: number }
  /** At 0: `always.referencesBalance`. To `otherwise` (what the last put runs) if it reaches 0, else to `next`. */
  | { readonly kind: 'put'; readonly target: Target }
  /** As `put`, but always to `next`: if it reaches 0 the target joins the slot `later`, whose members are released at the end of the thread's outermost call. */
  | { readonly kind: 'put-later'; readonly target: Target; readonly later: number }
  /** For each member of the slot `later` one successor: slot is the member, `later` loses it. Alternative: the member. Only where there is one. */
  | { readonly kind: 'next-later'; readonly type: string; readonly later: number; readonly slot: number }
  // lifetime
  /** From here on a touch of the object by another thread: `always.soleWhereAsserted`, not fatal; and every guard of its fields holds for this thread. */
  | { readonly kind: 'assert-sole'; readonly object: Value; readonly type: string }
  /** Takes the lowest instance never used; fields not given are 0. */
  | { readonly kind: 'alloc'; readonly type: string; readonly fields: Readonly<Record<string, Value>>; readonly slot: number }
  /**
   * Already freed: `always.neverTouchedAfterFree`. Not idle: `always.freedWhenIdle`: a lock inside is held, a work inside is pending (a running one shows itself by what
   * it touches later), an entry inside is on a queue, an entry is on a wait queue inside, it is a member of a live set, a read
   * section of a domain inside is open, a counter inside is not 0. Sets every field to 0.
   */
  | { readonly kind: 'free'; readonly object: Value; readonly type: string }
  // work. An instance's work has a thread of its own, its worker, whose graph is `take`, the function, `done`, and again.
  /** Pending already: slot 0 and no change. Else pending and slot 1. */
  | { readonly kind: 'queue'; readonly target: Target; readonly on: Target | null; readonly slot: number }
  /**
   * As `queue`, but it becomes pending when the read sections that are open now have ended: the cell is 2, and its worker has the notes that
   * `grace-begin` makes. The sections of the worker itself do not count: it begins no run before it has ended the last.
   */
  | { readonly kind: 'queue-after-grace'; readonly target: Target; readonly domain: Target; readonly slot: number }
  /** Enabled when pending; of an item of an ordered queue, when it is the first and no other item of the queue runs. */
  | { readonly kind: 'take'; readonly target: Target }
  /** Counts one off for everyone who flushes this run. Does not touch the object: it may have been freed by the run. */
  | { readonly kind: 'done'; readonly target: Target }
  /** Notes the runs there are: pending 1, running (worker between take and done) 1. By its own worker: `always.neverFlushesItself`. */
  | { readonly kind: 'flush-begin'; readonly target: Target }
  /** Enabled when as many runs as were noted have ended. Does not touch the object. */
  | { readonly kind: 'flush-end'; readonly target: Target }
  /** As flush, but a pending run is removed (slot 1) and not waited for. */
  | { readonly kind: 'cancel-begin'; readonly target: Target; readonly slot: number }
  | { readonly kind: 'cancel-end'; readonly target: Target }
  /** As flush for every work item of every type whose `queue` names this work queue. */
  | { readonly kind: 'flush-queue-begin' | 'flush-queue-end'; readonly target: Target }
  // wait queues. Adding an entry is `lock` of the queue, then one of these; each also releases the lock.
  /** With `exclusive`: slot 0 and no change if the queue has an exclusive entry, else slot 1. */
  | { readonly kind: 'link'; readonly target: Target; readonly entry: Target; readonly exclusive: boolean; readonly slot: number }
  | { readonly kind: 'unlink'; readonly target: Target; readonly entry: Target }
  /** Of the entries of this type and field that are on the queue, as `next`. The callback's code follows at `next`. */
  | {
      readonly kind: 'next-entry';
      readonly target: Target;
      readonly entryType: string;
      readonly entryField: string;
      readonly visited: number;
      readonly slot: number;
    }
  // sleeping on a wait queue. `wait-prepare` puts the thread on it, the condition's reads follow, then `wait-sleep` or `wait-finish`.
  | { readonly kind: 'wait-prepare'; readonly target: Target }
  /**
   * Between `wait-prepare` and the end of the wait, while it is not woken, the thread must not sleep elsewhere: `always.conditionNeverSleeps`,
   * judged with 3.
   */
  /** Enabled when woken since `wait-prepare`. With `timeout` also enabled otherwise (alternative 1), woken by it: slot 1 if timed out, else 0. */
  | {
      readonly kind: 'wait-sleep';
      readonly target: Target;
      readonly timeout: boolean;
      readonly slot: number;
      /** Classes of the flags that the condition reads: they are what the thread waits for. */ readonly flags?: readonly string[];
    }
  | { readonly kind: 'wait-finish'; readonly target: Target }
  | { readonly kind: 'wake-all'; readonly target: Target }
  // completions
  /** Done, once and for all. */
  | { readonly kind: 'complete'; readonly target: Target }
  /** Enabled when done. With `timeout` also enabled otherwise (alternative 1): slot 1 if timed out, else 0. */
  | { readonly kind: 'wait-done'; readonly target: Target; readonly timeout: boolean; readonly slot: number }
  // descriptors
  /** Slot is the file, with a reference on its counter `refs`, or 0. Touches the descriptor and the file. */
  | { readonly kind: 'fget'; readonly target: Target; readonly slot: number }
  /** Slot is the file, which is no longer open there, or 0. */
  | { readonly kind: 'close-fd'; readonly target: Target; readonly slot: number }
  // the environment
  /** One successor for each alternative, numbered from 0: to that node. `byCaller`: whoever drives the implementation picks it. */
  | { readonly kind: 'choose'; readonly alternatives: readonly number[]; readonly byCaller: boolean }
  /** `always.bugNeverReached`, fatal. */
  | { readonly kind: 'bug' }
  /** The function pointer in this field (`Device.putKvm`), which is called, is null: `always.nullNeverFollowed`, fatal. */
  | { readonly kind: 'call-null'; readonly field: string }
  /** A function is called, or what a field `Type.field` points to: a step only where an `at-every` rule speaks of it. Changes nothing. */
  | { readonly kind: 'called'; readonly of: string; readonly with: readonly Value[] }
  // calls as seen from outside
  | { readonly kind: 'call'; readonly call: number }
  /** Judges the call's contract, if it has one. */
  | { readonly kind: 'return'; readonly call: number; readonly result: Value };

export interface Node {
  readonly action: Action;
  /** Index of the node that follows, or END. */ readonly next: number;
  readonly otherwise: number;
  /** Index into `Program.sites`. */ readonly site: number;
  /** Index into the thread's `calls` of the visible call that this node is inside of (call and return included), or -1. */ readonly call: number;
}
export const END = -1;

/** What a person sees of a node. */
export interface Site {
  readonly at: Place;
  /** The spec's own words. */ readonly text: string;
  /** Functions it is in, innermost first. */ readonly in: readonly string[];
  readonly label: string | null;
}

/** A local: `max` bounds its value. `type` is set for pointers. */
export interface Slot {
  readonly name: string;
  readonly max: number;
  readonly type: string | null;
  readonly word: boolean;
}

/** A call that is visible from outside. `arguments` stay alive until the return. */
export interface Call {
  readonly operation: string /** As offered to users. */;
  readonly name: string;
  readonly arguments: readonly { readonly value: Value; readonly type: string | null; readonly word: boolean }[];
  readonly result: { readonly type: string | null; readonly word: boolean; readonly returns?: 'nothing' | 'boolean' | 'value' };
  /** Index into `Program.contracts`, or -1. */ readonly contract: number;
  /** Its arguments stay alive all the same: an `ends` rule asks for them. */ readonly kept?: boolean;
}

export interface Thread {
  /** `T1`, `T2` ... in the order of the scenario; a worker is `worker Irqfd#1.shutdown`. */ readonly name: string;
  readonly text: string;
  readonly context: 'task' | 'hardirq' | 'worker';
  /** Instance of `Process` that it runs on behalf of; absent where the system has no processes. */ readonly process?: number;
  readonly work: { readonly type: string; readonly instance: number; readonly field: string } | null;
  readonly nodes: readonly Node[];
  readonly start: number;
  readonly slots: readonly Slot[];
  readonly calls: readonly Call[];
}

/** Concrete state, by names: what the setup leaves, what a packed state decodes to. Missing entries are 0. */
export interface State {
  /** How many instances of each type were allocated so far. */ readonly allocated: Record<string, number>;
  /** `Irqfd#1` to 1 while allocated and not freed. */ readonly alive: Record<string, number>;
  /** `Irqfd#1.kvm`: a field's value. Lock: 0 or 1 + index of the owning thread. Work: 1 if pending. Entry: 0 or 1 + index into `Program.waitQueues`. */
  readonly cells: Record<string, number>;
  /** `Irqfd#1.entry` to 1 if linked exclusively. */ readonly exclusive: Record<string, number>;
  /** `KvmVfio#1` to 1 + index of the thread that it is the sole property of. */ sole?: Record<string, number>;
  readonly threads: ThreadState[];
}
export interface ThreadState {
  /** Node it is at, or END. */ node: number;
  /** Live slots only; a slot that nobody will read is 0. */ readonly slots: Record<number, number>;
  /** `Irqfd#1.srcu`: read sections open, read sides of a lock held. */ readonly readers: Record<string, number>;
  /** `Irqfd#1.srcu` and the index of the reading thread, joined by a space: sections waited for. */ readonly grace: Record<string, number>;
  /** `Irqfd#1.inject`: runs waited for, by flush, cancel and flush-queue. */ readonly flush: Record<string, number>;
  /** `Eventfd#1.wait`: 1 asleep or about to, until woken. `Kvm#1.rwsem`: 1 while queued to write it. */ readonly waiting: Record<
    string,
    number
  >;
  /** Errnos (bit = index in the contract's `fails`) whose condition was true at an instant of the present call. */ seen: number;
  /** 1 while at every instant of the present call some condition was true. */ due: number;
  /** 1 if `ensures` was true at an instant of the present call. */ ensured: number;
  /**
   * What the present call has changed and not put back, where its contract asks: by field 1 + the value found, by counter 8 + gets less puts, by
   * set the members put in or taken off.
   */
  left?: Record<string, number>;
}

/**
 * A contract's instants are the states from just after `call` to just before `return`. At a return of an errno whose bit is not in `seen`:
 * broken. A condition that is the constant true (`atAnyTime`) allows its errno everywhere and makes it due nowhere. At a return of success while `due` is 1: broken; or with an `ensures` while `ensured` is 0: broken. Outside a call all three are 0. At a return of an errno while
 * something is in `left` whose object is alive: broken.
 */
export interface Contract {
  readonly rule: string;
  readonly operation: string;
  /** Variables of the predicates, in the order of the call's arguments. */ readonly parameters: readonly {
    readonly name: string;
    readonly type: string | null;
  }[];
  readonly fails: readonly { readonly errno: string /** Its word. */; readonly value: number; readonly when: Predicate }[];
  readonly ensures: Predicate | null;
  /** Classes of fields that a failing call may leave changed; absent: any. */ readonly mayLeave?: readonly string[];
}

export interface ProgramField {
  readonly name: string;
  /** As in the model; a notifier chain is an rwsem that is listed among the wait queues, a block a wait entry. */
  readonly kind: string /** Largest value of the cell. */;
  readonly max: number;
  readonly constant: boolean /** Of a pointer or a set. */;
  readonly to: string | null;
}
export interface ProgramType {
  readonly name: string;
  /** Instances that can ever be allocated: numbers 1 to `pool`. The first `initial` of them exist before the first thread. */
  readonly pool: number;
  readonly initial: number;
  readonly fields: readonly ProgramField[];
  readonly runs: Readonly<Record<string, string>>;
  readonly owns: Readonly<Record<string, string>>;
}

export interface Program {
  readonly system: string;
  readonly variant: string | null;
  readonly scenario: string;
  readonly types: readonly ProgramType[];
  /** Declared objects: name to type. Those of one type are its first instances, in this order. */ readonly globals: Readonly<
    Record<string, string>
  >;
  readonly words: readonly string[];
  readonly waitQueues: readonly { readonly type: string; readonly instance: number; readonly field: string }[];
  /** Work fields by the work-queue field their `queue` names: `KvmModule.cleanup` to [`Irqfd.shutdown`]. */
  readonly onQueue: Readonly<Record<string, readonly string[]>>;
  /**
   * Those of the queues that run one item at a time, in the order queued. The cell of an item that is pending there is its place, from 1: whoever
   * is taken off lets those behind it move up.
   */
  readonly ordered?: readonly string[];
  readonly threads: readonly Thread[];
  readonly sites: readonly Site[];
  readonly contracts: readonly Contract[];
  /** Rules in force: guards, order, order-exception, invariant, settled, at-every. */ readonly rules: readonly Rule[];
  /** After the setup, before any thread. */ readonly initial: State;
  /** What the setup calls an object: `Kvm#1` to `vm`. For people. */ readonly names?: Readonly<Record<string, string>>;
  /** Objects that may remain: `Kvm#1`. */ readonly stays: readonly string[];
  /** The setup, as steps of its own program, for those who want its events: see `narrate.ts`. */
  readonly setup: { readonly program: Program; readonly steps: readonly Step[] } | null;
}

/** One step of a run: who, at which step node, and which alternative (0 where there is no choice). */
export interface Step {
  readonly thread: number;
  readonly node: number;
  readonly alternative: number;
}

/** What is wrong with a step or with the state it leads to. */
export interface Finding {
  /** Rule name: `publishedVmIsAlive`, `irqfdGuards`, `always.neverTakenTwice`. */ readonly rule: string;
  /** What exactly, in names: the field of a guard, the lock taken twice. */ readonly detail: string;
  readonly fatal: boolean;
  /** Objects bound, by variable: `{ irqfd: 'Irqfd#1' }`. */ readonly objects: Readonly<Record<string, string>>;
}
