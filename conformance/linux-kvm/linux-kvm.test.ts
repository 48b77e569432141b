import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { childAdapter } from '../child-adapter.ts';
import { runVectors } from '../runner.ts';
import { assignRace, assignTwice } from '../testdata/assign-vectors.ts';
import type { Argument, Handle, SetupCall, Vector } from '../vector.ts';

const test = suite('linux-kvm');
const folder = fileURLToPath(new URL('.', import.meta.url));
const program = `${folder}linux-kvm`;
const given = 'linux-kvm';

const handle = (name: string): Handle => ({ handle: name });
const [vm, efd, other, full, vcpu, second] = ['vm', 'efd', 'other', 'full', 'vcpu', 'second'].map(handle);
const setup: SetupCall[] = [
  ...assignTwice.setup,
  { call: 'openOtherFile', with: [], keep: 'other', result: null },
  { call: 'createEventfdWith', with: [5], keep: 'full', result: null },
  { call: 'createVcpu', with: [handle('vm')], keep: 'vcpu', result: null },
  { call: 'createVcpu', with: [handle('vm')], keep: 'second', result: null },
];

/** One caller that makes these calls, each with the only result it may have. */
function inTurn(id: string, ...calls: readonly [string, readonly (Argument | undefined)[], string | number | boolean][]): Vector {
  const states = [...calls.flatMap(([, , result], index) => [{ c0: 2 * index + 1 }, { [`r0=${result}`]: 2 * index + 2 }]), {}];
  return {
    id,
    title: 'What Linux does.',
    scenario: 'none',
    setup,
    exercises: [],
    order: calls.map(() => 0),
    callers: [calls.map(([call, given]) => ({ call, with: given.map(one => one ?? null) }))],
    expected: [{ profiles: ['linux-6.1', 'linux-6.17'], allowed: [], states }],
  };
}

const vectors: Vector[] = [
  assignTwice,
  assignRace,
  inTurn(
    'irqfd/errnos',
    ['assign', [vm, other, 4], 'EINVAL'],
    ['assignWithFlags', [vm, efd, 4, 64], 'EINVAL'],
    ['assignResample', [vm, efd, 4, other], 'EINVAL'],
    ['deassign', [vm, efd, 4], 0],
    ['updateRouting', [vm], 0],
  ),
  inTurn(
    'irqfd/deassign waits for the injection',
    ['assign', [vm, efd, 4], 0],
    ['pendingInterrupt', [vm, 4], false],
    ['signal', [efd], 0],
    ['readCount', [efd], 'EAGAIN'],
    ['deassign', [vm, efd, 4], 0],
    ['pendingInterrupt', [vm, 4], true],
    ['pendingInterrupt', [vm, 5], false],
    ['signal', [efd], 0],
    ['readCount', [efd], 1],
  ),
  inTurn(
    'irqfd/after a close',
    ['closeFd', [efd], 0],
    ['closeFd', [efd], 'EBADF'],
    ['createEventfd', [], 'null'],
    ['assign', [vm, efd, 4], 'EBADF'],
    ['signal', [efd], 'EBADF'],
    ['closeVm', [vm], 0],
    ['assign', [vm, full, 4], 'EBADF'],
    ['readCount', [full], 5],
    ['readCount', [full], 'EAGAIN'],
  ),
  inTurn(
    'ioeventfd/writes of a guest',
    ['writePort', [vcpu, 16, 1, 3], false],
    ['assignPort', [vm, full, 16, 1], 0],
    ['assignPort', [vm, full, 16, 0], 'EEXIST'],
    ['assignPortData', [vm, full, 16, 2, 500], 0],
    ['readCount', [full], 5],
    ['writePort', [vcpu, 16, 1, 3], true],
    ['writePort', [second, 16, 2, 500], true],
    ['writePort', [vcpu, 16, 2, 501], false],
    ['writePort', [vcpu, 16, 4, 500], false],
    ['writePort', [vcpu, 17, 1, 3], false],
    ['readCount', [full], 2],
    ['registerZone', [vm, 18], 0],
    ['writePort', [second, 18, 1, 3], true],
    ['unregisterZones', [vm, 18], 0],
    ['writePort', [second, 18, 1, 3], false],
    ['deassignPort', [vm, full, 16, 2], 'ENOENT'],
    ['deassignPortData', [vm, full, 16, 2, 500], 0],
    ['deassignPort', [vm, full, 16, 1], 0],
    ['writePort', [vcpu, 16, 1, 3], false],
    ['closeVcpu', [vcpu], 0],
    ['writePort', [vcpu, 16, 1, 3], 'EBADF'],
    ['closeVcpu', [vcpu], 'EBADF'],
  ),
  inTurn(
    'ioeventfd/errnos',
    ['assignPort', [vm, other, 16, 1], 'EINVAL'],
    ['assignPort', [vm, efd, 16, 3], 'EINVAL'],
    ['assignPortData', [vm, efd, 16, 0, 1], 'EINVAL'],
    ['assignPortWithFlags', [vm, efd, 16, 34], 'EINVAL'],
    ['assignMemory', [vm, efd, 16, 0], 0],
    ['assignMemory', [vm, efd, 16, 8], 'EEXIST'],
    ['deassignMemory', [vm, efd, 16, 8], 'ENOENT'],
    ['deassignMemory', [vm, efd, 16, 0], 0],
    ['assignMemory', [vm, efd, 16, 8], 0],
  ),
];

test('it compiles without a warning', async () => {
  const { exitCode, stderr } = await execa('make', ['-B', '-C', folder, 'linux-kvm'], { reject: false });
  assert.is(exitCode, 0, stderr);
});

test('the running kernel conforms, or there is no KVM here and it says so', async () => {
  const report = await runVectors(vectors, childAdapter([program]), { given, rounds: 200 });
  if (existsSync('/dev/kvm') && report.verdict !== 'skipped') {
    assert.equal(
      report.vectors.filter(vector => vector.outcome !== 'conforming'),
      [],
    );
    assert.is(report.verdict, 'pass');
    assert.match(report.environment['kernel'] ?? '', /^\d+\.\d+/);
  } else {
    assert.is(report.verdict, 'skipped');
    assert.match(report.message, /kvm/i);
  }
});

test('requests that make no sense are refused or end it; it never crashes', async () => {
  const run = (change: object) =>
    JSON.stringify({ type: 'run', id: 1, vector: 'x', setup: [], callers: [], order: null, seed: 0, ...change });
  const nonsense = [
    run({ setup: [{ call: 'reboot', with: [], keep: null, result: null }] }),
    run({ setup: 3 }),
    run({ callers: [{}] }),
    run({ callers: [[null]] }),
    run({ callers: [[{ call: 'signal', with: [] }]] }),
    run({ callers: [[{ call: 'signal', with: [{ handle: 'x' }] }]] }),
    run({ callers: Array.from({ length: 99 }, () => []) }),
    run({ callers: [[]], order: [1] }),
    run({ callers: [[]], order: [-1] }),
    run({ callers: [[]], order: [0] }),
    run({ setup: Array.from({ length: 999 }, () => ({ call: 'createEventfd', with: [], keep: null, result: null })) }),
    '',
    '[]',
    '{',
    '{"type":"run"}',
    '{"type":"\\ud800"}',
    '{"type":1e9}',
    '['.repeat(100_000),
    '{"a":[1,2',
    '"'.repeat(9),
    '{"type":"nothing"}',
  ];
  for (const line of nonsense) {
    const { exitCode, signal, stdout } = await execa(program, { input: `${line}\n`, reject: false });
    assert.is(signal, undefined, line.slice(0, 100));
    if (exitCode === 0) assert.match(stdout, /^\{"type":"(refused|ran)","id":1,/);
  }
});

test.run();
