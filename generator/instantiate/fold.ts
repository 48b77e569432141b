/** Operators on values: of what is known the result, of the rest an expression. */
import type { Operator } from '../model.ts';
import type { Value } from '../program.ts';

export function fold(operator: Operator, of: readonly Value[]): Value {
  const [left, right] = of;
  if (left?.kind !== 'constant' || (of.length > 1 && right?.kind !== 'constant')) return { kind: 'operator', operator, of };
  return { kind: 'constant', value: apply(operator, left.value, right?.kind === 'constant' ? right.value : 0) };
}

export function apply(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case '!':
      return Number(left === 0);
    case '===':
      return Number(left === right);
    case '!==':
      return Number(left !== right);
    case '<':
      return Number(left < right);
    case '<=':
      return Number(left <= right);
    case '>':
      return Number(left > right);
    case '>=':
      return Number(left >= right);
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '&&':
      return left !== 0 ? right : left;
    case '||':
      return left !== 0 ? left : right;
  }
}
