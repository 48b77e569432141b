/** The verbs of spec/language.ts that can be lowered: what each is applied to. The one list of them. */

export interface VerbShape {
  /** Kinds of field that the first argument may be; `object`: any object of the system; `descriptor`; null: no such argument. */
  readonly on: readonly string[] | 'object' | 'descriptor' | null;
  /** Kinds of the arguments after it. */
  readonly then: readonly ('value' | 'work' | 'wait-entry' | 'notifier-block' | 'work-queue?' | 'condition' | 'mutex' | 'set' | 'values')[];
  /** Name of the action that an `AtEvery` rule on this verb is judged at; null: none. */
  readonly event: string | null;
}

const locks = ['mutex', 'spinlock'];
/** Locks that many may read, or one owns. */
export const readerWriter: readonly string[] = ['rwlock', 'rwsem'];
/** Those and what has one inside: to write what it guards, reading it is not enough. */
export const hasReadSide: readonly string[] = [...readerWriter, 'notifier-chain'];
const sections = ['srcu', 'rcu'];

export const verbs: Readonly<Record<string, VerbShape>> = {
  lock: { on: locks, then: [], event: 'lock' },
  unlock: { on: locks, then: [], event: 'unlock' },
  lockIrq: { on: ['spinlock'], then: [], event: 'lock' },
  unlockIrq: { on: ['spinlock'], then: [], event: 'unlock' },
  tryLock: { on: locks, then: [], event: 'try-lock' },
  readLock: { on: [...readerWriter, ...sections], then: [], event: 'enter' },
  readUnlock: { on: [...readerWriter, ...sections], then: [], event: 'exit' },
  writeLock: { on: readerWriter, then: [], event: 'lock' },
  writeUnlock: { on: readerWriter, then: [], event: 'unlock' },
  assertHeld: { on: [...locks, ...readerWriter, 'flag', 'wait-queue', 'notifier-chain', ...sections], then: [], event: null },
  synchronize: { on: sections, then: [], event: 'grace-begin' },
  get: { on: ['refcount'], then: [], event: 'get' },
  getUnlessZero: { on: ['refcount'], then: [], event: 'get-unless-zero' },
  put: { on: ['refcount'], then: [], event: 'put' },
  symbolGet: { on: ['refcount'], then: ['value'], event: 'get-unless-zero' },
  symbolPut: { on: ['refcount'], then: [], event: 'put' },
  putLater: { on: ['refcount'], then: [], event: 'put-later' },
  assertSole: { on: 'object', then: [], event: null },
  fget: { on: 'descriptor', then: [], event: 'fget' },
  closeFd: { on: 'descriptor', then: [], event: 'close-fd' },
  free: { on: 'object', then: [], event: 'free' },
  bug: { on: null, then: [], event: null },
  queue: { on: ['work'], then: ['work-queue?'], event: 'queue' },
  queueAfterGrace: { on: sections, then: ['work'], event: 'queue-after-grace' },
  flush: { on: ['work'], then: [], event: 'flush-begin' },
  cancel: { on: ['work'], then: [], event: 'cancel-begin' },
  flushQueue: { on: ['work-queue', 'ordered-work-queue'], then: [], event: 'flush-queue-begin' },
  addWaitEntry: { on: ['wait-queue'], then: ['wait-entry'], event: 'link' },
  addWaitEntryExclusive: { on: ['wait-queue'], then: ['wait-entry'], event: 'link' },
  removeWaitEntry: { on: ['wait-queue'], then: ['wait-entry'], event: 'unlink' },
  wake: { on: ['wait-queue'], then: ['value'], event: null },
  waitEvent: { on: ['wait-queue'], then: ['condition'], event: 'wait-prepare' },
  waitEventUnlocked: { on: ['wait-queue'], then: ['condition', 'mutex'], event: 'wait-prepare' },
  waitEventTimeout: { on: ['wait-queue'], then: ['condition', 'value', 'mutex'], event: 'wait-prepare' },
  wakeAll: { on: ['wait-queue'], then: [], event: 'wake-all' },
  complete: { on: ['completion'], then: [], event: 'complete' },
  waitFor: { on: ['completion'], then: [], event: 'wait-done' },
  waitForTimeout: { on: ['completion'], then: ['value'], event: 'wait-done' },
  register: { on: ['notifier-chain'], then: ['notifier-block'], event: 'link' },
  unregister: { on: ['notifier-chain'], then: ['notifier-block'], event: 'unlink' },
  notify: { on: ['notifier-chain'], then: ['value'], event: null },
  maybe: { on: null, then: [], event: null },
  oneOf: { on: null, then: ['values'], event: null },
  anyOf: { on: ['set'], then: [], event: 'pick' },
};

/** The action of a verb on a field of this kind that rules are judged at; null: none. */
export function actionAt(verb: string, kind: string): string | null {
  const event = verbs[verb]?.event ?? null;
  if (event === 'enter' && readerWriter.includes(kind)) return 'read-lock';
  if (event === 'exit' && readerWriter.includes(kind)) return 'read-unlock';
  return event === 'lock' && kind === 'rwsem' ? 'write-lock' : event;
}

/** Field kinds that hold no value: they are handed to verbs, never read. */
export const primitiveKinds: readonly string[] = [
  'mutex',
  'spinlock',
  'rwlock',
  'rwsem',
  'srcu',
  'rcu',
  'refcount',
  'work',
  'work-queue',
  'ordered-work-queue',
  'wait-queue',
  'wait-entry',
  'completion',
  'notifier-chain',
  'notifier-block',
];
/** Field kinds that a rule may name as held. */
export const protectionKinds: readonly string[] = [...locks, ...readerWriter, 'flag', 'wait-queue', 'notifier-chain', ...sections];
