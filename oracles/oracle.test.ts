import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createOracle } from './oracle.ts';
import { asTrace, findingsOf, type Happening, machine, setup, t1, t2, takes, tinySystem, worker } from './tiny-system.ts';
import { TraceError } from './trace-error.ts';

const test = suite('oracle');

const rulesOf = (...happenings: readonly Happening[]): string[] =>
  findingsOf([...machine, ...happenings]).map(({ rule, event }) => `${rule} at ${event}`);
const lock = 'Vm#1.lock',
  other = 'Vm#1.other';

test('releasing out of order is legal', () => {
  assert.equal(rulesOf(...takes(t1, lock), ...takes(t1, other), t1.released(lock), t1.released(other)), []);
});
test('a declared order is judged before the lock is got', () => {
  assert.equal(rulesOf(...takes(t1, other), t1.want(lock)), ['lockBeforeOther at 5']);
});
test('a guard is asked for at every access', () => {
  assert.equal(rulesOf(...takes(t1, lock), t1.add('Vm#1.devices', 'Device#1'), t1.released(lock), t2.remove('Vm#1.devices', 'Device#1')), [
    'vmGuards at 7',
  ]);
});
test('the lock of another machine is no guard', () => {
  assert.equal(rulesOf(setup.alloc('Vm#2', { users: 1 }), ...takes(t1, 'Vm#2.lock'), t1.add('Vm#1.devices', 'Device#1')), [
    'vmGuards at 6',
  ]);
});
test('an invariant that stays broken is reported once, and again when it was true in between', () => {
  const wrote = (count: number) => t1.write('Device#1.count', count);
  assert.equal(rulesOf(wrote(3), wrote(4), wrote(1), wrote(3)), ['countsLittle at 3', 'countsLittle at 6']);
});
test('an invariant follows pointers', () => {
  assert.equal(rulesOf(t1.get('Vm#1.users'), t1.write('Device#1.vm', 'Vm#1'), t1.put('Vm#1.users'), t1.put('Vm#1.users')), [
    'vmIsLive at 6',
  ]);
});
test('a settled rule waits until the lock is released', () => {
  const whileLocked = [
    t1.get('Vm#1.users'),
    t1.write('Device#1.vm', 'Vm#1'),
    ...takes(t1, lock),
    t1.write('Device#1.count', 1),
    t1.write('Device#1.state', 'idle'),
  ];
  assert.equal(rulesOf(...whileLocked, t1.released(lock)), ['idleCountsNothing at 9']);
  assert.equal(rulesOf(...whileLocked, t1.write('Device#1.count', 0), t1.released(lock)), []);
});
test('a rule at every event is judged before the event has its effect', () => {
  assert.equal(rulesOf(t1.write('Device#1.state', 'idle'), t1.queue('Device#1.inject')), ['busyWhenQueued at 4']);
  assert.equal(rulesOf(t1.queue('Device#1.inject'), t1.write('Device#1.state', 'idle')), []);
});
test('a run is an own thing that is held, not its lock', () => {
  assert.equal(
    rulesOf(
      t1.queue('Device#1.inject'),
      worker.runBegin('Device#1.inject'),
      worker.runEnd('Device#1.inject'),
      t1.flushBegin('Device#1.inject'),
      t1.flushEnd('Device#1.inject'),
    ),
    [],
  );
});
test('a thread that waits for one that ended with its lock is told', () => {
  const findings = findingsOf([...machine, ...takes(t1, lock), t2.want(lock), t1.ends], { without: ['always.locksBalance'] });
  assert.equal(
    findings.map(({ rule, detail }) => `${rule}: ${detail}`),
    ['always.everyWaitEnds: T2 waits for Vm#1.lock, which T1 holds; T1 has ended.'],
  );
});
test('an order exception takes its edge out of the lock graph and out of the declared order', () => {
  const definition = {
    ...tinySystem,
    rules: [
      ...tinySystem.rules,
      { kind: 'order-exception', name: 'allowed', sentence: '', source: null, outer: 'Vm.other', inner: 'Vm.lock' } as const,
    ],
  };
  const oracle = createOracle(definition);
  const trace = asTrace([
    ...machine,
    ...takes(t1, lock),
    ...takes(t1, other),
    t1.released(lock),
    t1.released(other),
    ...takes(t2, other),
    t2.want(lock),
  ]);
  assert.equal(
    trace.flatMap(event => [...oracle.event(event)]),
    [],
  );
});
test('locks of a nested order are released in reverse', () => {
  const definition = {
    ...tinySystem,
    rules: [{ kind: 'order', name: 'nested', sentence: '', source: null, classes: ['Vm.lock', 'Vm.other'], nested: true } as const],
  };
  const oracle = createOracle(definition);
  const trace = asTrace([...machine, ...takes(t1, lock), ...takes(t1, other), t1.released(lock)]);
  assert.equal(
    trace.flatMap(event => oracle.event(event).map(({ rule }) => rule)),
    ['nested'],
  );
});

// ---- Contracts

const plug = (...during: readonly Happening[]) => [t1.write('Device#1.state', 'idle'), t1.call('plug', 'Device#1'), ...during];
test('an errno that was not due is wrong', () => assert.equal(rulesOf(...plug(t1.returns('plug', 'EBUSY'))), ['plugContract at 5']));
test('an errno that was due at one instant is right', () => {
  assert.equal(rulesOf(...plug(t2.write('Device#1.state', 'busy'), t2.write('Device#1.state', 'idle'), t1.returns('plug', 'EBUSY'))), []);
});
test('an errno that is allowed at any time is right, and never due', () => {
  assert.equal(rulesOf(...plug(t1.returns('plug', 'ENOMEM'))), []);
  assert.equal(rulesOf(...plug(t1.get('Vm#1.users'), t1.write('Device#1.vm', 'Vm#1'), t1.returns('plug', 0))), []);
});
test('success is wrong where failure was due all the time', () => {
  assert.equal(rulesOf(t1.get('Vm#1.users'), t1.write('Device#1.vm', 'Vm#1'), t1.call('plug', 'Device#1'), t1.returns('plug', 0)), [
    'plugContract at 6',
  ]);
});
test('success is wrong where what it ensures was never true', () =>
  assert.equal(rulesOf(...plug(t1.returns('plug', 0))), ['plugContract at 5']));

// ---- Traces that cannot be

const refuses = (happenings: readonly Happening[], words: RegExp): void =>
  assert.throws(
    () => findingsOf([...machine, ...happenings]),
    (error: unknown) => error instanceof TraceError && words.test(error.message),
  );

test('a name that is used again is a fault of the trace', () => {
  refuses([t1.free('Device#1'), t1.alloc('Device#1')], /Device#1 was freed at event 3, so its name cannot be given again/);
  refuses([t1.alloc('Device#1')], /Device#1 is in use/);
});
test('an object that was never announced is a fault of the trace', () =>
  refuses([t1.read('Device#9.count', 0)], /Device#9 was never announced/));
test('a lock that two threads get is a fault of the trace', () =>
  refuses([...takes(t1, lock), t2.got(lock)], /T2 got Vm#1.lock, which T1 got at event 4/));
test('a grace period that ends with a reader inside is a fault of the trace', () => {
  refuses([t1.enter('Device#1.srcu'), t2.graceBegin('Device#1.srcu'), t2.graceEnd('Device#1.srcu')], /although T1/);
});
test('a return without its call is a fault of the trace', () => refuses([t1.returns('plug', 0)], /is in no call/));
test('a declared object need not be announced', () => assert.equal(rulesOf(t1.queue('Device#1.inject'), t1.flushQueueBegin), []));

// ---- What is seen and what is not

test('a rule that nothing put to the test is counted as such', () => {
  const oracle = createOracle(tinySystem);
  for (const event of asTrace([...machine, ...takes(t1, lock)])) oracle.event(event);
  const exercised = new Map(oracle.end().rules.map(rule => [rule.rule, rule.exercised]));
  assert.is(exercised.get('always.neverTakenTwice'), 1);
  assert.is(exercised.get('vmGuards'), 0);
  assert.is(oracle.end().verdict, 'pass');
});
test('without allocations in the trace, objects are known from when they are first named', () => {
  const observes = ['want', 'got', 'released', 'tried'] as const;
  const oracle = createOracle(tinySystem, { observes });
  const found = asTrace([...takes(t1, lock), t1.want(lock), t2.get('Vm#1.users')]).flatMap(event =>
    oracle.event(event).map(({ rule }) => rule),
  );
  assert.equal(found, ['always.neverTakenTwice']);
  const report = oracle.end();
  assert.is(report.verdict, 'violation');
  const judged = new Map(report.rules.map(rule => [rule.rule, rule.judged]));
  assert.is(judged.get('always.neverTakenTwice'), 'fully');
  assert.is(judged.get('always.neverResurrected'), 'not');
  assert.is(judged.get('vmGuards'), 'partly');
});
test('a trace that breaks nothing but hides events is inconclusive', () => {
  const oracle = createOracle(tinySystem, { observes: ['want', 'got', 'released', 'tried'] });
  for (const event of asTrace([...takes(t1, lock), t1.released(lock)])) oracle.event(event);
  assert.is(oracle.end().verdict, 'inconclusive');
});
test('a name that was freed long ago is still known to be freed', () => {
  const oracle = createOracle(tinySystem);
  let seq = 0;
  for (let number = 1; number <= 70_000; number++) {
    oracle.event({ seq: seq++, thread: 'T1', kind: 'alloc', object: `Device#${number}`, fields: {} });
    oracle.event({ seq: seq++, thread: 'T1', kind: 'free', object: `Device#${number}` });
  }
  const findings = oracle.event({ seq, thread: 'T1', kind: 'read', field: 'Device#1.count', value: 0 });
  assert.equal(
    findings.map(({ rule, earlier }) => ({ rule, earlier })),
    [{ rule: 'always.neverTouchedAfterFree', earlier: null }],
  );
  assert.is(oracle.world.slots.size, 0);
});

// ---- Laws

const thread = fc.constantFrom(t1, t2, worker);
const happening: fc.Arbitrary<Happening> = thread.chain(on =>
  fc.constantFrom(
    on.want(lock),
    on.got(lock),
    on.released(lock),
    on.want(other),
    on.got(other),
    on.released(other),
    on.tried('Vm#1.irq', true),
    on.released('Vm#1.irq'),
    on.enter('Device#1.srcu'),
    on.exit('Device#1.srcu'),
    on.graceBegin('Device#1.srcu'),
    on.get('Vm#1.users'),
    on.put('Vm#1.users'),
    on.write('Device#1.vm', 'Vm#1'),
    on.write('Device#1.vm', null),
    on.write('Device#1.count', 3),
    on.write('Device#1.state', 'idle'),
    on.read('Device#1.count', 0),
    on.add('Vm#1.devices', 'Device#1'),
    on.remove('Vm#1.devices', 'Device#1'),
    on.queue('Device#1.inject'),
    on.runBegin('Device#1.inject'),
    on.runEnd('Device#1.inject'),
    on.flushBegin('Device#1.inject'),
    on.free('Device#1'),
    on.free('Vm#1'),
    on.link('Device#1.entry'),
    on.unlink('Device#1.entry'),
    on.quiesce('Vm#1'),
  ),
);
const traces = fc.array(happening, { maxLength: 40 }).map(happenings => asTrace([...machine, ...happenings]));

/** Findings up to the first event that cannot be. */
function judged(trace: ReturnType<typeof asTrace>) {
  const oracle = createOracle(tinySystem);
  const findings = [];
  for (const event of trace) {
    try {
      findings.push(...oracle.event(event));
    } catch (error) {
      if (error instanceof TraceError) break;
      throw error;
    }
  }
  return findings;
}

test('a finding is absent from every trace that ends before its event, and present in all that go on', () => {
  fc.assert(
    fc.property(traces, fc.nat(), (trace, at) => {
      const length = at % (trace.length + 1);
      assert.equal(
        judged(trace.slice(0, length)),
        judged(trace).filter(({ event }) => event < length),
      );
    }),
    { seed: 1, numRuns: 500 },
  );
});
test('renaming the threads changes nothing but their names', () => {
  const renamed = (name: string): string => (name === 'setup' ? name : `other ${name}`);
  fc.assert(
    fc.property(traces, trace => {
      const bare = ({ rule, event, objects, earlier }: ReturnType<typeof judged>[number]) => ({ rule, event, objects, earlier });
      assert.equal(judged(trace.map(event => ({ ...event, thread: renamed(event.thread) }))).map(bare), judged(trace).map(bare));
    }),
    { seed: 2, numRuns: 500 },
  );
});
test('the laws are about traces that break rules', () => {
  const broken = new Set(fc.sample(traces, { seed: 3, numRuns: 500 }).flatMap(trace => judged(trace).map(({ rule }) => rule)));
  assert.ok(broken.size >= 12, [...broken].join(' '));
});

test.run();
