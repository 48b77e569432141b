import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineReader } from './line-reader.ts';

const test = suite('line reader');

test('however the bytes arrive, the lines are the same', () => {
  const lines = fc.array(
    fc.string({ maxLength: 20, unit: 'grapheme' }).map(line => line.replaceAll('\n', '')),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(lines, fc.array(fc.nat(80)), (expected, cuts) => {
      const bytes = Buffer.from(expected.map(line => `${line}\n`).join(''));
      const edges = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const reader = lineReader(1000);
      const seen = edges.slice(1).flatMap((edge, index) => (reader.push(bytes.subarray(edges[index], edge)) ?? []).map(String));
      assert.equal(seen, expected);
    }),
    { seed: 1, numRuns: 200 },
  );
});
test('a line of the greatest length is read, one byte more floods for good', () => {
  const reader = lineReader(4);
  assert.equal(reader.push(Buffer.from('abcd\n'))?.map(String), ['abcd']);
  assert.is(reader.push(Buffer.from('abcde')), null);
  assert.is(reader.push(Buffer.from('\nab\n')), null);
});
test('a long line is refused before its end is seen', () => {
  const reader = lineReader(10);
  assert.equal(reader.push(Buffer.alloc(8, 0x78)), []);
  assert.is(reader.push(Buffer.alloc(8, 0x78)), null);
});

test.run();
