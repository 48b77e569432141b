/** Code as WebAssembly against the same text run as it is. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assemble } from './assemble.ts';
import { readCode } from './read-code.ts';
import { runModule } from './run-module.ts';

type Compute = (a: number, b: number, c: number) => number;

/** What the text needs of whoever runs it in JavaScript. */
const beside = `const numbersIn = (length, text) => Int32Array.from(text.split(',').flatMap(run => { const [n, times = 1] = run.split('*'); return Array(+times).fill(+n); }));
const lowestBit = bits => 31 - Math.clz32(bits & -bits);
const partOf = (h, size) => Number(BigInt(h >>> 0) * BigInt(size) >> 32n);
const whichOf = (array, from, mask, number) => [0, 1, 2, 3].reduce((bits, lane) => bits | ((array[from + lane] & mask) === (number | 0) ? 1 << lane : 0), 0);
`;

/** The function `compute` of the text, as it is and as machine code. */
function both(text: string): { readonly plain: Compute; readonly machine: Compute } {
  const plain: Compute = new Function(`${beside}${text}\nreturn (a, b, c) => compute(a, b, c) | 0;`)();
  const { code, end } = assemble(readCode(text), { imported: [], arrays: new Map(), from: 16 });
  return { plain, machine: runModule(code, {}, end).call('compute') };
}

const number = fc.oneof(fc.constantFrom(0, 1, -1, 2, 7, 2 ** 31 - 1, -(2 ** 31)), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));

const { expression } = fc.letrec<{ expression: string; condition: string }>(tie => ({
  expression: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom('a', 'b', 'c', '0', '1', '5', '-3', '2147483647'),
    fc
      .tuple(tie('expression'), fc.constantFrom('&', '|', '^', '<<', '>>', '&&', '||'), tie('expression'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('+', '-'), tie('expression'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right} | 0)`),
    fc.tuple(tie('expression'), fc.integer({ min: 1, max: 31 })).map(([of, by]) => `(${of} >>> ${by})`),
    tie('expression').map(of => `~(${of})`),
    fc.tuple(tie('condition'), tie('expression'), tie('expression')).map(parts => `(${parts[0]} ? ${parts[1]} : ${parts[2]})`),
    fc.tuple(tie('condition'), fc.constantFrom('1 : 0', '0 : 1')).map(([when, then]) => `(${when} ? ${then})`),
    fc.tuple(tie('expression'), tie('expression')).map(parts => `Math.imul(${parts.join(', ')})`),
  ),
  condition: fc.oneof(
    { depthSize: 'small' },
    tie('expression'),
    tie('condition').map(of => `!(${of})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('===', '!==', '<', '<=', '>', '>='), tie('expression'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map(parts => `(${parts.join(' ')})`),
  ),
}));

const test = suite('machine code');

test('an expression is worth the same', () => {
  fc.assert(
    fc.property(expression, fc.array(fc.tuple(number, number, number), { minLength: 5, maxLength: 5 }), (of, inputs) => {
      const { plain, machine } = both(`function compute(a, b, c) { return ${of}; }`);
      for (const input of inputs) assert.is(machine(...input), plain(...input), `${of} of ${input}`);
    }),
    { seed: 3, numRuns: 400 },
  );
});

const texts = {
  'a loop with jumps': `function compute(a, b, c) {
    let sum = 0;
    for (let at = 0, step = 1; at < 20; at += step) { if ((at & 3) === (a & 3)) continue; if (sum > 50) break; sum += at ^ (b & 7); }
    while (sum > 9) { sum -= 4; if (sum === (c & 15)) return -1; }
    return sum;
  }`,
  'a switch that falls through': `function compute(a, b, c) {
    let way = 0;
    switch (a & 7) { case 1: way += 1; case 2: case 5: way += 10; break; case 4: { const w = b & 1; way = w; break; } default: { way = 99; } }
    switch (b & 3) { case 3: way ^= 1000; }
    return way;
  }`,
  'variables, arrays and functions that give nothing': `let count = 5, last = -2;
  const squares = Int32Array.of(0, 1, 4, 9), many = numbersIn(6, '7*4,-1,3'), room = new Int32Array(8);
  function note(at, value) { if (at < 0) return; room[at] = value; count++; }
  function compute(a, b, c) {
    note(a & 7, b); note(-1, 5); note((b & 3) + 2, c);
    room[1] += squares[c & 3]; last = room[(a & 3) + 1]--;
    return last ^ count ^ many[a & 3] ^ many[4] ^ ++room[2];
  }`,
  'numbers without a sign': `function compute(a, b, c) { return (a >>> 0 > 7 ? 1 : 0) | (b >>> 0 <= 100 ? 2 : 0) | (c >>> 0 < 3 ? 4 : 0); }`,
  'what is a side effect happens when it has to': `let done = 0;
  function act(a) { done++; return a; }
  function compute(a, b, c) { const x = act(a & 1) && act(b & 1) || act(c & 3); return (a & 2 ? act(x) : 7) + (done << 8); }`,
  'four items at once': `const row = Int32Array.of(3, 8, 3, 12, 3, 0, 3, 3, 0, 1, 2, 3);
  function compute(a, b, c) { const four = whichOf(row, a & 7, 15, b & 15); return four === 0 ? partOf(c, 1000) : lowestBit(four) - 100; }`,
};

for (const [name, text] of Object.entries(texts))
  test(name, () => {
    const { plain, machine } = both(text);
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        assert.is(machine(a, b, c), plain(a, b, c), `of ${a}, ${b}, ${c}`);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

test('what is not known is refused with its place', () => {
  const compile = (text: string) => assemble(readCode(text), { imported: [], arrays: new Map(), from: 16 });
  assert.throws(() => compile('function f(a) { return g(a); }'), /^unknown function g in f, which was generated$/);
  assert.throws(() => compile('function f(a) { return b; }'), /^unknown name b in f/);
  assert.throws(() => compile('function f(a) { break; }'), /^break that leads nowhere in f/);
  assert.throws(() => compile('function f(a) { return a ** 2; }'), /^generated code is not as expected, no expression: /);
});

test('memory is there where it is asked for, and more than there is is refused', () => {
  const { code } = assemble(readCode('let size = 3; function compute(a) { size += a; return size; }'), {
    imported: [],
    arrays: new Map(),
    from: 16,
  });
  const running = runModule(code, {}, 16);
  assert.ok(running.makeRoom(1 << 20));
  assert.ok(running.buffer().byteLength >= 1 << 20);
  assert.not(running.makeRoom(2 ** 33));
  assert.is(running.call('compute')(4), 7);
  assert.is(running.variable('size').value, 7);
  assert.throws(() => running.call('size'), /no function size/);
});

test.run();
