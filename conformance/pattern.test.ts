import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pattern } from './pattern.ts';

const test = suite('pattern');
const matches = (text: string, ids: readonly string[]) => ids.filter(pattern(text));
const ids = ['irqfd', 'irqfd/a', 'irqfd/a/1', 'irqfd/b/1', 'vfio/a/1', 'irqfd.a/1'];

test('a name matches itself only', () => {
  assert.equal(matches('irqfd/a', ids), ['irqfd/a']);
});
test('one star stays within a component', () => {
  assert.equal(matches('irqfd/*', ids), ['irqfd/a']);
  assert.equal(matches('*/a/*', ids), ['irqfd/a/1', 'vfio/a/1']);
  assert.equal(matches('irq*/*/1', ids), ['irqfd/a/1', 'irqfd/b/1']);
});
test('two stars cross components, none included', () => {
  assert.equal(matches('irqfd/**', ids), ['irqfd', 'irqfd/a', 'irqfd/a/1', 'irqfd/b/1']);
  assert.equal(matches('**/1', ids), ['irqfd/a/1', 'irqfd/b/1', 'vfio/a/1', 'irqfd.a/1']);
  assert.equal(matches('irqfd/**/1', ids), ['irqfd/a/1', 'irqfd/b/1']);
  assert.equal(matches('**', ids), ids);
});
test('nothing else has a meaning', () => {
  assert.equal(matches('irqfd.a/1', ids), ['irqfd.a/1']);
  assert.equal(matches('(irqfd|vfio)/a/1', ids), []);
});

test.run();
