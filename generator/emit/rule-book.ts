/** The rule book: what is known of a system's subject, each fact with its source, how sure it is, what tests it and what it catches. In Markdown. */
import type { Fact, Rule, Sureness, System, Variant } from '../model.ts';
import type { MutantResult } from '../mutate/mutate.ts';
import type { Exercising } from '../verify/exercising.ts';

/** Scenarios named for a rule; more say nothing more. */
const MOST_SCENARIOS = 3;

const surely: Readonly<Record<Sureness, string>> = {
  read: 'read in source, a mail or a changelog',
  known: 'from general knowledge',
  candidate: 'our own reading, confirmed by nobody else',
};

/** `mutants`: null if it is not known how they fare. */
export function ruleBook(system: System, exercising: readonly Exercising[], mutants: readonly MutantResult[] | null): string {
  const defects = system.variants.filter(variant => variant.breaks.length > 0);
  const survivors = (mutants ?? []).filter(({ foundBy }) => Object.keys(foundBy).length === 0);
  const builtIn = Object.entries(system.builtIn).map(([name, doc]) => ({ name, doc, killed: killedBy(name, defects) }));
  const lines = [
    `<!-- Written by \`make generate\` from spec/${system.name}. To change it, edit the spec. -->`,
    `# The rules of ${system.name}`,
    '',
    system.doc,
    '',
    `${system.rules.length} rules of its own, ${builtIn.length} that every system has, ${defects.length} defects, ${system.scenarios.length} scenarios.`,
    'A number such as R405 or D407 names a fact; the same number in another system is the same fact. Where nothing is said of how sure a fact is, it was read in source, a mail or a changelog.',
    '',
    '## Rules of its own',
    '',
    ...system.rules.flatMap(rule => ruleLines(rule, exercising, defects, mutants)),
    '## Rules that every system has',
    '',
    ...table(
      ['rule', 'sentence', 'defects of this system that it finds'],
      builtIn.map(({ name, doc, killed }) => [code(name), doc, killed.map(({ name: defect }) => code(defect)).join(', ')]),
    ),
    ...factTables([...(system.facts ?? [])], '##'),
    '## Defects',
    '',
    'Code that went wrong, or was proposed, or is easily written. Each is explored, and found by the rule that it names.',
    '',
    ...defects.flatMap(defectLines),
    ...(survivors.length === 0
      ? []
      : [
          '## Mutants that nothing finds',
          '',
          `${survivors.length} of ${mutants?.length ?? 0} small mistakes make no difference to any rule in the small scenarios. Some are as right as what they replace; others show what no rule is about.`,
          '',
          ...survivors.map(({ operation, what, at }) => `- ${code(operation)} ${what} (${at.file}:${at.line})`),
        ]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The list of rule books. */
export function ruleBookIndex(systems: readonly System[]): string {
  // Every system has read the same.
  const generic = systems[0]?.generic ?? [];
  return `${[
    '<!-- Written by `make generate`. -->',
    '# The rule book',
    '',
    'Every rule with its source, how sure it is, the scenarios that put it to the test and the defects that it finds.',
    '',
    ...table(
      ['system', 'what it is', 'rules', 'defects', 'facts without a rule of their own'],
      systems.map(system => [
        `[${system.name}](${system.name}.md)`,
        system.doc.split(/(?<=[.:])\s/)[0] ?? '',
        `${system.rules.length}`,
        `${system.variants.filter(variant => variant.breaks.length > 0).length}`,
        `${system.facts?.length ?? 0}`,
      ]),
    ),
    ...(generic.length === 0
      ? []
      : [
          '## What is true of every system',
          '',
          'Facts of lifetimes and locks in general, told once. A rule that every system has, `always.…`, is in each rule book with the defects that it finds there.',
          '',
          ...factTables(generic, '###'),
        ]),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** Facts that are no rules of their own: those that follow, and those that nothing decides. */
function factTables(facts: readonly Fact[], heading: '##' | '###'): string[] {
  const sorted = [...facts].sort(byNumber);
  const follow = sorted.filter(fact => fact.undecided === null);
  const undecided = sorted.filter(fact => fact.undecided !== null);
  return [
    ...(follow.length === 0
      ? []
      : [
          `${heading} Facts that follow`,
          '',
          'No rule states them by itself: they follow from those named.',
          '',
          ...table(
            ['', 'fact', 'follows from', 'source', 'sure'],
            follow.map(fact => [fact.id, fact.says, fact.from.map(code).join(', '), fact.source, fact.sure]),
          ),
        ]),
    ...(undecided.length === 0
      ? []
      : [
          `${heading} Facts that nothing here decides`,
          '',
          ...table(
            ['', 'fact', 'why not', 'source', 'sure'],
            undecided.map(fact => [fact.id, fact.says, fact.undecided ?? '', fact.source, fact.sure]),
          ),
        ]),
  ];
}

function ruleLines(
  rule: Rule,
  exercising: readonly Exercising[],
  defects: readonly Variant[],
  mutants: readonly MutantResult[] | null,
): string[] {
  const scenarios = exercising.filter(({ rules }) => rules.includes(rule.name)).map(({ scenario }) => code(scenario));
  const more = scenarios.length - MOST_SCENARIOS;
  const killed = killedBy(rule.name, defects);
  return [
    `### ${rule.name}`,
    '',
    rule.doc,
    '',
    ...originLines(rule),
    `- Put to the test by ${scenarios.slice(0, MOST_SCENARIOS).join(', ')}${more > 0 ? ` and ${more} more` : ''}${scenarios.length === 0 ? 'no scenario of the base in its first 50,000 states' : ''}`,
    ...(killed.length === 0
      ? []
      : [`- Finds ${killed.map(({ name, scenarios: where }) => `${code(name)} in ${where.map(code).join(', ')}`).join('; ')}`]),
    ...mutantLines(rule.name, mutants),
    '',
  ];
}

function mutantLines(rule: string, mutants: readonly MutantResult[] | null): string[] {
  const found = (mutants ?? []).filter(({ foundBy }) => foundBy[rule] !== undefined);
  const [first] = found;
  if (first === undefined) return [];
  const example = `${code(first.operation)} ${first.what}`;
  return [`- Finds ${found.length === 1 ? 'a mutant' : `${found.length} mutants, such as`}${found.length === 1 ? ': ' : ' '}${example}`];
}

function originLines(of: Rule | Variant): string[] {
  return [
    ...(of.facts === undefined ? [] : [`- ${of.facts.join(', ')}`]),
    ...(of.source === null ? [] : [`- Source: ${of.source}`]),
    ...(of.sure === undefined ? [] : [`- How sure: ${surely[of.sure]}`]),
  ];
}

function defectLines(defect: Variant): string[] {
  return [
    `### ${defect.name}`,
    '',
    defect.doc,
    '',
    ...originLines(defect),
    `- Breaks ${defect.breaks.map(({ rule, scenario }) => `${code(rule)} in ${code(scenario)}`).join('; ')}`,
    '',
  ];
}

/** Defects that name the rule, and in which scenarios. */
function killedBy(rule: string, defects: readonly Variant[]): { readonly name: string; readonly scenarios: string[] }[] {
  return defects.flatMap(({ name, breaks }) => {
    const scenarios = breaks.filter(one => one.rule === rule).map(({ scenario }) => scenario);
    return scenarios.length === 0 ? [] : [{ name, scenarios }];
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row), ''];
}

const code = (name: string): string => `\`${name}\``;
const byNumber = (one: Fact, other: Fact): number =>
  (one.id[0] ?? '').localeCompare(other.id[0] ?? '') * -1 || Number(one.id.slice(1)) - Number(other.id.slice(1));
