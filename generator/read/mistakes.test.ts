/**
 * Mistakes that an author makes, each an edit of a small correct spec (testdata/mistakes/desk.ts.txt), and what is said about it, word for word
 * (testdata/mistakes/<name>.expected.txt). A mistake that nothing notices, or a message that changes, fails.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { notExercised } from '../verify/exercised.ts';
import { verifyScenario } from '../verify/verify.ts';
import { checkSpec } from './check-spec.ts';
import { inFileOrder, printDiagnostic } from './diagnostic.ts';
import { readSystem } from './read-spec.ts';

const test = suite('mistakes');
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = join(here, 'testdata/mistakes');
const correct = readFileSync(join(folder, 'desk.ts.txt'), 'utf8');
const language = readFileSync(join(here, '../../spec/language.ts'), 'utf8');

/** Name of the mistake, then what is replaced and by what, in pairs. */
const mistakes: readonly (readonly [name: string, ...edits: string[]])[] = [
  ['fraction', 'const found = stamp !== null && stamp.value > 0;', 'const found = stamp !== null && stamp.value > 0.5;'],
  [
    'value-out-of-bounds',
    '  posted: UpTo<7>;',
    '  posted: UpTo<1>;',
    '  get(letter.users);\n',
    '  get(letter.users);\n  desk.posted += 1;\n',
  ],
  [
    'type-without-guards',
    '/** Is waiting, on its way, or gone. */',
    '/** A drawer that nobody guards. */\nexport interface Drawer { open: boolean }\n/** Opens it. */\nexport function pull(drawer: Drawer): void {\n  drawer.open = true;\n}\n/** Is waiting, on its way, or gone. */',
    '  stays(desk);\n',
    '  stays(desk);\n  const drawer = alloc<Drawer>({});\n  stays(drawer);\n  thread(() => pull(drawer));\n',
  ],
  ['scenario-without-thread', / {2}thread\([\s\S]*?\n};/.exec(correct)?.[0] ?? '', '};'],
  ['no-scenario', /\/\*\*[^/]*\*\/\nexport const \w+: Scenario = [\s\S]*?\n};\n/.exec(correct)?.[0] ?? '', ''],
  [
    'recursion-through-a-pointer',
    '  posted: UpTo<7>;',
    '  posted: UpTo<7>;\n  /** What to do next. */\n  readonly then: typeof removeStamp;',
    '  if (stamp === null) return;\n',
    '  if (stamp === null) return;\n  desk.then(desk);\n',
    'alloc<Desk>({',
    'alloc<Desk>({ then: removeStamp,',
  ],
  ['misspelt-lock', 'letters: desk => desk.lock', 'letters: desk => desk.lok'],
  ['misspelt-field', "if (phase !== 'sent') letter.phase = 'sent'", "if (phase !== 'sent') letter.fase = 'sent'"],
  ['misspelt-phase', "letter.phase = 'sent'", "letter.phase = 'send'"],
  ['misspelt-errno', "return 'EBUSY'", "return 'EBSY'"],
  ['errno-not-in-signature', "return 'EBUSY'", "return 'EINVAL'"],
  ['errno-without-contract', 'fails: { EBUSY: (desk, letter) => desk.letters.has(letter) }', 'fails: {}'],
  ['wrong-kind-of-lock-as-guard', 'posted: desk => desk.lock', 'posted: desk => desk.readers'],
  ['field-without-guard', '  posted: desk => desk.lock,\n', ''],
  ['wrong-verb-for-lock', 'readLock(desk.readers)', 'lock(desk.readers)'],
  [
    'writing-in-a-rule',
    'implies(desk.letters.has(letter), isLive(letter))',
    "implies(desk.letters.has(letter), (letter.phase = 'sent') === 'sent')",
  ],
  [
    'unguarded-write',
    "    unlock(desk.lock);\n    return 'EBUSY';\n  }\n  get(letter.users);",
    "    unlock(desk.lock);\n    return 'EBUSY';\n  }\n  unlock(desk.lock);\n  desk.posted = 1;\n  lock(desk.lock);\n  get(letter.users);",
  ],
  [
    'read-without-section',
    '  readLock(desk.readers);\n  const stamp = desk.stamp;\n  const found = stamp !== null && stamp.value > 0;\n  readUnlock(desk.readers);',
    '  const stamp = desk.stamp;\n  const found = stamp !== null && stamp.value > 0;',
  ],
  [
    'order-cycle',
    'export function removeStamp(desk: Desk): void {',
    '/** Seals the letter, then looks at the desk. */\nexport function reseal(letter: Letter): void {\n  lock(letter.sealLock);\n  const desk = letter.desk;\n  if (desk.stamp === null) lock(desk.lock);\n  else lock(desk.lock);\n  unlock(desk.lock);\n  unlock(letter.sealLock);\n}\n\n/** Take the stamp away. */\nexport function removeStamp(desk: Desk): void {',
    '  stays(desk);\n',
    '  stays(desk);\n  get(letter.users);\n  thread(() => { reseal(letter); put(letter.users); });\n',
  ],
  [
    'order-cycle-through-a-grace-period',
    '  const stamp = desk.stamp;\n  const found',
    '  lock(desk.lock);\n  unlock(desk.lock);\n  const stamp = desk.stamp;\n  const found',
    '  if (stamp === null) return;\n  synchronize(desk.readers);\n  free(stamp);',
    '  if (stamp === null) return;\n  lock(desk.lock);\n  synchronize(desk.readers);\n  unlock(desk.lock);\n  free(stamp);',
  ],
  ['order-contradicts-itself', '[desk.lock, letter.sealLock];', '[desk.lock, letter.sealLock, desk.lock];'],
  ['fact-of-no-rule', ' */\nexport const deskOwns', ' * @fact R101\n */\nexport const deskOwns'],
  [
    'rule-that-chooses-a-value',
    'implies(desk.letters.has(letter), isLive(letter))',
    'implies(desk.letters.has(letter), desk.posted === (isLive(letter) ? 1 : 0))',
  ],
  ['rule-that-is-always-true', 'implies(desk.letters.has(letter), isLive(letter))', 'implies(desk.letters.has(letter), letter === letter)'],
  [
    'rule-that-nothing-exercises',
    "implies(letter.phase === 'sent', !desk.letters.has(letter))",
    "implies(letter.phase === 'sealed', desk.letters.has(letter))",
  ],
  [
    'rule-that-nothing-changes',
    '  posted: UpTo<7>;',
    '  posted: UpTo<7>;\n  /** Nobody sets it. */\n  readonly width: UpTo<3>;',
    'implies(desk.letters.has(letter), isLive(letter))',
    'implies(desk.width > 2, desk.width > 1)',
  ],
  ['unused-lock', '  lock: Mutex;\n', '  lock: Mutex;\n  spareLock: Mutex;\n'],
  [
    'unused-function',
    '/** Wait until the letter is gone. */',
    '/** Nobody calls this. */\nexport function tidy(desk: Desk): void {\n  lock(desk.lock);\n  unlock(desk.lock);\n}\n\n/** Wait until the letter is gone. */',
  ],
  ['missing-doc', '/** Is waiting, on its way, or gone. */\n', ''],
  [
    'missing-source',
    " * The seal is taken inside the desk's lock.\n * @source our own example\n",
    " * The seal is taken inside the desk's lock.\n",
  ],
  ['unbounded-loop', '  flush(letter.send);', '  for (let i = 0; i < 1000000; i += 1) flush(letter.send);'],
  ['while-loop', '  flush(letter.send);', '  while (letter.users.count > 0) flush(letter.send);'],
  ['call-outside-the-subset', '  flush(letter.send);', '  if (Math.random() > 0.5) flush(letter.send);'],
  [
    'closure-over-a-mutable-variable',
    'export function awaitLetter(letter: Letter): void {\n',
    'let patience = 3;\nexport function awaitLetter(letter: Letter): void {\n  if (patience > 2) patience = 1;\n',
  ],
  ['mutable-local', '  const lies = desk.letters.has(letter);', '  let lies = desk.letters.has(letter);\n  lies = !lies;'],
  [
    'await',
    'export function hasStamp(desk: Desk): boolean {',
    '/** Waits as a program would. */\nexport async function rest(desk: Desk): Promise<void> {\n  await Promise.resolve(desk);\n}\n\n/** Whether there is a stamp of any value. */\nexport function hasStamp(desk: Desk): boolean {',
  ],
  [
    'shared-read-in-condition-with-side-effect',
    '  flush(letter.send);',
    "  if (letter.phase === 'sent' && queue(letter.send)) return;\n  flush(letter.send);",
  ],
  ['recursion', '  if (stamp === null) return;\n', '  if (stamp === null) return;\n  removeStamp(desk);\n'],
  ['missing-release-on-one-path', "    unlock(desk.lock);\n    return 'EBUSY';", "    return 'EBUSY';"],
  ['optional-chaining', 'const found = stamp !== null && stamp.value > 0;', 'const found = stamp?.value !== null;'],
  ['destructuring', '  const desk = letter.desk;\n', '  const { desk } = letter;\n'],
  ['loose-equality', 'if (stamp === null) return;', 'if (stamp == null) return;'],
  ['non-null-assertion', '  const found = stamp !== null && stamp.value > 0;', '  const found = stamp!.value > 0;'],
  ['infinite-field', '  posted: UpTo<7>;', '  posted: number;'],
  ['thread-before-setup', '  stays(desk);\n  thread', '  stays(desk);\n  thread(() => hasStamp(desk));\n  hasStamp(desk);\n  thread'],
  [
    'allocation-in-a-loop',
    '  thread(() => hasStamp(desk));',
    '  thread(() => { for (;;) { if (hasStamp(desk)) break; alloc<Stamp>({ value: 1 }); } });',
  ],
  [
    'double-fetch',
    '  const stamp = desk.stamp;\n  const found = stamp !== null && stamp.value > 0;',
    '  const found = desk.stamp !== null && desk.stamp.value > 0;',
  ],
  ['freed-before-the-grace-period', '  synchronize(desk.readers);\n', ''],
  [
    'put-twice',
    '  if (getUnlessZero(letter.users)) put(letter.users);',
    '  if (getUnlessZero(letter.users)) put(letter.users);\n  put(letter.users);',
  ],
  [
    'sleeping-under-a-spinlock',
    '  lock(letter.sealLock);\n  const phase',
    '  lock(letter.sealLock);\n  synchronize(desk.readers);\n  const phase',
  ],
  [
    'function-named-twice',
    '/** Wait until the letter is gone. */',
    '/** The last user has gone. */\nexport function destroyLetter(letter: Letter): void {\n  free(letter);\n}\n\n/** Wait until the letter is gone. */',
  ],
];

/** Everything that a person is told about this spec, but for the time that exploring took. */
function told(text: string): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-mistake-'));
  try {
    mkdirSync(join(root, 'desk'));
    writeFileSync(join(root, 'language.ts'), language);
    writeFileSync(join(root, 'desk/desk.ts'), text);
    const { system, diagnostics } = readSystem(root, 'desk');
    const all = inFileOrder([...diagnostics, ...(system === null ? [] : checkSpec(system))]);
    if (all.length > 0 || system === null) return all.map(printDiagnostic).join('');
    const reports = system.scenarios.map(scenario => verifyScenario(system, null, scenario.name));
    const idle = reports.some(report => report.diagnostics.length > 0)
      ? []
      : notExercised(system, new Set(reports.flatMap(report => report.exercised))).map(printDiagnostic);
    return [
      ...idle,
      ...reports.flatMap(report => {
        return [
          ...report.diagnostics.map(printDiagnostic),
          ...report.violations.map(({ rule, sentence, detail, counterexample }) => {
            const last = counterexample?.steps.at(-1);
            const where =
              last === undefined
                ? ''
                : `  after ${counterexample?.steps.length} steps, ${last.thread} at ${last.text} in ${last.in[0] ?? 'the scenario'}, ${last.at.file}:${last.at.line}\n`;
            return `violation ${rule}\n  ${sentence}\n  ${detail}\n${where}`;
          }),
        ];
      }),
    ].join('');
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('the spec without a mistake is not complained about', () => assert.is(told(correct), ''));

for (const [name, ...edits] of mistakes) {
  test(`${name} is noticed`, () => {
    let text = correct;
    for (let index = 0; index < edits.length; index += 2) {
      const [from = '', to = ''] = edits.slice(index);
      assert.ok(text.includes(from), `the edit of ${name} does not fit the spec any more`);
      text = text.replace(from, () => to);
    }
    const actual = told(text);
    assert.is.not(actual, '', 'nothing is said');
    const file = join(folder, `${name}.expected.txt`);
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, actual);
    assert.ok(existsSync(file), `${file} is missing; make update-golden writes it`);
    assert.fixture(actual, readFileSync(file, 'utf8'));
  });
}

test.run();
