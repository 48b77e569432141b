import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readVectors } from './read-vectors.ts';
import { assignRace, assignTwice } from './testdata/assign-vectors.ts';
import { UsageFault } from './usage-fault.ts';
import type { Vector, VectorFile } from './vector.ts';

const test = suite('read vectors');
const file: VectorFile = {
  generated: 'by hand',
  schema: 'holdfast/vectors/1',
  system: 'irqfd',
  profiles: ['linux-6.1', 'linux-6.17'],
  vectors: [assignTwice, assignRace],
};

function refusal(value: unknown): string {
  try {
    readVectors(typeof value === 'string' ? value : JSON.stringify(value), 'v.json');
  } catch (error) {
    if (error instanceof UsageFault) return error.message;
    throw error;
  }
  return 'accepted';
}
const spoilt = (change: Partial<Vector>) => refusal({ ...file, vectors: [{ ...assignTwice, ...change }] });

test('a good file is read as it is', () => {
  assert.equal(readVectors(JSON.stringify(file), 'v.json'), file);
});
test('what is not JSON, or has another shape, is refused by file and field', () => {
  assert.match(refusal('{'), /^v\.json: This is not JSON: /);
  assert.is(refusal({ ...file, extra: 1 }), 'v.json: The message must NOT have additional properties: "extra".');
  assert.is(refusal({ ...file, profiles: [1] }), 'v.json: Field profiles.0 must be string.');
  assert.is(spoilt({ order: [0.5, 1] }), 'v.json: Field vectors.0.order.0 must be integer.');
});
test('an order that does not fit the callers is refused', () => {
  assert.is(
    spoilt({ order: [0, 0] }),
    'v.json: irqfd/assignTwice/in-turn: The order does not give each caller as many turns as it has calls.',
  );
  assert.is(spoilt({ order: [0, 1, 2] }), 'v.json: irqfd/assignTwice/in-turn: The order names a caller that does not exist.');
});
test('a handle that nothing keeps is refused', () => {
  assert.match(spoilt({ setup: assignTwice.setup.slice(0, 2) }), /Call assign uses handle efd, which no earlier setup call keeps\.$/);
});
test('an automaton that leads out of itself is refused', () => {
  const states = [{ c0: 1 }];
  assert.match(spoilt({ expected: [{ profiles: [], allowed: [], states }] }), /State 0 goes to state 1 on c0, which does not exist\.$/);
  assert.match(
    spoilt({ expected: [{ profiles: [], allowed: [], states: [{ x0: 0 }] }] }),
    /State 0 has the event x0, which is neither a call nor a return\.$/,
  );
});

test.run();
