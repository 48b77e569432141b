/** The command line as a person meets it: exit statuses, one clear message for wrong input, documents that fit their schemas, nothing overwritten. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkAgainst } from '../schema.ts';

const test = suite('command line');
const bin = fileURLToPath(new URL('../holdfast.js', import.meta.url));
const language = readFileSync(new URL('../../spec/language.ts', import.meta.url), 'utf8');
let folder = '';

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-command-'));
});
test.after(() => rmSync(folder, { recursive: true }));

async function holdfast(...given: string[]) {
  const { stdout, stderr, exitCode } = await execa('node', [bin, ...given], { reject: false, stdin: 'ignore', env: { NO_COLOR: '1' } });
  return { stdout, stderr, exitCode };
}

/** Wrong use: status 2, nothing on standard output, one message without a stack. */
async function refuses(given: string[], message: RegExp) {
  const { stdout, stderr, exitCode } = await holdfast(...given);
  assert.is(exitCode, 2, stderr);
  assert.is(stdout, '');
  assert.match(stderr, message);
  assert.not.match(stderr, /^\s+at .*\.ts:\d+/m);
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const ownSystem = `/** A box with a lock. */
import { type GuardedBy, lock, type Mutex, type Scenario, unlock, type UpTo } from '../language.ts';
/** A box. */
interface Box {
  n: UpTo<3>;
  lock: Mutex;
}
/**
 * What is in it changes under its lock.
 * @source our own reading
 */
export const boxGuards: GuardedBy<Box> = { n: box => box.lock };
/** A box there is from the beginning. */
declare const box: Box;
/** Put one in. */
export function fill(): void {
  lock(box.lock);
  box.n = 1;
  unlock(box.lock);
}
/** Two fill it. */
export const twoFill: Scenario = ({ thread }) => {
  thread(() => fill());
  thread(() => fill());
};
`;
const header = '{"holdfast":"trace","version":1,"system":"irqfd-2009"}';

test('--help names every verb and every exit status', async () => {
  const { stdout, exitCode } = await holdfast('--help');
  assert.is(exitCode, 0);
  for (const verb of ['verify', 'generate', 'export', 'run', 'check', 'list', 'explain'])
    assert.match(stdout, new RegExp(`^  ${verb}`, 'm'));
  for (const status of ['0 ', '1 ', '2 ', '3 ', '4 ', '70 ']) assert.match(stdout, new RegExp(`^  ${status}`, 'm'));
});

test('each verb explains itself', async () => {
  for (const verb of ['verify', 'generate', 'export', 'run', 'check', 'list', 'explain']) {
    const { stdout, exitCode } = await holdfast(verb, '--help');
    assert.is(exitCode, 0);
    assert.match(stdout, new RegExp(`Usage: holdfast ${verb}`));
  }
});

test('a flag that does not exist is wrong use', () => refuses(['verify', '--sceanrio', 'x'], /unknown option '--sceanrio'/));
test('a verb that does not exist is wrong use', () => refuses(['verfy'], /unknown command 'verfy'/));
test('a system that does not exist is named with those that do', () =>
  refuses(['verify', 'irqd'], /no system irqd .* It has .*irqfd, irqfd-2009/));
test('a number that is none is wrong use', () => refuses(['verify', '--max-states', 'many'], /whole number from 1/));
test('a scenario that does not exist selects nothing', () =>
  refuses(['verify', 'irqfd-2009', '--scenario', 'nowhere'], /Nothing was selected in irqfd-2009/));
test('a variant that does not exist is named with those that do', () =>
  refuses(['verify', 'irqfd-2009', '--variant', 'x'], /no variant x. It has .*asProposed/));
test('a spec folder that is not there is wrong use', () => refuses(['verify', '--spec', join(folder, 'none')], /is not a folder/));
test('a spec folder without the language is wrong use', () => refuses(['verify', '--spec', folder], /has no language\.ts/));

test('a spec folder without a system is wrong use', async () => {
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'empty/language.ts'), language);
  await refuses(['verify', '--spec', join(folder, 'empty')], /holds no system\. A system is a folder with a file of its own name/);
});

test('a spec with a mistake is told with its place, and nothing is generated', async () => {
  mkdirSync(join(folder, 'wrong/desk'), { recursive: true });
  writeFileSync(join(folder, 'wrong/language.ts'), language);
  writeFileSync(
    join(folder, 'wrong/desk/desk.ts'),
    "import type { Mutex } from '../language.ts';\nexport interface Desk { lock: Mutex }\n",
  );
  const { stdout, exitCode } = await holdfast('generate', '--spec', join(folder, 'wrong'));
  assert.is(exitCode, 1);
  assert.match(stdout, /^desk\/desk\.ts:2:1 missing-doc$/m);
  assert.match(stdout, /nothing was written/);
});

test('a trace that is not there is wrong use', () => refuses(['check', join(folder, 'none.jsonl')], /there is no such file/));
test('a folder is no trace', () => refuses(['check', folder], /is a folder/));
test('an empty trace is told so', () => refuses(['check', file('empty.jsonl', '')], /:1: The trace is empty/));
test('a line that is not JSON is told with its number', () =>
  refuses(['check', file('bad.jsonl', `${header}\n{"seq":1,\n`)], /bad\.jsonl:2/));
test('an unknown event kind is told with those that exist', () =>
  refuses(
    ['check', file('kind.jsonl', `${header}\n{"seq":1,"thread":"T1","kind":"lok","lock":"Kvm#1.lock"}\n`)],
    /kind\.jsonl:2 kind: "lok" is not an event kind/,
  ));
test('an unknown object is told with its place', () =>
  refuses(
    ['check', file('object.jsonl', `${header}\n{"seq":1,"thread":"T1","kind":"want","lock":"Kvm#1.lock"}\n`)],
    /object\.jsonl:2 .*Kvm#1/,
  ));
test('events out of order are told with their place', () =>
  refuses(
    [
      'check',
      file(
        'order.jsonl',
        `${header}\n{"seq":2,"thread":"T1","kind":"thread-start","context":"task"}\n{"seq":1,"thread":"T1","kind":"thread-end"}\n`,
      ),
    ],
    /order\.jsonl:3 seq/,
  ));
test('a system without an oracle is told so', () =>
  refuses(['check', file('system.jsonl', '{"holdfast":"trace","version":1,"system":"x"}\n')], /no oracle for a system x/));
test('a list that does not exist is wrong use', () => refuses(['list', 'things'], /lists of systems, scenarios, rules/));
test('an id that stands for nothing is wrong use', () => refuses(['explain', 'nothing'], /There is nothing called nothing/));
test('a run without an adapter is wrong use', () => refuses(['run'], /required option '--adapter/));
test('a pattern that matches nothing is wrong use', () =>
  refuses(['run', '--adapter', 'simulator', 'irqfd/none/**'], /No vector matches irqfd\/none/));
test('a token that is none is wrong use', () => refuses(['run', '--adapter', 'simulator', '--replay', 'irqfd'], /no token to replay/));
test('a known-failing file that is not there is wrong use', () =>
  refuses(['run', '--adapter', 'simulator', '--known-failing', join(folder, 'none.txt')], /cannot be read/));

test('an adapter that does not exist is a broken adapter, with status 4', async () => {
  const { stdout, exitCode } = await holdfast('run', '--adapter', join(folder, 'no-such-program'), 'irqfd/signalDuringAssign/**');
  assert.is(exitCode, 4, stdout);
  assert.not.match(stdout, /^\s+at .*\.ts:\d+/m);
});

test('an adapter that prints rubbish is a broken adapter, with status 4', async () => {
  const { stdout, exitCode } = await holdfast('run', '--adapter', 'echo rubbish', 'irqfd/signalDuringAssign/**');
  assert.is(exitCode, 4, stdout);
});

test('verify --json is one document that fits its schema', async () => {
  const { stdout, exitCode } = await holdfast('verify', 'irqfd-2009', '--defects', '--json');
  assert.is(exitCode, 0);
  const checked = checkAgainst('verify.schema.json')(JSON.parse(stdout));
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
  if ('value' in checked) {
    assert.is(checked.value.verdict, 'pass');
    assert.ok(checked.value.counts.passed > 15);
  }
});

test('a state limit that is reached is inconclusive, with status 3', async () => {
  const { stdout, exitCode } = await holdfast('verify', 'irqfd-2009', '--scenario', 'writeRacesClose', '--max-states', '1000', '--json');
  assert.is(exitCode, 3);
  assert.is(JSON.parse(stdout).verdict, 'inconclusive');
});

test('a counterexample written as a trace is judged by check, and never written over a file', async () => {
  const trace = join(folder, 'trace.jsonl');
  const given = [
    'verify',
    'irqfd-2009',
    '--variant',
    'loserFrees',
    '--scenario',
    'hangUpUnlocked',
    '--rule',
    'always.neverTouchedAfterFree',
    '--trace',
    trace,
  ];
  assert.is((await holdfast(...given)).exitCode, 1);
  const { stdout, exitCode } = await holdfast('check', trace, '--json');
  assert.is(exitCode, 1);
  const checked = checkAgainst('check.schema.json')(JSON.parse(stdout));
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
  if ('value' in checked) assert.ok(checked.value.traces[0]?.findings.some(finding => finding.rule === 'always.neverTouchedAfterFree'));
  const before = readFileSync(trace, 'utf8');
  assert.is((await holdfast(...given)).exitCode, 2);
  assert.is(readFileSync(trace, 'utf8'), before);
});

test('run --json is one document that fits its schema', async () => {
  const { stdout, exitCode } = await holdfast('run', '--adapter', 'simulator', 'irqfd/signalDuringAssign/**', '--json');
  assert.is(exitCode, 0);
  const checked = checkAgainst('report.schema.json')(JSON.parse(stdout));
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
});

test('a simulated run is judged with its inside events, and passes', async () => {
  const { stdout, exitCode } = await holdfast('run', '--adapter', 'simulator', '--observe', 'irqfd/signalDuringAssign/**');
  assert.is(exitCode, 0, stdout);
});

test('what is generated is what is committed', async () => {
  const { stdout, exitCode } = await holdfast('generate', '--check');
  assert.is(exitCode, 0, stdout);
});

test('export to a language that there is none for is wrong use', () =>
  refuses(['export', '--to', 'tla', 'irqfd-2009'], /no export to tla\. There is promela/));
test('export of several scenarios wants a folder', () =>
  refuses(['export', '--to', 'promela', 'irqfd-2009'], /name one with --scenario, or with --out a folder/));
test('export of a scenario that does not exist names those that do', () =>
  refuses(['export', '--to', 'promela', 'irqfd-2009', '--scenario', 'x'], /no scenario x\. It has bothSidesClose/));
test('export writes a model, and leaves a file that is there', async () => {
  const out = join(folder, 'hangUpUnlocked.pml');
  const given = ['export', '--to', 'promela', 'irqfd-2009', '--scenario', 'hangUpUnlocked'];
  const { exitCode } = await holdfast(...given, '--out', out);
  assert.is(exitCode, 0);
  assert.is(readFileSync(out, 'utf8'), `${(await holdfast(...given)).stdout}\n`);
  assert.is((await holdfast(...given, '--out', out)).exitCode, 2);
});

test('generate takes no spec but the own, whose files it would write over', async () => {
  const spec = mkdtempSync(join(folder, 'other-'));
  writeFileSync(join(spec, 'language.ts'), language);
  mkdirSync(join(spec, 'own'));
  writeFileSync(join(spec, 'own/own.ts'), ownSystem);
  const { stdout, stderr, exitCode } = await holdfast('generate', '--spec', spec);
  assert.is(exitCode, 2, stdout);
  assert.match(stderr, /takes only the spec of this package\. Nothing was written/);
});

test('a counterexample of a spec elsewhere is shown again with that spec', async () => {
  const spec = mkdtempSync(join(folder, 'broken spec-'));
  writeFileSync(join(spec, 'language.ts'), language);
  mkdirSync(join(spec, 'own'));
  writeFileSync(join(spec, 'own/own.ts'), ownSystem.replace('unlock(box.lock);', ''));
  const { stdout, exitCode } = await holdfast('verify', '--spec', spec);
  assert.is(exitCode, 1, stdout);
  assert.match(stdout, new RegExp(`again: .* --spec '${spec}'`));
});

test('who has read enough may stop reading', async () => {
  const { stdout, stderr } = await execa('bash', ['-c', `node ${bin} list defects | head -1; echo status "\${PIPESTATUS[0]}"`], {
    reject: false,
  });
  assert.is(stderr, '');
  assert.match(stdout, /^\S+\/\S+\nstatus (141|0)$/);
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.is((await holdfast('--version')).stdout, version);
});
test('a rule that does not exist is wrong use', () =>
  refuses(['verify', 'irqfd-2009', '--rule', 'noLockCycle'], /there is always\.noLockCycle/));
test('a setting of walks without walks is wrong use', () => refuses(['verify', 'irqfd-2009', '--walk-depth', '5'], /add --walks/));
test('a variant is looked for in every system', async () => {
  const { stdout, exitCode } = await holdfast('verify', '--variant', 'asProposed', '--scenario', 'bothSidesClose', '--quiet');
  assert.is(exitCode, 1);
  assert.match(stdout, /^irqfd-2009 /m);
  assert.not.match(stdout, /^irqfd /m);
});
test('everything that is listed can be explained', async () => {
  for (const [id, told] of [
    ['irqfd', /rules, .* scenarios/],
    ['neverTakenTwice', /irqfd\/teardownInCallback.*irqfd-2009/s],
    ['irqfd-2009/asProposed', /defect/],
  ] as const)
    assert.match((await holdfast('explain', id)).stdout, told);
  const vectors = JSON.parse((await holdfast('list', 'vectors', '--json')).stdout) as { id: string }[];
  assert.match((await holdfast('explain', vectors[0]?.id ?? '')).stdout, /allowed for linux-/);
});
test('a pattern above vectors is told how to mean them', () =>
  refuses(['run', '--adapter', 'simulator', 'irqfd/assignTwice'], /'irqfd\/assignTwice\/\*\*'/));
test('a bad trace does not keep the others from being judged', async () => {
  const bad = file('bad.jsonl', 'nonsense\n');
  const empty = file('header-only.jsonl', `${header}\n`);
  const { stdout, stderr, exitCode } = await holdfast('check', bad, empty);
  assert.is(exitCode, 2);
  assert.match(stderr, /bad\.jsonl:1/);
  assert.match(stdout, /inconclusive {2}.*header-only/);
});
test('a trace that puts no rule to the test is inconclusive', async () => {
  const { stdout, exitCode } = await holdfast('check', file('nothing.jsonl', `${header}\n`));
  assert.is(exitCode, 3);
  assert.match(stdout, /shows nothing/);
});

test('a system that stands among the functions to mutate is told so', () =>
  refuses(['mutate', '--operation', 'disconnect', 'irqfd-2009'], /irqfd-2009 is a system.*Name the systems first/));
test('a function to mutate that no system has is wrong use', () =>
  refuses(['mutate', 'irqfd-2009', '--operation', 'nosuch'], /has a function nosuch/));

test.run();
