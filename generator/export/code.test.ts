import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { oneAfterTheOther } from './changes.ts';
import { all, any, bare, compare, either, has, not, together, truth } from './code.ts';

const test = suite('expressions of Promela');

test('what is known is not written', () => {
  assert.is(all([1, 'a', 1]), 'a');
  assert.is(all(['a', 0]), 0);
  assert.is(any(['a', 1]), 1);
  assert.is(any([]), 0);
  assert.is(compare('==', 2, 2), 1);
  assert.is(has(5, 3), 1);
  assert.is(has(5, 2), 0);
  assert.is(either(0, 'a', 'b'), 'b');
});

test('a comparison is turned round, a truth denied once', () => {
  assert.is(not('(a == b)'), '(a != b)');
  assert.is(not('(a < 3)'), '(a >= 3)');
  assert.is(not(not('a')), 'a');
  assert.is(not('(a == b && c)'), '!(a == b && c)');
});

test('a truth that becomes a value is 0 or 1', () => {
  assert.is(truth('a'), '(a != 0)');
  assert.is(truth('(a == 2)'), '(a == 2)');
  assert.is(truth('!a'), '!a');
  assert.is(truth(7), 1);
});

test('parentheses around the whole are left out, a choice of values keeps them', () => {
  assert.is(bare('((a) && (b))'), '(a) && (b)');
  assert.is(bare('(a) && (b)'), '(a) && (b)');
  assert.is(bare('(c -> a : b)'), '(c -> a : b)');
});

test('a condition that follows from another is left out', () => {
  assert.is(together(['alive', '(refs != 0)', '(refs == 1)']), '(alive && (refs == 1))');
  assert.is(together(['((lock == 0) || (lock == by_T1))', '(lock != by_T1)']), '(lock == 0)');
  assert.is(together(['(a != b)', '(a == 1)']), '((a != b) && (a == 1))');
});

test('changes are made in an order in which each still sees what was before', () => {
  const saved = (number: number) => `saved_${number + 1}`;
  assert.equal(
    oneAfterTheOther(
      [
        { to: 'irqfd', value: 'next[irqfd]' },
        { to: 'lock[irqfd]', value: 1 },
      ],
      saved,
    ),
    ['lock[irqfd] = 1', 'irqfd = next[irqfd]'],
  );
  assert.equal(
    oneAfterTheOther(
      [
        { to: 'a', value: 'b' },
        { to: 'b', value: 'a' },
      ],
      saved,
    ),
    ['saved_1 = b', 'saved_2 = a', 'a = saved_1', 'b = saved_2'],
  );
});

test.run();
