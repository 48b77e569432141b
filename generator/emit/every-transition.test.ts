/**
 * The oracle that judges traces and the model that is explored are one semantics: every transition of small scenarios, and every
 * counterexample, goes through the generated oracle, which must find the same rules broken at the same event.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allOracles } from '../../oracles/all.oracle.ts';
import type { Event } from '../../oracles/event.ts';
import { createOracle } from '../../oracles/oracle.ts';
import type { Finding as OracleFinding } from '../../oracles/verdict.ts';
import { explore } from '../explore/explore.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { stateFindings, successors } from '../interpret/interpret.ts';
import { narrate } from '../interpret/narrate.ts';
import type { System } from '../model.ts';
import type { Program, State, Step } from '../program.ts';
import { readSystem } from '../read/read-spec.ts';
import { verifyScenario } from '../verify/verify.ts';

const test = suite('every transition');
const specFolder = new URL('../../spec', import.meta.url).pathname;

function systemOf(name: string): System {
  const { system, diagnostics } = readSystem(specFolder, name);
  assert.equal(diagnostics, []);
  if (system === null) throw new Error(`${name} cannot be read`);
  return system;
}

function programOf(system: System, variant: string | null, scenario: string): Program {
  const { program } = instantiate(system, variant, scenario);
  if (program === null) throw new Error(`${scenario} cannot be run`);
  return program;
}

/** Rules that the model says are broken by the step, or false after it and not before. */
function brokenInModel(program: Program, before: State, step: Step): string[] {
  const taken = successors(program, before).find(
    one => one.step.thread === step.thread && one.step.node === step.node && one.step.alternative === step.alternative,
  );
  if (taken === undefined) throw new Error('no such step');
  const name = (finding: { rule: string; objects: Readonly<Record<string, string>> }) =>
    `${finding.rule} ${JSON.stringify(finding.objects)}`;
  const falseBefore = new Set(stateFindings(program, before).map(name));
  const fresh = taken.state === null ? [] : stateFindings(program, taken.state).filter(finding => !falseBefore.has(name(finding)));
  return [...new Set([...taken.findings, ...fresh].map(finding => finding.rule))].sort();
}

/** Rules that the oracle reports at one of these events. What is only possible is about the whole trace, not about a step. */
function brokenInTrace(system: string, events: readonly Event[], at: readonly number[]): string[] {
  const definition = allOracles.get(system);
  if (definition === undefined) throw new Error(`no oracle for ${system}`);
  const oracle = createOracle(definition);
  const seqs = new Set(at.map(position => events[position]?.seq));
  const found: OracleFinding[] = [];
  for (const event of events) for (const finding of oracle.event(event)) if (seqs.has(event.seq)) found.push(finding);
  return [
    ...new Set(
      found
        .filter(
          finding => finding.strength === 'observed' && finding.rule !== 'always.everyWaitEnds' && finding.rule !== 'always.locksBalance',
        )
        .map(finding => finding.rule),
    ),
  ].sort();
}

for (const [name, scenarios] of [
  ['irqfd-2009', ['hangUpUnlocked', 'hangUpWithData']],
  ['irqfd', ['deassignOther', 'assignAgain', 'assignRacesClose', 'routingRacesAssign']],
] as const) {
  const system = systemOf(name);
  for (const scenario of scenarios) {
    test(`every transition of ${name}/${scenario} gets the same verdict from the oracle`, () => {
      const program = programOf(system, null, scenario);
      const exploration = explore(program, { edges: true });
      const { edges } = exploration;
      if (edges === undefined) throw new Error('no edges');
      edges.from.forEach((from, edge) => {
        const step = { thread: edges.thread[edge] ?? 0, node: edges.node[edge] ?? 0, alternative: edges.alternative[edge] ?? 0 };
        const steps = [...exploration.path(from), step];
        const { events, states, eventsOf } = narrate(program, steps);
        const before = states[steps.length - 1];
        if (before === undefined) throw new Error('no state');
        const site = program.sites[program.threads[step.thread]?.nodes[step.node]?.site ?? 0];
        assert.equal(
          brokenInTrace(name, events, eventsOf.at(-1) ?? []),
          brokenInModel(program, before, step),
          `${site?.text} of ${scenario}, edge ${edge}`,
        );
      });
    });
  }

  test(`every counterexample of a defect of ${name} is found by the oracle, by the same rule`, () => {
    const seen: string[] = [];
    for (const { name: variant, breaks } of system.variants) {
      for (const scenario of new Set(breaks.map(one => one.scenario))) {
        for (const violation of verifyScenario(system, variant, scenario).violations) {
          const { counterexample } = violation;
          // A rule that only this variant has is not in the committed oracle of the base.
          if (counterexample === null) continue;
          if (!violation.rule.startsWith('always.') && sameRuleAsBase(system, variant, violation.rule) === false) continue;
          const definition = allOracles.get(name);
          if (definition === undefined) throw new Error(`no oracle for ${name}`);
          const oracle = createOracle(definition);
          for (const event of counterexample.events) oracle.event(event);
          const rules = oracle.end().findings.map(finding => finding.rule);
          assert.ok(
            rules.includes(violation.rule),
            `${variant}, ${scenario}: the oracle finds ${rules.join(', ') || 'nothing'}, not ${violation.rule}`,
          );
          seen.push(`${variant} ${violation.rule}`);
        }
      }
    }
    assert.ok(seen.length > 10);
  });
}

function sameRuleAsBase(system: System, variant: string, rule: string): boolean {
  const own = system.variants.find(one => one.name === variant);
  if (own === undefined) return true;
  return !(rule in own.rules) && !own.also.some(one => one.name === rule) && (own.of === null || sameRuleAsBase(system, own.of, rule));
}

test.run();
