import * as check from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { END, type Program, type State, type Step } from '../program.ts';
import { cancelAndFlush, flushesItself } from '../tiny/tiny-corners.ts';
import { at, constant, field, lock, objectType, plainSlot, slot, tiny, write } from '../tiny/tiny-program.ts';
import { abBa, claim, eachMember, takenTwice, tinyPrograms, underMutex, useAfterFree, workAndFlush } from '../tiny/tiny-programs.ts';
import { canonical, copyState, runAlone, startOf, stateFindings, successors } from './interpret.ts';
import { nodeAt, threadAt } from './program-index.ts';

const test = suite('interpreter');

const anyProgram = check.constantFrom(...tinyPrograms);
const anyChoices = check.array(check.nat(), { maxLength: 40 });

/** Follows the choices as far as they go; calls `see` with each state and the step that led on from it. */
function walkAlong(program: Program, choices: readonly number[], see: (before: State, step: Step, after: State) => void): State {
  let state = startOf(program);
  for (const choice of choices) {
    const all = successors(program, state);
    const taken = all[choice % Math.max(1, all.length)];
    if (!taken?.state) break;
    see(state, taken.step, taken.state);
    state = taken.state;
  }
  return state;
}

test('a lock is free or owned by a thread that exists, and every thread stands at a node that is not pure', () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      walkAlong(program, choices, (_, __, { cells, threads }) => {
        for (const type of program.types)
          for (const { name, kind } of type.fields)
            if (kind === 'mutex' || kind === 'spinlock' || kind === 'wait-queue') {
              for (let instance = 1; instance <= type.pool; instance++)
                assert.ok((cells[`${type.name}#${instance}.${name}`] ?? 0) <= program.threads.length);
            }
        threads.forEach(
          ({ node }, thread) =>
            node === END || assert.not(['set', 'branch', 'jump'].includes(nodeAt(threadAt(program, thread), node).action.kind)),
        );
      });
    }),
  );
});

test("a step changes only its own thread's place and slots", () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      walkAlong(program, choices, (before, { thread: moved }, after) =>
        after.threads.forEach(({ node, slots }, thread) => {
          if (thread !== moved) assert.equal({ node, slots }, { node: before.threads[thread]?.node, slots: before.threads[thread]?.slots });
        }),
      );
    }),
  );
});

test('asking for successors leaves the state as it was, and gives the same again', () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      const state = walkAlong(program, choices, () => undefined);
      const before = canonical(state);
      const names = successors(program, state).map(one => one.state && canonical(one.state));
      stateFindings(program, state);
      assert.is(canonical(state), before);
      assert.equal(
        successors(program, copyState(state)).map(one => one.state && canonical(one.state)),
        names,
      );
    }),
  );
});

test('no step of these programs leads back to where it began', () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      walkAlong(program, choices, (before, _, after) => assert.is.not(canonical(before), canonical(after)));
    }),
  );
});

test('equal states have equal names whatever the order of their entries, and an entry of 0 is none', () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      const state = walkAlong(program, choices, () => undefined);
      const turned: State = { ...state, cells: Object.fromEntries([...Object.entries(state.cells).reverse(), ['Nothing#1.here', 0]]) };
      assert.is(canonical(turned), canonical(state));
      assert.is.not(canonical({ ...state, cells: { ...state.cells, 'Nothing#1.here': 1 } }), canonical(state));
    }),
  );
});

test('a finding cuts the path exactly if it is fatal', () => {
  check.assert(
    check.property(anyProgram, anyChoices, (program, choices) => {
      walkAlong(program, choices, before => {
        for (const { state, findings } of successors(program, before))
          assert.is(
            state === null,
            findings.some(({ fatal }) => fatal),
          );
      });
    }),
  );
});

test('a slot that nobody will read is not part of the state', () => {
  const program = useAfterFree();
  let state = startOf(program);
  for (let count = 0; count < 4; count++) {
    const [first] = successors(program, state);
    if (!first?.state) throw new Error('the owner is stuck');
    state = first.state;
    // Until it is freed, the owner needs to know which object it made.
    assert.equal(state.threads[0]?.slots, count < 3 ? { 0: 1 } : {});
  }
});

test('a setup takes the first alternative, lets workers run only when it has to wait, and keeps its slots', () => {
  const { steps, slots, state } = runAlone(workAndFlush());
  assert.equal(
    steps.map(({ thread, node }) => [thread, node]),
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [1, 2],
      [0, 2],
      [0, 3],
    ],
  );
  assert.equal(slots, [1, 1]);
  assert.is(state.threads[0]?.node, END);
  assert.equal(runAlone(eachMember()).slots, [3, 1, 3, 5]);
});

test('a setup runs the same way every time', () => {
  for (const program of [workAndFlush(), eachMember(), claim(), underMutex(), cancelAndFlush()])
    assert.equal(runAlone(program), runAlone(program));
});

test('a setup that begins with pure nodes keeps what they write', () => {
  const program = tiny({
    name: 'pure',
    types: [],
    threads: [{ slots: [plainSlot('one')], nodes: [{ kind: 'set', slot: 0, value: constant(1) }] }],
  });
  assert.equal(runAlone(program).slots, [1]);
  assert.equal(runAlone(program).steps, []);
});

test('a setup that breaks a rule, or is stuck, says where', () => {
  assert.throws(() => runAlone(takenTwice()), 'The setup of takenTwice breaks always.neverTakenTwice at tiny.ts:2: Box#1.lock.');
  const stuck = tiny({
    name: 'stuck',
    types: [objectType('Job', [field('work', 'work', 1)])],
    threads: [
      {
        nodes: [
          { kind: 'queue', target: at('Job', 'work'), on: null, slot: -1 },
          { kind: 'flush-begin', target: at('Job', 'work') },
          { kind: 'flush-end', target: at('Job', 'work') },
        ],
      },
    ],
  });
  assert.throws(() => runAlone(stuck), 'The setup of stuck waits for ever at tiny.ts:3.');
  assert.is(runAlone(flushesItself('flush-begin')).steps.length, 1);
});

test('a value that a field has no room for is a finding, not a wrap', () => {
  const program = tiny({
    name: 'full',
    types: [objectType('Box', [field('value', 'number', 2)])],
    threads: [{ nodes: [write(at('Box', 'value'), 3)] }],
  });
  const [only] = successors(program, program.initial);
  assert.is(only?.state, null);
  assert.equal(
    only?.findings.map(({ rule, detail }) => `${rule}: ${detail}`),
    ['always.valuesInBounds: Box#1.value would be 3, and goes from 0 to 2'],
  );
});

test('a constant is read with the step after it, and waits when that has to wait', () => {
  const box = objectType('Box', [field('lock', 'mutex', 2), field('other', 'pointer', 1, 'Box', true)]);
  const program = tiny({
    name: 'ahead',
    types: [box],
    cells: { 'Box#1.lock': 2, 'Box#1.other': 1 },
    threads: [
      {
        slots: [{ name: 'box', max: 1, type: 'Box', word: false }],
        nodes: [{ kind: 'read-constant', target: at('Box', 'other'), slot: 0 }, lock(at('Box', 'lock', slot(0)))],
      },
      { nodes: [] },
    ],
  });
  assert.equal(successors(program, program.initial), []);
  const freed = { ...program.initial, alive: {}, cells: {} };
  const [cut] = successors(program, freed);
  assert.equal(cut?.step, { thread: 0, node: 0, alternative: 0 });
  assert.is(cut?.findings[0]?.rule, 'always.neverTouchedAfterFree');
});

test('an invariant that is false is reported with the objects it is false for', () => {
  const program = claim();
  const state = { ...startOf(program), cells: { 'Box#1.taken': 1 } };
  assert.equal(
    stateFindings(program, state).map(({ rule, objects }) => ({ rule, objects })),
    [{ rule: 'takenOnlyUnderLock', objects: { box: 'Box#1' } }],
  );
});

test('the deadlock of AB-BA has no successor', () => {
  const program = abBa();
  let state = startOf(program);
  for (const thread of [0, 1]) state = successors(program, state).find(({ step }) => step.thread === thread)?.state ?? state;
  assert.equal(successors(program, state), []);
});

test.run();
