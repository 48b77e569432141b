import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { builtInNames, builtInRules } from '../../oracles/built-in.ts';
import type { Event } from '../../oracles/event.ts';
import { createOracle } from '../../oracles/oracle.ts';
import { createEventReader } from '../../oracles/read-trace.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { applyVariant } from '../instantiate/variant.ts';
import { stateFindings, successors } from '../interpret/interpret.ts';
import { narrate } from '../interpret/narrate.ts';
import { atRest, quiescenceFindings } from '../interpret/quiescence.ts';
import type { Finding, Program, State, Step } from '../program.ts';
import { readSystem } from '../read/read-spec.ts';
import { loadOracle } from './load-oracle.ts';

const test = suite('oracle of every variant');

const { system: base } = readSystem(fileURLToPath(new URL('../../spec', import.meta.url)), 'irqfd-2009');
assert.ok(base);
const seen = new Map<string, number>();

/** What may be broken is said of a whole program, or of a whole trace: step by step there is nothing to compare. */
const notOfOneStep = ['always.locksBalance', 'always.noLockCycle', 'always.lastPutTakesNoHeldLock'];

/** A random run and, for each step, the rules it breaks: of the step itself, and of states that it makes wrong. */
function walk(program: Program, random: () => number): { steps: Step[]; broken: string[][]; atTheEnd: string[] } {
  const keyOf = ({ rule, objects }: Finding): string => `${rule} ${Object.values(objects).join(' ')}`;
  const steps: Step[] = [];
  const broken: string[][] = [];
  let state: State | null = program.initial;
  let before = new Set(stateFindings(program, state).map(keyOf));
  for (let length = 0; length < 300 && state !== null; length++) {
    const possible = successors(program, state);
    const next = possible[Math.floor(random() * possible.length)];
    if (next === undefined) break;
    const ofState: Finding[] = next.state === null ? [] : stateFindings(program, next.state);
    steps.push(next.step);
    broken.push([...next.findings, ...ofState.filter(finding => !before.has(keyOf(finding)))].map(({ rule }) => rule).sort());
    before = new Set(ofState.map(keyOf));
    state = next.state;
  }
  return {
    steps,
    broken,
    atTheEnd:
      state !== null && atRest(program, state)
        ? quiescenceFindings(program, state)
            .map(({ rule }) => rule)
            .sort()
        : [],
  };
}

/** A number from 0 to 1, the same sequence for the same seed. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

for (const variant of [null, ...base.variants.map(({ name }) => name)]) {
  test(`both find the same at the same step of ${variant ?? 'the system as it is'}`, () => {
    const system = applyVariant(base, variant);
    const definition = loadOracle(system);
    const settled = new Set(system.rules.flatMap(rule => (rule.kind === 'settled' ? [rule.name] : [])));
    for (const [number, { name }] of system.scenarios.entries()) {
      const { program } = instantiate(base, variant, name);
      if (program === null) continue;
      const random = sequence(number + 1);
      for (let run = 0; run < 3; run++) {
        const { steps, broken, atTheEnd } = walk(program, random);
        const told = narrate(program, steps);
        const oracle = createOracle(definition, { without: notOfOneStep });
        const read = createEventReader(definition);
        const found = told.events.map((event: Event) => oracle.event(read(JSON.stringify(event), 1)).map(({ rule }) => rule));
        // What was wrong before somebody took the lock is not reported again when it is released; a state by itself cannot know that.
        const compared = (rules: readonly string[]): string[] => rules.filter(rule => !settled.has(rule)).sort();
        for (const [at, positions] of told.eventsOf.entries()) {
          const rules = positions.flatMap(position => found[position] ?? []);
          for (const rule of rules) seen.set(rule, (seen.get(rule) ?? 0) + 1);
          assert.equal(
            compared(rules),
            compared(broken[at] ?? []),
            `${name}, run ${run}, step ${at}: ${JSON.stringify(positions.map(position => told.events[position]))}`,
          );
        }
        if (told.events.at(-1)?.kind === 'quiesce') assert.equal(found.at(-1)?.slice().sort(), atTheEnd, `${name}, run ${run}, at rest`);
      }
    }
  });
}

test('the rules that need no declaration say the same in both', () => {
  assert.equal(Object.fromEntries(builtInNames.map(name => [`always.${name}`, builtInRules[name].sentence])), base.builtIn);
});

test('the walks break many rules', () => assert.ok(seen.size >= 8, [...seen.keys()].join(' ')));

test.run();
