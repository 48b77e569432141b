import * as check from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../oracles/event.ts';
import type { Program, State, Step } from '../program.ts';
import { notHeld, timedSleep } from '../tiny/tiny-corners.ts';
import {
  abBa,
  claim,
  eachMember,
  noGracePeriod,
  takenTwice,
  tinyPrograms,
  useAfterFree,
  wakeCallback,
  workAndFlush,
} from '../tiny/tiny-programs.ts';
import { runAlone, startOf, successors } from './interpret.ts';
import { blocked, narrate } from './narrate.ts';

const test = suite('narration');

/** Steps by the choices, up to and including one that is cut. */
function stepsAlong(program: Program, choices: readonly number[]): Step[] {
  let state: State | null = startOf(program);
  const steps: Step[] = [];
  for (const choice of choices) {
    const all = successors(program, state);
    const taken = all[choice % Math.max(1, all.length)];
    if (!taken) break;
    steps.push(taken.step);
    if (!taken.state) break;
    state = taken.state;
  }
  return steps;
}

/** Steps of the named threads, one each, taking the first alternative. */
function stepsOf(program: Program, threads: readonly number[]): Step[] {
  let state: State | null = startOf(program);
  return threads.map(thread => {
    const taken = state && successors(program, state).find(({ step }) => step.thread === thread);
    if (!taken) throw new Error(`thread ${thread} cannot step`);
    state = taken.state;
    return taken.step;
  });
}

const bare = ({ events, eventsOf }: { events: readonly Event[]; eventsOf: readonly (readonly number[])[] }, step: number) =>
  eventsOf[step]?.flatMap(index => {
    const event = events[index];
    if (!event || event.kind === 'thread-start' || event.kind === 'thread-end') return [];
    return [Object.fromEntries(Object.entries(event).filter(([name]) => !['seq', 'thread', 'site'].includes(name)))];
  });

test('events are numbered upwards, and those of a step are of its thread and follow each other', () => {
  check.assert(
    check.property(check.constantFrom(...tinyPrograms), check.array(check.nat(), { maxLength: 40 }), (program, choices) => {
      const steps = stepsAlong(program, choices);
      const { events, eventsOf, states } = narrate(program, steps);
      events.forEach((event, index) => assert.ok(index === 0 || event.seq > (events[index - 1]?.seq ?? Infinity)));
      const inSteps = eventsOf.flat();
      inSteps.forEach((position, index) => assert.ok(index === 0 || position === (inSteps[index - 1] ?? Infinity) + 1));
      steps.forEach(({ thread }, step) =>
        eventsOf[step]?.forEach(index => assert.is(events[index]?.thread, program.threads[thread]?.name)),
      );
      assert.ok(states.length === steps.length + 1 || states.length === steps.length);
    }),
  );
});

test('every object has an alloc before any other event about it, and every thread a start', () => {
  check.assert(
    check.property(check.constantFrom(...tinyPrograms), check.array(check.nat(), { maxLength: 40 }), (program, choices) => {
      const made = new Set<string>();
      const started = new Set<string>();
      for (const event of narrate(program, stepsAlong(program, choices)).events) {
        if (event.kind === 'thread-start') started.add(event.thread);
        assert.ok(started.has(event.thread), `${event.thread} has not started`);
        if (event.kind === 'alloc') made.add(event.object);
        else
          for (const name of JSON.stringify(event).match(/"[A-Z]\w*#\d+/g) ?? [])
            assert.ok(made.has(name.slice(1)), `${name} has not been made`);
      }
    }),
  );
});

test('a lock is wanted and got in one step, and linking lets go of the queue', () => {
  const program = wakeCallback();
  const told = narrate(program, stepsOf(program, [0, 0, 1, 1, 1]));
  assert.equal(bare(told, 0), [
    { kind: 'want', lock: 'Event#1.wait' },
    { kind: 'got', lock: 'Event#1.wait' },
  ]);
  assert.equal(bare(told, 1), [
    { kind: 'link', queue: 'Event#1.wait', entry: 'Waiter#1.entry', exclusive: true, linked: true },
    { kind: 'released', lock: 'Event#1.wait' },
  ]);
  assert.equal(bare(told, 3), [{ kind: 'callback', queue: 'Event#1.wait', entry: 'Waiter#1.entry' }]);
  assert.equal(bare(told, 4), [{ kind: 'write', field: 'Waiter#1.called', value: true }]);
});

test('a constant is read in the step after it', () => {
  const program = eachMember();
  const told = narrate(program, stepsOf(program, [0, 0]));
  assert.equal(bare(told, 1), [
    { kind: 'read', field: 'Item#1.weight', value: 2 },
    { kind: 'next', set: 'Bag#1.items', member: 'Item#2' },
  ]);
});

test('a step that is cut gives the event that it attempted', () => {
  const twice = takenTwice();
  assert.equal(bare(narrate(twice, stepsOf(twice, [0, 0])), 1), [{ kind: 'want', lock: 'Box#1.lock' }]);
  const after = noGracePeriod();
  assert.equal(bare(narrate(after, stepsOf(after, [0, 0, 1, 1, 0])), 4), [{ kind: 'read', field: 'Data#1.value', value: null }]);
  const through = useAfterFree();
  assert.equal(bare(narrate(through, stepsOf(through, [1, 1])), 1), [{ kind: 'null-followed', field: 'Data.value' }]);
  const foreign = notHeld('unlock');
  assert.equal(bare(narrate(foreign, stepsOf(foreign, [0])), 0), [
    { kind: 'assert-held', lock: 'Box#1.lock' },
    { kind: 'released', lock: 'Box#1.lock' },
  ]);
});

test('calls and returns say what was given and what came back', () => {
  const program = claim();
  const told = narrate(program, stepsOf(program, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]));
  assert.equal(
    told.events
      .filter(({ kind }) => kind === 'call' || kind === 'return')
      .map(event => ('result' in event ? event.result : 'arguments' in event ? event.arguments : null)),
    [['Box#1'], 0, ['Box#1'], 'EBUSY'],
  );
  assert.equal(told.events.at(-1), { seq: told.events.length - 1, thread: 'setup', kind: 'quiesce', stays: ['Box#1'] });
});

test('a call that returns nothing, or a boolean, says so', () => {
  const returning = (returns: 'nothing' | 'boolean' | 'value'): unknown => {
    const program = claim();
    const threads = program.threads.map(thread => ({
      ...thread,
      calls: thread.calls.map(call => ({ ...call, result: { ...call.result, returns } })),
    }));
    const { events } = narrate({ ...program, threads }, stepsOf({ ...program, threads }, [0, 0, 0, 0, 0, 0]));
    return events.flatMap(event => (event.kind === 'return' ? [event.result] : []));
  };
  assert.equal([returning('nothing'), returning('boolean'), returning('value')], [[null], [false], [0]]);
});

test('what a timed sleep ended by is said', () => {
  const program = timedSleep();
  assert.equal(bare(narrate(program, stepsOf(program, [0, 0])), 1), [{ kind: 'wait-sleep', queue: 'Gate#1.wait', result: 'timeout' }]);
});

test('the setup comes first, in a thread of its own', () => {
  const before = workAndFlush();
  const { steps, state } = runAlone(before);
  const program: Program = {
    ...before,
    threads: before.threads.map(one => (one.work ? one : { ...one, nodes: [], start: -1 })),
    initial: state,
    setup: { program: before, steps },
  };
  const { events } = narrate(program, []);
  assert.equal(
    events.map(({ thread, kind }) => `${thread} ${kind}`),
    [
      'setup thread-start',
      'setup alloc',
      'setup queue',
      'setup flush-begin',
      'worker Job#1.work thread-start',
      'worker Job#1.work run-begin',
      'worker Job#1.work write',
      'worker Job#1.work run-end',
      'setup flush-end',
      'setup read',
      'setup thread-end',
      'setup quiesce',
    ],
  );
});

test('of a deadlock it is said who waits for what', () => {
  const program = abBa();
  const { states, events } = narrate(program, stepsOf(program, [0, 1]));
  const last = states.at(-1);
  if (!last) throw new Error('there is no state');
  assert.equal(blocked(program, last, events.length), [
    { seq: 9, thread: 'T1', site: 'tiny.ts:2', kind: 'want', lock: 'Pair#1.b' },
    { seq: 10, thread: 'T2', site: 'tiny.ts:6', kind: 'want', lock: 'Pair#1.a' },
  ]);
});

test('steps that cannot be taken are refused', () => {
  assert.throws(() => narrate(abBa(), [{ thread: 0, node: 1, alternative: 0 }]), 'T1 cannot take alternative 0 of tiny.ts:2 now.');
});

test.run();
