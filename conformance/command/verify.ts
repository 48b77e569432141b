/** `holdfast verify`: diagnostics of the spec, then every scenario, or every defect. */

import { applyVariant } from '../../generator/instantiate/variant.ts';
import type { System } from '../../generator/model.ts';
import { findingNothing, keptMutants } from '../../generator/mutate/mutant-file.ts';
import { type Diagnostic, printDiagnostic } from '../../generator/read/diagnostic.ts';
import { type Loaded, loadSystem } from '../../generator/read/load-system.ts';
import type { CounterexampleStep } from '../../generator/verify/counterexample.ts';
import { notExercised } from '../../generator/verify/exercised.ts';
import type { ScenarioReport, Violation } from '../../generator/verify/verify.ts';
import { writeNew } from '../../generator/write-whole.ts';
import type { TraceHeader } from '../../oracles/event.ts';
import { UsageFault } from '../usage-fault.ts';
import type { ScenarioDocument, StepDocument, VerifyDocument, ViolationDocument, WalksDocument } from './documents.ts';
import { keptFolder, packageFolder, selectSystems, steppersFolder } from './places.ts';
import { colour, counted, paragraph, progressLine } from './terminal.ts';
import { tableOf, tellEnds, tellReduced, tellViolation, walksTable } from './verify-text.ts';
import { drawInto } from './write-drawing.ts';

export interface VerifyOptions {
  readonly defects?: boolean;
  readonly variant?: string;
  readonly scenario?: string[];
  readonly rule?: string[];
  readonly maxStates?: number;
  readonly maxMemory?: number;
  readonly workers?: number | 'auto';
  readonly reduction?: boolean;
  readonly walks?: number;
  readonly seed?: number;
  readonly walkDepth?: number;
  readonly draw?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly spec?: string;
  readonly trace?: string;
}

/** What one scenario, or one pair of a defect and its scenario, came to. */
export interface Outcome extends ScenarioReport {
  /** Of a defect: rules that it should break here, and whether each was found. */
  readonly expected?: readonly { readonly rule: string; readonly found: boolean }[];
  /** Said of the whole: a defect that is found passes. */
  readonly passed: boolean;
}

/** Every step of a walk is kept until the walk ends. */
const DEEPEST_WALK = 50_000_000;

export async function verify(names: readonly string[], options: VerifyOptions): Promise<number> {
  if ((options.walkDepth ?? 0) > DEEPEST_WALK) throw new UsageFault(`A walk may have ${DEEPEST_WALK.toLocaleString('en')} steps at most.`);
  if (options.walks === undefined && (options.seed !== undefined || options.walkDepth !== undefined))
    throw new UsageFault('--seed and --walk-depth are for random walks: add --walks and how many.');
  const { folder, systems } = selectSystems(names, options.spec);
  const say = (text: string) => {
    if (!options.json) process.stdout.write(text);
  };
  const diagnostics: Diagnostic[] = [];
  const outcomes: Outcome[] = [];
  const line = progressLine();
  const { verifyScenario } = await import('../../generator/verify/verify.ts');
  for (const { name, loaded } of await loadAll(folder, systems, names, options, what => line.say(what))) {
    line.done();
    diagnostics.push(...loaded.diagnostics);
    for (const one of loaded.diagnostics) say(printDiagnostic(one));
    const { system } = loaded;
    if (system === null || loaded.diagnostics.length > 0) continue;
    const jobs = jobsOf(system, options);
    // Who names no system means those that have the scenario.
    if (jobs.length === 0 && names.length === 0) continue;
    if (jobs.length === 0)
      throw new UsageFault(`Nothing was selected in ${name}. \`holdfast list scenarios\` and \`holdfast list defects\` say what there is.`);
    say(
      `${colour.bold(name)}  ${system.rules.length} rules, ${Object.keys(system.operations).length} functions${options.defects ? `, ${defectsOf(system).length} defects` : ''}\n`,
    );
    const own: Outcome[] = [];
    for (const job of jobs) {
      const tell = (far: string) => line.say(`${name}  ${job.variant ?? ''} ${job.scenario}: ${far}`);
      const report =
        options.walks === undefined
          ? verifyScenario(system, job.variant, job.scenario, {
              ...(options.maxStates === undefined ? {} : { maxStates: options.maxStates }),
              ...(options.maxMemory === undefined ? {} : { maxBytes: options.maxMemory * 2 ** 20 }),
              ...(options.workers === undefined ? {} : { workers: options.workers }),
              ...(options.reduction === undefined ? {} : { reduction: options.reduction }),
              keeping: { folder: steppersFolder, specHash: loaded.hash },
              progress: (states, depth) => tell(`${states.toLocaleString('en')} states, depth ${depth}`),
            })
          : (await import('../../generator/verify/verify-walks.ts')).verifyByWalks(system, job.variant, job.scenario, {
              walks: options.walks,
              seed: options.seed ?? 1,
              depth: options.walkDepth ?? 10_000,
              keeping: { folder: steppersFolder, specHash: loaded.hash },
              progress: (walks, steps) => tell(`${walks.toLocaleString('en')} walks, ${steps.toLocaleString('en')} steps`),
            });
      line.done();
      const outcome = judge(report, job.rules);
      own.push(outcome);
      for (const one of report.diagnostics) say(printDiagnostic(one));
      diagnostics.push(...report.diagnostics);
    }
    say(options.walks === undefined ? tableOf(own, options.defects === true) : walksTable(own));
    if (!options.defects) say(tellEnds(own));
    if (options.walks === undefined) say(tellReduced(own, options.reduction !== false));
    if (!options.quiet)
      for (const outcome of own)
        for (const violation of shownViolations(outcome, options)) say(tellViolation(outcome, violation, options.spec));
    if (
      !options.defects &&
      options.variant === undefined &&
      options.scenario === undefined &&
      options.walks === undefined &&
      own.every(outcome => outcome.diagnostics.length === 0)
    ) {
      const idle = notExercised(system, new Set(own.flatMap(outcome => (outcome.variant === null ? outcome.exercised : []))));
      diagnostics.push(...idle);
      for (const one of idle) say(printDiagnostic(one));
    }
    if (options.variant === undefined && options.scenario === undefined && options.walks === undefined) {
      const idle = idleRules(system);
      diagnostics.push(...idle);
      for (const one of idle) say(printDiagnostic(one));
    }
    outcomes.push(...own);
  }
  if (outcomes.length === 0 && diagnostics.length === 0)
    throw new UsageFault('Nothing was selected. `holdfast list scenarios` and `holdfast list defects` say what there is.');
  const counts = countOf(outcomes);
  const verdict =
    diagnostics.length > 0 || outcomes.some(outcome => !outcome.passed && outcome.verdict !== 'inconclusive')
      ? 'violation'
      : outcomes.some(outcome => outcome.verdict === 'inconclusive')
        ? 'inconclusive'
        : 'pass';
  if (options.draw !== undefined) say(await writeDrawing(options.draw, outcomes, options));
  if (options.trace !== undefined) say(writeTrace(options.trace, outcomes, options));
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ schema: 'holdfast/verify/1', verdict, counts: { ...counts, diagnostics: diagnostics.length }, diagnostics, scenarios: outcomes.map(scenarioDocument) } satisfies VerifyDocument)}\n`,
    );
  else say(`${paragraph(summary(counts, diagnostics.length, options.defects === true), 2, 0)}\n`);
  return verdict === 'pass' ? 0 : verdict === 'inconclusive' ? 3 : 1;
}

/** Those that were named; if none was, those that have the variant. An unknown variant or rule is a mistake. */
async function loadAll(
  folder: string,
  systems: readonly string[],
  named: readonly string[],
  { variant, rule = [] }: VerifyOptions,
  tell: (what: string) => void,
): Promise<{ readonly name: string; readonly loaded: Loaded }[]> {
  const all: { name: string; loaded: Loaded }[] = [];
  for (const name of systems) {
    tell(`${name}: reading the spec`);
    all.push({ name, loaded: await loadSystem(folder, name, keptFolder) });
  }
  const isReadable = ({ loaded }: { loaded: Loaded }) => loaded.system !== null;
  const has = ({ loaded }: { loaded: Loaded }) => loaded.system === null || loaded.system.variants.some(one => one.name === variant);
  const wanted = variant === undefined || named.length > 0 ? all : all.filter(has);
  if (!wanted.some(isReadable) && all.every(isReadable))
    throw new UsageFault(`No system has a variant ${variant}. \`npx holdfast list variants\` says what there is.`);
  const rules = wanted.flatMap(({ loaded }) =>
    loaded.system === null
      ? []
      : [
          ...Object.keys(loaded.system.builtIn),
          ...loaded.system.rules.map(one => one.name),
          ...loaded.system.variants.flatMap(one => [...one.also.map(own => own.name), ...Object.keys(one.rules)]),
        ],
  );
  for (const name of rule)
    if (wanted.every(isReadable) && !rules.includes(name))
      throw new UsageFault(
        `There is no rule ${name}${rules.includes(`always.${name}`) ? `; there is always.${name}` : ''}. \`npx holdfast list rules\` says what there is.`,
      );
  return wanted;
}

/**
 * Rules that find no defect, nor any mutant as far as mutants of this text of the spec were looked at. Of a spec that has no defects yet
 * nothing is known of that.
 */
function idleRules(system: System): Diagnostic[] {
  if (defectsOf(system).length === 0) return [];
  const mutants = keptMutants(packageFolder, system) ?? [];
  return findingNothing(system, mutants).map(({ name, at }) => ({
    at,
    name: 'rule-finds-nothing',
    what: `${name} finds no defect and no mutant, so it is not known to say anything.`,
    wayOut: 'Add a defect that it finds, or a scenario in which it bites, or take the rule out.',
  }));
}

interface Job {
  readonly variant: string | null;
  readonly scenario: string;
  readonly rules: readonly string[] | null;
}

function defectsOf(system: System): System['variants'] {
  return system.variants.filter(variant => variant.breaks.length > 0);
}

function jobsOf(system: System, options: VerifyOptions): Job[] {
  const wanted = (scenario: string) => options.scenario === undefined || options.scenario.includes(scenario);
  if (options.variant !== undefined && !system.variants.some(variant => variant.name === options.variant)) {
    throw new UsageFault(
      `${system.name} has no variant ${options.variant}. It has ${system.variants.map(variant => variant.name).join(', ') || 'none'}.`,
    );
  }
  if (options.defects) {
    return defectsOf(system)
      .filter(variant => options.variant === undefined || variant.name === options.variant)
      .flatMap(variant => {
        const scenarios = [...new Set(variant.breaks.map(({ scenario }) => scenario))].filter(wanted);
        return scenarios.map(scenario => ({
          variant: variant.name,
          scenario,
          rules: variant.breaks.filter(one => one.scenario === scenario).map(one => one.rule),
        }));
      });
  }
  const variants =
    options.variant === undefined
      ? [null, ...system.variants.filter(variant => variant.profile !== null).map(variant => variant.name)]
      : [options.variant];
  return variants.flatMap(variant =>
    applyVariant(system, variant)
      .scenarios.filter(scenario => wanted(scenario.name))
      .map(scenario => ({ variant, scenario: scenario.name, rules: null })),
  );
}

function judge(report: ScenarioReport, rules: readonly string[] | null): Outcome {
  if (rules === null) return { ...report, passed: report.verdict === 'pass' };
  const expected = rules.map(rule => ({ rule, found: report.violations.some(violation => violation.rule === rule) }));
  return { ...report, expected, passed: expected.every(({ found }) => found) };
}

function shownViolations(outcome: Outcome, options: VerifyOptions): Violation[] {
  return outcome.violations.filter(({ rule }) =>
    options.rule !== undefined
      ? options.rule.includes(rule)
      : outcome.expected === undefined || outcome.expected.some(one => one.rule === rule),
  );
}

/** Without the events: the steps say the same, and `--trace` writes the events. */
function scenarioDocument(outcome: Outcome): ScenarioDocument {
  const { system, variant, scenario, verdict, passed, states, transitions, depth, seconds, statesPerSecond, bytesPerState } = outcome;
  return {
    system,
    variant,
    scenario,
    verdict,
    passed,
    states,
    transitions,
    depth,
    seconds,
    statesPerSecond,
    bytesPerState: Math.round(bytesPerState),
    ends: outcome.ends,
    reduced: outcome.isReduced,
    notShortest: [...outcome.notShortest],
    walks: walksDocument(outcome.walks),
    exercised: [...outcome.exercised],
    expected: outcome.expected === undefined ? null : outcome.expected.map(one => ({ ...one })),
    violations: outcome.violations.map(violationDocument),
  };
}

function walksDocument(walks: Outcome['walks']): WalksDocument | null {
  if (walks === null) return null;
  return {
    ...walks,
    rules: { ...walks.rules },
    nodes: { ...walks.nodes },
    branches: { ...walks.branches },
    notShortest: [...walks.notShortest],
  };
}

function violationDocument({ rule, sentence, source, strength, detail, count, counterexample }: Violation): ViolationDocument {
  const step = ({ thread, text, in: functions, at }: CounterexampleStep): StepDocument => ({ thread, text, in: [...functions], at });
  const told =
    counterexample === null
      ? null
      : {
          kind: counterexample.kind,
          loopFrom: counterexample.loopFrom,
          threads: counterexample.threads.map(one => ({ ...one })),
          steps: counterexample.steps.map(step),
          objects: { ...counterexample.objects },
          parts: counterexample.parts.map(part => ({ ...part })),
          waiting: counterexample.waiting.map(step),
        };
  return { rule, sentence, source, strength, detail, count, counterexample: told };
}

/** The first counterexample that is shown, as a picture; says where it is, or that there is nothing to draw. */
async function writeDrawing(file: string, outcomes: readonly Outcome[], options: VerifyOptions): Promise<string> {
  for (const outcome of outcomes) {
    for (const { rule, sentence, counterexample } of shownViolations(outcome, options)) {
      if (counterexample === null) continue;
      const where = `${outcome.system}${outcome.variant === null ? '' : ` ${outcome.variant}`}, scenario ${outcome.scenario}`;
      await drawInto(file, counterexample, { rule, sentence, where });
      return `The counterexample of ${rule} is drawn in ${file}\n`;
    }
  }
  return `There is no counterexample to draw; ${file} was not written.\n`;
}

/** The first counterexample that is shown, as a trace that `check` judges. */
function writeTrace(file: string, outcomes: readonly Outcome[], options: VerifyOptions): string {
  for (const outcome of outcomes) {
    for (const { rule, counterexample } of shownViolations(outcome, options)) {
      if (counterexample === null) continue;
      const from = `verify ${outcome.system}${outcome.variant === null ? '' : ` --variant ${outcome.variant}`} --scenario ${outcome.scenario} --rule ${rule}`;
      const header: TraceHeader = { holdfast: 'trace', version: 1, system: outcome.system, from };
      try {
        writeNew(file, `${[header, ...counterexample.events].map(line => JSON.stringify(line)).join('\n')}\n`);
      } catch (fault) {
        throw new UsageFault(
          `${file} was not written: ${fault instanceof Error ? fault.message : String(fault)}. An existing file is left as it is.`,
        );
      }
      return `The counterexample of ${rule} is in ${file}: npx holdfast check ${file}\n`;
    }
  }
  throw new UsageFault('There is no counterexample to write as a trace.');
}

interface Counts {
  passed: number;
  violated: number;
  inconclusive: number;
  states: number;
  seconds: number;
}

function countOf(outcomes: readonly Outcome[]): Counts {
  return {
    passed: outcomes.filter(outcome => outcome.passed).length,
    violated: outcomes.filter(outcome => !outcome.passed && outcome.verdict !== 'inconclusive').length,
    inconclusive: outcomes.filter(outcome => outcome.verdict === 'inconclusive').length,
    states: outcomes.reduce((sum, outcome) => sum + outcome.states, 0),
    seconds: outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0),
  };
}

function summary(counts: Counts, diagnostics: number, defects: boolean): string {
  const what = `${counted(counts.passed, defects ? 'defect' : 'scenario')} ${defects ? 'found' : counts.passed === 1 ? 'holds' : 'hold'}`;
  const not = defects ? 'not found' : 'broken';
  return `${what}, ${counts.violated} ${not}, ${counts.inconclusive} inconclusive, ${counted(diagnostics, 'diagnostic')}; ${counted(counts.states, 'state')} explored in ${counts.seconds.toFixed(2)} s`;
}
