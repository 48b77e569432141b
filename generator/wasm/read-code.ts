/** Reads generated code; see `code-tree.ts` for what it may consist of. Throws at anything else: that is a fault of who generated it. */
import { type Reader, readerOf } from './code-reader.ts';
import type { Arm, Assignment, Expression, FunctionCode, ModuleCode, Statement } from './code-tree.ts';

/** Makes an array of numbers from a text; what it does is known here, so its own code is not read. */
export const NUMBERS_IN = 'numbersIn';

/** How strongly each operator binds. */
const STRENGTHS: ReadonlyMap<string, number> = new Map(
  [['||'], ['&&'], ['|'], ['^'], ['&'], ['===', '!=='], ['<', '<=', '>', '>='], ['<<', '>>', '>>>'], ['+', '-'], ['*']].flatMap(
    (signs, at) => signs.map(sign => [sign, at + 1] as const),
  ),
);
const ASSIGNING: ReadonlySet<string> = new Set(['=', '|=', '&=', '+=', '-=', '*=', '^=']);

export function readCode(source: string): ModuleCode {
  const reader = readerOf(source);
  const functions: FunctionCode[] = [];
  const variables = new Map<string, number>(),
    arrays = new Map<string, Int32Array>();
  while (reader.kind() !== 'end') {
    if (reader.skip(';')) continue;
    if (reader.skip('function')) {
      const name = reader.take();
      if (name === NUMBERS_IN) skipFunction(reader);
      else functions.push(readFunction(reader, name));
      continue;
    }
    if (!reader.skip('let')) reader.expect('const');
    do {
      const name = reader.take();
      reader.expect('=');
      const array = readArray(reader);
      if (array === null) variables.set(name, readNumber(reader));
      else arrays.set(name, array);
    } while (reader.skip(','));
  }
  return { functions, variables, arrays };
}

function readNumber(reader: Reader): number {
  const sign = reader.skip('-') ? -1 : 1;
  if (reader.kind() !== 'number') throw reader.fault('no number');
  return sign * Number(reader.take());
}

/** Null if there is none. */
function readArray(reader: Reader): Int32Array | null {
  if (reader.skip('new')) {
    reader.expect('Int32Array');
    reader.expect('(');
    const length = readNumber(reader);
    reader.expect(')');
    return new Int32Array(length);
  }
  if (reader.skip('Int32Array.of')) {
    const numbers: number[] = [];
    reader.expect('(');
    while (!reader.skip(')')) {
      numbers.push(readNumber(reader));
      reader.skip(',');
    }
    return Int32Array.from(numbers);
  }
  if (!reader.skip(NUMBERS_IN)) return null;
  reader.expect('(');
  const length = readNumber(reader);
  reader.expect(',');
  const text = reader.take();
  reader.expect(')');
  return numbersIn(length, text);
}

function numbersIn(length: number, text: string): Int32Array {
  const all = new Int32Array(length);
  let at = 0;
  for (const run of length === 0 ? [] : text.split(',')) {
    const [number = '', times = '1'] = run.split('*');
    all.fill(Number(number), at, at + Number(times));
    at += Number(times);
  }
  return all;
}

function skipFunction(reader: Reader): void {
  while (!reader.is('{')) reader.take();
  let depth = 0;
  do {
    const isText = reader.kind() === 'text',
      taken = reader.take();
    if (!isText) depth += taken === '{' ? 1 : taken === '}' ? -1 : 0;
  } while (depth > 0);
}

function readFunction(reader: Reader, name: string): FunctionCode {
  const parameters: string[] = [];
  reader.expect('(');
  while (!reader.skip(')')) {
    parameters.push(reader.take());
    reader.skip(',');
  }
  return { name, parameters, body: readBody(reader) };
}

/** One statement, or those in braces. */
function readBody(reader: Reader): readonly Statement[] {
  return reader.is('{') ? readBlock(reader) : readStatement(reader);
}

function readBlock(reader: Reader): readonly Statement[] {
  reader.expect('{');
  const body: Statement[] = [];
  while (!reader.skip('}')) body.push(...readStatement(reader));
  return body;
}

function readStatement(reader: Reader): readonly Statement[] {
  if (reader.skip(';')) return [];
  if (reader.is('{')) return [{ kind: 'block', body: readBlock(reader) }];
  if (reader.is('let') || reader.is('const')) return readLet(reader);
  if (reader.skip('if')) {
    const when = readWhen(reader),
      then = readBody(reader);
    return [{ kind: 'if', when, then, otherwise: reader.skip('else') ? readBody(reader) : [] }];
  }
  if (reader.skip('while')) return [{ kind: 'loop', first: [], when: readWhen(reader), then: [], body: readBody(reader) }];
  if (reader.skip('for')) return [readFor(reader)];
  if (reader.skip('switch')) return [{ kind: 'switch', on: readWhen(reader), arms: readArms(reader) }];
  if (reader.skip('return')) {
    if (reader.skip(';') || reader.is('}')) return [{ kind: 'return', value: null }];
    return ended(reader, { kind: 'return', value: readExpression(reader) });
  }
  for (const kind of ['break', 'continue'] as const) if (reader.skip(kind)) return ended(reader, { kind });
  return ended(reader, { kind: 'do', what: readExpression(reader) });
}

function ended(reader: Reader, statement: Statement): readonly Statement[] {
  if (!reader.skip(';') && !reader.is('}')) throw reader.fault('no end of a statement');
  return [statement];
}

function readLet(reader: Reader): readonly Statement[] {
  reader.take();
  const all: Statement[] = [];
  do {
    const name = reader.take();
    all.push({ kind: 'let', name, value: reader.skip('=') ? readExpression(reader) : null });
  } while (reader.skip(','));
  reader.skip(';');
  return all;
}

function readWhen(reader: Reader): Expression {
  reader.expect('(');
  const when = readExpression(reader);
  reader.expect(')');
  return when;
}

function readFor(reader: Reader): Statement {
  reader.expect('(');
  const first = reader.skip(';') ? [] : readStatement(reader);
  const when = reader.is(';') ? null : readExpression(reader);
  reader.expect(';');
  const then: Expression[] = [];
  while (!reader.skip(')')) {
    then.push(readExpression(reader));
    reader.skip(',');
  }
  return { kind: 'loop', first, when, then, body: readBody(reader) };
}

function readArms(reader: Reader): readonly Arm[] {
  const arms: Arm[] = [];
  reader.expect('{');
  while (!reader.skip('}')) {
    const labels: number[] = [];
    let isDefault = false;
    for (;;) {
      if (reader.skip('default')) isDefault = true;
      else if (reader.skip('case')) labels.push(readNumber(reader));
      else break;
      reader.expect(':');
    }
    const body: Statement[] = [];
    while (!reader.is('case') && !reader.is('default') && !reader.is('}')) body.push(...readStatement(reader));
    arms.push({ labels, isDefault, body });
  }
  return arms;
}

function readExpression(reader: Reader): Expression {
  const left = readBinary(reader, 1);
  if (reader.kind() === 'sign' && ASSIGNING.has(reader.text())) {
    const sign = reader.take();
    return assignment(reader, left, sign === '=' ? null : sign.slice(0, -1), readExpression(reader), 'after');
  }
  if (!reader.skip('?')) return left;
  const then = readExpression(reader);
  reader.expect(':');
  return { kind: 'choice', when: left, then, otherwise: readExpression(reader) };
}

function assignment(reader: Reader, to: Expression, operator: string | null, value: Expression, gives: Assignment['gives']): Assignment {
  if (to.kind !== 'name' && to.kind !== 'item') throw reader.fault('nothing to assign to');
  return { kind: 'assign', to, operator, value, gives };
}

function readBinary(reader: Reader, least: number): Expression {
  let left = readUnary(reader);
  for (;;) {
    const strength = reader.kind() === 'sign' ? (STRENGTHS.get(reader.text()) ?? 0) : 0;
    if (strength < least) return left;
    const operator = reader.take();
    left = { kind: 'binary', operator, left, right: readBinary(reader, strength + 1) };
  }
}

const one: Expression = { kind: 'number', value: 1 };

function readUnary(reader: Reader): Expression {
  if (reader.kind() === 'sign') {
    const sign = reader.text();
    if (sign === '!' || sign === '-' || sign === '~') {
      reader.take();
      return { kind: 'unary', operator: sign, of: readUnary(reader) };
    }
    if (isCounting(sign)) {
      reader.take();
      return assignment(reader, readUnary(reader), sign.slice(1), one, 'after');
    }
  }
  const of = readPrimary(reader);
  return reader.kind() === 'sign' && isCounting(reader.text()) ? assignment(reader, of, reader.take().slice(1), one, 'before') : of;
}

const isCounting = (sign: string): boolean => sign === '++' || sign === '--';

function readPrimary(reader: Reader): Expression {
  if (reader.kind() === 'number') return { kind: 'number', value: Number(reader.take()) };
  if (reader.skip('(')) {
    const inside = readExpression(reader);
    reader.expect(')');
    return inside;
  }
  if (reader.kind() !== 'name') throw reader.fault('no expression');
  const name = reader.take();
  if (name === 'true' || name === 'false') return { kind: 'number', value: Number(name === 'true') };
  if (reader.skip('[')) {
    const index = readExpression(reader);
    reader.expect(']');
    return { kind: 'item', array: name, index };
  }
  if (!reader.skip('(')) return { kind: 'name', name };
  const given: Expression[] = [];
  while (!reader.skip(')')) {
    given.push(readExpression(reader));
    reader.skip(',');
  }
  return { kind: 'call', name, given };
}
