import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainFinding } from './explain.ts';
import { createOracle } from './oracle.ts';
import { asTrace, type Happening, machine, t1, t2, takes, tinySystem } from './tiny-system.ts';

const test = suite('explaining a finding');

function explained(...happenings: readonly Happening[]): string[] {
  const oracle = createOracle(tinySystem);
  return asTrace([...machine, ...happenings]).flatMap(event =>
    oracle.event(event).flatMap(finding => explainFinding(finding, tinySystem, oracle.world)),
  );
}

test('a declared rule is told with its sentence, its objects and its source', () => {
  assert.equal(explained(...takes(t1, 'Vm#1.lock'), t1.add('Vm#1.devices', 'Device#1'), t2.remove('Vm#1.devices', 'Device#1')), [
    'violation  tiny/vmGuards',
    '  The devices of a machine are read and changed under its lock.',
    '  event 6: T2 writes Vm#1.devices without vm.lock.',
    '  since event 5',
    '  Vm#1 has devices with nothing in it, lock held by T1, users 1.',
    '  source:  our own reading',
  ]);
});
test('a freed object is told with the event that freed it', () => {
  assert.equal(explained(t1.free('Device#1'), t2.read('Device#1.count', 0)), [
    'violation  tiny/always.neverTouchedAfterFree',
    '  Nobody touches an object after it was freed: no read, write, verb, callback or unlock.',
    '  event 4: T2 touches Device#1, which was freed at event 3 by T1.',
    '  since event 3',
    '  Device#1 was freed at event 3 by T1.',
    "  why:     The memory may be somebody else's by now, so the touch corrupts it or acts on it.",
    '  look at: The reference, lock or grace period that should have kept the object until this touch.',
  ]);
});
test('what is only possible says so', () => {
  const lines = explained(
    ...takes(t1, 'Vm#1.irq'),
    ...takes(t1, 'Hub#1.wait'),
    t1.released('Hub#1.wait'),
    t1.released('Vm#1.irq'),
    ...takes(t2, 'Hub#1.wait'),
    t2.want('Vm#1.irq'),
  );
  assert.is(lines[0], 'violation  tiny/always.noLockCycle  (possible)');
});

test.run();
