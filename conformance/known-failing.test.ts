import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readKnownFailing, refuseStale } from './known-failing.ts';
import { assignTwice, called } from './testdata/assign-vectors.ts';
import { UsageFault } from './usage-fault.ts';

const test = suite('known failing');

test('a line is a pattern and a reason; comments and empty lines are none', () => {
  const entries = readKnownFailing('# why\n\nirqfd/*  not yet done \nvfio/a\tcrashes\r\n', 'known.txt');
  assert.equal(
    entries.map(({ text, reason, place }) => ({ text, reason, place })),
    [
      { text: 'irqfd/*', reason: 'not yet done', place: 'known.txt:3' },
      { text: 'vfio/a', reason: 'crashes', place: 'known.txt:4' },
    ],
  );
});
test('a line without a reason is refused by its place', () => {
  assert.throws(
    () => readKnownFailing('a b\nirqfd/*\n', 'known.txt'),
    (error: unknown) => error instanceof UsageFault && error.message.startsWith('known.txt:2: '),
  );
});
test('a pattern that matches nothing is refused', () => {
  const entries = readKnownFailing('irqfd/* old', 'known.txt');
  refuseStale(entries, [called('irqfd/a', assignTwice)]);
  assert.throws(() => refuseStale(entries, [called('vfio/a', assignTwice)]), 'known.txt:1: Pattern irqfd/* matches no vector.');
});

test.run();
