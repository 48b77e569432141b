/**
 * What an oracle knows of one object: its plain fields, and the state of each primitive inside it.
 *
 * A generated oracle gives every object type a TypeScript type of its own, so that a rule reads `irqfd.kvm?.users.count`. What all
 * objects have in common stands behind the symbol `identity`, where no field of a spec can collide with it.
 */

import type { FieldTable, GuardTable } from './definition.ts';
import type { Scalar } from './event.ts';
import type { Thread, Wait } from './thread.ts';

export const identity: unique symbol = Symbol('identity');
export type Thing = { readonly [identity]: Identity };
export type Cell = Scalar | Thing | Set<Thing> | Part;
export type Cells = Thing & { [field: string]: Cell };

export interface Identity {
  readonly name: string;
  readonly type: string;
  /** From `alloc` to `free`. */
  alive: boolean;
  /** A declared object that no `alloc` has announced yet. */
  assumed: boolean;
  /** The thread that says nobody else can reach it. */
  sole: Thread | null;
  readonly parts: Part[];
  readonly counters: Counter[];
  readonly slots: Slot[];
  /** Slots and parts together, in the order of the type's table. */
  readonly places: readonly (Slot | Part)[];
  /** Sets of live objects that it is a member of. */
  readonly memberOf: Set<Slot>;
}

interface InObject {
  readonly name: string;
  /** `Type.field`: all that obey the same rules. */
  readonly class: string;
  readonly of: Identity;
  /** Number of the class in the system, for tables; the world gives it. */
  number: number;
}

/** A field without a state of its own: a pointer, a set, a word, a boolean, a number. */
export interface Slot extends InObject {
  readonly kind: 'slot';
  readonly field: string;
  readonly table: FieldTable;
  readonly cells: Cells;
  /** Null unless the field is a set. */
  readonly members: Set<Thing> | null;
  readonly guard: FieldGuard | null;
  /** Event of the last write, 0 before the first. */
  writtenAt: number;
}
export interface FieldGuard {
  readonly rule: string;
  readonly guard: GuardTable;
}

interface Owned extends InObject {
  /** Who waits for it may sleep. */
  readonly sleeps: boolean;
  /** Who holds it may not sleep. */
  readonly atomic: boolean;
  /** Threads that read it, and how often each; null if it has no read side. */
  readonly readers: Map<Thread, number> | null;
  /** Threads that wait to own a lock with a read side on which plain readers queue behind them. */
  readonly queued: Set<Thread>;
  owner: Thread | null;
  /** How often the owner took it; more than once only after a finding. */
  depth: number;
  since: number;
}
interface PlainLock extends Owned {
  readonly kind: 'lock';
}
export interface WaitQueue extends Owned {
  readonly kind: 'wait-queue';
  readonly entries: Set<Entry>;
}
/** Mutex, spinlock, reader-writer lock, or the lock of a wait queue. */
export type Lock = PlainLock | WaitQueue;
export interface Domain extends InObject {
  readonly kind: 'domain';
  readonly atomic: boolean;
  /** Open read sections by thread. */
  readonly readers: Map<Thread, number>;
  readonly waiters: Set<Wait>;
}
export interface Counter extends InObject {
  readonly kind: 'counter';
  readonly field: string;
  count: number;
  /** Event of the put that reached zero, 0 before. */
  zeroAt: number;
  /** Count less owners when the first thread began; 0 for objects made later. */
  handles: number;
}
export interface Work extends InObject {
  readonly kind: 'work';
  readonly atomic: false;
  pending: boolean;
  /** Event that made it pending last. */
  queuedAt: number;
  /** Name of the work queue that it was put on last. */
  on: string | null;
  running: Thread | null;
  readonly waiters: Set<Wait>;
}
export interface WorkQueue extends InObject {
  readonly kind: 'work-queue';
}
export interface Entry extends InObject {
  readonly kind: 'entry';
  queue: WaitQueue | null;
  linkedAt: number;
}

/** Done once. */
export interface Completion extends InObject {
  readonly kind: 'completion';
  done: boolean;
}

export type Part = Lock | Domain | Counter | Work | WorkQueue | Entry | Completion;

const inObject = (of: Identity, field: string) => ({ name: `${of.name}.${field}`, class: `${of.type}.${field}`, of, number: -1 });

function part<One extends Part>(one: One): One {
  one.of.parts.push(one);
  return one;
}
const newLock = (sleeps: boolean, atomic: boolean, readers: Map<Thread, number> | null) =>
  ({ kind: 'lock', sleeps, atomic, readers, queued: new Set<Thread>(), owner: null, depth: 0, since: 0 }) as const;
export const newMutex = (of: Identity, field: string): Lock => part({ ...inObject(of, field), ...newLock(true, false, null) });
export const newSpinLock = (of: Identity, field: string): Lock => part({ ...inObject(of, field), ...newLock(false, true, null) });
export const newRwLock = (of: Identity, field: string): Lock => part({ ...inObject(of, field), ...newLock(false, true, new Map()) });
export const newRwSemaphore = (of: Identity, field: string): Lock => part({ ...inObject(of, field), ...newLock(true, false, new Map()) });
export const newWaitQueue = (of: Identity, field: string): WaitQueue =>
  part({ ...inObject(of, field), ...newLock(false, true, null), kind: 'wait-queue', entries: new Set() });
/** A flag that is used as a lock: taken and released by writing it. */
export const newFlag = (of: Identity, field: string): Lock => part({ ...inObject(of, field), ...newLock(false, false, null) });
/** A semaphore with entries, whose callbacks run under its read side. */
export const newNotifierChain = (of: Identity, field: string): WaitQueue =>
  part({ ...inObject(of, field), ...newLock(true, false, new Map()), kind: 'wait-queue', entries: new Set() });
export const newCompletion = (of: Identity, field: string): Completion => part({ ...inObject(of, field), kind: 'completion', done: false });
export const newSrcuDomain = (of: Identity, field: string): Domain =>
  part({ ...inObject(of, field), kind: 'domain', atomic: false, readers: new Map(), waiters: new Set() });
export const newRcuDomain = (of: Identity, field: string): Domain =>
  part({ ...inObject(of, field), kind: 'domain', atomic: true, readers: new Map(), waiters: new Set() });
export const newWork = (of: Identity, field: string): Work =>
  part({ ...inObject(of, field), kind: 'work', atomic: false, pending: false, queuedAt: 0, on: null, running: null, waiters: new Set() });
export const newWorkQueue = (of: Identity, field: string): WorkQueue => part({ ...inObject(of, field), kind: 'work-queue' });
export const newWaitEntry = (of: Identity, field: string): Entry =>
  part({ ...inObject(of, field), kind: 'entry', queue: null, linkedAt: 0 });
export function newCounter(of: Identity, field: string): Counter {
  const counter = part<Counter>({ ...inObject(of, field), kind: 'counter', field, count: 0, zeroAt: 0, handles: 0 });
  of.counters.push(counter);
  return counter;
}
