import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonical, startOf, stateFindings, successors } from '../interpret/interpret.ts';
import { END, type Program, type State } from '../program.ts';
import { randomProgram } from '../tiny/random-program.ts';
import { tinyPrograms } from '../tiny/tiny-programs.ts';
import { type Exploration, explore } from './explore.ts';
import { stepper } from './stepper.ts';

/** Breadth first by the interpreter alone. */
interface Slow {
  /** State numbers by canonical text, in the order found. */ readonly numbers: ReadonlyMap<string, number>;
  readonly depths: readonly number[];
  /** From, to, thread, node and alternative. */ readonly edges: readonly string[];
  /** Kind and rule, the depth where it is found first. */ readonly broken: ReadonlyMap<string, number>;
}

function slowly(program: Program): Slow {
  const start = startOf(program);
  const numbers = new Map([[canonical(start), 0]]);
  const states: State[] = [start],
    depths = [0];
  const edges: string[] = [];
  const broken = new Map<string, number>();
  const note = (key: string, depth: number): void => {
    if (!broken.has(key)) broken.set(key, depth);
  };
  for (let from = 0; from < states.length; from++) {
    const state = states[from],
      depth = depths[from] ?? 0;
    if (state === undefined) break;
    for (const { rule } of stateFindings(program, state)) note(`state ${rule}`, depth);
    const steps = successors(program, state);
    for (const { step, state: next, findings } of steps) {
      for (const { rule } of findings) note(`step ${rule}`, depth);
      if (next === null) continue;
      const text = canonical(next);
      const to = numbers.get(text) ?? states.length;
      if (to === states.length) {
        numbers.set(text, to);
        states.push(next);
        depths.push(depth + 1);
      }
      edges.push(`${from} ${to} ${step.thread} ${step.node} ${step.alternative}`);
    }
    const rest = program.threads.every(
      (thread, index) => state.threads[index]?.node === (thread.context === 'worker' ? thread.start : END),
    );
    if (steps.length === 0 && !rest) note('deadlock always.everyWaitEnds', depth);
  }
  return { numbers, depths, edges, broken };
}

function edgesIn({ edges, transitions }: Exploration): string[] {
  assert.ok(edges);
  return Array.from({ length: transitions }, (_, at) =>
    [edges.from[at], edges.to[at], edges.thread[at], edges.node[at], edges.alternative[at]].join(' '),
  );
}

/** Both come to the same, and what they come to is returned. */
function compare(program: Program, fast: Exploration): Slow {
  const slow = slowly(program);
  assert.is(fast.states, slow.numbers.size);
  assert.equal(
    Array.from({ length: fast.states }, (_, index) => canonical(fast.state(index))),
    [...slow.numbers.keys()],
  );
  assert.equal(edgesIn(fast), slow.edges);
  assert.is(fast.depth, Math.max(...slow.depths));
  assert.equal(
    Object.fromEntries(fast.witnesses.map(({ kind, rule, state }) => [`${kind} ${rule}`, fast.path(state).length])),
    Object.fromEntries(slow.broken),
  );
  return slow;
}

const test = suite('agreement of explorer and interpreter');

for (const program of tinyPrograms) {
  test(`both find the same states, steps and findings in ${program.scenario}`, () => {
    compare(program, explore(program, { edges: true }));
  });

  test(`every path of ${program.scenario} can be taken again`, () => {
    const fast = explore(program);
    const one = stepper(program);
    for (let index = 0; index < fast.states; index++) {
      let state = startOf(program);
      for (const { thread, node, alternative } of fast.path(index)) {
        const next = successors(program, state).find(
          ({ step }) => step.thread === thread && step.node === node && step.alternative === alternative,
        );
        assert.ok(next?.state);
        state = next.state;
      }
      assert.is(canonical(state), canonical(fast.state(index)));
      assert.equal(one.decode(one.encode(fast.state(index))), fast.state(index));
    }
  });
}

test('both find the same in programs that mean nothing', () => {
  const found = new Set<string>();
  let compared = 0;
  fc.assert(
    fc.property(randomProgram, program => {
      let fast: Exploration;
      try {
        fast = explore(program, { edges: true, maxStates: 1500 });
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown;
        assert.match(thrown.message, /^tiny\.ts:\d+:1 /);
        // The interpreter counts read sections without a bound.
        if (!/read sections open/.test(thrown.message)) assert.throws(() => slowly(program));
        return;
      }
      if (!fast.complete) return;
      compared++;
      for (const finding of compare(program, fast).broken.keys()) found.add(finding);
    }),
    { seed: 7, numRuns: Number(process.env.HOLDFAST_RUNS ?? 300) },
  );
  assert.ok(compared > 100, `${compared} programs were compared`);
  // Otherwise the programs mean too little for the comparison to mean anything.
  assert.ok(found.size >= 15, [...found].join(', '));
});

test.run();
