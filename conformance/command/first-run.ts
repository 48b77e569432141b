/** What `make` does alone: everything once, and a summary for someone who has never heard of the project. */
import { join } from 'node:path';
import { execa } from 'execa';
import { systemNames } from '../../generator/read/spec-folder.ts';
import type { RunReport } from '../report.ts';
import { packageFolder } from './places.ts';
import { colour, paragraph, progressLine } from './terminal.ts';

interface VerifyDocument {
  verdict: string;
  counts: { passed: number; violated: number; diagnostics: number; states: number; seconds: number };
  scenarios: { system: string; variant: string | null }[];
}

/** Code is made of many short-lived texts: with this much room a tenth less time goes into clearing them away. */
const ROOM_FOR_THE_YOUNG = '--max-semi-space-size=64';

/** Exit status of a command that had nothing to do. */
const NOTHING_SELECTED = 2;

const line = progressLine();
const began = performance.now();
const problems: string[] = [];

async function holdfast(...given: string[]): Promise<{ stdout: string; exitCode: number }> {
  const { stdout, exitCode } = await execa('node', [ROOM_FOR_THE_YOUNG, join(packageFolder, 'conformance/holdfast.js'), ...given], {
    reject: false,
    stderr: 'inherit',
    maxBuffer: 1 << 30,
  });
  return { stdout, exitCode: exitCode ?? 70 };
}

/** What is under way; two may be. */
const underWay = new Set<string>();

/** A step that is told when it is done; what it says of a failure is printed whole. */
async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) process.stdout.write(`${what} ...\n`);
  underWay.add(what);
  const say = () => line.say([...underWay].map(one => `${one} ... ${Math.round((performance.now() - began) / 1000)} s`).join('\n'));
  const tick = setInterval(say, 1000);
  say();
  try {
    return await work();
  } finally {
    clearInterval(tick);
    underWay.delete(what);
    if (underWay.size === 0) line.done();
  }
}

function documentOf<Document>(what: string, stdout: string): Document | null {
  try {
    return JSON.parse(stdout) as Document;
  } catch {
    problems.push(`${what} did not come to an end; run it by itself to see why.`);
    return null;
  }
}

async function generateAndSimulate() {
  const generated = await step('Generating oracles, vectors, rule books and schemas from spec/', () => holdfast('generate'));
  if (generated.exitCode !== 0) problems.push(`generate: ${generated.stdout}`);
  const ran = await step('Running the vectors against the embedded simulator', () =>
    holdfast('run', '--adapter', 'simulator', '--rounds', '10', '--json'),
  );
  return documentOf<RunReport>('run --adapter simulator', ran.stdout);
}

/** What one `verify` of one system said, joined with what the others did. */
function joined(documents: readonly (VerifyDocument | null)[]): VerifyDocument | null {
  const all = documents.flatMap(document => document ?? []);
  if (all.length < documents.length) return null;
  const sum = (of: keyof VerifyDocument['counts']) => all.reduce((total, { counts }) => total + counts[of], 0);
  return {
    verdict: all.find(({ verdict }) => verdict !== 'pass')?.verdict ?? 'pass',
    counts: {
      passed: sum('passed'),
      violated: sum('violated'),
      diagnostics: sum('diagnostics'),
      states: sum('states'),
      seconds: sum('seconds'),
    },
    scenarios: all.flatMap(({ scenarios }) => scenarios),
  };
}

// A machine has two cores. What is generated begins with the first system, so what is explored begins with the last: neither makes what the other made.
const names = systemNames(join(packageFolder, 'spec')).reverse();
const held: (VerifyDocument | null)[] = [];
const found: (VerifyDocument | null)[] = [];
const left = [
  ...names.map(name => async () => {
    const { stdout } = await step(`Exploring every scenario of ${name}`, () => holdfast('verify', name, '--json'));
    held.push(documentOf<VerifyDocument>(`verify ${name}`, stdout));
  }),
  ...names.map(name => async () => {
    const { stdout, exitCode } = await step(`Looking for every known defect of ${name}`, () =>
      holdfast('verify', name, '--defects', '--json'),
    );
    // A system may have none.
    if (exitCode !== NOTHING_SELECTED) found.push(documentOf<VerifyDocument>(`verify ${name} --defects`, stdout));
  }),
];
async function exploreWhatIsLeft() {
  for (let next = left.shift(); next !== undefined; next = left.shift()) await next();
}
const [simulated] = await Promise.all([
  generateAndSimulate().then(async report => {
    await exploreWhatIsLeft();
    return report;
  }),
  exploreWhatIsLeft(),
]);
const verified = joined(held),
  defects = joined(found);
const kernel = documentOf<RunReport>(
  'run --adapter linux-kvm',
  (
    await step('Running the vectors against the running kernel', () =>
      holdfast('run', '--adapter', 'linux-kvm', '--rounds', '10', '--json'),
    )
  ).stdout,
);

if (verified?.verdict !== 'pass') problems.push('Some scenario breaks a rule: `npx holdfast verify` shows how.');
if (defects?.verdict !== 'pass') problems.push('Some defect is not found: `npx holdfast verify --defects` shows which.');
if (simulated?.verdict !== 'pass') problems.push('Some vector fails on the simulator: `npx holdfast run --adapter simulator` shows which.');
if (kernel !== null && kernel.verdict !== 'pass' && kernel.verdict !== 'skipped')
  problems.push(`The running kernel: ${kernel.message} \`npx holdfast run --adapter linux-kvm\` shows which.`);

const say = (text: string, indent = 4, first = indent) => process.stdout.write(`${paragraph(text, indent, first)}\n`);
const number = (value: number) => value.toLocaleString('en');
const systems = [...new Set(verified?.scenarios.map(scenario => scenario.system) ?? [])].sort();

process.stdout.write(`\n${colour.bold('What was just done')}\n\n`);
say(
  `1. The rules. spec/ says, in typed TypeScript, what code that shares objects must never do: use them after they are freed, wait for a lock in the wrong order, drop a reference under a lock that dropping it needs. It has ${systems.length} systems: ${systems.join(', ')}.`,
  3,
  0,
);
if (verified !== null)
  say(
    `2. Are they consistent? Every interleaving of ${verified.scenarios.length} scenarios was explored, ${number(verified.counts.states)} states in ${verified.counts.seconds.toFixed(1)} s. ${verified.verdict === 'pass' ? 'None breaks a rule.' : 'SOME BREAK A RULE.'}`,
    3,
    0,
  );
if (defects !== null)
  say(
    `3. Do they bite? ${defects.counts.passed + defects.counts.violated} ways in which real code went wrong, or easily could, were explored too. ${defects.counts.violated === 0 ? 'Each is found, by the rule that was written for it.' : `${defects.counts.violated} ARE NOT FOUND.`}`,
    3,
    0,
  );
if (simulated !== null)
  say(
    `4. Can implementations be held to them? ${number(simulated.vectors.length)} vectors were generated: calls, with everything that a correct implementation may answer. ${outcome(simulated, 'The embedded simulator')}`,
    3,
    0,
  );
if (kernel !== null)
  say(
    `5. ${kernel.verdict === 'skipped' ? `The running kernel was skipped: ${kernel.message}` : outcome(kernel, `The running kernel (Linux ${kernel.environment['kernel'] ?? ''})`)}`,
    3,
    0,
  );
process.stdout.write('\n');
if (problems.length > 0) {
  for (const problem of problems) say(problem, 2, 0);
  process.exitCode = 1;
} else {
  say('To see a counterexample, the design that its reviewers accepted in 2009:', 2, 0);
  process.stdout.write('  npx holdfast verify irqfd-2009 --variant asProposed --scenario bothSidesClose\n');
  say('Then: `make test`, `make help`, README.md.', 2, 0);
}
process.stdout.write(
  `\n${problems.length === 0 ? colour.green('All is well') : colour.red('Something is wrong')}, after ${Math.round((performance.now() - began) / 1000)} s.\n`,
);

function outcome(report: RunReport, who: string): string {
  const conforming = report.counts['conforming'] ?? 0;
  return report.verdict === 'pass' ? `${who} conforms to all ${number(conforming)}.` : `${who}: ${report.message}`;
}
