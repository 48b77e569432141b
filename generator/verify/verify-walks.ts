/** Judges a scenario by random walks: for what is too large to explore. It can find what is wrong and never show that nothing is. */

import { applyVariant } from '../instantiate/variant.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import type { System } from '../model.ts';
import { shrink } from '../walk/shrink.ts';
import { type WalkOptions, walkAtRandom } from '../walk/walk-at-random.ts';
import { counterexampleOf } from './counterexample.ts';
import { exercisedWhere } from './exercised.ts';
import type { Keeping } from './kept-file.ts';
import { prepare } from './prepare.ts';
import { notRun, type ScenarioReport, staticViolations, tellRule, type Violation } from './verify.ts';

export function verifyByWalks(
  system: System,
  variant: string | null,
  scenario: string,
  options: Omit<WalkOptions, 'quiescence'> & { readonly keeping?: Keeping },
): ScenarioReport {
  const { ready, diagnostics } = prepare(system, variant, scenario, options.keeping ?? null);
  if (ready === null) return notRun(system, variant, scenario, diagnostics);
  const { program, source } = ready;
  const quiescence = (state: Parameters<typeof quiescenceFindings>[1]) => quiescenceFindings(program, state);
  const walks = walkAtRandom(program, { ...options, quiescence }, typeof source === 'function' ? source() : source);
  ready.keep();
  const known = applyVariant(system, variant);
  const shrunk = walks.witnesses.map(({ rule, kind, steps, count }) => ({
    rule,
    kind,
    count,
    ...shrink(program, rule, kind, steps, quiescence),
  }));
  const byRule = new Map<string, (typeof shrunk)[number]>();
  for (const one of shrunk) {
    const other = byRule.get(one.rule);
    const best = other === undefined || one.steps.length < other.steps.length ? one : other;
    byRule.set(one.rule, { ...best, count: one.count + (other?.count ?? 0) });
  }
  const found = [...byRule.values()].sort((one, other) => one.steps.length - other.steps.length);
  const observed = found.map(({ rule, kind, steps, count }): Violation => {
    const counterexample = counterexampleOf(known, program, steps, rule, kind);
    return { rule, ...tellRule(known, rule), strength: 'observed', detail: counterexample.detail, count, counterexample };
  });
  const violations = [...observed, ...staticViolations(known, program)];
  const { coverage } = walks;
  const exercised = exercisedWhere(known, program, coverage.node, rule => coverage.tested.has(rule.name));
  return {
    ...notRun(system, variant, scenario, []),
    verdict: violations.length > 0 ? 'violation' : 'inconclusive',
    transitions: walks.steps,
    seconds: walks.seconds,
    violations,
    exercised,
    walks: {
      walks: walks.walks,
      seed: options.seed,
      depth: options.depth,
      givenUp: walks.givenUp,
      steps: walks.steps,
      stepsPerSecond: Math.round(walks.steps / Math.max(walks.seconds, 1e-6)),
      rules: { covered: exercised.length, of: known.rules.length },
      nodes: coverage.steps,
      branches: coverage.branches,
      notShortest: found.filter(({ shortest }) => !shortest).map(({ rule }) => rule),
    },
  };
}
