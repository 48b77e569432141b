/** A system from the text of one spec file, and what every part of the generator makes of it. For tests. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { createOracle } from '../../oracles/oracle.ts';
import { loadOracle } from '../emit/load-oracle.ts';
import { compare } from '../explore/compare-slowly.ts';
import { type Exploration, explore } from '../explore/explore.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { applyVariant } from '../instantiate/variant.ts';
import { stateFindings, successors } from '../interpret/interpret.ts';
import { narrate } from '../interpret/narrate.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import { checkSpec } from '../read/check-spec.ts';
import { inFileOrder, printDiagnostic } from '../read/diagnostic.ts';
import { readSystem } from '../read/read-spec.ts';
import { type ScenarioReport, verifyScenario } from '../verify/verify.ts';

const language = readFileSync(new URL('../../spec/language.ts', import.meta.url), 'utf8');

/** The text of a spec file `shop.ts` in a folder of its own; the system, and what is wrong with it, printed. */
export function readText(text: string): { system: System | null; said: string } {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-spec-'));
  try {
    mkdirSync(join(root, 'shop'));
    writeFileSync(join(root, 'language.ts'), language);
    writeFileSync(join(root, 'shop/shop.ts'), text);
    const { system, diagnostics } = readSystem(root, 'shop');
    const all = inFileOrder([...diagnostics, ...(system === null ? [] : checkSpec(system))]);
    return { system, said: all.map(printDiagnostic).join('') };
  } finally {
    rmSync(root, { recursive: true });
  }
}

export function systemOf(text: string): System {
  const { system, said } = readText(text);
  assert.is(said, '');
  if (system === null) throw new Error('the spec was not read');
  return system;
}

export function programOf(system: System, scenario: string, variant: string | null = null): Program {
  const { program, diagnostics } = instantiate(system, variant, scenario);
  assert.is(diagnostics.map(printDiagnostic).join(''), '');
  if (program === null) throw new Error(`${scenario} cannot be run`);
  return program;
}

/** Names of the rules that a scenario breaks. */
export function broken(system: System, scenario: string, variant: string | null = null): string[] {
  const report: ScenarioReport = verifyScenario(system, variant, scenario);
  assert.is(report.diagnostics.map(printDiagnostic).join(''), '');
  return report.violations.map(({ rule }) => rule).sort();
}

/** What is said of a whole program or trace: step by step there is nothing to compare. */
const ofTheWhole = [
  'always.locksBalance',
  'always.noLockCycle',
  'always.lastPutTakesNoHeldLock',
  'always.irqLocksKeepIrqsOff',
  'always.everyWaitEnds',
];

/**
 * Explorer and interpreter find the same states, steps and findings; the oracle says of every step's events what the interpreter says of the
 * step. `notInTraces`: rules that events cannot decide.
 */
export function allAgree(
  system: System,
  scenario: string,
  variant: string | null = null,
  notInTraces: readonly string[] = [],
): Exploration {
  const program = programOf(system, scenario, variant);
  const exploration = explore(program, { edges: true });
  compare(program, exploration);
  const definition = loadOracle(applyVariant(system, variant));
  const { edges } = exploration;
  if (edges === undefined) throw new Error('no edges');
  const leftOut = new Set([...ofTheWhole, ...notInTraces]);
  for (let from = 0; from < exploration.states; from++) {
    const path = exploration.path(from);
    const before = exploration.state(from);
    for (const { step, state, findings } of successors(program, before)) {
      const { events, eventsOf } = narrate(program, [...path, step]);
      const seqs = new Set((eventsOf.at(-1) ?? []).map(position => events[position]?.seq));
      const oracle = createOracle(definition);
      const inTrace = events.flatMap(event => oracle.event(event).filter(found => seqs.has(event.seq) && found.strength === 'observed'));
      const nameOf = ({ rule, objects }: { rule: string; objects: Readonly<Record<string, string>> }) =>
        `${rule} ${JSON.stringify(objects)}`;
      const wrongBefore = new Set(stateFindings(program, before).map(nameOf));
      const fresh = state === null ? [] : stateFindings(program, state).filter(finding => !wrongBefore.has(nameOf(finding)));
      const rules = (found: readonly { rule: string }[]) =>
        [...new Set(found.map(({ rule }) => rule))].filter(rule => !leftOut.has(rule)).sort();
      const site = program.sites[program.threads[step.thread]?.nodes[step.node]?.site ?? -1];
      assert.equal(
        rules(inTrace),
        rules([...findings, ...fresh]),
        `${scenario}: ${site?.text ?? ''} of thread ${step.thread}, after ${path.length} steps`,
      );
    }
  }
  return exploration;
}
