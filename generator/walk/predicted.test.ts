import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../oracles/event.ts';
import { createPredictor } from '../../oracles/predict/predictor.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { startOf, successors } from '../interpret/interpret.ts';
import { narrate } from '../interpret/narrate.ts';
import type { Program, Step } from '../program.ts';
import { loadSystem } from '../read/load-system.ts';
import { verifyScenario } from '../verify/verify.ts';

const test = suite('predictions against the explorer');
const loaded = await loadSystem(fileURLToPath(new URL('../../spec', import.meta.url)), 'irqfd-2009', null);

/** The same numbers in every run. */
function createDice(): (sides: number) => number {
  let seed = 12_345;
  return sides => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * sides);
  };
}

/** A run in which nothing goes wrong, as a trace. All threads of a scenario are there from its beginning. */
function walk(program: Program, roll: (sides: number) => number): readonly Event[] {
  let state = startOf(program);
  const steps: Step[] = [];
  while (steps.length < 120) {
    const right = successors(program, state).filter(({ state: next, findings }) => next !== null && findings.length === 0);
    const one = right[roll(Math.max(1, right.length))];
    if (one?.state == null) break;
    steps.push(one.step);
    state = one.state;
  }
  const { events } = narrate(program, steps);
  const setupEnds = events.findIndex(({ kind, thread }) => kind === 'thread-end' && thread === 'setup');
  const before = new Set(events.slice(0, setupEnds).map(({ thread }) => thread));
  const made = [...new Set(events.slice(setupEnds + 1).map(({ thread }) => thread))].filter(thread => !before.has(thread));
  const forks = made.map((other): Event => ({ seq: 0, thread: 'setup', kind: 'fork', other }));
  return [...events.slice(0, setupEnds), ...forks, ...events.slice(setupEnds)].map((event, seq) => ({ ...event, seq }));
}

/** Rules that are predicted from runs of a scenario, and in how many runs. */
function predictedIn(scenario: string, variant: string | null, walks: number): ReadonlySet<string> {
  if (loaded.system === null) throw new Error('The spec was not read.');
  const { program } = instantiate(loaded.system, variant, scenario);
  if (program === null) return new Set();
  const roll = createDice();
  const rules = new Set<string>();
  for (let count = 0; count < walks; count++) {
    const predictor = createPredictor({});
    for (const event of walk(program, roll)) predictor?.event(event);
    for (const { finding } of predictor?.end().findings ?? []) rules.add(finding.rule);
  }
  return rules;
}

test('nothing is predicted from runs of what is proven right', () => {
  for (const { name } of loaded.system?.scenarios ?? []) assert.equal([...predictedIn(name, null, 4)], [], name);
});

test('what is predicted from runs of a defect in which nothing goes wrong, the explorer finds there', () => {
  if (loaded.system === null) throw new Error('The spec was not read.');
  const predicted = predictedIn('assignRacesHangUp', 'asProposed', 10);
  const found = verifyScenario(loaded.system, 'asProposed', 'assignRacesHangUp').violations.map(({ rule }) => rule);
  assert.equal([...predicted], ['always.freedWhenIdle']);
  assert.ok(found.includes('always.freedWhenIdle'));
});

test.run();
