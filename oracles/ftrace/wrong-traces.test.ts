/** The recorded trace is silent; small edits to it, each of which a real bug would cause, are found by the rule that is meant for them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkFtrace } from './check-ftrace.ts';
import { linux612Vfio } from './linux-6.12-vfio.ts';

const file = new URL('../../conformance/traces/linux-6.12/trace.txt.gz', import.meta.url);
const recorded: readonly string[] = gunzipSync(readFileSync(file)).toString('utf8').split('\n');

/** Lines of one section, as the program that was traced marked them, and edits to them. */
function edit(section: string, change: (lines: Lines) => void): string[] {
  const from = recorded.findIndex(line => line.includes(`==== ${section}:`));
  assert.ok(from >= 0, section);
  const lines = createLines([...recorded], from);
  change(lines);
  // What follows the section cannot make the finding more certain.
  const next = lines.all.findIndex((line, at) => at > from && line.includes('===='));
  return lines.all.slice(0, next < 0 ? undefined : next);
}

interface Lines {
  readonly all: string[];
  /** First line after `after` (the section's beginning) that has all of these in it. */
  readonly find: (after: number, ...parts: readonly string[]) => number;
  readonly move: (from: number, to: number) => void;
  readonly insert: (at: number, ...texts: readonly string[]) => void;
  readonly remove: (...at: readonly number[]) => void;
  readonly change: (at: number, from: string, to: string) => void;
  readonly begin: number;
}

function createLines(all: string[], begin: number): Lines {
  return {
    all,
    begin,
    find(after, ...parts) {
      const at = all.findIndex((line, number) => number > after && parts.every(part => line.includes(part)));
      assert.ok(at >= 0, `no line with ${parts.join(' and ')}`);
      return at;
    },
    move(from, to) {
      const [line = ''] = all.splice(from, 1);
      all.splice(to > from ? to - 1 : to, 0, line);
    },
    insert: (at, ...texts) => void all.splice(at, 0, ...texts),
    remove(...at) {
      for (const one of [...at].sort((a, b) => b - a)) all.splice(one, 1);
    },
    change(at, from, to) {
      const line = all[at] ?? '';
      assert.ok(line.includes(from));
      all[at] = line.replace(from, to);
    },
  };
}

async function* bytes(lines: readonly string[]): AsyncGenerator<string> {
  yield lines.join('\n');
}
const judge = async (lines: readonly string[]) => (await checkFtrace(bytes(lines), linux612Vfio, null)).findings;

const groupLock = 'lock=0xff11000004103bd0';
const setLock = 'lock=0xff1100003fe11808';
/** The line, as if it had been reached from elsewhere. */
const reachedFrom = (line: string, site: string): string =>
  line.replace(/at=\S+/, `at=${site}`).replace(/\(\S+ \[vfio\] <-/, `(${site} [vfio] <-`);

const wrong: readonly { readonly bug: string; readonly rule: string; readonly section: string; readonly change: (lines: Lines) => void }[] =
  [
    {
      bug: 'the lock of the device set is let go of before the device is closed',
      rule: 'heldWhereAsserted',
      section: 'V1',
      change({ find, move, begin }) {
        const close = find(begin, ' vfio_df_close:');
        move(find(close, ' mutex_unlock:', setLock), close);
      },
    },
    {
      bug: 'destroying a VM takes the group lock, as it did in 5.19, and a device close drops the last reference',
      rule: 'neverTakenTwice',
      section: 'V1',
      change: takeGroupLockInDestructor,
    },
    {
      bug: 'destroying a VM takes the group lock, in a section where nobody holds it',
      rule: 'lastPutTakesNoHeldLock',
      section: 'V2',
      change: takeGroupLockInDestructor,
    },
    {
      bug: 'the VM is put before the lock inside it is released',
      rule: 'freedWhenIdle',
      section: 'V3',
      change({ find, move, begin }) {
        const release = find(begin, ' kvm_device_release:');
        const unlock = find(release, ' mutex_unlock:', 'at=kvm_device_release');
        move(unlock, find(unlock, ' mutex_unlock:', 'at=kvm_destroy_vm+0x2a0') + 1);
      },
    },
    {
      bug: 'a mutex is unlocked twice',
      rule: 'releasedByHolder',
      section: 'I1',
      change({ find, insert, all, begin }) {
        const unlock = find(begin, ' mutex_unlock:', 'at=kvm_ioapic_init');
        insert(unlock, all[unlock] ?? '');
      },
    },
    {
      bug: 'another thread unlocks the mutex',
      rule: 'releasedByHolder',
      section: 'R6',
      change({ find, change, begin }) {
        const taken = find(begin, ' mutex_lock__ret:', groupLock, 'vfio_df_group_close');
        change(find(taken, ' mutex_unlock:', groupLock), 'agent-', 'agent-9');
      },
    },
    {
      bug: 'an ioctl returns without unlocking',
      rule: 'locksBalance',
      section: 'I1',
      change: ({ find, remove, begin }) => remove(find(begin, ' mutex_unlock:', 'at=kvm_ioapic_init')),
    },
    {
      bug: 'one close takes the two locks in the opposite order',
      rule: 'noLockCycle',
      section: 'R6',
      change({ find, move, all, begin }) {
        // By a thread that is not the one that opened all devices until now.
        const other = /(agent-3[4-9]\d)\s/.exec(all[find(begin, ' mutex_lock:', 'at=vfio_df_group_close', 'agent-35')] ?? '')?.[1] ?? '';
        const group = find(begin, `${other} `, ' mutex_lock:', groupLock, 'vfio_df_group_close');
        const set = find(group, `${other} `, ' mutex_lock:', setLock);
        const setReturn = find(set, `${other} `, ' mutex_lock__ret:', setLock);
        move(set, group);
        move(setReturn, group + 1);
      },
    },
    {
      bug: 'an interrupt is injected into a VM that is gone',
      rule: 'neverTouchedAfterFree',
      section: 'I2',
      change({ find, move, begin }) {
        const destroyed = find(begin, ' mutex_unlock:', 'at=kvm_destroy_vm+0x2a0');
        move(find(begin, ' __srcu_read_lock:', 'at=kvm_set_irq'), destroyed + 1);
      },
    },
    {
      bug: 'the shutdown of an irqfd does not wait for the readers',
      rule: 'freedAfterGrace',
      section: 'R2',
      change({ find, remove, begin }) {
        const shutdown = find(begin, ' irqfd_shutdown:');
        const last = find(shutdown, ' synchronize_srcu_expedited__ret:', 'irqfd_shutdown');
        remove(find(shutdown, ' synchronize_srcu_expedited:'), find(shutdown, ' __synchronize_srcu:'), last);
      },
    },
    {
      bug: 'a grace period ends with a reader inside',
      rule: 'graceWaitsForReaders',
      section: 'R2',
      change({ find, move, begin }) {
        const left = find(begin, ' __srcu_read_unlock:', 'at=irqfd_wakeup');
        move(left, find(left, ' synchronize_srcu_expedited__ret:', 'irqfd_shutdown') + 1);
      },
    },
    {
      bug: 'a thread waits for the readers while it is one',
      rule: 'everyWaitEnds',
      section: 'I4',
      change({ find, insert, all, begin }) {
        const enter = all[find(begin, ' __srcu_read_lock:', 'at=kvm_irqfd')] ?? '';
        insert(find(begin, ' synchronize_srcu_expedited:', enter.match(/ssp=\S+/)?.[0] ?? ''), enter);
      },
    },
    {
      bug: 'the irqfds are flushed under their spinlock',
      rule: 'neverSleepsInAtomic',
      section: 'I1',
      change({ find, move, begin }) {
        const release = find(begin, ' kvm_irqfd_release:');
        const unlock = find(release, ' _raw_spin_unlock_irq:', 'at=kvm_irqfd_release');
        move(unlock, find(unlock, ' __flush_workqueue:') + 1);
      },
    },
    {
      bug: 'the VM is put once more than it was got',
      rule: 'referencesBalance',
      section: 'V2',
      change({ find, insert, all, begin }) {
        const destroy = find(begin, ' kvm_destroy_vm:');
        insert(destroy + 1, (all[find(destroy - 3, ' kvm_put_kvm:')] ?? '').replace('users=1', 'users=0'));
      },
    },
    {
      bug: 'a device gets a VM whose destruction has begun',
      rule: 'neverResurrected',
      section: 'V2',
      change({ find, change, begin }) {
        const get = find(begin, ' kvm_get_kvm_safe:');
        change(get, 'users=2', 'users=0');
      },
    },
    {
      bug: 'a wake-up reaches an irqfd that was unhooked',
      rule: 'callbackWhileLinked',
      section: 'I1',
      change({ find, insert, all, begin }) {
        const wake = find(begin, ' irqfd_wakeup:');
        const unhooked = find(wake, ' _raw_spin_unlock_irqrestore:', 'at=eventfd_ctx_remove_wait_queue');
        const worker = /^(\s*\S+)-\d+/.exec(all[unhooked] ?? '')?.[0] ?? '';
        insert(unhooked + 1, (all[wake] ?? '').replace(/^\s*\S+-\d+/, worker));
      },
    },
    {
      bug: 'an irqfd is freed while its injection is pending',
      rule: 'freedWhenIdle',
      section: 'I1',
      change({ find, move, begin }) {
        const run = find(find(begin, ' workqueue_execute_end:', 'irqfd_inject'), ' workqueue_execute_start:', 'irqfd_inject');
        move(run, find(run, ' irqfd_shutdown__ret:') + 1);
      },
    },
    {
      bug: 'the work queue is flushed under a lock that the work takes',
      rule: 'noLockCycle',
      section: 'I4',
      change({ find, insert, all, begin }) {
        const lock = find(begin, ' mutex_lock:', 'at=kvm_irqfd+0x191');
        const taken = [all[lock] ?? '', all[find(lock, ' mutex_lock__ret:', 'kvm_irqfd+0x191')] ?? ''];
        const unlock = all[find(lock, ' mutex_unlock:', 'at=kvm_irqfd')] ?? '';
        // The deassignments wait for the work queue; the second comes after a shutdown that took the lock was seen.
        const release = find(begin, ' kvm_irqfd_release:');
        const flush = find(release, ' __flush_workqueue:');
        insert(flush + 1, unlock);
        insert(flush, ...taken);
      },
    },
  ];

/** As its release did when kvm-vfio was torn down there. */
function takeGroupLockInDestructor({ find, insert, all, begin }: Lines): void {
  const lock = find(begin, ' mutex_lock:', groupLock);
  const destroy = find(begin, ' kvm_destroy_vm:');
  const site = 'vfio_file_set_kvm+0x10/0x70';
  insert(
    destroy + 1,
    reachedFrom(all[lock] ?? '', site),
    reachedFrom(all[find(lock, ' mutex_lock__ret:', groupLock)] ?? '', site),
    reachedFrom(all[find(lock, ' mutex_unlock:', groupLock)] ?? '', site),
  );
}

test('nothing is found in the recorded trace', async () => {
  assert.equal(await judge(recorded), []);
});

for (const { bug, rule, section, change } of wrong) {
  test(`${section}: ${bug}: ${rule}`, async () => {
    const findings = await judge(edit(section, change));
    assert.is(findings[0]?.rule, `always.${rule}`, findings.map(one => `${one.rule}: ${one.detail}`).join('\n'));
  });
}

test.run();
