import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { benchTable, median } from './row.ts';

const test = suite('table of measurements');

test('what was not judged is not said to be met', () => {
  const table = benchTable([
    { what: 'exploring', ours: '2 M/s', peer: '0.5 M/s', ratio: 4, goal: '4 times', met: true },
    { what: 'memory', ours: '31 B', peer: null, ratio: null, goal: 'at most 30 B', met: false },
    { what: 'beside nothing', ours: '1 s', peer: null, ratio: null, goal: '4 times', met: null },
  ]);
  assert.equal(table.split('\n'), [
    '  what            ours   peer       ratio  goal          met',
    '  exploring       2 M/s  0.5 M/s    4.0    4 times       yes',
    '  memory          31 B   none here         at most 30 B  NO',
    '  beside nothing  1 s    none here         4 times       not judged',
    '',
  ]);
});

test('a median does not follow one value that is far out', () => {
  assert.is(median([1, 1000, 2]), 2);
  assert.is(median([5]), 5);
});

test.run();
