/** Pieces of generated JavaScript. A number is known while generating; a string is an expression whose value is a small whole number. */
import type { Operator } from '../model.ts';

export type Code = number | string;

function compare(operator: '===' | '!==' | '<' | '<=' | '>' | '>=', a: Code, b: Code): Code {
  if (typeof a === 'string' || typeof b === 'string') return `(${a} ${operator} ${b} ? 1 : 0)`;
  switch (operator) {
    case '===':
      return Number(a === b);
    case '!==':
      return Number(a !== b);
    case '<':
      return Number(a < b);
    case '<=':
      return Number(a <= b);
    case '>':
      return Number(a > b);
    case '>=':
      return Number(a >= b);
  }
}

export function not(a: Code): Code {
  return typeof a === 'number' ? Number(a === 0) : `(${a} ? 0 : 1)`;
}

/** The operand that decides, as in JavaScript. */
export function both(a: Code, b: Code): Code {
  if (typeof a === 'number') return a === 0 ? 0 : b;
  return b === 0 ? 0 : `(${a} && ${b})`;
}

/** The operand that decides, as in JavaScript. */
export function either(a: Code, b: Code): Code {
  if (typeof a === 'number') return a === 0 ? b : a;
  return b === 0 ? a : `(${a} || ${b})`;
}

export function all(of: readonly Code[]): Code {
  return of.reduce<Code>(both, 1);
}
export function any(of: readonly Code[]): Code {
  return of.reduce<Code>(either, 0);
}
export function equal(a: Code, b: Code): Code {
  return compare('===', a, b);
}

export function add(a: Code, b: Code): Code {
  return typeof a === 'number' && typeof b === 'number' ? a + b : `(${a} + ${b})`;
}
export function subtract(a: Code, b: Code): Code {
  return typeof a === 'number' && typeof b === 'number' ? a - b : `(${a} - ${b})`;
}

/** Whether instance `member` is in the set `mask`; false for null. */
export function hasMember(mask: Code, member: Code): Code {
  if (typeof member === 'number') {
    if (member <= 0) return 0;
    return typeof mask === 'number' ? (mask >>> (member - 1)) & 1 : `(${mask} >>> ${member - 1} & 1)`;
  }
  return mask === 0 ? 0 : `(${member} === 0 ? 0 : ${mask} >>> ${member} - 1 & 1)`;
}

export function operate(operator: Operator, of: readonly Code[]): Code {
  const [first = 0, ...rest] = of;
  switch (operator) {
    case '!':
      return not(first);
    case '&&':
      return rest.reduce<Code>(both, first);
    case '||':
      return rest.reduce<Code>(either, first);
    case '+':
      return rest.reduce<Code>(add, first);
    case '-':
      return rest.reduce<Code>(subtract, first);
    default:
      return compare(operator, first, rest[0] ?? 0);
  }
}

/** A statement that goes one way or the other; only the way that can be gone is generated. */
export function fork(when: Code, then: () => string, otherwise: () => string): string {
  if (typeof when === 'number') return when === 0 ? otherwise() : then();
  const no = otherwise();
  return no === '' ? `if (${when}) { ${then()} }` : `if (${when}) { ${then()} } else { ${no} }`;
}

/** Bits that tell so many values apart: 0 for one value. */
export function bitsFor(values: number): number {
  return values <= 1 ? 0 : 32 - Math.clz32(values - 1);
}
