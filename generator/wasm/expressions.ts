/** What can be told of an expression by looking at it. */
import type { Expression } from './code-tree.ts';
import { COMPARING } from './instructions.ts';

/** Expressions up to this size are computed rather than jumped over. */
const SMALL = 8;

export function isNumber(of: Expression, value: number): boolean {
  return of.kind === 'number' && of.value === value;
}

export function isShiftedByNothing(of: Expression): boolean {
  return of.kind === 'binary' && of.operator === '>>>' && isNumber(of.right, 0);
}

/** Its value is 0 or 1. */
export function isBit(of: Expression): boolean {
  switch (of.kind) {
    case 'number':
      return of.value === 0 || of.value === 1;
    case 'unary':
      return of.operator === '!';
    case 'binary':
      return COMPARING.has(of.operator) || (of.operator === '&' && (isNumber(of.right, 1) || (isBit(of.left) && isBit(of.right))));
    case 'choice':
      return isNumber(of.then, 0) || isNumber(of.then, 1) ? isNumber(of.otherwise, 0) || isNumber(of.otherwise, 1) : false;
    default:
      return false;
  }
}

/** It can be computed whether or not it is asked for, at little cost. */
export function isSmall(of: Expression): boolean {
  return sizeOf(of) <= SMALL;
}

function sizeOf(of: Expression): number {
  switch (of.kind) {
    case 'number':
      return 0;
    case 'name':
      return 1;
    case 'unary':
      return 1 + sizeOf(of.of);
    case 'binary':
      return 1 + sizeOf(of.left) + sizeOf(of.right);
    case 'choice':
      return 1 + sizeOf(of.when) + sizeOf(of.then) + sizeOf(of.otherwise);
    default:
      return Number.POSITIVE_INFINITY;
  }
}

export function hasEffect(of: Expression): boolean {
  switch (of.kind) {
    case 'assign':
    case 'call':
      return true;
    case 'unary':
      return hasEffect(of.of);
    case 'binary':
      return hasEffect(of.left) || hasEffect(of.right);
    case 'choice':
      return hasEffect(of.when) || hasEffect(of.then) || hasEffect(of.otherwise);
    case 'item':
      return hasEffect(of.index);
    default:
      return false;
  }
}
