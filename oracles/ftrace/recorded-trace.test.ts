/** What the oracle says of the trace of a real kernel, as a whole and with lines of probes missing. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createGenericOracle } from '../generic/oracle.ts';
import { irqfdOracle } from '../irqfd.oracle.ts';
import { checkFtrace } from './check-ftrace.ts';
import { linux612Vfio } from './linux-6.12-vfio.ts';
import { parseLine } from './parse-line.ts';
import { createTranslator } from './translate.ts';

const file = new URL('../../conformance/traces/linux-6.12/trace.txt.gz', import.meta.url);
const recorded: readonly string[] = gunzipSync(readFileSync(file)).toString('utf8').split('\n');
async function* bytes(lines: readonly string[]): AsyncGenerator<string> {
  yield lines.join('\n');
}

test('the whole trace breaks nothing, and some rules cannot be judged fully', async () => {
  const report = await checkFtrace(bytes(recorded), linux612Vfio, null);
  assert.equal(report.findings, []);
  assert.is(report.verdict, 'inconclusive');
  const exercised = new Map(report.rules.map(rule => [rule.rule, rule.exercised]));
  for (const rule of [
    'noLockCycle',
    'neverTakenTwice',
    'lastPutTakesNoHeldLock',
    'freedAfterGrace',
    'callbackWhileLinked',
    'heldWhereAsserted',
  ])
    assert.ok((exercised.get(`always.${rule}`) ?? 0) > 0, rule);
});

test('nor does it break a rule of irqfd, and what needs a get that was inlined is not judged', async () => {
  const report = await checkFtrace(bytes(recorded), linux612Vfio, irqfdOracle);
  assert.equal(report.findings, []);
  assert.is(report.verdict, 'inconclusive');
  const judged = new Map(report.rules.map(rule => [rule.rule, rule]));
  assert.is(judged.get('always.referencesBalance')?.judged, 'not');
  assert.ok(judged.get('always.referencesBalance')?.missing.includes('get'));
  assert.is(judged.get('always.neverTakenTwice')?.judged, 'fully');
  assert.is(judged.get('hangUpOrder')?.findings, 0);
  assert.ok((judged.get('hangUpOrder')?.exercised ?? 0) > 0);
});

test('in V1, V5, V6 and V9 a device close drops the last reference of the VM under two locks that its release does not take', () => {
  const translator = createTranslator(linux612Vfio);
  const oracle = createGenericOracle({ ...linux612Vfio, midway: true });
  const under = new Map<string, readonly string[]>();
  const took = new Set<string>();
  let section = '';
  recorded.forEach((text, at) => {
    section = /==== (\w+):/.exec(text)?.[1] ?? section;
    const line = parseLine(text);
    if (line === null || line === 'lost') return;
    for (const event of translator.line(line, at + 1)) {
      oracle.event(event);
      for (const release of oracle.state.thread(event.thread).releases) {
        if (section.startsWith('V'))
          under.set(
            section,
            release.under.map(one => one.class),
          );
        for (const one of release.took.keys()) took.add(one);
      }
    }
  });
  const close = ['VfioGroup.groupLock', 'VfioDeviceSet.lock'];
  assert.equal(
    [...under].filter(([, locks]) => locks.length > 0),
    [
      ['V1', close],
      ['V5', close],
      ['V6', close],
      ['V9', close],
    ],
  );
  assert.ok(took.has('Kvm.slotsLock'));
  for (const one of close) assert.not.ok(took.has(one), one);
});

test('a line that a kprobe missed, or a beginning in the middle, accuses nobody', async () => {
  const missable = recorded.flatMap((line, at) =>
    /: (kvm_put_kvm|kvm_destroy_vm|irqfd_update|irqfd_deactivate|irqfd_shutdown|irqfd_shutdown__ret|synchronize_srcu_expedited|synchronize_srcu_expedited__ret|add_wait_queue_priority|eventfd_ctx_remove_wait_queue|eventfd_poll|__flush_workqueue|kvm_get_kvm_safe): /.test(
      line,
    )
      ? [at]
      : [],
  );
  for (let one = 0; one < missable.length; one += 29) {
    const at = missable[one] ?? 0;
    const around = recorded.slice(Math.max(0, at - 1000), at + 1000).filter(line => line !== recorded[at]);
    const { findings } = await checkFtrace(bytes(around), linux612Vfio, null);
    assert.equal(
      findings.map(({ rule, detail }) => `${rule}: ${detail}`),
      [],
      recorded[at],
    );
  }
});

test('after events were lost nothing is concluded from what came before', async () => {
  const taken = recorded.findIndex(
    line => line.includes(' mutex_lock__ret:') && line.includes('at=') === false && line.includes('kvm_vm_ioctl'),
  );
  const lines = [...recorded.slice(0, taken + 1), 'CPU:0 [LOST 12 EVENTS]', ...recorded.slice(taken + 4)];
  assert.equal((await checkFtrace(bytes(lines), linux612Vfio, null)).findings, []);
});

test('an address that is used again is a new object', () => {
  const translator = createTranslator(linux612Vfio);
  const names = new Set<string>();
  recorded.forEach((text, at) => {
    const line = parseLine(text);
    if (line === null || line === 'lost') return;
    for (const event of translator.line(line, at + 1)) if (event.kind === 'alloc') names.add(event.object);
  });
  assert.is([...names].filter(name => name.startsWith('Kvm#')).length, 47);
  assert.is([...names].filter(name => name.startsWith('Irqfd#')).length, 23);
  const addresses = new Set(recorded.flatMap(line => /irqfd_update.*irqfd=(\S+)/.exec(line)?.[1] ?? []));
  assert.ok(addresses.size < 23);
});

test('the text of trace-cmd report is read too, with flags or without', () => {
  const line = parseLine(
    '           agent-337   [000]    19.957751: mutex_lock:           (mutex_lock+0x4/0x30) lock=0xffffffffc0288680 at=kvm_destroy_vm+0x48/0x2f0 [kvm]',
  );
  assert.ok(line !== null && line !== 'lost');
  assert.is(line.task, 'agent-337');
  assert.is(line.probe, 'mutex_lock');
  assert.is(line.arguments.get('lock'), '0xffffffffc0288680');
  assert.is(line.site, 'kvm_destroy_vm+0x48/0x2f0 [kvm]');
  const flags = parseLine(
    '  kworker/0:2-159   [001] d.h2.  21.4: _raw_spin_lock: (_raw_spin_lock+0x4/0x30) lock=0xff11000004103c38 at=f+0x1/0x2',
  );
  assert.ok(flags !== null && flags !== 'lost');
  assert.is(flags.level, 'hardirq');
  assert.ok(flags.irqsOff);
});

test('text of something else is refused', async () => {
  try {
    await checkFtrace(bytes(['{"holdfast":"trace"}', 'hello']), linux612Vfio, null);
    assert.unreachable();
  } catch (fault) {
    assert.instance(fault, Error);
    assert.match(fault instanceof Error ? fault.message : '', 'not ftrace');
  }
});

test.run();
