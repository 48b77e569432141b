import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { builtInNames } from './built-in.ts';
import { findingsOf, type Happening, machine, setup, t1, t2, takes, worker } from './tiny-system.ts';

const test = suite('built-in rules');

/** A trace that breaks one rule and nothing else, with its last event; and one that differs as little as can be and breaks nothing. */
interface Case {
  readonly title: string;
  readonly broken: readonly Happening[];
  readonly fine: readonly Happening[];
  readonly earlier?: number | null;
}

const device2 = setup.alloc('Device#2');
const lock = 'Vm#1.lock',
  other = 'Vm#1.other',
  irq = 'Vm#1.irq',
  users = 'Vm#1.users',
  srcu = 'Device#1.srcu',
  rcu = 'Device#1.rcu',
  inject = 'Device#1.inject';
const release = [t1.put(users), ...takes(t1, lock), t1.released(lock), t1.free('Vm#1')];

const cases: Readonly<Record<(typeof builtInNames)[number], readonly Case[]>> = {
  nullNeverFollowed: [
    {
      title: 'a null pointer is followed',
      broken: [t1.read('Device#1.vm', null), t1.followsNull('Vm.lock')],
      fine: [t1.read('Device#1.vm', null)],
    },
  ],
  neverTouchedAfterFree: [
    {
      title: 'a freed object is read',
      broken: [t1.free('Device#1'), t2.read('Device#1.count', 0)],
      fine: [t2.read('Device#1.count', 0), t1.free('Device#1')],
      earlier: 3,
    },
    {
      title: 'a freed object is freed again',
      broken: [t1.free('Device#1'), t1.free('Device#1')],
      fine: [device2, t1.free('Device#1'), t1.free('Device#2')],
    },
    {
      title: 'a freed object is put into a set',
      broken: [...takes(t1, lock), t1.free('Device#1'), t1.add('Vm#1.devices', 'Device#1')],
      fine: [...takes(t1, lock), device2, t1.free('Device#1'), t1.add('Vm#1.devices', 'Device#2')],
    },
    {
      title: 'a run frees its object and takes its lock',
      broken: [t1.queue(inject), worker.runBegin(inject), worker.free('Device#1'), worker.enter(srcu)],
      fine: [t1.queue(inject), worker.runBegin(inject), worker.free('Device#1'), worker.runEnd(inject)],
    },
  ],
  neverResurrected: [
    { title: 'a counter at zero is raised', broken: [t1.put(users), t1.get(users)], fine: [t1.get(users), t1.put(users)], earlier: 3 },
  ],
  referencesBalance: [
    {
      title: 'a counter at zero is put',
      broken: [t1.put(users), t1.put(users)],
      fine: [t1.get(users), t1.put(users), t1.put(users)],
      earlier: 3,
    },
    {
      title: 'an owner got no reference',
      broken: [t1.write('Device#1.vm', 'Vm#1'), t1.quiesce('Device#1')],
      fine: [t1.get(users), t1.write('Device#1.vm', 'Vm#1'), t1.quiesce('Device#1')],
    },
    {
      title: 'the handle of the scenario is put',
      broken: [t1.get(users), t1.get(users), t1.put(users), t1.quiesce('Vm#1', 'Device#1')],
      fine: [t1.get(users), t1.put(users), t1.quiesce('Vm#1', 'Device#1')],
    },
  ],
  freedWhenIdle: [
    {
      title: 'a pending work is freed',
      broken: [t1.queue(inject), t2.free('Device#1')],
      fine: [t1.queue(inject), worker.runBegin(inject), worker.free('Device#1')],
      earlier: 3,
    },
    {
      title: 'a held lock is freed',
      broken: [t1.put(users), ...takes(t1, lock), t1.free('Vm#1')],
      fine: [t1.put(users), ...takes(t1, lock), t1.released(lock), t1.free('Vm#1')],
    },
    {
      title: 'a reader is inside',
      broken: [t2.enter(srcu), t1.free('Device#1')],
      fine: [t2.enter(srcu), t2.exit(srcu), t1.free('Device#1')],
    },
    {
      title: 'an entry is on a queue',
      broken: [t1.link('Device#1.entry'), t1.free('Device#1')],
      fine: [t1.link('Device#1.entry'), t1.unlink('Device#1.entry'), t1.free('Device#1')],
    },
    {
      title: 'it is in a set',
      broken: [...takes(t1, lock), t1.add('Vm#1.devices', 'Device#1'), t1.free('Device#1')],
      fine: [...takes(t1, lock), t1.add('Vm#1.devices', 'Device#1'), t1.remove('Vm#1.devices', 'Device#1'), t1.free('Device#1')],
    },
    { title: 'it has users', broken: [t1.free('Vm#1')], fine: [t1.put(users), t1.free('Vm#1')] },
  ],
  lastPutTakesNoHeldLock: [
    {
      title: 'what the last put takes is held at another put, later',
      broken: [...release, setup.alloc('Vm#2', { users: 2 }), ...takes(t2, 'Vm#2.lock'), t2.put('Vm#2.users')],
      fine: [...release, setup.alloc('Vm#2', { users: 2 }), ...takes(t2, 'Vm#2.other'), t2.put('Vm#2.users')],
      earlier: 4,
    },
    {
      title: 'what the last put takes was held at another put',
      broken: [t1.get(users), ...takes(t1, lock), t1.put(users), t1.released(lock), ...release],
      fine: [t1.get(users), t1.put(users), ...release],
      earlier: 6,
    },
  ],
  releasedByHolder: [
    {
      title: 'another thread releases',
      broken: [...takes(t1, lock), t2.released(lock)],
      fine: [...takes(t1, lock), t1.released(lock)],
      earlier: 4,
    },
    { title: 'a lock is released that nobody holds', broken: [t1.released(lock)], fine: [t1.tried(lock, true), t1.released(lock)] },
    {
      title: 'a read section is left that was not entered',
      broken: [t2.enter(srcu), t1.exit(srcu)],
      fine: [t1.enter(srcu), t1.exit(srcu)],
    },
  ],
  flagTakenWhenFree: [
    {
      title: 'a flag is taken that another thread has',
      broken: [t1.write('Vm#1.busy', 'taken'), t2.write('Vm#1.busy', 'taken')],
      fine: [t1.write('Vm#1.busy', 'taken'), t1.write('Vm#1.busy', 'free'), t2.write('Vm#1.busy', 'taken')],
      earlier: 3,
    },
  ],
  neverTakenTwice: [
    {
      title: 'a lock is wanted that is held',
      broken: [...takes(t1, lock), t1.want(lock)],
      fine: [...takes(t1, lock), t1.tried(lock, false), t1.released(lock), t1.want(lock)],
      earlier: 4,
    },
  ],
  neverSleepsInAtomic: [
    {
      title: 'a mutex is wanted under a spinlock',
      broken: [...takes(t1, irq), t1.want(lock)],
      fine: [...takes(t1, irq), t1.tried(lock, true)],
      earlier: 4,
    },
    {
      title: 'a reader of RCU waits for a work',
      broken: [t1.enter(rcu), t1.flushBegin(inject)],
      fine: [t1.enter(srcu), t1.flushBegin(inject)],
    },
    { title: 'an interrupt sleeps', broken: [t1.start('hardirq'), t1.sleeps], fine: [t1.start('task'), t1.sleeps] },
    {
      title: 'a grace period is waited for under the lock of a wait queue',
      broken: [...takes(t1, 'Hub#1.wait'), t1.graceBegin(srcu)],
      fine: [...takes(t1, 'Hub#1.wait'), t1.released('Hub#1.wait'), t1.graceBegin(srcu)],
    },
  ],
  conditionNeverSleeps: [
    {
      title: 'a condition takes a mutex',
      broken: [t1.prepares, t1.want(lock)],
      fine: [...takes(t1, lock), t1.released(lock), t1.prepares],
    },
  ],
  locksBalance: [
    {
      title: 'a call keeps a lock',
      broken: [t1.call('scan'), ...takes(t1, lock), t1.returns('scan', 0)],
      fine: [t1.call('scan'), ...takes(t1, lock), t1.released(lock), t1.returns('scan', 0)],
      earlier: 5,
    },
    {
      title: 'a call gives a lock away',
      broken: [...takes(t1, lock), t1.call('scan'), t1.released(lock), t1.returns('scan', 0)],
      fine: [...takes(t1, lock), t1.call('scan'), t1.returns('scan', 0)],
    },
    { title: 'a thread ends in a read section', broken: [t1.enter(srcu), t1.ends], fine: [t1.enter(srcu), t1.exit(srcu), t1.ends] },
  ],
  noLockCycle: [
    {
      title: 'two locks are taken in both orders',
      earlier: 5,
      broken: [
        ...takes(t1, irq),
        t1.want('Hub#1.wait'),
        t1.got('Hub#1.wait'),
        t1.released('Hub#1.wait'),
        t1.released(irq),
        ...takes(t2, 'Hub#1.wait'),
        t2.want(irq),
      ],
      fine: [
        ...takes(t1, irq),
        t1.want('Hub#1.wait'),
        t1.got('Hub#1.wait'),
        t1.released('Hub#1.wait'),
        t1.released(irq),
        ...takes(t2, 'Hub#1.wait'),
        t2.tried(irq, true),
      ],
    },
    {
      title: 'readers take a lock under which they are waited for',
      broken: [t1.enter(srcu), ...takes(t1, lock), t1.released(lock), t1.exit(srcu), ...takes(t2, lock), t2.graceBegin(srcu)],
      fine: [t1.enter(srcu), ...takes(t1, lock), t1.released(lock), t1.exit(srcu), ...takes(t2, other), t2.graceBegin(srcu)],
    },
    {
      title: 'a run takes a lock under which it is waited for',
      broken: [
        t1.queue(inject),
        worker.runBegin(inject),
        ...takes(worker, lock),
        worker.released(lock),
        worker.runEnd(inject),
        ...takes(t1, lock),
        t1.flushQueueBegin,
      ],
      fine: [
        t1.queue(inject),
        worker.runBegin(inject),
        ...takes(worker, lock),
        worker.released(lock),
        worker.runEnd(inject),
        ...takes(t1, other),
        t1.flushQueueBegin,
      ],
    },
  ],
  irqLocksKeepIrqsOff: [
    {
      title: 'a lock that was taken with interrupts on is taken in an interrupt',
      broken: [...takes(t1, irq), t1.released(irq), t2.start('hardirq'), ...takes(t2, irq)],
      fine: [...takes(t1, irq), t1.released(irq), t2.start('task'), ...takes(t2, irq)],
      earlier: 4,
    },
    {
      title: 'and the other way round, unless the lock of a wait queue has turned them off',
      broken: [t2.start('hardirq'), ...takes(t2, irq), t2.released(irq), ...takes(t1, irq)],
      fine: [t2.start('hardirq'), ...takes(t2, irq), t2.released(irq), ...takes(t1, 'Hub#1.wait'), ...takes(t1, irq)],
      earlier: 5,
    },
  ],
  neverFlushesItself: [
    {
      title: 'a run waits for itself',
      broken: [t1.queue(inject), worker.runBegin(inject), worker.flushBegin(inject)],
      fine: [t1.queue(inject), worker.runBegin(inject), worker.runEnd(inject), worker.flushBegin(inject)],
      earlier: 4,
    },
    {
      title: 'a run cancels itself',
      broken: [t1.queue(inject), worker.runBegin(inject), worker.cancelBegin(inject, false)],
      fine: [t1.queue(inject), worker.runBegin(inject), t1.cancelBegin(inject, false)],
    },
    {
      title: 'a run waits for its whole queue',
      broken: [t1.queue(inject), worker.runBegin(inject), worker.flushQueueBegin],
      fine: [t1.queue(inject), worker.runBegin(inject), t1.flushQueueBegin],
    },
  ],
  everyWaitEnds: [
    {
      title: 'a reader waits for itself',
      broken: [t1.enter(srcu), t1.graceBegin(srcu)],
      fine: [t2.enter(srcu), t1.graceBegin(srcu)],
      earlier: 3,
    },
    {
      title: 'two threads wait for each other',
      earlier: 8,
      broken: [setup.alloc('Vm#2', { users: 1 }), ...takes(t1, lock), ...takes(t2, 'Vm#2.lock'), t1.want('Vm#2.lock'), t2.want(lock)],
      fine: [setup.alloc('Vm#2', { users: 1 }), ...takes(t1, lock), t1.want('Vm#2.lock'), t1.got('Vm#2.lock'), t2.want(lock)],
    },
  ],
  quietAtTheEnd: [
    { title: 'an object is not freed', broken: [t1.quiesce('Vm#1')], fine: [t1.quiesce('Vm#1', 'Device#1')] },
    {
      title: 'a lock is held',
      broken: [...takes(t1, lock), t1.quiesce('Vm#1', 'Device#1')],
      fine: [...takes(t1, lock), t1.released(lock), t1.quiesce('Vm#1', 'Device#1')],
      earlier: 4,
    },
    {
      title: 'a work is pending',
      broken: [t1.queue(inject), t1.quiesce('Vm#1', 'Device#1')],
      fine: [t1.queue(inject), t1.cancelBegin(inject, true), t1.cancelEnd(inject), t1.quiesce('Vm#1', 'Device#1')],
    },
  ],
  valuesInBounds: [
    {
      title: 'a count goes below zero',
      broken: [t1.write('Device#1.count', 0), t1.write('Device#1.count', -1)],
      fine: [t1.write('Device#1.count', 1), t1.write('Device#1.count', 0)],
    },
  ],
  heldWhereAsserted: [
    {
      title: 'another thread holds what is claimed',
      broken: [...takes(t1, lock), t2.assertHeld(lock)],
      fine: [...takes(t1, lock), t1.assertHeld(lock)],
      earlier: 4,
    },
  ],
  soleWhereAsserted: [
    {
      title: 'another thread reads what one says is its alone',
      broken: [t1.sole('Device#1'), t2.read('Device#1.count', 0)],
      fine: [t1.sole('Device#1'), t1.read('Device#1.count', 0)],
    },
  ],
  bugNeverReached: [{ title: 'the impossible happens', broken: [t1.bug], fine: [] }],
};

for (const name of builtInNames) {
  for (const { title, broken, fine, earlier } of cases[name]) {
    test(`${name} is broken where ${title}`, () => {
      const trace = [...machine, ...broken];
      const findings = findingsOf(trace);
      assert.equal(
        findings.map(({ rule, event }) => ({ rule, event })),
        [{ rule: `always.${name}`, event: trace.length - 1 }],
      );
      if (earlier !== undefined) assert.is(findings[0]?.earlier, earlier);
    });
    test(`${name} is kept in the near miss of that`, () => assert.equal(findingsOf([...machine, ...fine]), []));
  }
}

test.run();
