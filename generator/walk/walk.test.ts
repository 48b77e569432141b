import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore } from '../explore/explore.ts';
import { type Successor, startOf, stateFindings, successors } from '../interpret/interpret.ts';
import { atRest, quiescenceFindings } from '../interpret/quiescence.ts';
import { END, type Program, type State } from '../program.ts';
import { at, constant, field, objectType, type TinyNode, tiny, write } from '../tiny/tiny-program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { shrink } from './shrink.ts';
import { type WalkWitness, walkAtRandom } from './walk-at-random.ts';

const test = suite('random walks');

function walked(program: Program, walks = 300, seed = 1, depth = 200) {
  return walkAtRandom(program, { walks, seed, depth, quiescence: state => quiescenceFindings(program, state) });
}

/** Whether the steps break the rule at their end, by the interpreter, which knows nothing of the generated code. */
function breaks(program: Program, { rule, kind, steps }: Pick<WalkWitness, 'rule' | 'kind' | 'steps'>): boolean {
  let state: State | null = startOf(program);
  let last: string[] = [];
  for (const step of steps) {
    if (state === null) return false;
    const taken: Successor | undefined = successors(program, state).find(
      one => one.step.thread === step.thread && one.step.node === step.node && one.step.alternative === step.alternative,
    );
    if (taken === undefined) return false;
    last = taken.findings.map(finding => finding.rule);
    state = taken.state;
  }
  if (kind === 'step') return last.includes(rule);
  if (state === null) return false;
  if (kind === 'state') return stateFindings(program, state).some(finding => finding.rule === rule);
  if (successors(program, state).length > 0 || atRest(program, state) !== (kind === 'rest')) return false;
  return kind === 'deadlock' || quiescenceFindings(program, state).some(finding => finding.rule === rule);
}

test('a walk breaks no rule that exploring does not, and what it breaks it breaks by steps that can be taken', () => {
  let broken = 0;
  for (const program of tinyPrograms) {
    const quiescence = (state: State) => quiescenceFindings(program, state);
    const all = new Set(explore(program, { quiescence }).witnesses.map(({ kind, rule }) => `${kind} ${rule}`));
    for (const witness of walked(program).witnesses) {
      assert.ok(all.has(`${witness.kind} ${witness.rule}`), `${program.scenario}: ${witness.kind} ${witness.rule}`);
      assert.ok(breaks(program, witness), `${program.scenario}: the steps break ${witness.rule}`);
      broken++;
    }
  }
  assert.ok(broken > 5);
});

test('small programs are walked through as far as exploring goes, and everything wrong with them is found', () => {
  for (const program of tinyPrograms) {
    const quiescence = (state: State) => quiescenceFindings(program, state);
    const explored = explore(program, { quiescence });
    const { coverage, witnesses } = walked(program, 2000);
    assert.equal(
      [...new Set(witnesses.map(({ rule }) => rule))].sort(),
      [...new Set(explored.witnesses.map(({ rule }) => rule))].sort(),
      program.scenario,
    );
    program.threads.forEach((thread, index) =>
      thread.nodes.forEach((_, node) => {
        assert.is(coverage.node(index, node), explored.covered(index, node), `${program.scenario}, thread ${index}, node ${node}`);
      }),
    );
  }
});

test('the same seed gives the same walks, another seed gives others', () => {
  const program = noisy();
  const { seconds: _, coverage: __, ...one } = walked(program, 50, 7);
  const { seconds: ___, coverage: ____, ...again } = walked(program, 50, 7);
  assert.equal(again, one);
  assert.not.equal(walked(program, 50, 8).witnesses[0]?.steps, one.witnesses[0]?.steps);
});

/** Three threads that write here and there; a fourth reaches `bug` if the first has written what it never should, late. */
function noisy(): Program {
  const box = objectType('Box', [field('a', 'number', 7), field('b', 'number', 7), field('flag', 'boolean', 1)]);
  const busy = (name: string): TinyNode[] => [1, 2, 3, 4, 5, 6].map(value => write(at('Box', name), value));
  return tiny({
    name: 'noisy',
    types: [box],
    threads: [
      { nodes: [...busy('a'), write(at('Box', 'flag'), 1), ...busy('a')] },
      { nodes: busy('b') },
      { nodes: [...busy('b'), ...busy('a')] },
      {
        slots: [{ name: 'flag', max: 1, type: null, word: false }],
        nodes: [
          { kind: 'read', target: at('Box', 'flag'), slot: 0 },
          { action: { kind: 'branch', when: { kind: 'slot', slot: 0 } }, next: 2, otherwise: END },
          { kind: 'bug' },
        ],
      },
    ],
  });
}

test('a failing walk is shrunk to a shortest one', () => {
  const program = noisy();
  const [witness] = walked(program, 50).witnesses;
  assert.is(witness?.rule, 'always.bugNeverReached');
  if (witness === undefined) return;
  const shrunk = shrink(program, witness.rule, witness.kind, witness.steps, () => []);
  // Six writes, the flag, the look at it, and the bug; nothing of the two busy threads.
  assert.is(shrunk.steps.length, 9);
  assert.ok(shrunk.shortest);
  assert.ok(breaks(program, { ...witness, steps: shrunk.steps }));
});

test('what is shrunk is never longer than what exploring finds for small programs', () => {
  for (const program of tinyPrograms) {
    const quiescence = (state: State) => quiescenceFindings(program, state);
    const explored = explore(program, { quiescence });
    for (const witness of walked(program).witnesses) {
      const shortest = Math.min(
        ...explored.witnesses
          .filter(({ rule, kind }) => rule === witness.rule && kind === witness.kind)
          .map(({ state, step }) => explored.path(state).length + (step === null ? 0 : 1)),
      );
      const { steps } = shrink(program, witness.rule, witness.kind, witness.steps, quiescence);
      assert.is(steps.length, shortest, `${program.scenario}: ${witness.rule}`);
    }
  }
});

test('a walk without an end is given up at the depth asked for', () => {
  const box = objectType('Box', [field('value', 'number', 1)]);
  const program = tiny({
    name: 'endless',
    types: [box],
    threads: [{ nodes: [{ action: write(at('Box', 'value', constant(1)), 1), next: 0 }] }],
  });
  const { steps, givenUp, witnesses } = walked(program, 10, 1, 25);
  assert.equal([steps, givenUp, witnesses.length], [250, 10, 0]);
});

test('steps and branches that no walk takes are not counted as covered', () => {
  const box = objectType('Box', [field('value', 'number', 1)]);
  const program = tiny({
    name: 'dead',
    types: [box],
    threads: [
      {
        slots: [{ name: 'value', max: 1, type: null, word: false }],
        nodes: [
          { kind: 'read', target: at('Box', 'value'), slot: 0 },
          { action: { kind: 'branch', when: { kind: 'slot', slot: 0 } }, next: 2, otherwise: END },
          write(at('Box', 'value'), 1),
        ],
      },
    ],
  });
  const { coverage } = walked(program, 20);
  assert.equal(coverage.steps, { covered: 1, of: 2 });
  assert.equal(coverage.branches, { covered: 1, of: 2 });
});

test.run();
