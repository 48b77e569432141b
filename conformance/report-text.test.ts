import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunReport, VectorReport } from './report.ts';
import { progressLine, reportText } from './report-text.ts';

const test = suite('report text');
const vector = (change: Partial<VectorReport>): VectorReport => ({
  id: 'irqfd/assignTwice/in-turn',
  title: 'A second assign of the same eventfd is refused.',
  outcome: 'conforming',
  message: '',
  reproduce: null,
  seed: 7,
  rounds: 1,
  durationMs: 2,
  finding: null,
  ...change,
});
const violation = vector({
  outcome: 'violation',
  message: 'Call 1 of caller 1, assign(vm, efd, 4), returned 0; a correct implementation returns EBUSY here.',
  reproduce: 'npx holdfast run --adapter toy --replay irqfd/assignTwice/in-turn@7',
  finding: {
    history: [
      'caller 0 calls assign(vm, efd, 4)',
      'caller 0 returns 0',
      'caller 1 calls assign(vm, efd, 4)',
      'caller 1 returns 0',
      'caller 0 calls signal(efd)',
    ],
    at: 3,
    seen: 'r1=0',
    allowed: ['EBUSY'],
  },
});
const report = (vectors: VectorReport[], change: Partial<RunReport> = {}): RunReport => ({
  schema: 'holdfast/report/1',
  verdict: 'violation',
  message: '1 of 2 vectors did not go as they must.',
  adapter: { given: 'toy', welcome: { name: 'toy', version: '1', profile: 'linux-6.17', protocol: 1, calls: [], observes: [] } },
  environment: { kernel: '6.18.0' },
  seed: 3,
  rounds: 1,
  shard: null,
  counts: { conforming: 1, violation: 1 },
  vectors,
  durationMs: 1234,
  ...change,
});

test('a violation is told with its history, and ends with the line that reproduces it', () => {
  assert.is(
    reportText(report([vector({}), violation])),
    `violation  irqfd/assignTwice/in-turn
  A second assign of the same eventfd is refused.
  Call 1 of caller 1, assign(vm, efd, 4), returned 0; a correct implementation
  returns EBUSY here.
    caller 0 calls assign(vm, efd, 4)
    caller 0 returns 0
    caller 1 calls assign(vm, efd, 4)
  > caller 1 returns 0
    (1 later moment)
  again: npx holdfast run --adapter toy --replay irqfd/assignTwice/in-turn@7

adapter toy 1, profile linux-6.17 (kernel 6.18.0)
1 conforming, 1 violation in 1.2 s, seed 3
violation (exit status 1): 1 of 2 vectors did not go as they must.
`,
  );
});
test('what was left out is told once for each reason', () => {
  const left = ['a', 'b', 'c'].map(id => vector({ id, outcome: 'unsupported', message: 'The adapter does not offer closeVm(vm).' }));
  assert.match(reportText(report(left)), /^unsupported: The adapter does not offer closeVm\(vm\)\.\n {2}a and 2 more\n\nadapter/);
});
test('a skipped run gives its reason', () => {
  const text = reportText(
    report([], {
      verdict: 'skipped',
      message: 'No /dev/kvm.',
      adapter: { given: 'linux-kvm', welcome: null },
      environment: {},
      counts: {},
    }),
  );
  assert.is(text, 'adapter linux-kvm\nno vectors in 1.2 s, seed 3\nskipped (exit status 3): No /dev/kvm.\n');
});
test('no line but a command is longer than the terminal, and nothing reaches it that it would obey', () => {
  const text = reportText(
    report([vector({ outcome: 'crashed', message: `${'It said a lot. '.repeat(40)}\u001b[2J\u202e`, reproduce: null })], {
      environment: { kernel: 'x'.repeat(30), machine: '\u001b]0;title\u0007' },
    }),
  );
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  assert.not.match(text, /[\u0000-\u0009\u000b-\u001f\u202e]/);
});
test('many findings are counted and not printed', () => {
  const text = reportText(report(Array.from({ length: 25 }, () => violation)));
  assert.is(text.match(/^violation {2}/gm)?.length, 20);
  assert.match(text, /^5 more findings are in the report/m);
});
test('progress fits into a line', () => {
  assert.is(progressLine(violation, 2, 9), '2/9  violation  irqfd/assignTwice/in-turn');
  assert.is(progressLine(vector({ id: 'x'.repeat(200) }), 2, 9).length, 79);
});

test.run();
