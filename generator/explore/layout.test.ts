import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { at, constant, field, objectType, plainSlot, pointerSlot, slot, tiny } from '../tiny/tiny-program.ts';
import { eachMember, gracePeriod, putToZero, tinyPrograms, underMutex, useAfterFree, workAndFlush } from '../tiny/tiny-programs.ts';
import { type Layout, layout } from './layout.ts';
import { decode, encode } from './pack-state.ts';

const cells = (of: Layout): string[] => [...of.bits.keys()].sort();

const test = suite('layout');

test('only what a thread can change has bits', () => {
  // No reader of the flag has a local that outlives its step, and the box is never freed.
  assert.equal(cells(layout(underMutex())), ['Box#1.lock', 'Box#1.value', 'anchor 0', 'anchor 1']);
});

test('a field that is readonly is a constant', () => {
  const of = layout(eachMember());
  assert.is(of.constants.get('Item#2.weight'), 3);
  assert.not(of.bits.has('Item#2.weight'));
});

test('an object that can be freed or made has a bit for being alive, one that cannot has none', () => {
  assert.ok(layout(putToZero()).bits.has('alive Counted#1'));
  const made = layout(useAfterFree());
  assert.ok(made.bits.has('alive Data#1'));
  assert.ok(made.bits.has('allocated Data'));
  assert.not(made.bits.has('alive Pointer#1'));
});

test('a field that every alloc gives the same is a constant while the object is alive', () => {
  assert.is(layout(useAfterFree()).constants.get('Data#1.value'), 3);
});

test('readers are counted for threads that read, and noted by threads that wait for them', () => {
  const of = layout(gracePeriod());
  assert.equal(
    cells(of).filter(cell => /^(readers|grace)/.test(cell)),
    ['grace 1 Domain#1.srcu 0', 'readers 0 Domain#1.srcu'],
  );
});

test('runs are counted for threads that flush', () => {
  assert.equal(
    cells(layout(workAndFlush())).filter(cell => cell.startsWith('flush')),
    ['flush 0 Job#1.work'],
  );
});

test('slots that are never live together share a register', () => {
  const box = objectType('Box', [field('first', 'number', 3), field('second', 'number', 3)]);
  const copy = (slotNumber: number) => [
    { kind: 'read', target: at('Box', 'first'), slot: slotNumber } as const,
    { kind: 'write', target: at('Box', 'second'), value: slot(slotNumber) } as const,
  ];
  const of = layout(
    tiny({
      name: 'copies',
      types: [box],
      threads: [{ slots: [plainSlot('one', 3), plainSlot('other', 3)], nodes: [...copy(0), ...copy(1)] }],
    }),
  );
  assert.equal(
    cells(of).filter(cell => cell.startsWith('register')),
    ['register 0 0'],
  );
});

test('a slot that nobody reads any more is 0', () => {
  const box = objectType('Box', [field('to', 'pointer', 1, 'Box'), field('value', 'number', 1)]);
  const of = layout(
    tiny({
      name: 'follows',
      types: [box],
      cells: { 'Box#1.to': 1 },
      threads: [
        {
          slots: [pointerSlot('box', 'Box')],
          nodes: [
            { kind: 'read', target: at('Box', 'to'), slot: 0 },
            { kind: 'write', target: at('Box', 'value', slot(0)), value: constant(1) },
            { kind: 'write', target: at('Box', 'value'), value: constant(0) },
          ],
        },
      ],
    }),
  );
  const state = of.program.initial;
  const standing = (node: number) => ({ ...state, threads: state.threads.map(thread => ({ ...thread, node, slots: { 0: 1 } })) });
  assert.equal(decode(of, encode(of, standing(1))).threads[0]?.slots, { 0: 1 });
  assert.equal(decode(of, encode(of, standing(2))).threads[0]?.slots, {});
});

test('no cell crosses a word, and no two overlap', () => {
  for (const program of tinyPrograms) {
    const { bits, words } = layout(program);
    const used = new Set<number>();
    for (const [cell, { word, shift, width }] of bits) {
      assert.ok(word < words && shift + width <= 32, cell);
      for (let bit = word * 32 + shift; bit < word * 32 + shift + width; bit++) {
        assert.not(used.has(bit), cell);
        used.add(bit);
      }
    }
  }
});

test('a value that the layout has no room for is refused', () => {
  const of = layout(underMutex());
  assert.throws(() => encode(of, { ...of.program.initial, cells: { 'Box#1.value': 4 } }), /Box#1\.value cannot be 4: it has 2 bits/);
});

test.run();
