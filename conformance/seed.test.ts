import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isInShard, readReplay, readShard, replayText, roundSeed } from './seed.ts';

const test = suite('seed');
const ids = Array.from({ length: 400 }, (_, index) => `irqfd/scenario/${index}`);

test('every vector is in exactly one shard, and the shards are of like size', () => {
  for (const count of [1, 2, 3, 8]) {
    const sizes = Array.from({ length: count }, (_, index) => ids.filter(id => isInShard({ index: index + 1, count }, id)).length);
    assert.is(
      sizes.reduce((sum, size) => sum + size, 0),
      ids.length,
    );
    assert.ok(Math.min(...sizes) > 0.6 * (ids.length / count), `sizes ${sizes.join(' ')}`);
  }
});
test('the shard of a vector does not depend on the others, and never changes', () => {
  assert.equal(
    ids.slice(0, 8).map(id => [1, 2, 3].find(index => isInShard({ index, count: 3 }, id))),
    [3, 1, 2, 2, 2, 1, 2, 1],
  );
});
test('rounds, vectors and runs have seeds of their own', () => {
  const seeds = new Set([roundSeed(0, 'a', 0), roundSeed(0, 'a', 1), roundSeed(0, 'b', 0), roundSeed(1, 'a', 0)]);
  assert.is(seeds.size, 4);
  assert.is(roundSeed(7, 'a', 3), roundSeed(7, 'a', 3));
});
test('a replay token reads back, also with an @ in the id', () => {
  for (const token of [
    { vector: 'a/b', seed: 0 },
    { vector: 'a@2/b', seed: 4294967295 },
  ])
    assert.equal(readReplay(replayText(token)), token);
});
test('what is no token is refused', () => {
  for (const text of ['a/b', '@3', 'a@', 'a@-1', 'a@4294967296', 'a@1x']) assert.is(readReplay(text), null);
});
test('what is no shard is refused', () => {
  assert.equal(readShard('2/4'), { index: 2, count: 4 });
  for (const text of ['0/4', '5/4', '1/0', '1', '1/2/3', 'a/b']) assert.is(readShard(text), null);
});

test.run();
