/** A small system for the tests of the oracle: machines, devices that interrupt them, and one hub that all share. Written as a generated one is. */
import { holds, isLive } from './condition.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event, Scalar } from './event.ts';
import { createOracle, type OracleOptions } from './oracle.ts';
import type * as known from './thing.ts';
import {
  identity,
  newCounter,
  newFlag,
  newMutex,
  newRcuDomain,
  newSpinLock,
  newSrcuDomain,
  newWaitEntry,
  newWaitQueue,
  newWork,
  newWorkQueue,
} from './thing.ts';
import type { Finding } from './verdict.ts';

type Vm = {
  readonly [identity]: known.Identity;
  readonly lock: known.Lock;
  readonly other: known.Lock;
  readonly irq: known.Lock;
  readonly busy: known.Lock;
  readonly users: known.Counter;
  readonly devices: Set<Device>;
};
const newVm = (self: known.Identity): Vm => ({
  [identity]: self,
  lock: newMutex(self, 'lock'),
  other: newMutex(self, 'other'),
  irq: newSpinLock(self, 'irq'),
  busy: newFlag(self, 'busy'),
  users: newCounter(self, 'users'),
  devices: new Set(),
});
type Device = {
  readonly [identity]: known.Identity;
  vm: Vm | null;
  readonly srcu: known.Domain;
  readonly rcu: known.Domain;
  readonly inject: known.Work;
  readonly entry: known.Entry;
  state: 'idle' | 'busy' | null;
  count: number;
};
const newDevice = (self: known.Identity): Device => ({
  [identity]: self,
  vm: null,
  srcu: newSrcuDomain(self, 'srcu'),
  rcu: newRcuDomain(self, 'rcu'),
  inject: newWork(self, 'inject'),
  entry: newWaitEntry(self, 'entry'),
  state: null,
  count: 0,
});
type Hub = { readonly [identity]: known.Identity; readonly wait: known.WaitQueue; readonly works: known.WorkQueue };
const newHub = (self: known.Identity): Hub => ({ [identity]: self, wait: newWaitQueue(self, 'wait'), works: newWorkQueue(self, 'works') });

export const tinySystem: OracleDefinition = {
  system: 'tiny',
  types: {
    Vm: {
      fields: {
        lock: { kind: 'mutex', constant: false },
        other: { kind: 'mutex', constant: false },
        irq: { kind: 'spinlock', constant: false },
        busy: { kind: 'flag', constant: false },
        users: { kind: 'refcount', constant: false },
        devices: { kind: 'set', constant: false, to: 'Device' },
      },
      owns: {},
      make: newVm,
    },
    Device: {
      fields: {
        vm: { kind: 'pointer', constant: false, to: 'Vm' },
        srcu: { kind: 'srcu', constant: false },
        rcu: { kind: 'rcu', constant: false },
        inject: { kind: 'work', constant: false },
        entry: { kind: 'wait-entry', constant: false },
        state: { kind: 'word', constant: false, words: ['idle', 'busy'] },
        count: { kind: 'number', constant: false },
      },
      owns: { vm: 'users' },
      make: newDevice,
    },
    Hub: {
      fields: { wait: { kind: 'wait-queue', constant: false }, works: { kind: 'work-queue', constant: false } },
      owns: {},
      make: newHub,
    },
  },
  globals: { hub: 'Hub' },

  queues: { 'Hub.works': ['Device.inject'] },
  rules: [
    /** The devices of a machine are read and changed under its lock. */
    {
      kind: 'guards',
      name: 'vmGuards',
      sentence: 'The devices of a machine are read and changed under its lock.',
      source: 'our own reading',
      type: 'Vm',
      looksAt: ['Vm.lock'],
      fields: {
        devices: {
          read: [({ object }: { object: Vm }, { thread }) => holds(thread, object.lock)],
          write: [({ object }: { object: Vm }, { thread }) => holds(thread, object.lock)],
          names: { read: 'vm.lock', write: 'vm.lock' },
        },
      },
    },
    {
      kind: 'order',
      name: 'lockBeforeOther',
      sentence: 'The lock is taken outside the other.',
      source: null,
      classes: ['Vm.lock', 'Vm.other'],
      nested: false,
    },
    {
      kind: 'invariant',
      name: 'vmIsLive',
      sentence: 'A device points to a live machine.',
      source: null,
      over: { device: 'Device' },
      looksAt: ['Device', 'Device.vm', 'Vm'],
      ownFieldsOnly: false,
      busy: null,
      when: ({ device }: { device: Device }) => device.vm !== null,
      then: ({ device }: { device: Device }) => isLive(device.vm),
    },
    {
      kind: 'invariant',
      name: 'countsLittle',
      sentence: 'A device counts to two.',
      source: null,
      over: { device: 'Device' },
      looksAt: ['Device', 'Device.count'],
      ownFieldsOnly: true,
      busy: null,
      when: null,
      then: ({ device }: { device: Device }) => device.count <= 2,
    },
    {
      kind: 'settled',
      name: 'idleCountsNothing',
      sentence: 'An idle device has a count of zero, once nobody holds the lock of its machine.',
      source: null,
      over: { device: 'Device' },
      looksAt: ['Device', 'Device.state', 'Device.count', 'Device.vm', 'Vm.lock'],
      ownFieldsOnly: false,
      busy: ({ device }: { device: Device }) => (device.vm?.lock.owner ?? null) !== null,
      when: ({ device }: { device: Device }) => device.state === 'idle',
      then: ({ device }: { device: Device }) => device.count === 0,
    },
    {
      kind: 'at-every',
      name: 'busyWhenQueued',
      sentence: 'Only a busy device is queued.',
      source: null,
      verb: 'queue',
      on: 'Device.inject',
      object: 'device',
      over: { device: 'Device' },
      looksAt: ['Device', 'Device.state'],
      when: null,
      then: ({ device }: { device: Device }) => device.state !== 'idle',
    },
    {
      kind: 'contract',
      name: 'plugContract',
      sentence: 'Plugging fails only for a busy device.',
      source: null,
      calls: ['plug'],
      parameters: ['device'],
      looksAt: ['Device.state', 'Device.vm'],
      fails: { EBUSY: ({ device }: { device: Device | null }) => device?.state === 'busy', ENOMEM: null },
      ensures: ({ device }: { device: Device | null }) => (device?.vm ?? null) !== null,
    },
  ],
};

type Bare<One> = One extends unknown ? Omit<One, 'seq' | 'thread' | 'site'> : never;
/** An event without its place in the trace, and the thread that it happens in. */
export type Happening = Bare<Event> & { readonly thread: string };

const on = (thread: string) => {
  const event = (what: Bare<Event>): Happening => ({ ...what, thread });
  return {
    start: (context: 'task' | 'hardirq' | 'worker') => event({ kind: 'thread-start', context }),
    ends: event({ kind: 'thread-end' }),
    call: (call: string, ...values: Scalar[]) => event({ kind: 'call', call, arguments: values }),
    returns: (call: string, result: Scalar) => event({ kind: 'return', call, result }),
    alloc: (object: string, fields: Record<string, Scalar> = {}) => event({ kind: 'alloc', object, fields }),
    free: (object: string) => event({ kind: 'free', object }),
    read: (field: string, value: Scalar) => event({ kind: 'read', field, value }),
    write: (field: string, value: Scalar) => event({ kind: 'write', field, value }),
    followsNull: (field: string) => event({ kind: 'null-followed', field }),
    add: (set: string, member: string) => event({ kind: 'add', set, member }),
    remove: (set: string, member: string) => event({ kind: 'remove', set, member }),
    want: (lock: string) => event({ kind: 'want', lock }),
    got: (lock: string) => event({ kind: 'got', lock }),
    released: (lock: string) => event({ kind: 'released', lock }),
    tried: (lock: string, got: boolean) => event({ kind: 'tried', lock, got }),
    assertHeld: (lock: string) => event({ kind: 'assert-held', lock }),
    enter: (domain: string) => event({ kind: 'enter', domain }),
    exit: (domain: string) => event({ kind: 'exit', domain }),
    graceBegin: (domain: string) => event({ kind: 'grace-begin', domain }),
    graceEnd: (domain: string) => event({ kind: 'grace-end', domain }),
    get: (counter: string) => event({ kind: 'get', counter }),
    put: (counter: string) => event({ kind: 'put', counter }),
    queue: (work: string, queued = true) => event({ kind: 'queue', work, on: 'Hub#1.works', queued }),
    runBegin: (work: string) => event({ kind: 'run-begin', work }),
    runEnd: (work: string) => event({ kind: 'run-end', work }),
    flushBegin: (work: string) => event({ kind: 'flush-begin', work }),
    flushEnd: (work: string) => event({ kind: 'flush-end', work }),
    cancelBegin: (work: string, removed: boolean) => event({ kind: 'cancel-begin', work, removed }),
    cancelEnd: (work: string) => event({ kind: 'cancel-end', work }),
    flushQueueBegin: event({ kind: 'flush-queue-begin', on: 'Hub#1.works' }),
    flushQueueEnd: event({ kind: 'flush-queue-end', on: 'Hub#1.works' }),
    link: (entry: string) => event({ kind: 'link', queue: 'Hub#1.wait', entry, exclusive: false, linked: true }),
    unlink: (entry: string) => event({ kind: 'unlink', queue: 'Hub#1.wait', entry }),
    prepares: event({ kind: 'wait-prepare', queue: 'Hub#1.wait' }),
    sleeps: event({ kind: 'wait-sleep', queue: 'Hub#1.wait', result: 'woken' }),
    sole: (object: string) => event({ kind: 'assert-sole', object }),
    bug: event({ kind: 'bug' }),
    quiesce: (...stays: string[]) => event({ kind: 'quiesce', stays }),
  };
};
export const setup = on('setup');
export const t1 = on('T1');
export const t2 = on('T2');
export const worker = on('worker');

/** A lock taken and nothing else in between. */
export const takes = (thread: typeof t1, lock: string): Happening[] => [thread.want(lock), thread.got(lock)];
/** What most tests begin with: a machine with one user, and a device of it. */
export const machine: readonly Happening[] = [setup.alloc('Vm#1', { users: 1 }), setup.alloc('Device#1', { state: 'busy' }), setup.ends];

/** The happening at index n becomes event n. */
export const asTrace = (happenings: readonly Happening[]): Event[] => happenings.map((happening, seq) => ({ ...happening, seq }));

export function findingsOf(happenings: readonly Happening[], options: OracleOptions = {}): Finding[] {
  const oracle = createOracle(tinySystem, options);
  return asTrace(happenings).flatMap(event => [...oracle.event(event)]);
}
